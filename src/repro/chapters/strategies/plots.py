"""Figures of tuning strategies, each of the frames that `analysis` makes for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import SEARCHED
from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, in_order, label
from repro.show.curves import plot_band
from repro.show.panels import add_legend, panels
from repro.show.sensitivity import plot_parallel_coordinates
from repro.show.style import PAGE_WIDTH, new_axes, new_figure, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COST_LABELS = {"steps": "optimizer steps", "epochs": "epochs", "seconds": "seconds of trials"}


@styled
def figure_incumbent_bands(bands: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the mean incumbent against each kind of cost, with its interval over repetitions.

    The panels begin at the lowest mean after a tenth of the spending: the climb before would press
    the rest together.
    """
    figure = new_figure(PAGE_WIDTH, 2.5)
    axes = figure.subplots(1, len(bands), sharey=True, squeeze=False)[0]
    for ax, (cost, frame) in zip(axes, bands.items(), strict=True):
        for method in in_order(frame["method"], METHOD_LABELS):
            plot_band(frame[frame["method"] == method], ax, style_of(method))
        ax.set_xlabel(f"{COST_LABELS[cost]} spent")
    axes[0].set_ylabel("incumbent's validation score (%)")
    everything = pd.concat(bands.values())
    late = everything["spent"] >= 0.1 * everything.groupby("method")["spent"].transform("max")
    bottom, top = 100 * everything.loc[late, "mean"].min(), 100 * everything["high"].max()
    if bottom < top:
        axes[0].set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    add_legend(figure, n_columns=3)
    return figure


@styled
def figure_workers(times: pd.DataFrame, busy: pd.DataFrame) -> Figure:
    """Draw the timeline, which worker trained what and when, above the utilisation."""
    n_workers = times["worker"].nunique()
    figure = new_figure(PAGE_WIDTH, 1.9 + 0.22 * n_workers)
    heights = [max(1.0, 0.3 * n_workers), 1.0]
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for method in in_order(times["method"], METHOD_LABELS):
        rows, style = times[times["method"] == method], style_of(method)
        width = rows["end"] - rows["start"]
        look = {"color": style.colour, "linewidth": 0, "label": style.label}
        above.barh(rows["worker"], width, left=rows["start"], height=0.8, **look)
    above.set(ylabel="worker", yticks=range(n_workers), ylim=(-0.6, n_workers - 0.4))
    below.stairs(busy["busy"], [*busy["start"], busy["end"].iloc[-1]], color="0.3", fill=True)
    below.set(xlabel="seconds since the start", ylabel="busy workers", ylim=(0, n_workers * 1.05))
    add_legend(figure, n_columns=times["method"].nunique())
    return figure


def figure_parallel_coordinates(trials: pd.DataFrame) -> Figure:
    """Draw every trial of each method through the hyperparameters that it varied to its score."""
    methods = in_order(trials["method"], METHOD_LABELS)
    parts = {label(m, METHOD_LABELS): trials[trials["method"] == m] for m in methods}

    def plot(rows: pd.DataFrame, ax: Axes) -> Axes:
        names = [name for name in SEARCHED if rows[name].nunique() > 1]
        return plot_parallel_coordinates(rows, ax, names=names)

    return panels(plot, parts, n_columns=1, height=2.1)


@styled
def plot_population(
    segments: pd.DataFrame, trials: pd.DataFrame, ax: Axes | None = None, *, lineage: pd.DataFrame
) -> Axes:
    """Draw the life of a population: members down, epochs across, arrows where one copied another.

    Args:
        segments: of one tuning run, with its `trials`.
        lineage: of its best segment, drawn with a black edge.
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.8)
    rows = segments.merge(trials[["trial_id", "last_validation_score"]], on="trial_id")
    scores = 100 * rows["last_validation_score"]
    norm, colours = mpl.colors.Normalize(scores.min(), scores.max()), mpl.colormaps["cividis_r"]
    is_best = rows["trial_id"].isin(lineage["trial_id"])
    ax.barh(
        rows["member"],
        rows["end"] - rows["start"] - 0.06,
        left=rows["start"] + 0.03,
        height=0.7,
        color=np.where(scores.notna().to_numpy()[:, None], colours(norm(scores)), 1.0),
        edgecolor=np.where(is_best, "black", "white"),
        linewidth=np.where(is_best, 1.6, 0.5),
        zorder=2,
    )
    arrow = {"arrowstyle": "-|>", "color": "#D55E00", "lw": 1.0, "shrinkA": 0, "shrinkB": 1}
    for row in rows.dropna(subset="copied_from").itertuples():
        ends = {"xy": (row.start + 0.05, row.member)}
        ends |= {"xytext": (row.start - 0.05, row.copied_from)}
        ax.annotate("", **ends, arrowprops=arrow, zorder=5)
    bar = ax.figure.colorbar(mpl.cm.ScalarMappable(norm, colours), ax=ax, pad=0.01)
    bar.set_label("validation score at its end (%)")
    ax.set(xlabel="epochs", ylabel="member", yticks=sorted(rows["member"].unique()))
    ax.invert_yaxis()
    return ax


@styled
def figure_schedule(schedule: pd.DataFrame) -> Figure:
    """Draw the hyperparameters of a lineage over the epochs, and its segments' last scores."""
    names = ("learning_rate", "weight_decay", "batch_size")
    figure = new_figure(PAGE_WIDTH, 1.9)
    *above, last = figure.subplots(1, len(names) + 1)
    edges = [*schedule["start"], schedule["end"].iloc[-1]]
    for ax, name in zip(above, names, strict=True):
        ax.stairs(schedule[name], edges, baseline=None, color=style_of("pbt").colour, lw=1.6)
        ax.set_ylabel(label(name, HYPERPARAMETER_LABELS))
        ax.set_ylim(0, 1.25 * max(schedule[name].max(), 1e-12))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    scores = 100 * schedule["last_validation_score"]
    last.plot(schedule["end"], scores, marker="o", color="#0072B2")
    last.set_ylabel("validation score (%)")
    for ax in figure.axes:
        ax.set_xlim(0, edges[-1] * 1.03)
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))
    figure.supxlabel("epochs", fontsize=8)
    return figure


@styled
def plot_strategy_differences(differences: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `analysis.strategy_differences` with their intervals; points are repetitions."""
    names = list(dict.fromkeys(differences["comparison"]))
    ax = ax or new_axes(PAGE_WIDTH, 0.6 + 0.26 * len(names))
    ax.axvline(0, color="black", lw=0.8)
    at = differences["comparison"].map(names.index)
    ax.scatter(100 * differences["difference"], at, s=12, color="0.55", linewidths=0, zorder=2)
    means = differences.drop_duplicates("comparison")
    ax.hlines(range(len(names)), 100 * means["low"], 100 * means["high"], color="#0072B2", lw=1.4)
    ax.scatter(100 * means["mean"], range(len(names)), marker="D", s=22, color="#0072B2", zorder=4)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("difference (points)")
    return ax
