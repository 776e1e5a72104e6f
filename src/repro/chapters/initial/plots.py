"""The initial study's figures: HPO minus grid search, and how trials ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order
from repro.show.cells import method_label, task_label
from repro.show.curves import figure_incumbents as figure_incumbents
from repro.show.style import PAGE_WIDTH, new_axes, new_figure, style_of, styled
from repro.stats.incumbents import SPLITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HATCHES = {"completed": "", "stopped": "////", "cut": "....", "failed or diverged": "xxxx"}


@styled
def plot_differences(
    differences: pd.DataFrame,
    ax: Axes | None = None,
    *,
    limit: float | None = None,
    tasks: Sequence[str] | None = None,
) -> Axes:
    """Draw a heatmap of HPO minus grid search: tasks down, methods across.

    Args:
        differences: one row a task and method: difference (fraction; NaN where a run has no
            score: hatched). A pair without a row was not run and stays blank.
        limit: the colours end at ± this many points; by default the largest difference.
        tasks: the rows, to align panels; by default those of `differences`.
    """
    if differences.duplicated(["task", "method"]).any():
        raise ValueError(
            "`differences` must hold one row a task and method, but got several; "
            "select one model, split, space and budget"
        )
    ax = ax or new_axes()
    tasks = in_order(differences["task"] if tasks is None else tasks, TASK_LABELS)
    methods = in_order(differences["method"], METHOD_LABELS)
    points = 100 * differences.pivot(index="task", columns="method", values="difference")
    points, limit = points.reindex(tasks, columns=methods), limit or _limit(differences)
    image = ax.imshow(points, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    image.set_label("HPO minus grid search, points")
    for task, method in zip(differences["task"], differences["method"], strict=True):
        x, y, value = methods.index(method), tasks.index(task), points.loc[task, method]
        if np.isnan(value):
            look = {"fill": False, "hatch": "////", "edgecolor": "0.5", "lw": 0}
            ax.add_patch(mpl.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, **look))
            continue
        text = f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"
        # the ends of the colour scale are dark
        colour = "white" if abs(value) > 0.65 * limit else "black"
        ax.text(x, y, text, ha="center", va="center", color=colour, fontsize=7)
    ax.set_xticks(range(len(methods)), map(method_label, methods))
    ax.set_yticks(range(len(tasks)), map(task_label, tasks))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _limit(differences: pd.DataFrame) -> float:
    """Return where the colours end, in points; one where every difference is missing or zero."""
    limit = 100 * differences["difference"].abs().max()
    return float(limit) if limit > 0 else 1.0


@styled
def figure_differences(differences: pd.DataFrame) -> Figure:
    """Draw `plot_differences` for each model and split side by side, on one scale.

    Args:
        differences: as there, with model and split.
    """
    tasks = in_order(differences["task"], TASK_LABELS)
    places = [(model, split) for model in differences["model"].unique() for split in SPLITS]
    figure = new_figure(PAGE_WIDTH, max(1.7, 0.75 + 0.24 * len(tasks)))
    axes = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for ax, (model, split) in zip(axes, places, strict=True):
        rows = differences[(differences["model"] == model) & (differences["split"] == split)]
        plot_differences(rows, ax, limit=_limit(differences), tasks=tasks)
        ax.set_title(f"{model}\n{split}", fontsize=8 if len(places) <= 4 else 6.5)
        ax.tick_params(axis="x", rotation=35)
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    bar = figure.colorbar(axes[0].images[0], ax=axes, pad=0.01, aspect=30)
    bar.set_label("HPO minus grid (points)")
    if differences["difference"].isna().any():
        patch = mpl.patches.Patch(fill=False, hatch="////", edgecolor="0.5", label="no score")
        figure.legend(handles=[patch], loc="outside lower right")
    return figure


@styled
def plot_differences_by_run(differences: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one point a tuning run, tasks across, methods beside each other; zero is a line.

    Args:
        differences: one row a tuning run: task, method, difference (fraction; NaN is left out
            and counted beneath the task).
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.4)
    tasks = in_order(differences["task"], TASK_LABELS)
    methods = in_order(differences["method"], METHOD_LABELS)
    ax.axhline(0, color="black", lw=0.8, zorder=1)
    for place, method in enumerate(methods):
        style, rows = style_of(method), differences[differences["method"] == method]
        shift = (place - (len(methods) - 1) / 2) * 0.7 / len(methods)
        ax.scatter(
            rows["task"].map(tasks.index) + shift,
            100 * rows["difference"],
            **{"marker": style.marker, "color": style.colour, "label": style.label},
            **{"s": 14, "alpha": 0.75, "linewidths": 0, "zorder": 2},
        )
        means = 100 * rows.groupby("task")["difference"].mean().reindex(tasks)
        x = np.arange(len(tasks)) + shift
        ax.hlines(means, x - 0.08, x + 0.08, color=style.colour, lw=1.2, zorder=3)
    missing = differences["difference"].isna().groupby(differences["task"]).sum()
    names = [task_label(t) + (f"\n({missing[t]} missing)" if missing[t] else "") for t in tasks]
    ax.set_xticks(range(len(tasks)), names)
    ax.set_xlim(-0.6, len(tasks) - 0.4)
    for edge in np.arange(0.5, len(tasks) - 1):
        ax.axvline(edge, color="0.9", lw=0.6, zorder=0)
    ax.set_ylabel("HPO minus grid search\n(points)")
    return ax


@styled
def figure_differences_by_run(differences: pd.DataFrame) -> Figure:
    """Draw `plot_differences_by_run` for validation above test, on one scale.

    Args:
        differences: as there, with the column split; of one model.
    """
    figure = new_figure(PAGE_WIDTH, 4.0)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    for ax, split in zip(axes, SPLITS, strict=True):
        plot_differences_by_run(differences[differences["split"] == split], ax).set_ylabel(split)
    figure.supylabel("HPO minus grid search (points)", fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


@styled
def plot_trial_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean number of trials a tuning run, by task and method, stacked by status.

    Args:
        counts: from `analysis.trial_counts`.
    """
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
    patch, styles = mpl.patches.Patch, [style_of(method) for method in methods]
    handles = [patch(facecolor=style.colour, label=style.label) for style in styles]
    for status, hatch in _HATCHES.items():
        if counts[status].sum():
            colour = "white" if hatch else "0.4"
            handles.append(patch(facecolor=colour, edgecolor="0.4", hatch=hatch, label=status))
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return ax
