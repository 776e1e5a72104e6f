"""Figures over steps: learning curves of one trial, incumbents of tuning runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, METRIC_LABELS, in_order, label
from repro.show.panels import panels
from repro.show.style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    MethodStyle,
    new_axes,
    new_figure,
    panel,
    style_of,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _ORANGE = "#0072B2", "#D55E00"


@styled
def plot_losses(losses: pd.DataFrame, evaluations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one trial's training loss of every update and its validation losses."""
    ax = ax or new_axes()
    losses, evaluations = _one_trial(losses).dropna(), _one_trial(evaluations)
    ax.plot(losses["step"], losses["loss"], color="0.65", lw=0.7, label="training, each update")
    look = {"color": _ORANGE, "marker": "s", "label": "validation"}
    ax.plot(evaluations["step"], evaluations["validation_loss"], **look)
    ax.set(xlabel="optimizer step", ylabel="loss")
    ax.legend()
    return ax


@panel
def plot_scores(evaluations: pd.DataFrame, ax: Axes, *, metric: str = "score") -> None:
    """Draw one trial's validation scores, of this metric; the best checkpoint is ringed."""
    rows = _one_trial(evaluations)
    scores = 100 * rows["validation_score"]
    ax.plot(rows["step"], scores, color=_BLUE, marker="o")
    if scores.notna().any():
        best = scores.idxmax()  # the first of equals, as training keeps it
        look = {"s": 60, "facecolors": "none", "edgecolors": "black", "zorder": 3}
        ax.scatter(rows.loc[best, "step"], scores[best], label="best checkpoint", **look)
        ax.legend()
    name = METRIC_LABELS.get(metric, metric).replace("acc.", "accuracy")
    ax.set(xlabel="optimizer step", ylabel=f"validation {name} (%)")
    ax.margins(y=0.12)


@styled
def figure_learning_curve(
    evaluations: pd.DataFrame, losses: pd.DataFrame, *, metric: str = "score"
) -> Figure:
    """Draw the losses of one trial above its validation scores."""
    figure = new_figure(COLUMN_WIDTH * 1.3, 3.6)
    above, below = figure.subplots(2, 1, sharex=True)
    plot_losses(losses, evaluations, above).set_xlabel("")
    plot_scores(evaluations, below, metric=metric)
    return figure


def _one_trial(frame: pd.DataFrame) -> pd.DataFrame:
    trials = frame["trial_id"].unique()
    if len(trials) > 1:
        raise ValueError(
            f"a learning curve must be of one trial, but got {len(trials)}; select one trial_id"
        )
    return frame.sort_values("step").reset_index(drop=True)


@panel
def plot_incumbents(curves: pd.DataFrame, ax: Axes) -> None:
    """Draw the best validation score so far over the steps spent, one line a tuning run.

    Args:
        curves: from `incumbent_curves`, of one model and task.
    """
    curves = curves.sort_values(["run_id", "spent"], kind="stable")
    for method in in_order(curves["method"], METHOD_LABELS):
        style, rows = style_of(method), curves[curves["method"] == method]
        steps, scores = rows["spent"].to_numpy(), 100 * rows["incumbent_score"]
        ends = np.flatnonzero(rows["run_id"].ne(rows["run_id"].shift(-1)))
        gaps = ends[:-1] + 1  # hundreds of runs draw fast as one line with gaps
        ax.plot(
            np.insert(steps.astype(float), gaps, np.nan),
            np.insert(scores.to_numpy(), gaps, np.nan),
            **style.look,
            drawstyle="steps-post",
            markevery=(ends + np.arange(len(ends))).tolist(),
            label=label(method, METHOD_LABELS),
        )
    ax.margins(x=0.03)
    late = curves["spent"] >= 0.1 * curves.groupby("run_id")["spent"].transform("max")
    scores = curves["incumbent_score"]
    _frame(ax, scores[late].min(), scores.max())


def _frame(ax: Axes, bottom: float, top: float) -> None:
    """Name the axes, and leave out the first climb, which would press all the rest together."""
    if bottom < top:
        margin = 0.08 * (top - bottom)
        ax.set_ylim(100 * (bottom - margin), 100 * (top + margin))
    ax.set(xlabel="optimizer steps spent", ylabel="incumbent's validation\nscore (%)")


def figure_incumbents(curves: pd.DataFrame) -> Figure:
    """Draw `plot_incumbents` for each task of one model."""
    return panels(plot_incumbents, curves, height=1.7, legend=curves["method"].nunique())


def plot_band(band: pd.DataFrame, ax: Axes, style: MethodStyle) -> None:
    """Draw the mean incumbent of one strategy over what it spent, with its interval.

    Args:
        band: rows of one strategy from `incumbent_bands`.
    """
    ax.plot(band["spent"], 100 * band["mean"], label=style.label, markevery=[-1], **style.look)
    ends = 100 * band["low"], 100 * band["high"]
    ax.fill_between(band["spent"], *ends, color=style.colour, alpha=0.15, lw=0)


@styled
def plot_incumbent_bands(bands: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each method's mean incumbent over the steps spent, with its interval.

    Args:
        bands: from `incumbent_bands`, by method.
    """
    alone = ax is None
    ax = new_axes(0.75 * PAGE_WIDTH, 2.8) if alone else ax
    for method in in_order(bands["method"], METHOD_LABELS):
        plot_band(bands[bands["method"] == method], ax, style_of(method))
    late = bands["spent"] >= 0.1 * bands.groupby("method")["spent"].transform("max")
    _frame(ax, bands.loc[late, "mean"].min(), bands[["mean", "high"]].max().max())
    if alone:
        ax.legend(loc="lower right")
    return ax


@panel(width=PAGE_WIDTH, height=3.4)
def plot_overlays(evaluations: pd.DataFrame, ax: Axes, *, names: Mapping[str, str]) -> None:
    """Draw the validation scores of several trials over the epochs, the first ones darkest.

    Args:
        names: trial_id -> what the legend calls it, in the order of drawing.
    """
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.92, max(len(names), 2)))
    for place, (trial_id, name) in enumerate(names.items()):
        rows = evaluations[evaluations["trial_id"] == trial_id].sort_values("step")
        look = {"color": colours[place], "ls": _LINES[place % 4], "marker": _MARKERS[place % 5]}
        ax.plot(rows["epoch"], 100 * rows["validation_score"], label=name, ms=3, **look)
    ax.set(xlabel="passes over the training data (epochs)", ylabel="validation score (%)")
    if names:
        ax.figure.legend(loc="outside right upper", fontsize=6 if len(names) > 12 else 7)


_LINES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v")


@panel(width=PAGE_WIDTH, height=2.8)
def plot_trials(points: pd.DataFrame, ax: Axes) -> None:
    """Draw a tuning run as it goes: each trial's validation scores, and the incumbent.

    Args:
        points: one row an evaluation, in order: trial, spent, validation_score.
    """
    scores = 100 * points["validation_score"]
    look = {"color": "0.55", "lw": 0.8, "ms": 3, "marker": "o", "label": "each trial's evaluations"}
    for _, rows in points.assign(score=scores).groupby("trial"):
        ax.plot(rows["spent"], rows["score"], **look)
        look["label"] = None  # once is enough
    so_far = scores.cummax().ffill()
    look = {"color": _BLUE, "lw": 1.8, "drawstyle": "steps-post", "label": "incumbent"}
    ax.plot(points["spent"], so_far, **look)
    ax.set(xlabel="optimizer steps spent", ylabel="validation score (%)")
    ax.set_xlim(0, None)
    ax.margins(y=0.12)
    ax.figure.legend(loc="outside upper center", ncols=2)
