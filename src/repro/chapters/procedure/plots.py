"""Figures of the procedure: Figure 1, the paths as strips, and ASHA's rungs against warm-up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.show.cells import in_paper_order, method_label, task_label
from repro.show.panels import panels
from repro.show.style import OWN, PAGE_WIDTH, name_rows, new_axes, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Figure 1: name -> (x, y, text); rounded boxes are questions, the last row are verdicts
_NODES = {
    "start": (0.5, 1.0, "full space, 1 GST"),
    "run": (0.5, 0.80, "run the method\na few times"),
    "overfits?": (0.5, 0.56, "does any run overfit?"),
    "outperforms?": (0.5, 0.28, "does the mean beat grid\non both splits?"),
    "reducible?": (0.08, 0.44, "can the space\nshrink?"),
    "raisable?": (0.92, 0.44, "can the budget\ngrow?"),
    "reduce_space": (0.08, 0.80, "↓ space"),
    "more_budget": (0.92, 0.80, "↑ budget"),
    "overfits": (0.08, 0.02, "overfits"),
    "succeeds": (0.5, 0.02, "succeeds"),
    "tbd": (0.92, 0.02, "no verdict"),
}
_ARROWS = {  # from -> to, and the answer that leads there
    "start": {"run": ""},
    "run": {"overfits?": ""},
    "overfits?": {"reducible?": "yes", "outperforms?": "no"},
    "outperforms?": {"succeeds": "yes", "raisable?": "no"},
    "reducible?": {"reduce_space": "yes", "overfits": "no"},
    "raisable?": {"more_budget": "yes", "tbd": "no"},
    "reduce_space": {"run": ""},
    "more_budget": {"run": ""},
}


@styled
def plot_flow(ax: Axes | None = None) -> Axes:
    """Draw Figure 1 of Liu & Wang 2021: the procedure as a chart."""
    ax, boxes = ax or new_axes(0.75 * PAGE_WIDTH, 3.6), {}
    for name, (x, y, words) in _NODES.items():
        shape = "round,pad=0.4,rounding_size=0.8" if name.endswith("?") else "square,pad=0.4"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": "black", "linewidth": 0.7}
        boxes[name] = ax.text(x, y, words, fontsize=7, ha="center", va="center", bbox=box)
    tip = {"arrowstyle": "-|>", "color": "0.45", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    for start, end, answer in [(a, b, text) for a, to in _ARROWS.items() for b, text in to.items()]:
        patches = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
        places = np.array([_NODES[start][:2], _NODES[end][:2]])
        ax.annotate("", places[1], places[0], arrowprops=tip | patches)
        if answer:
            ax.text(*places.mean(axis=0), answer, fontsize=7, ha="center", va="center", bbox=box)
    ax.set(xlim=(-0.12, 1.12), ylim=(-0.06, 1.08))
    ax.set_axis_off()
    return ax


# decision -> sign, colour (lighter: the path goes on), what it means
_DECISIONS = {
    "reduce_space": ("↓", "#d9d9d9", "smaller space"),
    "more_budget": ("↑", "#c6dbef", "larger budget"),
    "succeeds": ("✓", "#2166ac", "succeeds"),
    "overfits": ("✗", "#b2182b", "still overfits"),
    "tbd": ("–", "#525252", "no verdict"),
}


@styled
def figure_path_strips(traces: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each path as a strip: a row a task and method, a cell a round, with what it led to.

    Cells are outlined where they differ from the first panel's same round; in the first panel,
    where a replay leads elsewhere than the source says (`agrees`).

    Args:
        traces: panel -> rows of one model, from `rules.replay` or of a `run.Procedure`.
    """
    paths = pd.concat(traces.values())[["task", "method"]].drop_duplicates()
    paths = list(in_paper_order(paths, ["task", "method"]).itertuples(index=False, name=None))
    most = max(trace["round"].max() for trace in traces.values()) + 1
    figure = new_figure(PAGE_WIDTH, 0.75 + 0.21 * len(paths))
    axes = figure.subplots(1, len(traces), sharey=True, squeeze=False)[0]
    first = next(iter(traces.values())).set_index(["task", "method", "round"])["decision"]
    for ax, (name, trace) in zip(axes, traces.items(), strict=True):
        for row in trace.to_dict("records"):
            path, number = (row["task"], row["method"]), row["round"]
            y, (sign, colour, _) = paths.index(path), _DECISIONS[row["decision"]]
            of_first = first.get((*path, number), row["decision"])
            odd = row["decision"] != of_first or not row.get("agrees", True)
            look = {"ec": "black", "lw": 1.4, "zorder": 4} if odd else {"lw": 0}
            ax.barh(y, 0.9, 0.8, number - 0.45, color=colour, **look)
            dark = row["decision"] in ("succeeds", "overfits", "tbd")
            look = {"color": "white" if dark else "black", "ha": "center", "va": "center"}
            ax.text(number, y, sign, fontsize=7, zorder=5, **look)
        ax.set(title=name, xlabel="round", xticks=range(most), xlim=(-0.6, most - 0.4))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    name_rows(axes[0], [f"{task_label(task)}, {method_label(method)}" for task, method in paths])
    patches = [
        mpl.patches.Patch(color=colour, label=f"{sign} {words}")
        for sign, colour, words in _DECISIONS.values()
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=len(patches))
    return figure


