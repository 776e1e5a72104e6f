"""Figures of the notebook on resplits: validation against test, and simulated tuning runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import SPLITS, TOP
from repro.labels import TASK_LABELS, in_order, label
from repro.show.panels import panels
from repro.show.style import log_ticks, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OBSERVED = "#AA4499"
# of the first, second, ... value of a knob: darker is more
_LOOKS = (
    {"color": "#9ecae1", "marker": "o", "ls": "-"},
    {"color": "#4292c6", "marker": "s", "ls": "--"},
    {"color": "#08519c", "marker": "^", "ls": "-."},
    {"color": "#08306b", "marker": "D", "ls": ":"},
    {"color": "#000000", "marker": "v", "ls": (0, (5, 1, 1, 1))},
)


def _plot_scores(trials: pd.DataFrame, ax: Axes) -> None:
    trials = trials.dropna(subset=["validation_score", "test_score"])
    x, y = 100 * trials["validation_score"], 100 * trials["test_score"]
    ax.scatter(x, y, s=10, color=style_of("rs").colour, alpha=0.5, linewidths=0, label="trial")
    ranks = trials.groupby("run_id")["validation_score"].rank(method="first", ascending=False)
    top = ranks <= TOP
    look = {"s": 26, "facecolors": "none", "edgecolors": "black", "linewidths": 0.7}
    ax.scatter(x[top], y[top], label=f"best {TOP} of a run on validation", **look)
    ax.set(xlabel="validation score (%)", ylabel="test score (%)")
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    if len(trials):  # both axes alike, so that the diagonal means: the same score on both
        ends = low - 0.06 * (high - low) - 0.1, high + 0.06 * (high - low) + 0.1
        ax.plot(ends, ends, color="0.7", lw=0.7, zorder=0, label="the same on both")
        ax.set(xlim=ends, ylim=ends, aspect="equal")


def figure_scores_against(trials: pd.DataFrame) -> Figure:
    """Draw test over validation scores for each task (across) and split (down).

    Each run's best four on validation are ringed.
    """
    tasks = in_order(trials["task"], TASK_LABELS)
    cut = trials.groupby(["task", "split"])
    parts = {
        f"{label(task, TASK_LABELS)}, {split}": cut.get_group((task, split))
        for split in SPLITS
        for task in tasks
    }
    return panels(_plot_scores, parts, height=2.1, n_columns=len(tasks), legend=3)


def _plot_simulated(simulated: pd.DataFrame, ax: Axes) -> None:
    by_size = simulated.sort_values("validation_size")
    for (shift, rows), look in zip(by_size.groupby("shift"), cycle(_LOOKS)):
        name = f"shift {shift:g}" + (": same distribution" if shift == 0 else "")
        ax.plot(rows["validation_size"], 100 * rows["overfits"], label=name, **look)
    ax.set_xticks(sorted(simulated["validation_size"].unique()))
    ax.set(xlabel="validation examples", ylabel="runs that overfit (%)")


def figure_simulated(simulated: pd.DataFrame) -> Figure:
    """Draw how many simulated runs overfit over the size of validation, for each task.

    The runs are of one model and number of trials; a line is a shift.
    """
    figure = panels(_plot_simulated, simulated, legend=3, sharey=True)
    figure.axes[0].set_ylim(0, None)
    return figure


def _plot_optimism(pair: Sequence[pd.DataFrame], ax: Axes) -> None:
    simulated, observed = pair
    by_count = simulated.sort_values("n_trials")
    for (size, rows), look in zip(by_count.groupby("validation_size"), cycle(_LOOKS)):
        name = f"simulated, {size:.0f} examples"
        ax.plot(rows["n_trials"], 100 * rows["optimism"], label=name, **look)
    counts = observed.groupby("n_trials")["optimism"].agg(["mean", "size"])
    full = counts[counts["size"] == counts["size"].max()]
    look = {"color": _OBSERVED, "lw": 2.2, "alpha": 0.9, "label": "observed, mean of runs"}
    ax.plot(full.index, 100 * full["mean"], **look)
    ax.scatter(observed["n_trials"], 100 * observed["optimism"], s=5, color=_OBSERVED, alpha=0.5)
    ax.axhline(0, color="0.6", lw=0.6, zorder=0)
    most = max(observed["n_trials"].max(), 32)
    log_ticks(ax, 2.0 ** np.arange(np.ceil(np.log2(most)) + 1))
    ax.set(xlabel="trials in the tuning run", ylabel="validation minus fresh\nexamples (points)")


def figure_optimism(simulated: pd.DataFrame, observed: pd.DataFrame) -> Figure:
    """Draw what the incumbent's validation score promises too much, over the number of trials.

    For each task; lines are runs simulated at shift 0, one a size of the validation set; points
    are tuning runs of `observed_optimism`, and a line their mean where all have so many trials.
    """
    simulated = simulated[simulated["shift"] == 0]
    pairs = {
        task: [frame[frame["task"] == task] for frame in (simulated, observed)]
        for task in in_order(simulated["task"], TASK_LABELS)
    }
    return panels(_plot_optimism, pairs, height=2.35, legend=3, sharey=True)
