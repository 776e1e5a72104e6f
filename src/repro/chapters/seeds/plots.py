"""The figures of Dodge et al. 2020, one task's panel each; `panels` lays them out.

Each takes what the function of `analysis` or `early_stopping` named beside it gives for one task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.show.panels import panels
from repro.show.style import new_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's colours; lines tell in grey
_COLOURS = ("#0072B2", "#D55E00", "#009E73")
_LINES = ("-", "--", ":")


@styled
def plot_expected(curves: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `scenario_curves` over the number of runs, one line a scenario (Figure 1)."""
    ax = ax or new_axes()
    for place, (scenario, rows) in enumerate(curves.groupby("scenario", sort=False)):
        n, low, high = rows["n"], 100 * rows["low"], 100 * rows["high"]
        ax.plot(n, 100 * rows["mean"], color=_COLOURS[place], ls=_LINES[place], label=scenario)
        ax.fill_between(n, low, high, color=_COLOURS[place], alpha=0.12, lw=0)
    ax.set(xlabel="runs", ylabel="expected best score (%)", xscale="log")
    ax.xaxis.set_major_formatter("{x:g}")
    return ax


@styled
def plot_matrix(matrix: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a `sorted_matrix`, WI seeds down and DO seeds across; holes are hatched (Figure 2)."""
    ax = ax or new_axes()
    image = ax.imshow(100 * matrix, cmap="viridis", aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(matrix.isna().to_numpy()):
        corner = (column - 0.5, row - 0.5)
        look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
        ax.add_patch(mpl.patches.Rectangle(corner, 1, 1, **look))
    ax.set(xticks=[], yticks=[], xlabel="DO seeds, best at the right")
    ax.set_ylabel("WI seeds, best on top")
    ax.figure.colorbar(image, ax=ax, location="bottom", pad=0.03, aspect=18, label="score (%)")
    return ax


@styled
def plot_extremes(extremes: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the densities of the scores of `extreme_seeds` (Figure 3)."""
    ax = ax or new_axes()
    for (factor, extreme), rows in extremes.groupby(["factor", "extreme"], sort=False):
        look = {"color": _COLOURS[extreme == "worst"], "ls": _LINES[factor == "do"]}
        label = f"{extreme} {factor.upper()}"
        _draw_density(ax, 100 * rows["score"].to_numpy(float), label=label, **look)
    ax.set(xlabel="score (%)", ylabel="density", yticks=[])
    return ax


@styled
def plot_curves(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `evaluation_scores` of some runs over their training (Figure 4)."""
    ax = ax or new_axes()
    for place, (_, rows) in enumerate(scores.dropna(subset="score").groupby("trial_id")):
        colour = mpl.colormaps["viridis"](place % 20 / 20)
        ax.plot(rows["epoch"], 100 * rows["score"], lw=0.6, alpha=0.8, color=colour)
    ax.set(xlabel="epoch", ylabel="validation score (%)")
    return ax


@styled
def plot_correlations(correlations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw `evaluation_correlations`; NaN is left grey."""
    ax = ax or new_axes()
    ends = (0.5, len(correlations) + 0.5)
    look = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "origin": "lower"}
    ax.imshow(correlations, extent=(*ends, *ends), interpolation="nearest", **look)
    ax.set(xlabel="evaluation", ylabel="evaluation", facecolor="0.85")
    return ax


@styled
def figure_correlations(correlations: Mapping[str, pd.DataFrame], *, kind: str) -> Figure:
    """Draw `plot_correlations` for each task beside one colour bar (Figures 5 and 9)."""
    figure = panels(plot_correlations, correlations, height=1.75, n_columns=4)
    bar = figure.colorbar(figure.axes[0].images[0], ax=figure.axes, pad=0.01, aspect=25)
    bar.set_label(f"{kind.title()} correlation")
    return figure


@styled
def plot_settings(stopping: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the runs started and kept, and when to stop, by `compare_settings` (Figure 6)."""
    ax = ax or new_axes()
    ax.plot(stopping["budget"], stopping["t"], color=_COLOURS[0], ls="-", label="runs started")
    ax.plot(stopping["budget"], stopping["p"], color=_COLOURS[1], ls="--", label="runs kept")
    right = ax.twinx()
    right.spines["right"].set_visible(True)
    look = {"color": _COLOURS[2], "marker": ".", "ls": "none", "ms": 4}
    look["label"] = "stopped after (% of training, right)"
    right.plot(stopping["budget"], 100 * stopping["f"], **look)
    right.set_ylim(0, 103)
    ax.set(xlabel="budget (full trainings)", ylabel="runs", ylim=(0, None))
    return ax


@styled
def plot_gains(stopping: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the error reductions of `compare_settings`; mean and range over splits (Figure 7)."""
    ax = ax or new_axes()
    budget, percent = stopping["budget"], 100 * stopping.filter(regex="^others|reduction$")
    label = "chosen and judged on all trials"
    ax.plot(budget, percent["relative_error_reduction"], color=_COLOURS[0], label=label)
    look = {"color": _COLOURS[1], "alpha": 0.15, "lw": 0}
    ax.fill_between(budget, percent["others_lowest"], percent["others_highest"], **look)
    look = {"color": _COLOURS[1], "ls": "--", "label": "judged on the other half"}
    ax.plot(budget, percent["others_mean"], **look)
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="budget (full trainings)", ylabel="error reduction (%)")
    return ax


@styled
def plot_deviations(deviations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the densities of `seed_deviations`; that of all scores is a line (Figure 8)."""
    ax = ax or new_axes()
    points = 100 * deviations.set_index("factor")["deviation"].dropna()
    for place, (factor, name) in enumerate({"wi": "WI seed fixed", "do": "DO seed fixed"}.items()):
        look = {"color": _COLOURS[place], "ls": _LINES[place], "label": name}
        _draw_density(ax, points[points.index == factor].to_numpy(), **look)
    for total in points[points.index == "total"]:
        ax.axvline(total, color="black", ls=":", label="all runs")
    ax.set(xlabel="standard deviation (points)", ylabel="density", yticks=[])
    return ax


def _draw_density(ax: Axes, values: np.ndarray, **look) -> None:
    """Draw a density, or a vertical line where there is no spread."""
    import seaborn  # here, for it is slow to import

    if len(values) > 1 and np.ptp(values) > 0:
        seaborn.kdeplot(x=values, ax=ax, **look)
    elif len(values):
        ax.axvline(values[0], **look)
