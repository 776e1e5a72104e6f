"""Figures of the procedure: Figure 1, the paths as strips, and ASHA's rungs against warm-up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.show.cells import in_paper_order, method_label, task_label
from repro.show.panels import panels
from repro.show.style import OWN, PAGE_WIDTH, new_axes, new_figure, styled

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
_ROUTES = (
    ("run", "overfits?", "reducible?", "reduce_space", "run"),
    ("reducible?", "overfits"),
    ("overfits?", "outperforms?", "raisable?", "more_budget", "run"),
    ("outperforms?", "succeeds"),
    ("raisable?", "tbd"),
)
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
def plot_flow(ax: Axes | None = None) -> Axes:
    """Draw Figure 1 of Liu & Wang 2021: the procedure as a chart."""
    ax, boxes = ax or new_axes(0.75 * PAGE_WIDTH, 3.6), {}
    for name, (x, y, words) in _NODES.items():
        shape = "round,pad=0.4,rounding_size=0.8" if name.endswith("?") else "square,pad=0.4"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": "black", "linewidth": 0.7}
        boxes[name] = ax.text(x, y, words, fontsize=7, ha="center", va="center", bbox=box)
    for start, end in sorted({("start", "run"), *(e for r in _ROUTES for e in pairwise(r))}):
        tip = {"arrowstyle": "-|>", "color": "0.45", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
        tip |= {f"patch{side}": boxes[n].get_bbox_patch() for side, n in (("A", start), ("B", end))}
        places = np.array([_NODES[start][:2], _NODES[end][:2]])
        ax.annotate("", places[1], places[0], arrowprops=tip)
        if answer := _ANSWERS.get((start, end)):
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
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
    first = next(iter(traces.values())).set_index(["task", "method", "round"])
    for ax, (name, trace) in zip(axes, traces.items(), strict=True):
        for row in trace.to_dict("records"):
            place, y = (
                (row["task"], row["method"], row["round"]),
                paths.index((row["task"], row["method"])),
            )
            sign, colour, _ = _DECISIONS[row["decision"]]
            ax.barh(y, 0.9, left=row["round"] - 0.45, height=0.8, color=colour, lw=0)
            dark = row["decision"] in ("succeeds", "overfits", "tbd")
            look = {"color": "white" if dark else "black", "ha": "center", "va": "center"}
            ax.text(row["round"], y, sign, fontsize=7, **look)
            agrees = row.get("agrees", True)
            if place in first.index:
                agrees &= row["decision"] == first.loc[place, "decision"]
            if not agrees:
                box = (row["round"] - 0.45, y - 0.4), 0.9, 0.8
                look = {"fill": False, "edgecolor": "black", "lw": 1.4, "zorder": 4}
                ax.add_patch(mpl.patches.Rectangle(*box, **look))
        ax.set(title=name, xlabel="round", xticks=range(most), xlim=(-0.6, most - 0.4))
        ax.set_ylim(len(paths) - 0.4, -0.6)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
    axes[0].set_yticks(range(len(paths)), [f"{task_label(t)}, {method_label(m)}" for t, m in paths])
    patches = [
        mpl.patches.Patch(color=colour, label=f"{sign} {words}")
        for sign, colour, words in _DECISIONS.values()
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=len(patches))
    return figure


@styled
def plot_against_chance(rounds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often rounds overfit beside how often they would if nothing were better.

    Args:
        rounds: from `uncertainty.rounds_against_chance`.
    """
    ax = ax or new_axes(PAGE_WIDTH, 0.8 + 0.26 * len(rounds))
    y = np.arange(len(rounds))
    share, low, high = (100 * rounds[name] for name in ("share", "low", "high"))
    ax.hlines(y, low, high, color=OWN, lw=1.2, zorder=2)
    ax.scatter(share, y, s=24, color=OWN, zorder=3, label="observed, with 95% interval")
    look = {"marker": "|", "s": 130, "color": "black", "linewidths": 1.8, "zorder": 4}
    ax.scatter(100 * rounds["p_overfits"], y, label="by chance alone", **look)
    names = zip(rounds["model"], rounds["task"], rounds["n_over"], rounds["n"], strict=True)
    ax.set_yticks(y, [f"{model}, {task_label(t)} ({k} of {n})" for model, t, k, n in names])
    ax.set(xlabel="rounds that overfit (%)", xlim=(-3, 103))
    ax.set_ylim(len(rounds) - 0.4, -0.6)
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


@styled
def figure_full_curves(full: pd.DataFrame, times: pd.DataFrame) -> Figure:
    """Draw the curves of trials that ran to the end, with the rungs that ASHA would use.

    Args:
        full: of one model.
    """
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
