"""Figures of the procedure: Figure 1 with the paths on it, and ASHA's rungs against warm-up."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order
from repro.show.panels import panel_a_task
from repro.show.style import PAGE_WIDTH, new_axes, style_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Figure 1: name -> (x, y, text); diamonds are questions, the last row are verdicts
_NODES = {
    "start": (0.5, 1.0, "full space, 1 GST"),
    "run": (0.5, 0.80, "repeat HPO"),
    "overfits?": (0.5, 0.58, "overfitting?"),
    "outperforms?": (0.5, 0.32, "outperform?"),
    "reducible?": (0.12, 0.44, "can reduce?"),
    "raisable?": (0.88, 0.44, "budget < max?"),
    "reduce_space": (0.12, 0.80, "↓ space"),
    "more_budget": (0.88, 0.80, "↑ budget"),
    "overfits": (0.12, 0.05, "overfits"),
    "succeeds": (0.5, 0.05, "succeeds"),
    "tbd": (0.88, 0.05, "TBD"),
}
_REDUCE = ("run", "overfits?", "reducible?")
_RAISE = ("run", "overfits?", "outperforms?", "raisable?")
_ROUTES = {  # decision -> the nodes that a path passes
    "reduce_space": (*_REDUCE, "reduce_space", "run"),
    "overfits": (*_REDUCE, "overfits"),
    "more_budget": (*_RAISE, "more_budget", "run"),
    "tbd": (*_RAISE, "tbd"),
    "succeeds": (*_RAISE[:3], "succeeds"),
}
_ANSWERS = {
    ("overfits?", "reducible?"): "yes",
    ("overfits?", "outperforms?"): "no",
    ("outperforms?", "raisable?"): "no",
    ("outperforms?", "succeeds"): "yes",
    ("reducible?", "reduce_space"): "yes",
    ("reducible?", "overfits"): "no",
    ("raisable?", "more_budget"): "yes",
    ("raisable?", "tbd"): "no",
}
_GREY = "0.75"


@styled
def plot_flow(trace: pd.DataFrame, ax: Axes | None = None, *, text: bool = True) -> Axes:
    """Draw Figure 1 and, one line a method, the ways that the paths of one task took through it.

    A line is labelled with how often it was passed, where that is more than once.

    Args:
        trace: rows of one model and task; empty for the bare chart.
        text: whether the boxes are labelled.
    """
    ax = ax or new_axes(PAGE_WIDTH / 2, 3.2)
    routes = {edge for route in _ROUTES.values() for edge in _edges(route)} | {("start", "run")}
    for edge in sorted(routes):
        _arrow(ax, edge)
    methods = in_order(trace["method"], METHOD_LABELS)
    for place, method in enumerate(methods):
        shift = (place - (len(methods) - 1) / 2) * 0.035
        counts: dict[tuple, int] = {("start", "run"): 1}
        for decision in trace.loc[trace["method"] == method, "decision"]:
            for edge in _edges(_ROUTES[decision]):
                counts[edge] = counts.get(edge, 0) + 1
        for edge, count in counts.items():
            _passed(ax, edge, shift, count, at=0.36 + 0.13 * place, look=_line(method))
    for name, (x, y, words) in _NODES.items():
        _box(ax, x, y, words if text else "", question=name.endswith("?"))
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.06, 1.06))
    ax.set_axis_off()
    return ax


def _edges(route: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(route))


def _line(method: str) -> dict:
    style = style_of(method)
    return {"color": style.colour, "ls": style.line, "lw": 1.3, "zorder": 2}


def _ends(edge: tuple[str, str], shift: float) -> np.ndarray:
    """Return start and end of an edge, moved sideways; shape (2, 2)."""
    start, end = (np.array(_NODES[name][:2]) for name in edge)
    along = end - start
    return np.stack([start, end]) + shift * np.array([-along[1], along[0]]) / np.hypot(*along)


def _arrow(ax: Axes, edge: tuple[str, str]) -> None:
    start, end = _ends(edge, 0)
    ax.plot(*zip(start, end, strict=True), color=_GREY, lw=0.7)
    tip = {"arrowstyle": "-|>", "color": _GREY, "lw": 0.7}
    ax.annotate("", start + 0.55 * (end - start), start, arrowprops=tip)
    if edge in _ANSWERS:
        slanted = start[0] != end[0]
        x, y = start + (0.6 if end[0] < start[0] else 0.33) * (end - start)
        side = -0.09 if start[0] < 0.3 else 0.09
        place = (x, y + 0.06) if slanted else (x + side, y)
        ax.text(*place, _ANSWERS[edge], fontsize=5, color="0.35", ha="center")


def _passed(ax: Axes, edge: tuple[str, str], shift: float, count: int, *, at, look) -> None:
    """Mark an edge as passed by one method, with how often where that is more than once."""
    start, end = _ends(edge, shift)
    ax.plot(*zip(start, end, strict=True), **look)
    if count > 1:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.3}
        place = {"ha": "center", "va": "center", "zorder": 5, "bbox": box}
        ax.text(
            *(start + at * (end - start)), f"{count}×", fontsize=5, color=look["color"], **place
        )


def _box(ax, x: float, y: float, words: str, *, question: bool) -> None:
    style = "round,pad=0.35,rounding_size=0.8" if question else "square,pad=0.35"
    look = {"boxstyle": style, "facecolor": "white", "edgecolor": "black", "linewidth": 0.6}
    ax.text(x, y, words, fontsize=5.5, ha="center", va="center", bbox=look, zorder=4)


@styled
def figure_flow(trace: pd.DataFrame) -> Figure:
    """Draw Figure 1 for each task of one model, with the paths of all methods marked.

    Args:
        trace: of one model.
    """
    figure, _ = panel_a_task(
        in_order(trace["task"], TASK_LABELS),
        lambda ax, task: plot_flow(trace[trace["task"] == task], ax),
        height=2.5,
        legend=0.35,
    )
    import matplotlib.lines as lines

    methods = in_order(trace["method"], METHOD_LABELS)
    handles = [lines.Line2D([], [], label=style_of(m).label, **_line(m)) for m in methods]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


@styled
def plot_rungs(times: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw when ASHA's rungs fall and when warm-up ends, one row a setting.

    Args:
        times: from `analysis.rungs.rung_times`, with `name`.
    """
    ax = ax or new_axes(PAGE_WIDTH, 0.9 + 0.32 * len(times))
    for y, row in enumerate(times.to_dict("records")):
        ax.hlines(y, 0, row["epochs"], color="0.8", lw=1, zorder=1)
        span = (row["warmup_ends_low"], row["warmup_ends_high"])
        label_of = lambda text, first=y == 0: text if first else "_"  # noqa: E731
        ax.barh(y, span[1] - span[0], left=span[0], height=0.5, color="#E69F00", alpha=0.4,
                label=label_of("warm-up ends here, search space"), zorder=2)  # fmt: skip
        ax.scatter(row["warmup_ends"], y, marker="D", color="black", s=16, zorder=4,
                   label=label_of("warm-up ends, grid search"))  # fmt: skip
        ax.scatter(row["rungs"], [y] * len(row["rungs"]), marker="|", s=140, color="#D55E00",
                   linewidths=1.6, zorder=3, label=label_of("ASHA's rungs"))  # fmt: skip
    ax.set_yticks(range(len(times)), times["name"])
    ax.invert_yaxis()
    ax.set_xscale("symlog", linthresh=0.5)
    ticks = [0, 0.2, 0.5, 1, 3, 10]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(0, 1.1 * times["epochs"].max())
    ax.set_xlabel("epochs (logarithmic above 0.5)")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax


