"""The figures of Dodge et al. 2020: one panel a task, in one row or, for many tasks, several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.show.panels import add_legend, panel_a_task
from repro.show.style import new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's colours; lines tell in grey
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", ":", "-.")
_EXTREMES = {  # colour and line of a seed's group
    ("wi", "best"): ("#0072B2", "-", "best WI"),
    ("wi", "worst"): ("#D55E00", "-", "worst WI"),
    ("do", "best"): ("#0072B2", "--", "best DO"),
    ("do", "worst"): ("#D55E00", "--", "worst DO"),
}


def _panels(names: Iterable[str], draw: Callable, *, height: float = 1.9, **shared) -> Figure:
    """Draw one panel a task with `draw(ax, task)`; the labels are those of the outer panels."""
    figure, axes = panel_a_task(names, draw, height=height, legend=0.45, n_columns=4, **shared)
    for number, ax in enumerate(axes):
        if number % 4:
            ax.set_ylabel("")
    return figure


@styled
def plot_expected(curves: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw expected validation performance over the number of runs, one line a scenario.

    Args:
        curves: from `expected_performance.scenario_curves`, of one task.
    """
    ax = ax or new_axes()
    for place, (scenario, rows) in enumerate(curves.groupby("scenario", sort=False)):
        colour, line = _COLOURS[place], _LINES[place]
        ax.plot(rows["n"], 100 * rows["mean"], color=colour, ls=line, label=scenario)
        ax.fill_between(
            rows["n"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.12, lw=0
        )
    ax.set(xlabel="runs", ylabel="expected best score (%)", xscale="log")
    ax.xaxis.set_major_formatter("{x:g}")
    return ax


@styled
def figure_expected(curves: pd.DataFrame) -> Figure:
    """Draw `plot_expected` for each task (Figure 1)."""
    figure = _panels(
        dict.fromkeys(curves["task"]),
        lambda ax, task: plot_expected(curves[curves["task"] == task], ax),
    )
    add_legend(figure, n_columns=4)
    return figure


@styled
def plot_matrix(matrix: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw scores by WI seed (rows) and DO seed (columns) as they are sorted; holes are hatched.

    Args:
        matrix: from `seeds.sorted_matrix`.
    """
    ax = ax or new_axes()
    image = ax.imshow(100 * matrix, cmap="viridis", aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(matrix.isna().to_numpy()):
        corner = (column - 0.5, row - 0.5)
        look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
        ax.add_patch(mpl.patches.Rectangle(corner, 1, 1, **look))
    ax.set(
        xticks=[], yticks=[], xlabel="DO seeds, best at the right", ylabel="WI seeds, best on top"
    )
    ax.figure.colorbar(image, ax=ax, location="bottom", pad=0.03, aspect=18, label="score (%)")
    return ax


@styled
def figure_matrices(matrices: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw `plot_matrix` for each task (Figure 2); each metric has its own scale."""
    return _panels(matrices, lambda ax, task: plot_matrix(matrices[task], ax), height=2.3)


@styled
def plot_densities(groups: Mapping[tuple[str, str], np.ndarray], ax: Axes | None = None) -> Axes:
    """Draw kernel densities of the scores of the best and worst seeds.

    Args:
        groups: (factor, "best" or "worst") -> scores; one without spread is a vertical line.
    """
    ax = ax or new_axes()
    for key, scores in groups.items():
        colour, line, name = _EXTREMES[key]
        _draw_density(ax, 100 * np.asarray(scores, float), color=colour, ls=line, label=name)
    ax.set(xlabel="score (%)", ylabel="density", yticks=[])
    return ax


def _draw_density(ax: Axes, values: np.ndarray, **look) -> None:
    import seaborn

    if len(values) > 1 and np.ptp(values) > 0:
        seaborn.kdeplot(x=values, ax=ax, **look)
    elif len(values):
        ax.axvline(values[0], **look)


@styled
def figure_densities(groups: Mapping[str, Mapping[tuple[str, str], np.ndarray]]) -> Figure:
    """Draw `plot_densities` for each task (Figure 3)."""
    figure = _panels(groups, lambda ax, task: plot_densities(groups[task], ax))
    add_legend(figure, n_columns=4)
    return figure


@styled
def plot_curves(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the validation scores of runs over their training.

    Args:
        scores: from `seeds.evaluation_scores`, of the runs to draw.
    """
    ax = ax or new_axes()
    for place, (_, rows) in enumerate(scores.dropna(subset="score").groupby("trial_id")):
        colour = mpl.colormaps["viridis"](place % 20 / 20)
        ax.plot(rows["epoch"], 100 * rows["score"], lw=0.6, alpha=0.8, color=colour)
    ax.set(xlabel="epoch", ylabel="validation score (%)")
    return ax


@styled
def figure_curves(scores: pd.DataFrame) -> Figure:
    """Draw `plot_curves` for each task (Figure 4)."""
    return _panels(
        dict.fromkeys(scores["task"]),
        lambda ax, task: plot_curves(scores[scores["task"] == task], ax),
    )


@styled
def figure_correlations(correlations: Mapping[str, pd.DataFrame], *, kind: str) -> Figure:
    """Draw the correlation between the scores at any two evaluations (Figures 5 and 9).

    Args:
        correlations: task -> from `correlation.evaluation_correlations`; NaN is left grey.
        kind: what they are, for the colour bar.
    """

    def draw(ax, task):
        frame = correlations[task]
        ends = (0.5, len(frame) + 0.5)
        look = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "origin": "lower"}
        ax.imshow(frame, extent=(*ends, *ends), interpolation="nearest", **look)
        ax.set(xlabel="evaluation", ylabel="evaluation", facecolor="0.85")

    figure = _panels(correlations, draw, height=1.3)
    bar = figure.colorbar(figure.axes[0].images[0], ax=figure.axes, pad=0.01, aspect=25)
    bar.set_label(kind)
    return figure


@styled
def plot_settings(best: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the best setting of each budget: runs started and kept, and when to stop.

    Args:
        best: from `early_stopping.best_settings`, of one task.
    """
    ax = ax or new_axes()
    ax.plot(best["budget"], best["t"], color=_COLOURS[0], ls="-", label="runs started")
    ax.plot(best["budget"], best["p"], color=_COLOURS[1], ls="--", label="runs kept")
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    look = {"color": _COLOURS[2], "marker": ".", "ls": "none", "ms": 4}
    right.plot(
        best["budget"], 100 * best["f"], label="stopped after (% of training, right)", **look
    )
    right.set_ylim(0, 103)
    ax.set(xlabel="budget (full trainings)", ylabel="runs", ylim=(0, None))
    return ax


@styled
def figure_settings(best: pd.DataFrame) -> Figure:
    """Draw `plot_settings` for each task (Figure 6)."""
    figure = _panels(
        dict.fromkeys(best["task"]),
        lambda ax, task: plot_settings(best[best["task"] == task], ax),
    )
    add_legend(figure, n_columns=4)
    return figure


@styled
def plot_gains(best: pd.DataFrame, judged: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the relative error reduction of stopping early, over the budget.

    Args:
        best: from `early_stopping.best_settings`, of one task.
        judged: from `early_stopping.judge_settings`, of the same: mean and range over the splits.
    """
    ax = ax or new_axes()
    gain = 100 * best["relative_error_reduction"]
    ax.plot(best["budget"], gain, color=_COLOURS[0], label="chosen and judged on all trials")
    others = 100 * judged.groupby("budget")["relative_error_reduction"].agg(["mean", "min", "max"])
    ax.fill_between(others.index, others["min"], others["max"], color=_COLOURS[1], alpha=0.15, lw=0)
    ax.plot(
        others.index, others["mean"], color=_COLOURS[1], ls="--", label="judged on the other half"
    )
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="budget (full trainings)", ylabel="error reduction (%)")
    return ax


@styled
def figure_gains(best: pd.DataFrame, judged: pd.DataFrame) -> Figure:
    """Draw `plot_gains` for each task (Figure 7)."""
    figure = _panels(
        dict.fromkeys(best["task"]),
        lambda ax, t: plot_gains(best[best["task"] == t], judged[judged["task"] == t], ax),
    )
    add_legend(figure, n_columns=4)
    return figure


@styled
def plot_deviations(deviations: pd.DataFrame, total: float, ax: Axes | None = None) -> Axes:
    """Draw the densities of the standard deviations under fixed seeds; the total is a line.

    Args:
        deviations: from `seeds.seed_deviations`.
        total: the standard deviation of all scores.
    """
    ax = ax or new_axes()
    for place, (factor, name) in enumerate({"wi": "WI seed fixed", "do": "DO seed fixed"}.items()):
        values = deviations.loc[deviations["factor"] == factor, "deviation"].dropna()
        look = {"color": _COLOURS[place], "ls": _LINES[place], "label": name}
        _draw_density(ax, 100 * values.to_numpy(), **look)
    ax.axvline(100 * total, color="black", ls=":", label="all runs")
    ax.set(xlabel="standard deviation (points)", ylabel="density", yticks=[])
    return ax


@styled
def figure_deviations(
    deviations: Mapping[str, pd.DataFrame], totals: Mapping[str, float]
) -> Figure:
    """Draw `plot_deviations` for each task (Figure 8)."""
    figure = _panels(deviations, lambda ax, t: plot_deviations(deviations[t], totals[t], ax))
    add_legend(figure, n_columns=4)
    return figure
