"""Figures of the procedure: Figure 1 with the paths on it, and ASHA's rungs against warm-up."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, in_order
from repro.show.panels import panels
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


@styled
def plot_flow(trace: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw Figure 1 and, one line a method, the ways that the paths of one task took through it.

    A line is labelled with how often it was passed, where that is more than once.

    Args:
        trace: rows of one model and task; empty for the bare chart.
    """
    ax = ax or new_axes(PAGE_WIDTH / 2, 3.2)
    for edge in sorted({("start", "run"), *(e for r in _ROUTES.values() for e in pairwise(r))}):
        _draw_edge(ax, edge)
    methods = in_order(trace["method"], METHOD_LABELS)
    for place, method in enumerate(methods):
        style, passed = style_of(method), Counter([("start", "run")])
        for decision in trace.loc[trace["method"] == method, "decision"]:
            passed.update(pairwise(_ROUTES[decision]))
        for edge, count in passed.items():
            start, end = _ends(edge, shift=(place - (len(methods) - 1) / 2) * 0.035)
            name = style.label if edge[0] == "start" else "_"
            look = {"color": style.colour, "ls": style.line, "lw": 1.3, "zorder": 2}
            ax.plot(*zip(start, end, strict=True), label=name, **look)
            if count > 1:
                at, box = start + (0.36 + 0.13 * place) * (end - start), {"pad": 0.3, "ec": "none"}
                look = {"color": style.colour, "bbox": box | {"fc": "white"}, "zorder": 5}
                ax.text(*at, f"{count}×", fontsize=5, ha="center", va="center", **look)
    for name, (x, y, words) in _NODES.items():
        is_question = name.endswith("?")
        shape = "round,pad=0.35,rounding_size=0.8" if is_question else "square,pad=0.35"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": "black", "linewidth": 0.6}
        ax.text(x, y, words, fontsize=5.5, ha="center", va="center", bbox=box, zorder=4)
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.06, 1.06))
    ax.set_axis_off()
    return ax


def _ends(edge: tuple[str, str], *, shift: float) -> np.ndarray:
    """Return start and end of an edge, moved sideways; shape (2, 2)."""
    start, end = (np.array(_NODES[name][:2]) for name in edge)
    along = end - start
    return np.stack([start, end]) + shift * np.array([-along[1], along[0]]) / np.hypot(*along)


def _draw_edge(ax: Axes, edge: tuple[str, str]) -> None:
    start, end = _ends(edge, shift=0)
    ax.plot(*zip(start, end, strict=True), color="0.75", lw=0.7)
    tip = {"arrowstyle": "-|>", "color": "0.75", "lw": 0.7}
    ax.annotate("", start + 0.55 * (end - start), start, arrowprops=tip)
    if edge in _ANSWERS:
        x, y = start + (0.6 if end[0] < start[0] else 0.33) * (end - start)
        side = -0.09 if start[0] < 0.3 else 0.09
        at = (x, y + 0.06) if start[0] != end[0] else (x + side, y)
        ax.text(*at, _ANSWERS[edge], fontsize=5, color="0.35", ha="center")


def figure_flow(trace: pd.DataFrame) -> Figure:
    """Draw `plot_flow` for each task of one model."""
    return panels(plot_flow, trace, height=2.5, legend=trace["method"].nunique())


@styled
def plot_rungs(times: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw when ASHA's rungs fall and when warm-up ends, from `rung_times`."""
    ax = ax or new_axes(PAGE_WIDTH, 0.9 + 0.32 * len(times))
    rows, low, high = range(len(times)), times["warmup_ends_low"], times["warmup_ends_high"]
    ax.hlines(rows, 0, times["epochs"], color="0.8", lw=1, zorder=1)
    look = {"color": "#E69F00", "alpha": 0.4, "label": "warm-up ends here, search space"}
    ax.barh(rows, high - low, left=low, height=0.5, zorder=2, **look)
    look = {"marker": "D", "color": "black", "label": "warm-up ends, grid search"}
    ax.scatter(times["warmup_ends"], rows, s=16, zorder=4, **look)
    rungs = times["rungs"].reset_index(drop=True).explode()
    look = {"marker": "|", "color": "#D55E00", "linewidths": 1.6, "label": "ASHA's rungs"}
    ax.scatter(rungs.astype(float), rungs.index, s=140, zorder=3, **look)
    ax.set_yticks(rows, times["name"])
    ax.invert_yaxis()
    ax.set_xscale("symlog", linthresh=0.5)
    ticks = [0, 0.2, 0.5, 1, 3, 10]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(0, 1.1 * times["epochs"].max())
    ax.set_xlabel("epochs (logarithmic above 0.5)")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax


def figure_full_curves(full: pd.DataFrame, times: pd.DataFrame) -> Figure:
    """Draw the curves of trials that ran to the end, by warm-up, with the rungs ASHA would use.

    Args:
        full: of one model.
    """
    own = times[times["name"] == full["model"].iloc[0]].iloc[0]
    plot = partial(_plot_curves, epochs=own["epochs"], rungs=own["rungs"])
    return panels(plot, full, height=1.7, legend=4)


def _plot_curves(full: pd.DataFrame, ax: Axes, *, epochs: float, rungs) -> None:
    best = max(range(len(full)), key=lambda i: np.nanmax(full["curve"].iloc[i]))
    names = {True: "short warm-up (below the median)", False: "long warm-up"}
    colours, lines = {True: "#0072B2", False: "#E69F00"}, {True: "-", False: "--"}
    alpha = 0.7 if len(full) < 40 else 0.35
    for place, (curve, short) in enumerate(zip(full["curve"], full["short_warmup"], strict=True)):
        x, y = epochs * np.arange(1, len(curve) + 1) / len(curve), 100 * np.array(curve)
        look = {"color": colours[short], "ls": lines[short], "label": names.pop(short, "_")}
        ax.plot(x, y, lw=0.7, alpha=alpha, **look)
        if place == best:
            ax.plot(x, y, color="black", ls=lines[short], lw=1.6, label="the winner", zorder=3)
    for place, rung in enumerate(rungs):
        name = "_" if place else "ASHA's rungs"
        ax.axvline(rung, color="#D55E00", lw=0.9, ls=":", label=name, zorder=0)
    ax.set(xlabel="epochs", ylabel="validation score (%)")