@styled
def plot_against_chance(rounds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often rounds overfit beside how often chance makes them: `rounds_against_chance`."""
    ax = ax or new_axes(PAGE_WIDTH, 0.8 + 0.26 * len(rounds))
    y = np.arange(len(rounds))
    share, low, high = (100 * rounds[name] for name in ("share", "low", "high"))
    ax.hlines(y, low, high, color=OWN, lw=1.2, zorder=2)
    ax.scatter(share, y, s=24, color=OWN, zorder=3, label="observed, with 95% interval")
    look = {"marker": "|", "s": 130, "color": "black", "linewidths": 1.8, "zorder": 4}
    ax.scatter(100 * rounds["p_overfits"], y, label="by chance alone", **look)
    names = zip(rounds["model"], rounds["task"], rounds["n_over"], rounds["n"], strict=True)
    name_rows(ax, [f"{model}, {task_label(t)} ({k} of {n})" for model, t, k, n in names])
    ax.set(xlabel="rounds that overfit (%)", xlim=(-3, 103))
    ax.figure.legend(loc="outside upper center", ncols=2)
    return ax


@styled
def plot_rungs(times: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw when ASHA's rungs fall and when warm-up ends, from `rung_times`."""
    ax = ax or new_axes(PAGE_WIDTH, 0.9 + 0.32 * len(times))
    rows, low, high = range(len(times)), times["warmup_ends_low"], times["warmup_ends_high"]
    ax.hlines(rows, 0, times["epochs"], color="0.8", lw=1, zorder=1)
    look = {"color": "#c6dbef", "label": "warm-up ends here, search space"}
    ax.barh(rows, high - low, left=low, height=0.5, zorder=2, **look)
    look = {"marker": "D", "color": "black", "label": "warm-up ends, grid search"}
    ax.scatter(times["warmup_ends"], rows, s=16, zorder=4, **look)
    rungs = times["rungs"].reset_index(drop=True).explode()
    look = {"marker": "|", "color": "#b2182b", "linewidths": 1.6, "label": "ASHA's rungs"}
    ax.scatter(rungs.astype(float), rungs.index, s=140, zorder=3, **look)
    name_rows(ax, times["name"])
    ax.set_xscale("symlog", linthresh=0.5)
    ticks = [0, 0.2, 0.5, 1, 3, 10]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(0, 1.1 * times["epochs"].max())
    ax.set_xlabel("epochs (logarithmic above 0.5)")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax


@styled
def figure_full_curves(full: pd.DataFrame, times: pd.DataFrame) -> Figure:
    """Draw one model's `full_curves`, with the rungs that ASHA would use."""
    own = times[times["name"] == full["model"].iloc[0]].iloc[0]
    norm = mpl.colors.Normalize(0, max(0.01, full["warmup_ratio"].max()))
    plot = partial(_plot_curves, epochs=own["epochs"], rungs=own["rungs"], norm=norm)
    figure = panels(plot, full, height=1.7, legend=2)
    bar = figure.colorbar(mpl.cm.ScalarMappable(norm, _WARMUPS), ax=figure.axes, pad=0.01)
    bar.set_label("warm-up ratio")
    return figure


# white is left out: a line must be seen
_WARMUPS = mpl.colors.LinearSegmentedColormap.from_list("warm-up", ["#a9cbe6", "#08306b"])


def _plot_curves(full: pd.DataFrame, ax: Axes, *, epochs: float, rungs, norm) -> None:
    best = max(range(len(full)), key=lambda i: np.nanmax(full["curve"].iloc[i]))
    for place, (curve, warmup) in enumerate(zip(full["curve"], full["warmup_ratio"], strict=True)):
        x, y = epochs * np.arange(1, len(curve) + 1) / len(curve), 100 * np.array(curve)
        ax.plot(x, y, lw=0.7, alpha=0.8, color=_WARMUPS(norm(warmup)))
        if place == best:
            ax.plot(x, y, color="#b2182b", lw=1.6, label="the winner", zorder=3)
    for place, rung in enumerate(rungs):
        name = "_" if place else "ASHA's rungs"
        ax.axvline(rung, color="black", lw=0.9, ls=":", label=name, zorder=0)
    ax.set(xlabel="epochs", ylabel="validation score (%)")
