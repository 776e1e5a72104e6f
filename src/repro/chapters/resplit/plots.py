"""Figures of the notebook on resplits: validation against test, and simulated tuning runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import TOP
from repro.labels import TASK_LABELS, in_order, label
from repro.show.style import PAGE_WIDTH, new_axes, new_figure, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# colour, marker and line of the first, second, ... value of a knob
_LOOKS = (
    ("#000000", "o", "-"),
    ("#0072B2", "s", "--"),
    ("#D55E00", "^", "-."),
    ("#009E73", "D", ":"),
    ("#CC79A7", "v", (0, (5, 1, 1, 1))),
)


@styled
def plot_scores_against(trials: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw trials' test scores over their validation scores; each run's best four are ringed.

    Args:
        trials: of one task and split.
    """
    ax = ax or new_axes()
    trials = trials.dropna(subset=["validation_score", "test_score"])
    x, y = 100 * trials["validation_score"], 100 * trials["test_score"]
    ax.scatter(x, y, s=10, color=style_of("rs").colour, alpha=0.5, linewidths=0, label="trial")
    ranks = trials.groupby("run_id")["validation_score"].rank(method="first", ascending=False)
    top = ranks <= TOP
    look = {"s": 26, "facecolors": "none", "edgecolors": "black", "linewidths": 0.7}
    ax.scatter(x[top], y[top], label=f"best {TOP} of a run on validation", **look)
    ax.margins(0.08)
    return ax


@styled
def figure_scores_against(trials: pd.DataFrame) -> Figure:
    """Draw `plot_scores_against` for each task (across) on each split (down).

    Args:
        trials: of random search and one model, with the column split.
    """
    tasks = in_order(trials["task"], TASK_LABELS)
    splits = sorted(trials["split"].unique(), key=lambda split: split == "resplit")
    figure = new_figure(PAGE_WIDTH, 0.6 + 1.8 * len(splits))
    axes = figure.subplots(len(splits), len(tasks), squeeze=False)
    for row, split in zip(axes, splits, strict=True):
        for ax, task in zip(row, tasks, strict=True):
            plot_scores_against(trials[(trials["task"] == task) & (trials["split"] == split)], ax)
            ax.set_title(f"{label(task, TASK_LABELS)}, {split}")
    figure.supxlabel("validation score (%)", fontsize=8)
    figure.supylabel("test score (%)", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


@styled
def plot_simulated(
    simulated: pd.DataFrame, column: str, ax: Axes | None = None, *, scale: float = 1
) -> Axes:
    """Draw one number of simulated runs over the size of the validation set, a line a shift.

    Args:
        simulated: from `selection.simulate_runs`, of one task and number of trials; a band of
            95 % of the runs is drawn at the smallest shift where the column has one.
    """
    ax = ax or new_axes()
    for i, (shift, rows) in enumerate(simulated.groupby("shift")):
        colour, marker, line = _LOOKS[i % len(_LOOKS)]
        rows = rows.sort_values("validation_size")
        x, look = rows["validation_size"], {"color": colour, "marker": marker, "ls": line}
        ax.plot(x, scale * rows[column], label=f"shift {shift:g}", **look)
        if i == 0 and f"{column}_low" in rows:
            low, high = rows[f"{column}_low"], rows[f"{column}_high"]
            ax.fill_between(x, low, high, color=colour, alpha=0.1, linewidth=0)
    ax.set_xticks(sorted(simulated["validation_size"].unique()))
    return ax


@styled
def figure_simulated(simulated: pd.DataFrame) -> Figure:
    """Draw correlations and the rate of overfitting of simulated runs, tasks across.

    Args:
        simulated: of one model and number of trials, with the column task.
    """
    columns = {
        "correlation": ("r, all trials", 1),
        "top_correlation": ("r, top four", 1),
        "overfits": ("runs that overfit (%)", 100),
    }
    tasks = in_order(simulated["task"], TASK_LABELS)
    figure = new_figure(PAGE_WIDTH, 0.6 + 1.45 * len(columns))
    axes = figure.subplots(len(columns), len(tasks), squeeze=False, sharex=True, sharey="row")
    for row, (column, (name, scale)) in zip(axes, columns.items(), strict=True):
        for ax, task in zip(row, tasks, strict=True):
            plot_simulated(simulated[simulated["task"] == task], column, ax, scale=scale)
            if scale == 1:
                ax.axhline(0, color="0.6", lw=0.6, zorder=0)
        row[0].set_ylabel(name)
    for ax, task in zip(axes[0], tasks, strict=True):
        ax.set_title(label(task, TASK_LABELS))
    figure.supxlabel("validation examples", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


@styled
def plot_optimism(simulated: pd.DataFrame, observed: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the incumbent's validation score promises too much, over the number of trials.

    That is validation minus test score, beyond that of all trials.

    Args:
        simulated: of one task at shift 0: a line a size of the validation set.
        observed: from `selection.observed_optimism`, of one task: a point a tuning run, and their
            mean where all runs have so many trials.
    """
    ax = ax or new_axes()
    for i, (size, rows) in enumerate(simulated.groupby("validation_size")):
        colour, marker, line = _LOOKS[i % len(_LOOKS)]
        rows = rows.sort_values("n_trials")
        look = {"color": colour, "marker": marker, "ls": line}
        ax.plot(
            rows["n_trials"],
            100 * rows["optimism"],
            label=f"simulated, {size:.0f} examples",
            **look,
        )
    counts = observed.groupby("n_trials")["difference"].agg(["mean", "size"])
    full = counts[counts["size"] == counts["size"].max()]
    style = {"color": "#E69F00", "lw": 2.2, "alpha": 0.9}
    ax.plot(full.index, 100 * full["mean"], label="observed, mean of runs", **style)
    ax.scatter(observed["n_trials"], 100 * observed["difference"], s=5, color="#E69F00", alpha=0.5)
    ax.axhline(0, color="0.6", lw=0.6, zorder=0)
    ax.set_xscale("log", base=2)
    ticks = 2.0 ** np.arange(0, np.ceil(np.log2(max(2, observed["n_trials"].max(), 32))) + 1)
    ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    ax.minorticks_off()
    return ax


@styled
def figure_optimism(simulated: pd.DataFrame, observed: pd.DataFrame) -> Figure:
    """Draw `plot_optimism` for each task.

    Args:
        simulated, observed: of one model, with the column task.
    """
    simulated = simulated[simulated["shift"] == 0]
    tasks = in_order(simulated["task"], TASK_LABELS)
    figure = new_figure(PAGE_WIDTH, 2.8)
    axes = figure.subplots(1, len(tasks), squeeze=False)[0]
    for ax, task in zip(axes, tasks, strict=True):
        rows = (frame[frame["task"] == task] for frame in (simulated, observed))
        plot_optimism(*rows, ax)
        ax.set_title(label(task, TASK_LABELS))
    figure.supxlabel("trials in the tuning run", fontsize=8)
    axes[0].set_ylabel("winner's curse (points)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure
