"""Figures of the course project, of the frames that its analysis makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.chapters.three_stage.analysis import FINAL_LABELS, SEARCHES
from repro.labels import HYPERPARAMETER_LABELS, in_order, label
from repro.show.cells import short
from repro.show.curves import plot_band
from repro.show.style import (
    COLUMN_WIDTH,
    DARKER_IS_MORE,
    OWN,
    PAGE_WIDTH,
    MethodStyle,
    name_rows,
    new_axes,
    new_figure,
    styled,
)
from repro.show.table import number
from repro.stats.intervals import FEW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OTHER = "#AA4499"
_DIRECTIONS = {"lower": (OWN, "v", -0.17), "higher": (_OTHER, "^", 0.17)}
_SWEEPS = {
    "cold": MethodStyle(OWN, "o", "-", SEARCHES["cold"]),
    "warm": MethodStyle(_OTHER, "s", "--", SEARCHES["warm"]),
}


@styled
def plot_effects(
    effects: pd.DataFrame, differences: pd.DataFrame, ax: Axes | None = None, *, band: float
) -> Axes:
    """Draw what each variation of one factor does, with its interval; filled where p < 5 %.

    Small points are `seed_differences`. Which value a variation has, and how many of its trials
    failed, is written at the right edge. The grey band is that of `baseline_noise`; NaN: none.
    """
    names = list(dict.fromkeys(effects["candidate"]))
    ax = ax or new_axes(PAGE_WIDTH, 0.7 + 0.36 * len(names))
    if not np.isnan(band):
        ax.axvspan(-100 * band, 100 * band, color="0.92", lw=0, label="two single runs, 95%")
    ax.axvline(0, color="black", lw=0.8)
    for direction, (colour, marker, shift) in _DIRECTIONS.items():
        rows = effects[effects["direction"] == direction]
        at = rows["candidate"].map(names.index).astype(float) + shift
        ax.hlines(at, 100 * rows["low"], 100 * rows["high"], color=colour, lw=1.2)
        look = {"marker": marker, "s": 26, "edgecolors": colour, "linewidths": 1.0, "zorder": 3}
        look["facecolors"] = np.where(rows["p_holm"] < 0.05, colour, "white")
        ax.scatter(100 * rows["difference"], at, label=f"{direction} value", **look)
        points = differences[differences["direction"] == direction]
        y = points["candidate"].map(names.index).astype(float) + shift
        ax.scatter(100 * points["difference"], y, s=5, color="0.5", linewidths=0, zorder=2)
        for y, row in zip(at, rows.to_dict("records"), strict=True):
            text = f"{row['value']:g}"
            text += f" ({row['n_failed']} failed)" if row["n_failed"] else ""
            place = {"xy": (1.01, y), "xycoords": ax.get_yaxis_transform(), "va": "center"}
            ax.annotate(text, **place, fontsize=6, color=colour, annotation_clip=False)
    name_rows(ax, [label(name, HYPERPARAMETER_LABELS) for name in names])
    ax.set_xlabel("difference from the baseline's score (points)")
    look = {"color": "none", "marker": "o", "markeredgecolor": "0.3", "markerfacecolor": "0.3"}
    filled = mpl.lines.Line2D([], [], label="filled: p < .05 (Holm)", **look)
    handles = [*ax.get_legend_handles_labels()[0], filled]
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return ax


@styled
def figure_manual_grid(means: pd.DataFrame) -> Figure:
    """Draw the manual grid: learning rate across, weight decay down, a panel a warm-up."""
    warmups = sorted(means["warmup_steps"].unique())
    figure = new_figure(PAGE_WIDTH * 0.85, 2.2)
    axes = figure.subplots(1, len(warmups), sharey=True, squeeze=False)[0]
    low, high = 100 * means["mean"].min(), 100 * means["mean"].max()
    if high - low < 0.05:  # equal but for rounding: one colour
        low, high = low - 1, high + 1
    for ax, warmup in zip(axes, warmups, strict=True):
        rows = means[means["warmup_steps"] == warmup]
        table = 100 * rows.pivot(index="weight_decay", columns="learning_rate", values="mean")
        image = ax.imshow(table, cmap=DARKER_IS_MORE, aspect="auto", vmin=low, vmax=high)
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            colour = "white" if value > low + 0.6 * (high - low) else "black"
            ax.text(column, row, number(value), ha="center", va="center", color=colour)
        ax.set_xticks(range(table.shape[1]), map(short, table.columns))
        ax.set_yticks(range(table.shape[0]), [f"{decay:g}" for decay in table.index])
        ax.set_title(f"{warmup:.0f} warm-up steps")
        ax.set_xlabel(label("learning_rate", HYPERPARAMETER_LABELS))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[0].set_ylabel(label("weight_decay", HYPERPARAMETER_LABELS))
    figure.colorbar(image, ax=axes, pad=0.02, aspect=20).set_label("validation score (%)")
    return figure


@styled
def plot_sweeps(
    curves: pd.DataFrame, bands: pd.DataFrame, ax: Axes | None = None, *, manual: float
) -> Axes:
    """Draw the best validation score so far over the trials of cold and warm sweeps.

    Thin lines are single sweeps; a dotted one is the manual grid's best score, none if NaN.
    """
    ax = ax or new_axes(COLUMN_WIDTH * 1.5, 2.8)
    for stage, style in _SWEEPS.items():
        look = {"where": "post", "color": style.colour, "lw": 0.5, "alpha": 0.5, "ls": style.line}
        for _, run in curves[curves["stage"] == stage].groupby("run_id"):
            ax.step(run["spent"], 100 * run["incumbent_score"], **look)
        if stage in set(bands["stage"]):
            plot_band(bands[bands["stage"] == stage], ax, style)
    if not np.isnan(manual):
        ax.axhline(100 * manual, color="0.3", ls=":", label="manual grid's best, mean")
    ax.set(xlabel="trials of the sweep", ylabel="best validation score so far (%)")
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


@styled
def figure_final(trials: pd.DataFrame, final: pd.DataFrame) -> Figure:
    """Draw the scores of the final configurations, a point a seed, with mean and interval.

    Fewer than FEW seeds have no interval.
    """
    names = in_order(final["configuration"], FINAL_LABELS)
    again = trials[trials["stage"] == "final"]
    figure = new_figure(PAGE_WIDTH, 0.8 + 0.28 * len(names))
    axes = figure.subplots(1, 2, sharey=True, sharex=True)
    for ax, split in zip(axes, ("validation", "test"), strict=True):
        scores = 100 * again[f"{split}_score"]
        ax.scatter(scores, again["variant"].map(names.index), s=9, color="0.6", linewidths=0)
        rows = final[final["split"] == split].set_index("configuration").loc[names]
        bars = 100 * np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
        bars = np.where(rows["n"] >= FEW, bars, np.nan)  # of fewer the points say more
        look = {"fmt": "D", "color": OWN, "ms": 4, "elinewidth": 1.3, "zorder": 3}
        ax.errorbar(100 * rows["mean"], range(len(names)), xerr=bars, **look)
        ax.margins(x=0.06)
        ax.set_xlabel(f"{split} score (%)")
    name_rows(axes[0], [label(name, FINAL_LABELS) for name in names])
    return figure


@styled
def plot_surface(surface: pd.DataFrame, trials: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the score of `response_surface` over its two axes as contours, and trials as points."""
    ax = ax or new_axes(0.75 * PAGE_WIDTH, 3.2)
    if surface.empty:
        text = "too few trials to fit a surface"
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center")
        return ax
    table = 100 * surface.pivot(index="warmup_steps", columns="learning_rate", values="score")
    filled = ax.contourf(table.columns, table.index, table, levels=8, cmap=DARKER_IS_MORE)
    look = {"s": 9, "facecolors": "none", "edgecolors": "black", "linewidths": 0.5}
    ax.scatter(trials["learning_rate"], trials["warmup_steps"], label="a trial", **look)
    ax.set(xscale="log", xlabel="learning rate", ylabel="warm-up steps")
    ax.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: short(value)))
    ax.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    ax.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.figure.colorbar(filled, ax=ax, pad=0.02).set_label("fitted validation score (%)")
    ax.figure.legend(loc="outside upper center")
    return ax