@styled
def figure_full_curves(full: pd.DataFrame, *, epochs: float, rungs: tuple[float, ...]) -> Figure:
    """Draw the curves of trials that ran to the end, by warm-up, with the rungs ASHA would use.

    Args:
        full: from `analysis.rungs.full_curves`, of one model.
        epochs: of training.
        rungs: when they fall, in epochs.
    """
    figure, axes = panel_a_task(
        in_order(full["task"], TASK_LABELS),
        lambda ax, task: _plot_curves(full[full["task"] == task], ax, epochs=epochs, rungs=rungs),
        height=1.7,
        legend=0.6,
    )
    figure.supxlabel("epochs", fontsize=8)
    figure.supylabel("validation score (%)", fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _plot_curves(full: pd.DataFrame, ax: Axes, *, epochs: float, rungs) -> None:
    best = max(range(len(full)), key=lambda i: np.nanmax(full["curve"].iloc[i]))
    middle = full["warmup_ratio"].median()
    names = {True: "short warm-up (below the median)", False: "long warm-up"}
    looks = {True: ("#0072B2", "-"), False: ("#E69F00", "--")}
    for place, (curve, warmup) in enumerate(zip(full["curve"], full["warmup_ratio"], strict=True)):
        short = bool(warmup <= middle)
        colour, line = looks[short]
        x = epochs * np.arange(1, len(curve) + 1) / len(curve)
        y = 100 * np.array(curve)
        ax.plot(
            x,
            y,
            color=colour,
            ls=line,
            lw=0.7,
            alpha=0.7 if len(full) < 40 else 0.35,
            label=names.pop(short, "_"),
        )
        if place == best:
            ax.plot(x, y, color="black", ls=line, lw=1.6, label="the winner", zorder=3)
    for number, rung in enumerate(rungs):
        name = "ASHA's rungs" if number == 0 else "_"
        ax.axvline(rung, color="#D55E00", lw=0.9, ls=":", label=name, zorder=0)
