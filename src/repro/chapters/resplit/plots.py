"""Figures of the notebook on resplits: validation against test, and simulated tuning runs."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import SPLITS, TOP
from repro.labels import TASK_LABELS, in_order, label
from repro.show.panels import panels
from repro.show.style import new_axes, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# of the first, second, ... value of a knob
_LOOKS = (
    {"color": "#000000", "marker": "o", "ls": "-"},
    {"color": "#0072B2", "marker": "s", "ls": "--"},
    {"color": "#D55E00", "marker": "^", "ls": "-."},
    {"color": "#009E73", "marker": "D", "ls": ":"},
    {"color": "#CC79A7", "marker": "v", "ls": (0, (5, 1, 1, 1))},
)
_SIMULATED = {  # column -> what it is, and times what it is drawn
    "correlation": ("r, all trials", 1),
    "top_correlation": ("r, top four", 1),
    "overfits": ("runs that overfit (%)", 100),
}


@styled
def plot_scores_against(trials: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one task's test scores over validation scores; each run's best four are ringed."""
    ax = ax or new_axes()
    trials = trials.dropna(subset=["validation_score", "test_score"])
    x, y = 100 * trials["validation_score"], 100 * trials["test_score"]
    ax.scatter(x, y, s=10, color=style_of("rs").colour, alpha=0.5, linewidths=0, label="trial")
    ranks = trials.groupby("run_id")["validation_score"].rank(method="first", ascending=False)
    top = ranks <= TOP
    look = {"s": 26, "facecolors": "none", "edgecolors": "black", "linewidths": 0.7}
    ax.scatter(x[top], y[top], label=f"best {TOP} of a run on validation", **look)
    ax.set(xlabel="validation score (%)", ylabel="test score (%)")
    ax.margins(0.08)
    return ax


@styled
def figure_scores_against(trials: pd.DataFrame) -> Figure:
    """Draw `plot_scores_against` for each task (across) on each split (down)."""
    tasks = in_order(trials["task"], TASK_LABELS)
    cut = trials.groupby(["task", "split"])
    parts = {
        f"{label(task, TASK_LABELS)}, {split}": cut.get_group((task, split))
        for split in SPLITS
        for task in tasks
    }
    return panels(plot_scores_against, parts, height=1.9, n_columns=len(tasks), legend=2)


@styled
def plot_simulated(simulated: pd.DataFrame, column: str, ax: Axes | None = None) -> Axes:
    """Draw a column of `simulate_runs` over the size of the validation set, a line a shift.

    Where the column has one, a band of 95 % of the runs is drawn at the smallest shift.

    Args:
        simulated: of one model, task and number of trials.
    """
    ax, (name, scale) = ax or new_axes(), _SIMULATED[column]
    by_size = simulated.sort_values("validation_size")
    for (shift, rows), look in zip(by_size.groupby("shift"), cycle(_LOOKS)):
        sizes = rows["validation_size"]
        ax.plot(sizes, scale * rows[column], label=f"shift {shift:g}", **look)
        if shift == simulated["shift"].min() and f"{column}_low" in rows:
            ends = rows[f"{column}_low"], rows[f"{column}_high"]
            ax.fill_between(sizes, *ends, color=look["color"], alpha=0.1, linewidth=0)
            ax.axhline(0, color="0.6", lw=0.6, zorder=0)
    ax.set_xticks(sorted(simulated["validation_size"].unique()))
    ax.set(xlabel="validation examples", ylabel=name)
    return ax


@styled
def figure_simulated(simulated: pd.DataFrame) -> Figure:
    """Draw `plot_simulated` for each task (across) and column (down)."""
    tasks = in_order(simulated["task"], TASK_LABELS)
    parts = {
        f"{label(task, TASK_LABELS)}: {name}": (simulated[simulated["task"] == task], column)
        for column, (name, _) in _SIMULATED.items()
        for task in tasks
    }
    layout = {"height": 1.6, "n_columns": len(tasks), "legend": len(_LOOKS), "sharey": "row"}
    return panels(lambda part, ax: plot_simulated(*part, ax), parts, **layout)


@styled
def plot_optimism(simulated: pd.DataFrame, observed: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the incumbent's validation score promises too much, over the number of trials.

    Args:
        simulated: of one task at shift 0: a line a size of the validation set.
        observed: from `winners_curse.observed_optimism`, of one task: a point a tuning run, and
            their mean where all runs have so many trials.
    """
    ax, by_count = ax or new_axes(), simulated.sort_values("n_trials")
    for (size, rows), look in zip(by_count.groupby("validation_size"), cycle(_LOOKS)):
        name = f"simulated, {size:.0f} examples"
        ax.plot(rows["n_trials"], 100 * rows["optimism"], label=name, **look)
    counts = observed.groupby("n_trials")["optimism"].agg(["mean", "size"])
    full = counts[counts["size"] == counts["size"].max()]
    look = {"color": "#E69F00", "lw": 2.2, "alpha": 0.9, "label": "observed, mean of runs"}
    ax.plot(full.index, 100 * full["mean"], **look)
    ax.scatter(observed["n_trials"], 100 * observed["optimism"], s=5, color="#E69F00", alpha=0.5)
    ax.axhline(0, color="0.6", lw=0.6, zorder=0)
    ax.set_xscale("log", base=2)
    ticks = 2.0 ** np.arange(0, np.ceil(np.log2(max(2, observed["n_trials"].max(), 32))) + 1)
    ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    ax.minorticks_off()
    ax.set(xlabel="trials in the tuning run", ylabel="winner's curse (points)")
    return ax


@styled
def figure_optimism(simulated: pd.DataFrame, observed: pd.DataFrame) -> Figure:
    """Draw `plot_optimism` for each task, of the runs simulated at shift 0."""
    simulated = simulated[simulated["shift"] == 0]
    pairs = {
        task: [frame[frame["task"] == task] for frame in (simulated, observed)]
        for task in in_order(simulated["task"], TASK_LABELS)
    }
    return panels(lambda pair, ax: plot_optimism(*pair, ax), pairs, height=2.35, legend=3)
