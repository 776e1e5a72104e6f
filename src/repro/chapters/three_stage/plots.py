"""Figures of the course project: its manual grid, the sweeps over trials, the final comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.labels import FINAL_LABELS, HYPERPARAMETER_LABELS, in_order, label
from repro.show.cells import short
from repro.show.style import COLUMN_WIDTH, PAGE_WIDTH, new_axes, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SWEEPS = {  # name: label, colour, marker, line
    "cold": ("cold sweep", "#0072B2", "o", "-"),
    "warm": ("sweep told the manual results", "#D55E00", "s", "--"),
}


@styled
def figure_manual_grid(means: pd.DataFrame) -> Figure:
    """Draw the manual grid: learning rate across, weight decay down, a panel a warm-up.

    Args:
        means: from `analysis.three_stage.manual_means`; a mean that is not known is hatched.
    """
    warmups = sorted(means["warmup_steps"].unique())
    figure = new_figure(PAGE_WIDTH * 0.85, 2.2)
    axes = figure.subplots(1, len(warmups), sharey=True, squeeze=False)[0]
    limits = {"vmin": 100 * means["mean"].min(), "vmax": 100 * means["mean"].max()}
    for ax, warmup in zip(axes, warmups, strict=True):
        rows = means[means["warmup_steps"] == warmup]
        table = rows.pivot(index="weight_decay", columns="learning_rate", values="mean")
        image = ax.imshow(100 * table, cmap="cividis", aspect="auto", **limits)
        middle = (limits["vmin"] + limits["vmax"]) / 2
        for (row, column), value in np.ndenumerate(100 * table.to_numpy()):
            text = "–" if np.isnan(value) else f"{value:.1f}"
            colour = "white" if value < middle else "black"
            ax.text(column, row, text, ha="center", va="center", color=colour)
        ax.set_xticks(range(table.shape[1]), [short(rate) for rate in table.columns])
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
    curves: pd.DataFrame,
    bands: pd.DataFrame,
    ax: Axes | None = None,
    *,
    manual: float = float("nan"),
) -> Axes:
    """Draw the best validation score so far over the trials of cold and warm sweeps.

    Args:
        curves: from `analysis.three_stage.sweep_curves`: thin lines, one a sweep.
        bands: from `analysis.strategies.incumbent_bands` of them: the means and their intervals.
        manual: the manual grid's best score, mean over repetitions: a dotted line.
    """
    ax = ax or new_axes(COLUMN_WIDTH * 1.5, 2.8)
    for stage, (name, colour, marker, line) in _SWEEPS.items():
        for _, run in curves[curves["stage"] == stage].groupby("run_id"):
            score = 100 * run["incumbent_score"]
            ax.step(run["spent"], score, where="post", color=colour, lw=0.5, alpha=0.5, ls=line)
        rows = bands[bands["stage"] == stage]
        if len(rows):
            look = {"color": colour, "marker": marker, "ls": line, "label": name}
            ax.plot(rows["spent"], 100 * rows["mean"], markevery=[-1], lw=1.6, **look)
            shade = {"color": colour, "alpha": 0.12, "lw": 0}
            ax.fill_between(rows["spent"], 100 * rows["low"], 100 * rows["high"], **shade)
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

    Args:
        trials: theirs.
        final: from `analysis.three_stage.final_scores`.
    """
    names = in_order(final["configuration"], FINAL_LABELS)
    figure = new_figure(PAGE_WIDTH, 0.8 + 0.28 * len(names))
    axes = figure.subplots(1, 2, sharey=True, sharex=True)
    for ax, split in zip(axes, ("validation", "test"), strict=True):
        rows = final[final["split"] == split].set_index("configuration").loc[names]
        for place, name in enumerate(names):
            again = (trials["stage"] == "final") & (trials["variant"] == name)
            scores = 100 * trials.loc[again, f"{split}_score"]
            ax.scatter(scores, np.full(len(scores), place), s=9, color="0.6", linewidths=0)
        bars = 100 * np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
        look = {"fmt": "D", "color": "#0072B2", "ms": 4, "elinewidth": 1.3, "zorder": 3}
        ax.errorbar(100 * rows["mean"], range(len(names)), xerr=bars, **look)
        ax.set_xlabel(f"{split} score (%)")
    axes[0].set_yticks(range(len(names)), [label(name, FINAL_LABELS) for name in names])
    axes[0].invert_yaxis()
    return figure
