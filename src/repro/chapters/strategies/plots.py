"""Figures of tuning strategies, each of the frames that `analysis` makes for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import SEARCHED
from repro.labels import METHOD_LABELS, in_order, label
from repro.show.curves import plot_incumbent_bands as plot_incumbent_bands
from repro.show.panels import add_legend, panels
from repro.show.sensitivity import plot_parallel_coordinates
from repro.show.style import (
    OWN,
    PAGE_WIDTH,
    name_rows,
    new_axes,
    new_figure,
    style_of,
    styled,
    visible,
)
from repro.stats.intervals import FEW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    """Draw every trial of each method through the hyperparameters that it varied to its score.

    One scale of colours holds for all methods.
    """
    methods = in_order(trials["method"], METHOD_LABELS)
    parts = {label(m, METHOD_LABELS): trials[trials["method"] == m] for m in methods}
    scale = tuple(trials["validation_score"].agg(["min", "max"]))

    def plot(rows: pd.DataFrame, ax: Axes) -> Axes:
        names = [name for name in SEARCHED if rows[name].nunique() > 1]
        return plot_parallel_coordinates(rows, ax, names=names, scale=scale)

    return panels(plot, parts, n_columns=1, height=2.1)


@styled
def plot_population(
    segments: pd.DataFrame, trials: pd.DataFrame, ax: Axes | None = None, *, lineage: pd.DataFrame
) -> Axes:
    """Draw the life of a population: members down, epochs across, arrows where one copied another.

    The lineage of its best segment has a black edge.
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.8)
    rows = segments.merge(trials[["trial_id", "last_validation_score"]], on="trial_id")
    scores = 100 * rows["last_validation_score"]
    norm, colours = mpl.colors.Normalize(scores.min(), scores.max()), visible()
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
    arrow = {"arrowstyle": "-|>", "color": "#AA4499", "lw": 1.0, "shrinkA": 0, "shrinkB": 1}
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
def plot_strategy_differences(differences: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `analysis.strategy_differences`: points are repetitions, a diamond is their mean.

    From FEW repetitions on their interval is drawn, too; fewer have none that says more.
    """
    names = list(dict.fromkeys(differences["comparison"]))
    ax = ax or new_axes(PAGE_WIDTH, 0.6 + 0.3 * len(names))
    ax.axvline(0, color="black", lw=0.8)
    groups = differences.groupby("comparison", sort=False)
    place, n = groups.cumcount(), groups["difference"].transform("size")
    at = differences["comparison"].map(names.index) + 0.4 * ((place + 0.5) / n - 0.5)
    look = {"s": 12, "color": "0.55", "linewidths": 0, "zorder": 2}
    ax.scatter(100 * differences["difference"], at, label="one repetition", **look)
    means, sizes = groups.first().loc[names], groups.size().loc[names]
    for y, row in enumerate(means.itertuples()):
        if sizes.iloc[y] >= FEW:
            ax.hlines(y, 100 * row.low, 100 * row.high, color=OWN, lw=1.4)
    look = {"marker": "D", "s": 22, "color": OWN, "zorder": 4, "label": "mean"}
    ax.scatter(100 * means["mean"], range(len(names)), **look)
    name_rows(ax, names)
    ax.margins(x=0.08)
    ax.set_xlabel("difference (points)")
    ax.figure.legend(loc="outside upper center", ncols=2)
    return ax
