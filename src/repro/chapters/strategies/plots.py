"""Figures of tuning strategies: what they reached by when, workers, populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, in_order, label
from repro.show.style import PAGE_WIDTH, new_axes, new_figure, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COST_LABELS = {"steps": "optimizer steps", "epochs": "epochs", "seconds": "seconds of trials"}


@styled
def figure_incumbent_bands(bands: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the mean incumbent against each kind of cost, with its interval over repetitions.

    The panels begin at the lowest mean after a tenth of the spending.

    Args:
        bands: cost -> frame from `analysis.strategies.incumbent_bands`, one variant a method.
    """
    figure = new_figure(PAGE_WIDTH, 2.5)
    axes = figure.subplots(1, len(bands), sharey=True, squeeze=False)[0]
    for ax, (cost, frame) in zip(axes, bands.items(), strict=True):
        for method in in_order(frame["method"], METHOD_LABELS):
            rows, style = frame[frame["method"] == method], style_of(method)
            look = {"color": style.colour, "ls": style.line, "marker": style.marker}
            ax.plot(rows["spent"], 100 * rows["mean"], label=style.label, markevery=[-1], **look)
            shade = {"color": style.colour, "alpha": 0.15, "lw": 0}
            ax.fill_between(rows["spent"], 100 * rows["low"], 100 * rows["high"], **shade)
        ax.set_xlabel(f"{COST_LABELS[cost]} spent")
    axes[0].set_ylabel("incumbent's validation score (%)")
    everything = pd.concat(bands.values())
    bottom, top = (100 * value for value in (_after_a_tenth(everything), everything["high"].max()))
    if bottom < top:
        axes[0].set_ylim(bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _after_a_tenth(bands: pd.DataFrame) -> float:
    """Return the lowest mean after a tenth of the spending: the climb before presses the rest."""
    late = bands["spent"] >= 0.1 * bands.groupby("method")["spent"].transform("max")
    return bands.loc[late, "mean"].min()


@styled
def figure_workers(times: pd.DataFrame, busy: pd.DataFrame) -> Figure:
    """Draw which worker trained what and when, above the number of busy workers.

    Args:
        times: from `analysis.strategies.timeline`.
        busy: from `analysis.strategies.utilisation`.
    """
    n_workers = times["worker"].nunique()
    figure = new_figure(PAGE_WIDTH, 1.9 + 0.22 * n_workers)
    above, below = figure.subplots(
        2, 1, sharex=True, height_ratios=[max(1.0, 0.3 * n_workers), 1.0]
    )
    methods = in_order(times["method"], METHOD_LABELS)
    for method in methods:
        rows = times[times["method"] == method]
        width = rows["end"] - rows["start"]
        look = {"color": style_of(method).colour, "linewidth": 0}
        above.barh(rows["worker"], width, left=rows["start"], height=0.8, **look)
    above.set(ylabel="worker", yticks=range(n_workers), ylim=(-0.6, n_workers - 0.4))
    below.stairs(busy["busy"], [*busy["start"], busy["end"].iloc[-1]], color="0.3", fill=True)
    below.set(xlabel="seconds since the start", ylabel="busy workers", ylim=(0, n_workers * 1.05))
    patches = [
        mpl.patches.Patch(color=style_of(m).colour, label=style_of(m).label) for m in methods
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=len(patches))
    return figure


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
    norm = mpl.colors.Normalize(scores.min(), scores.max())
    colours = mpl.colormaps["cividis_r"]
    for row, score in zip(rows.to_dict("records"), scores, strict=True):
        best = row["trial_id"] in set(lineage["trial_id"])
        look = {"facecolor": "white" if np.isnan(score) else colours(norm(score))}
        look |= {"edgecolor": "black" if best else "white", "linewidth": 1.6 if best else 0.5}
        width = row["end"] - row["start"] - 0.06
        ax.barh(row["member"], width, left=row["start"] + 0.03, height=0.7, **look, zorder=2 + best)
        if not np.isnan(row["copied_from"]):
            arrow = {"arrowstyle": "-|>", "color": "#D55E00", "lw": 1.0, "shrinkA": 0, "shrinkB": 1}
            ends = {"xy": (row["start"] + 0.05, row["member"])}
            ends |= {"xytext": (row["start"] - 0.05, row["copied_from"])}
            ax.annotate("", **ends, arrowprops=arrow, zorder=5)
    bar = ax.figure.colorbar(mpl.cm.ScalarMappable(norm, colours), ax=ax, pad=0.01)
    bar.set_label("validation score at its end (%)")
    ax.set(xlabel="epochs", ylabel="member", yticks=sorted(rows["member"].unique()))
    ax.invert_yaxis()
    return ax


@styled
def figure_schedule(schedule: pd.DataFrame, *, names: list[str]) -> Figure:
    """Draw the hyperparameters of a lineage over the epochs, and the score at each segment's end.

    Args:
        schedule: from `analysis.strategies.lineage`.
    """
    figure = new_figure(PAGE_WIDTH, 1.9)
    axes = figure.subplots(1, len(names) + 1)
    edges = [*schedule["start"], schedule["end"].iloc[-1]]
    for ax, name in zip(axes, names, strict=False):
        ax.stairs(schedule[name], edges, baseline=None, color=style_of("pbt").colour, lw=1.6)
        ax.set_ylabel(label(name, HYPERPARAMETER_LABELS))
        ax.set_ylim(0, 1.25 * max(schedule[name].max(), 1e-12))
        ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    scores = 100 * schedule["last_validation_score"]
    axes[-1].plot(schedule["end"], scores, marker="o", color="#0072B2")
    axes[-1].set_ylabel("validation score (%)")
    for ax in axes:
        ax.set_xlim(0, edges[-1] * 1.03)
        ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))
    figure.supxlabel("epochs", fontsize=8)
    return figure


@styled
def plot_strategy_differences(differences: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw differences between strategies with their intervals; points are repetitions.

    Args:
        differences: one row a comparison and repetition: name, difference (fraction).
    """
    names = list(dict.fromkeys(differences["name"]))
    ax = ax or new_axes(PAGE_WIDTH, 0.6 + 0.26 * len(names))
    ax.axvline(0, color="black", lw=0.8)
    for place, name in enumerate(names):
        rows = differences[differences["name"] == name]
        values = 100 * rows["difference"]
        ax.scatter(values, np.full(len(rows), place), s=12, color="0.55", linewidths=0, zorder=2)
        low, high = 100 * rows["low"].iloc[0], 100 * rows["high"].iloc[0]
        ax.plot([low, high], [place, place], color="#0072B2", lw=1.4, zorder=3)
        ax.scatter([values.mean()], [place], marker="D", s=22, color="#0072B2", zorder=4)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("difference (points)")
    return ax
