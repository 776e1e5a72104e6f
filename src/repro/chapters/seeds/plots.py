"""The figures of the seed study, one task's panel each; `panels` lays them out.

Each takes what the function of `analysis`, `early_stopping`, `authors` or `failures` named beside
it gives for one task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.chapters.seeds.analysis import PARTS
from repro.chapters.seeds.failures import WAYS
from repro.show.panels import add_legend, panels
from repro.show.style import DARKER_IS_MORE, OWN, PAGE_WIDTH, new_axes, new_figure, panel, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's muted colours, none of them a method's; lines tell in grey
_COLOURS = (OWN, "#AA4499", "#117733")
_FAILED = "#882255"
_LINES = ("-", "--", ":")


@panel
def plot_expected(curves: pd.DataFrame, ax: Axes) -> None:
    """Draw `scenario_curves` or `expected_curves` over the number of runs (Figure 1)."""
    for place, (scenario, rows) in enumerate(curves.groupby("scenario", sort=False)):
        look = {"color": _COLOURS[place], "ls": _LINES[place], "label": scenario}
        if scenario == "printed":
            look |= {"ls": "none", "marker": "o", "ms": 3.5, "mfc": "none", "color": "black"}
        ax.plot(rows["n"], 100 * rows["mean"], **look)
        if rows["low"].notna().any():
            look = {"color": _COLOURS[place], "alpha": 0.12, "lw": 0}
            ax.fill_between(rows["n"], 100 * rows["low"], 100 * rows["high"], **look)
    ax.set(xlabel="runs", ylabel="expected best score (%)", xscale="log")
    ax.xaxis.set_major_formatter("{x:g}")


@panel
def plot_matrix(matrix: pd.DataFrame, ax: Axes) -> None:
    """Draw a `sorted_matrix`, WI seeds down and DO seeds across; holes are hatched (Figure 2)."""
    image = ax.imshow(100 * matrix, cmap=DARKER_IS_MORE, aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(matrix.isna().to_numpy()):
        corner = (column - 0.5, row - 0.5)
        look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
        ax.add_patch(mpl.patches.Rectangle(corner, 1, 1, **look))
    ax.set(xticks=[], yticks=[], xlabel="DO seeds, best at the right")
    ax.set_ylabel("WI seeds, best on top")
    ax.figure.colorbar(image, ax=ax, location="bottom", pad=0.03, aspect=18, label="score (%)")


@panel
def plot_extremes(extremes: pd.DataFrame, ax: Axes) -> None:
    """Draw the scores of `extreme_seeds`, a point a run and a line a mean (Figure 3)."""
    names = []
    for place, ((factor, extreme), rows) in enumerate(
        extremes.groupby(["factor", "extreme"], sort=False)
    ):
        _draw_strip(ax, 100 * rows["score"], place, colour=_COLOURS[extreme == "worst"])
        names.append(f"{extreme} {factor.upper()}")
    ax.set(ylabel="score (%)", xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4))
    ax.set_xticklabels([name.replace(" ", "\n") for name in names])


def _draw_strip(ax: Axes, values: pd.Series, place: float, *, colour: str) -> None:
    """Draw a point a value around `place`, evenly apart in their order, and their mean."""
    values = values.dropna().to_numpy(float)
    beside = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(len(values))
    ax.plot(place + beside, values, ".", color=colour, ms=4, alpha=0.7, mew=0)
    if len(values):
        ax.plot([place - 0.32, place + 0.32], [values.mean()] * 2, color="black", lw=1)


@panel
def plot_curves(scores: pd.DataFrame, ax: Axes) -> None:
    """Draw `evaluation_scores` of some runs, darker the higher they end (Figure 4)."""
    known = scores.dropna(subset="score").sort_values("evaluation")
    ends = known.groupby("trial_id")["score"].last().rank(pct=True).sort_values()
    for trial, place in ends.items():
        rows = known[known["trial_id"] == trial]
        colour = mpl.colormaps[DARKER_IS_MORE](0.25 + 0.75 * place)
        ax.plot(rows["epoch"], 100 * rows["score"], lw=0.7, color=colour)
    ax.set(xlabel="epoch", ylabel="validation score (%)")


@styled
def figure_correlations(correlations: Mapping[str, Mapping[str, pd.DataFrame]]) -> Figure:
    """Draw `evaluation_correlations` of each task: Spearman above the diagonal, Pearson below.

    Args:
        correlations: "spearman" and "pearson" -> task -> from `evaluation_correlations`.
    """
    both = {
        task: spearman.where(np.triu(np.ones(spearman.shape, bool)), correlations["pearson"][task])
        for task, spearman in correlations["spearman"].items()
    }
    figure = panels(_plot_correlations, both, height=1.75, n_columns=4)
    bar = figure.colorbar(figure.axes[0].images[0], ax=figure.axes, pad=0.01, aspect=25)
    bar.set_label("correlation (below 0: white)")
    return figure


def _plot_correlations(correlations: pd.DataFrame, ax: Axes) -> None:
    ends = (0.5, len(correlations) + 0.5)
    look = {"cmap": DARKER_IS_MORE, "vmin": 0, "vmax": 1, "origin": "lower"}
    ax.imshow(correlations, extent=(*ends, *ends), interpolation="nearest", **look)
    ax.plot(ends, ends, color="black", lw=0.5)
    ax.set(xlabel="evaluation", ylabel="evaluation", facecolor="0.85")


@panel
def plot_early(early: pd.DataFrame, ax: Axes) -> None:
    """Draw `early_correlations` over the epochs, with what noise would give."""
    looks = {
        "score": ("score at that time", _COLOURS[0], "-"),
        "best_so_far": ("best so far", _COLOURS[2], "--"),
        "noise": ("best so far of noise", "0.5", ":"),
    }
    for column, (name, colour, line) in looks.items():
        ax.plot(early["epoch"], early[column], color=colour, ls=line, label=name)
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="epoch", ylabel="Spearman's r with the end", ylim=(None, 1.05))


@panel
def plot_settings(stopping: pd.DataFrame, ax: Axes) -> None:
    """Draw the runs started and kept by the best setting of each budget (Figure 6)."""
    ax.plot(stopping["budget"], stopping["t"], color=_COLOURS[0], ls="-", label="runs started")
    ax.plot(stopping["budget"], stopping["p"], color=_COLOURS[1], ls="--", label="runs kept")
    ax.plot(stopping["budget"], stopping["budget"], color="0.6", lw=0.7, label="without a stop")
    ax.set(xlabel="budget (full trainings)", ylabel="runs", ylim=(0, None))


@panel
def plot_stops(stopping: pd.DataFrame, ax: Axes) -> None:
    """Draw when the best setting of each budget stops, in percent of the training (Figure 6)."""
    ax.plot(stopping["budget"], 100 * stopping["f"], ".", color=_COLOURS[2], ms=4)
    ax.set(xlabel="budget (full trainings)", ylabel="stopped after (%)", ylim=(0, 103))


@panel
def plot_gains(stopping: pd.DataFrame, ax: Axes) -> None:
    """Draw the error reductions of `compare_settings`; mean and range over splits (Figure 7).

    Of `printed_settings`, which were judged on no other runs, it draws points.
    """
    budget, gain = stopping["budget"], 100 * stopping["relative_error_reduction"]
    if "others_mean" in stopping:
        ax.plot(budget, gain, color=_COLOURS[0], label="chosen and judged on all trials")
        others = 100 * stopping[["others_lowest", "others_highest", "others_mean"]]
        look = {"color": _COLOURS[1], "alpha": 0.15, "lw": 0}
        ax.fill_between(budget, others["others_lowest"], others["others_highest"], **look)
        look = {"color": _COLOURS[1], "ls": "--", "label": "judged on the other half"}
        ax.plot(budget, others["others_mean"], **look)
    else:
        ax.plot(budget, gain, "o", color="black", mfc="none", ms=3.5, label="printed")
    ax.axhline(0, color="black", lw=0.6)
    ax.set(xlabel="budget (full trainings)", ylabel="error reduction (%)")


@panel
def plot_deviations(deviations: pd.DataFrame, ax: Axes) -> None:
    """Draw the standard deviation under each seed, and that of all scores (Figure 8)."""
    points = 100 * deviations.set_index("factor")["deviation"].dropna()
    for place, factor in enumerate(("wi", "do")):
        _draw_strip(ax, points[points.index == factor], place, colour=_COLOURS[place])
    for total in points[points.index == "total"]:
        ax.axhline(total, color="red", ls="--", lw=0.9, label="all runs")
    ax.set(ylabel="standard deviation (points)", ylim=(0, None), xticks=[0, 1], xlim=(-0.6, 1.6))
    ax.set_xticklabels(["WI seed\nfixed", "DO seed\nfixed"])


@panel
def plot_shares(components: pd.DataFrame, ax: Axes) -> None:
    """Draw the components of the variance with their intervals, a bar a source of chance."""
    share, low, high = (100 * components[name] for name in ("share", "low", "high"))
    places = np.arange(len(components))
    errors = [(share - low).clip(0), (high - share).clip(0)]
    ax.barh(places, share, color=OWN, alpha=0.55, height=0.62)
    ax.errorbar(share, places, xerr=errors, fmt="none", ecolor="black", elinewidth=0.9)
    ax.set(xlabel="share of the variance (%)", xlim=(0, 100), yticks=places)
    ax.set_yticklabels([PARTS.get(name, name) for name in components["factor"]])
    ax.invert_yaxis()


@panel
def plot_null(test: Mapping[str, object], ax: Axes) -> None:
    """Draw `null_statistics`: F of the extremes of shuffled scores, and that of the real ones."""
    shuffled = np.asarray(test["shuffled"], float)
    bins = np.linspace(0, max(shuffled.max(initial=1), float(test["F"])) * 1.05, 40)
    ax.hist(shuffled, bins=bins, color="0.75", label="shuffled scores")
    ax.axvline(float(test["limit"]), color="black", ls=":", label="where the paper says p < .05")
    ax.axvline(float(test["F"]), color=_FAILED, label="the real ones")
    ax.set(xlabel="F of the best against the worst", ylabel="shuffles", yticks=[])


@styled
def plot_ways(runs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how the runs of each way of training end, failed ones as crosses (`ended_runs`)."""
    ways = [way for way in WAYS if (runs["way"] == way).any()]
    ax = ax or new_axes(PAGE_WIDTH, 0.35 * len(ways) + 0.7)
    for place, way in enumerate(ways):
        rows = runs[runs["way"] == way].sort_values("end_score")
        beside = np.linspace(-0.25, 0.25, len(rows))
        for failed, marker, colour in ((False, "o", OWN), (True, "x", _FAILED)):
            those = (rows["failed"] == failed).to_numpy()
            look = {"color": colour, "ms": 3.2, "alpha": 0.75, "ls": "none", "marker": marker}
            label = "failed" if failed else "learnt"
            ax.plot(100 * rows["end_score"][those], place + beside[those], label=label, **look)
        mean = 100 * rows["end_score"].mean()
        ax.plot([mean, mean], [place - 0.34, place + 0.34], color="black", lw=1)
    ax.axvline(0, color="black", lw=0.6)
    ax.set(xlabel="validation score at the end (%)", yticks=range(len(ways)))
    ax.set_yticklabels([WAYS[way] for way in ways])
    ax.invert_yaxis()
    handles = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(handles.values(), handles.keys(), loc="upper right")
    return ax


@styled
def figure_gradients(norms: pd.DataFrame) -> Figure:
    """Draw the gradient norms of each part of the model over the updates, a line a run.

    Args:
        norms: from `run.trace_gradients`.
    """
    parts = list(dict.fromkeys(norms["part"]))
    figure = new_figure(PAGE_WIDTH, 2.3)
    axes = figure.subplots(1, len(parts), squeeze=False, sharey=True)[0]
    for ax, part in zip(axes, parts, strict=True):
        for (failed, _), rows in norms[norms["part"] == part].groupby(["failed", "trial"]):
            smooth = rows["norm"].rolling(10, min_periods=1).median()
            look = {"color": _FAILED if failed else OWN, "ls": "--" if failed else "-"}
            ax.plot(rows["step"], smooth, lw=0.9, label="failed" if failed else "learnt", **look)
        ax.set(title=part, xlabel="update", yscale="log")
    axes[0].set_ylabel("gradient norm")
    add_legend(figure, n_columns=2)
    return figure
