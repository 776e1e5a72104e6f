"""The initial study's figures: HPO minus grid search, and how trials ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order
from repro.show.cells import method_label, task_label
from repro.show.curves import plot_incumbent_bands
from repro.show.panels import add_legend, panels
from repro.show.style import (
    BLUE_IS_BETTER,
    OWN,
    PAGE_WIDTH,
    name_rows,
    new_axes,
    new_figure,
    style_of,
    styled,
)
from repro.show.table import typeset
from repro.stats.incumbents import SPLITS, incumbent_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HATCHES = {"completed": "", "stopped": "////", "cut": "....", "failed or diverged": "xxxx"}


@styled
def figure_anatomy(trials: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Draw one tuning run from its first trial to the end of its budget, its incumbent above.

    A bar is a trial; small ticks are its evaluations, tall ones ASHA's rungs (after 1, 4, 16, ...
    evaluations), and its end says how it ended.
    """
    figure = new_figure(PAGE_WIDTH, 1.9 + 0.17 * len(trials))
    heights = [1.1, max(1.0, 0.17 * len(trials))]
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    curves = curves.sort_values("spent")
    scores = [np.nan, *100 * curves["incumbent_score"]]
    above.step([0, *curves["spent"]], scores, where="post", color=OWN, lw=1.6)
    above.set_ylabel("incumbent\n(validation, %)")
    ends = curves.groupby("trial")["spent"].max()
    start = 0.0
    for row in trials.sort_values("trial").itertuples():
        end = ends.get(row.trial, start + row.steps)
        below.barh(row.trial, end - start, left=start, height=0.62, color="#c6dbef", lw=0)
        for number, at in enumerate(curves.loc[curves["trial"] == row.trial, "spent"], start=1):
            half = 0.31 if number in (1, 4, 16, 64) else 0.13
            below.vlines(at, row.trial - half, row.trial + half, color="0.25", lw=0.9)
        sign, colour = _ENDS[row.status]
        look = {"marker": sign, "color": colour, "label": row.status, "linewidths": 1.4}
        below.scatter(end, row.trial, s=34, zorder=4, **look)
        start = end
    add_legend(figure, n_columns=trials["status"].nunique())
    below.set(xlabel="optimizer steps spent by the tuning run", ylabel="trial")
    below.yaxis.get_major_locator().set_params(integer=True)
    below.set_ylim(len(trials) - 0.4, -0.6)
    return figure


# how a trial ends -> its mark
_ENDS = {
    "completed": ("o", "#08519c"),
    "stopped": ("x", "#b2182b"),
    "cut": ("|", "black"),
    "diverged": ("v", "black"),
    "failed": ("^", "black"),
}


@styled
def plot_quadrant(gains: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what tuning runs gain on validation against what they gain on test, in points.

    Published runs are hollow, ours filled. In the shaded quadrant a run overfits; its cross is one
    standard error either way. What lies outside the axes is counted beside them.
    """
    ax = ax or new_axes(0.75 * PAGE_WIDTH, 4.3)
    points = gains.assign(**{c: 100 * gains[c] for c in gains if c.endswith(("gain", "error"))})
    points = points.dropna(subset=["validation_gain", "test_gain"]).reset_index(drop=True)
    size = points[["validation_gain", "test_gain"]].abs()
    limit = max(1.0, 1.1 * np.ceil(size.max(axis=1).quantile(0.95)))
    ax.fill_between([0, limit], -limit, 0, color="0.9", lw=0, zorder=0)
    ax.text(0.97 * limit, -0.97 * limit, "overfits", ha="right", va="bottom", color="0.35")
    ax.axhline(0, color="0.3", lw=0.8, zorder=1)
    ax.axvline(0, color="0.3", lw=0.8, zorder=1)
    looks = {
        "paper": ("#555555", {"facecolors": "white", "label": "Liu & Wang, as printed"}),
        "here": (OWN, {"facecolors": OWN, "label": "these runs"}),
    }
    over = (points["validation_gain"] > 1e-9) & (points["test_gain"] < -1e-9)
    for source, (colour, look) in looks.items():
        rows = points[points["source"] == source]
        if rows.empty:
            continue
        x, y = rows["validation_gain"], rows["test_gain"]
        errors = rows[["validation_error", "test_error"]].where(over[rows.index]).to_numpy().T
        cross = {"fmt": "none", "ecolor": colour, "lw": 0.6, "alpha": 0.4, "zorder": 2}
        ax.errorbar(x, y, xerr=errors[0], yerr=errors[1], **cross)
        ax.scatter(x, y, s=15, edgecolors=colour, linewidths=0.8, zorder=3, **look)
    if outside := int((size.max(axis=1) > limit).sum()):
        text = f"{outside} more lie outside"
        ax.text(-0.97 * limit, -0.97 * limit, text, va="bottom", color="0.35", fontsize=7)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    ax.set(xlabel="gain over grid search on validation (points)", ylabel="gain on test (points)")
    ax.figure.legend(loc="outside upper center", ncols=2)
    return ax


@styled
def figure_differences(differences: pd.DataFrame) -> Figure:
    """Draw HPO minus grid search as heatmaps, one a model and split, on one scale.

    Args:
        differences: one row a model, split, task and method: difference (fraction; NaN where a run
            has no score: hatched). A pair without a row was not run and stays blank.
    """
    tasks = in_order(differences["task"], TASK_LABELS)
    places = [(model, split) for model in differences["model"].unique() for split in SPLITS]
    figure = new_figure(PAGE_WIDTH, max(1.7, 0.75 + 0.24 * len(tasks)))
    axes = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    largest = 100 * differences["difference"].abs().max()
    limit = float(largest) if largest > 0 else 1.0
    for ax, (model, split) in zip(axes, places, strict=True):
        rows = differences[(differences["model"] == model) & (differences["split"] == split)]
        image = _plot_heatmap(rows, ax, tasks=tasks, limit=limit)
        ax.set_title(f"{model}\n{split}", fontsize=8 if len(places) <= 4 else 6.5)
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=30)
    bar.set_label("HPO minus grid (points)")
    if differences["difference"].isna().any():
        patch = mpl.patches.Patch(fill=False, hatch="////", edgecolor="0.5", label="no score")
        figure.legend(handles=[patch], loc="outside lower right")
    return figure


def _plot_heatmap(rows: pd.DataFrame, ax: Axes, *, tasks: Sequence[str], limit: float):
    """Draw one panel, tasks down, methods across; the colours end at ± `limit` points."""
    if rows.duplicated(["task", "method"]).any():
        raise ValueError(
            "`differences` must hold one row a model, split, task and method, but got several; "
            "select one space and budget"
        )
    methods = in_order(rows["method"], METHOD_LABELS)
    points = 100 * rows.pivot(index="task", columns="method", values="difference")
    points = points.reindex(tasks, columns=methods)
    image = ax.imshow(points, cmap=BLUE_IS_BETTER, vmin=-limit, vmax=limit, aspect="auto")
    for task, method in zip(rows["task"], rows["method"], strict=True):
        x, y, value = methods.index(method), tasks.index(task), points.loc[task, method]
        if np.isnan(value):
            look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
            ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, **look))
            continue
        text = typeset(f"{value:+.1f}") if abs(value) >= 0.05 else "0.0"
        # the ends of the colour scale are dark
        colour = "white" if abs(value) > 0.65 * limit else "black"
        ax.text(x, y, text, ha="center", va="center", color=colour, fontsize=7)
    look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(methods)), map(method_label, methods), **look)
    ax.set_yticks(range(len(tasks)), map(task_label, tasks))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return image


@styled
def figure_differences_by_run(differences: pd.DataFrame) -> Figure:
    """Draw one point a tuning run, validation above test on one scale; zero is a line.

    Tasks stand across, methods beside each other, with a short line at their mean.

    Args:
        differences: one row a tuning run of one model and split: split, task, method, difference
            (fraction; NaN is left out and counted beneath the task).
    """
    figure = new_figure(PAGE_WIDTH, 4.0)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    tasks = in_order(differences["task"], TASK_LABELS)
    methods = in_order(differences["method"], METHOD_LABELS)
    x = np.arange(len(tasks))
    for ax, split in zip(axes, SPLITS, strict=True):
        of_split = differences[differences["split"] == split]
        ax.axhline(0, color="black", lw=0.8, zorder=1)
        for place, method in enumerate(methods):
            style, rows = style_of(method), of_split[of_split["method"] == method]
            shift = (place - (len(methods) - 1) / 2) * 0.7 / len(methods)
            at, points = rows["task"].map(tasks.index) + shift, 100 * rows["difference"]
            look = {"marker": style.marker, "color": style.colour, "label": style.label}
            ax.scatter(at, points, s=14, alpha=0.75, linewidths=0, zorder=2, **look)
            means = points.groupby(rows["task"]).mean().reindex(tasks)
            ends = x + shift - 0.08, x + shift + 0.08
            ax.hlines(means, *ends, color=style.colour, lw=1.2, zorder=3)
        for edge in x[:-1] + 0.5:
            ax.axvline(edge, color="0.9", lw=0.6, zorder=0)
        ax.set_ylabel(split)
    missing = of_split["difference"].isna().groupby(of_split["task"]).sum()
    names = [task_label(t) + (f"\n({missing[t]} missing)" if missing[t] else "") for t in tasks]
    ax.set_xticks(x, names)
    ax.set_xlim(-0.6, len(tasks) - 0.4)
    figure.supylabel("HPO minus grid search (points)", fontsize=8)
    add_legend(figure, n_columns=len(methods))
    return figure


@styled
def figure_aggregates(aggregates: pd.DataFrame, profile: pd.DataFrame) -> Figure:
    """Draw across-task aggregates beside the performance profile on test, one look a method.

    The frames are from `stats.aggregates`: by split and method, and of the test scores.
    """
    figure = new_figure(PAGE_WIDTH, 2.5)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.35])
    methods = in_order(aggregates["method"], METHOD_LABELS)
    for ax, name, middle_line in ((left, "iqm", 0), (middle, "improvement", 50)):
        ax.axvline(middle_line, color="0.4", lw=0.8, zorder=0)
        for split, shift in zip(SPLITS, (-0.16, 0.16), strict=True):
            rows = aggregates[aggregates["split"] == split].set_index("method").loc[methods]
            low, value, high = (100 * rows[f"{name}{end}"] for end in ("_low", "", "_high"))
            for place, method in enumerate(methods):
                style, y = style_of(method), place + shift
                ax.hlines(y, low.iloc[place], high.iloc[place], color=style.colour, lw=1.2)
                face = "white" if split == "validation" else style.colour
                look = {"facecolors": face, "edgecolors": style.colour, "zorder": 3}
                ax.scatter(value.iloc[place], y, marker=style.marker, s=22, **look)
        name_rows(ax, list(map(method_label, methods)))
    middle.set_yticklabels([])
    left.set_xlabel("gain over grid search,\ninterquartile mean (points)")
    middle.set_xlabel("probability of beating\ngrid search (%)")
    right.axvline(0, color="0.4", lw=0.8, zorder=0)
    for method in methods:
        rows, style = profile[profile["method"] == method], style_of(method)
        x = 100 * rows["threshold"]
        right.plot(x, 100 * rows["share"], color=style.colour, ls=style.line, label=style.label)
        ends = 100 * rows["low"], 100 * rows["high"]
        right.fill_between(x, *ends, color=style.colour, alpha=0.12, lw=0)
    right.set(xlabel="gain on test of more than (points)", ylabel="tuning runs (%)", ylim=(0, 100))
    right.legend(loc="upper right")
    handles = [
        mpl.lines.Line2D([], [], ls="", marker="o", mec="0.2", mfc=face, label=split)
        for split, face in (("validation", "white"), ("test", "0.2"))
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def figure_incumbents(curves: pd.DataFrame) -> Figure:
    """Draw each method's mean incumbent over the steps spent, with its range, a panel a task."""
    bands = incumbent_bands(curves, by=["task", "method"], n_points=60)
    return panels(plot_incumbent_bands, bands, height=1.7, legend=curves["method"].nunique())


@styled
def plot_trial_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean number of trials a tuning run, by task and method, stacked by status."""
    ax = ax or new_axes(PAGE_WIDTH, 2.4)
    tasks = in_order(counts["task"], TASK_LABELS)
    methods = in_order(counts["method"], METHOD_LABELS)
    counts = counts.assign(**{"failed or diverged": counts["failed"] + counts["diverged"]})
    width = 0.8 / len(methods)
    for place, method in enumerate(methods):
        rows = counts[counts["method"] == method].set_index("task").reindex(tasks)
        at, bottom = np.arange(len(tasks)) + (place - (len(methods) - 1) / 2) * width, 0.0
        colour = style_of(method).colour
        for status, hatch in _HATCHES.items():
            look = {"facecolor": "white" if hatch else colour, "edgecolor": colour}
            height = rows[status].fillna(0).to_numpy()
            ax.bar(at, height, 0.9 * width, bottom=bottom, hatch=hatch, linewidth=0.6, **look)
            bottom = bottom + height
    ax.set_xticks(range(len(tasks)), map(task_label, tasks))
    ax.set_ylabel("trials in a tuning run (mean)")
    ax.set_ylim(0, 1.06 * ax.dataLim.ymax)
    patch, styles = mpl.patches.Patch, [style_of(method) for method in methods]
    handles = [patch(facecolor=style.colour, label=style.label) for style in styles]
    for status, hatch in _HATCHES.items():
        if counts[status].sum():
            colour = "white" if hatch else "0.4"
            handles.append(patch(facecolor=colour, edgecolor="0.4", hatch=hatch, label=status))
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return ax
