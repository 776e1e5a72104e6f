"""Figures of differences and counts: frames to axes, with one look for each method.

`plot_x(frame, ax=None)` draws one panel and computes nothing but units (fractions become percent);
`figure_x(frame)` lays panels out. Curves are in `repro.show.curves`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order, label

if TYPE_CHECKING:  # the rest of matplotlib is slow to import, and only drawing needs it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_WIDTH = 3.35  # inches: one column of a two-column page
PAGE_WIDTH = 6.9


@dataclass(frozen=True)
class MethodStyle:
    """How one method looks in every figure."""

    colour: str
    marker: str
    line: str
    label: str


# Okabe & Ito's colours, which the colour-blind can tell apart; markers and lines tell in grey.
METHOD_STYLES = {
    "grid": MethodStyle("#000000", "D", "-", METHOD_LABELS["grid"]),
    "rs": MethodStyle("#0072B2", "o", "--", METHOD_LABELS["rs"]),
    "asha": MethodStyle("#D55E00", "s", "-.", METHOD_LABELS["asha"]),
    "bo_asha": MethodStyle("#009E73", "^", ":", METHOD_LABELS["bo_asha"]),
    "bo": MethodStyle("#999933", "<", (0, (4, 1)), METHOD_LABELS["bo"]),
    "hyperopt_asha": MethodStyle("#CC79A7", "v", (0, (5, 1, 1, 1)), METHOD_LABELS["hyperopt_asha"]),
    "pbt": MethodStyle("#E69F00", "P", (0, (1, 3)), METHOD_LABELS["pbt"]),
    "seeds": MethodStyle("#999999", "*", (0, (1, 1)), METHOD_LABELS["seeds"]),
    "seeds_asha": MethodStyle("#56B4E9", "X", (0, (3, 2)), METHOD_LABELS["seeds_asha"]),
}
STATUS_HATCHES = {"completed": "", "stopped": "////", "cut": "....", "failed or diverged": "xxxx"}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw in the package's style within this block, and in the user's own after it."""
    size = {"font.size": 8, "axes.labelsize": 8, "legend.fontsize": 7}
    size |= {"xtick.labelsize": 7, "ytick.labelsize": 7, "axes.titlesize": 8}
    lines = {"axes.linewidth": 0.6, "lines.linewidth": 1.1, "lines.markersize": 4}
    lines |= {"hatch.linewidth": 0.5, "axes.spines.top": False, "axes.spines.right": False}
    legend = {"legend.frameon": False, "legend.handlelength": 2.4}
    files = {"pdf.fonttype": 42, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"]}
    files |= {"savefig.bbox": "standard", "figure.dpi": 120, "svg.hashsalt": "repro"}
    with mpl.rc_context(size | lines | legend | files):
        yield


def styled(function: Callable) -> Callable:
    """Let `function` draw in the paper's style."""

    @functools.wraps(function)
    def draw(*args, **kwargs):
        with paper_style():
            return function(*args, **kwargs)

    return draw


def new_axes(width: float = COLUMN_WIDTH, height: float = 2.4) -> Axes:
    """Return the axes of a new figure, in inches."""
    return new_figure(width, height).subplots()


def new_figure(width: float, height: float) -> Figure:
    """Return a new figure, in inches, that makes room for its labels."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def style_of(method: str) -> MethodStyle:
    """Return the look of `method`.

    Raises:
        ValueError: if it is unknown.
    """
    if method not in METHOD_STYLES:
        raise ValueError(f"`method` must be one of {list(METHOD_STYLES)}, but got {method!r}")
    return METHOD_STYLES[method]


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
    ax = ax or new_axes()
    tasks = in_order(differences["task"] if tasks is None else tasks, TASK_LABELS)
    values = 100 * _matrix(differences, differences["difference"]).reindex(tasks)
    limit = limit or _limit(differences)
    image = ax.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    image.set_label("HPO minus grid search, points")
    run = _matrix(differences, pd.Series(1.0, index=differences.index)).reindex(tasks)
    for row, column in np.argwhere(run.notna().to_numpy()):
        _annotate_cell(ax, row, column, values.iloc[row, column], limit)
    ax.set_xticks(range(values.shape[1]), [label(m, METHOD_LABELS) for m in values.columns])
    ax.set_yticks(range(values.shape[0]), [label(t, TASK_LABELS) for t in values.index])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _matrix(differences: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Lay `values` out by task (rows) and method (columns), in the paper's order."""
    if differences.duplicated(["task", "method"]).any():
        raise ValueError(
            "`differences` must hold one row a task and method, but got several; "
            "select one model, split, space and budget"
        )
    table = differences.assign(value=values).pivot(index="task", columns="method", values="value")
    return table[in_order(table.columns, METHOD_LABELS)]


def _limit(differences: pd.DataFrame) -> float:
    largest = 100 * differences["difference"].abs().max()
    return largest if largest > 0 else 1.0  # also where all are NaN


def _annotate_cell(ax: Axes, row: int, column: int, value: float, limit: float) -> None:
    if np.isnan(value):
        corner = (column - 0.5, row - 0.5)
        ax.add_patch(
            mpl.patches.Rectangle(corner, 1, 1, fill=False, hatch="////", edgecolor="0.5", lw=0)
        )
        return
    # the ends of the colour scale are dark
    colour = "white" if abs(value) > 0.65 * limit else "black"
    text = f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"
    ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)


@styled
def figure_differences(panels: dict[str, pd.DataFrame]) -> Figure:
    """Draw heatmaps of HPO minus grid search side by side, on one scale.

    Args:
        panels: name -> frame as for `plot_differences`, such as "tiny-electra\\nvalidation".
    """
    tasks = in_order({t for frame in panels.values() for t in frame["task"]}, TASK_LABELS)
    figure = new_figure(PAGE_WIDTH, max(1.7, 0.75 + 0.24 * len(tasks)))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    limit = max(map(_limit, panels.values()))
    for ax, (name, frame) in zip(axes, panels.items(), strict=True):
        plot_differences(frame, ax, limit=limit, tasks=tasks)
        ax.set_title(name, fontsize=8 if len(panels) <= 4 else 6.5)
        ax.tick_params(axis="x", rotation=35)
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    bar = figure.colorbar(axes[0].images[0], ax=axes, pad=0.01, aspect=30)
    bar.set_label("HPO minus grid (points)")
    if any(frame["difference"].isna().any() for frame in panels.values()):
        patch = mpl.patches.Patch(fill=False, hatch="////", edgecolor="0.5", label="no score")
        figure.legend(handles=[patch], loc="outside lower right")
    return figure


@styled
def plot_differences_by_run(
    differences: pd.DataFrame, ax: Axes | None = None, *, what: str = "HPO minus grid search"
) -> Axes:
    """Draw one point a tuning run, tasks across, methods beside each other; zero is a line.

    Args:
        differences: one row a tuning run: task, method, difference (fraction; NaN is left out
            and counted beneath the task).
        what: what the difference is, for the axis.
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.4)
    tasks = in_order(differences["task"], TASK_LABELS)
    methods = in_order(differences["method"], METHOD_LABELS)
    ax.axhline(0, color="black", lw=0.8, zorder=1)
    for place, method in enumerate(methods):
        style, rows = style_of(method), differences[differences["method"] == method]
        shift = (place - (len(methods) - 1) / 2) * 0.7 / len(methods)
        at = rows["task"].map(tasks.index) + shift
        ax.scatter(
            at,
            100 * rows["difference"],
            **{"marker": style.marker, "color": style.colour, "label": style.label},
            **{"s": 14, "alpha": 0.75, "linewidths": 0, "zorder": 2},
        )
        means = 100 * rows.groupby("task")["difference"].mean().reindex(tasks)
        x = np.arange(len(tasks)) + shift
        ax.hlines(means, x - 0.08, x + 0.08, color=style.colour, lw=1.2, zorder=3)
    ax.set_xticks(range(len(tasks)), [_with_missing(differences, t) for t in tasks])
    ax.set_xlim(-0.6, len(tasks) - 0.4)
    for edge in np.arange(0.5, len(tasks) - 1):
        ax.axvline(edge, color="0.9", lw=0.6, zorder=0)
    ax.set_ylabel(f"{what}\n(points)")
    return ax


def _with_missing(differences: pd.DataFrame, task: str) -> str:
    n_missing = differences.loc[differences["task"] == task, "difference"].isna().sum()
    name = label(task, TASK_LABELS)
    return f"{name}\n({n_missing} missing)" if n_missing else name


@styled
def figure_differences_by_run(
    differences: pd.DataFrame, *, what: str = "HPO minus grid search"
) -> Figure:
    """Draw `plot_differences_by_run` for validation above test, on one scale.

    Args:
        differences: as there, with the column split; of one model.
    """
    figure = new_figure(PAGE_WIDTH, 4.0)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    for ax, split in zip(axes, ("validation", "test"), strict=True):
        plot_differences_by_run(differences[differences["split"] == split], ax, what=what)
        ax.set_ylabel(split)
    figure.supylabel(f"{what} (points)", fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


@styled
def plot_trial_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean number of trials a tuning run, by task and method, stacked by status.

    Args:
        counts: from `analysis.summary.trial_counts`, of one model.
    """
    ax = ax or new_axes(PAGE_WIDTH, 2.4)
    tasks = in_order(counts["task"], TASK_LABELS)
    methods = in_order(counts["method"], METHOD_LABELS)
    counts = counts.assign(**{"failed or diverged": counts["failed"] + counts["diverged"]})
    width = 0.8 / len(methods)
    for place, method in enumerate(methods):
        rows = counts[counts["method"] == method].set_index("task").reindex(tasks)
        at, bottom = np.arange(len(tasks)) + (place - (len(methods) - 1) / 2) * width, 0.0
        for status, hatch in STATUS_HATCHES.items():
            colour = style_of(method).colour
            look = {"facecolor": colour if not hatch else "white", "edgecolor": colour}
            height = rows[status].fillna(0).to_numpy()
            ax.bar(at, height, 0.9 * width, bottom=bottom, hatch=hatch, linewidth=0.6, **look)
            bottom = bottom + height
    ax.set_xticks(range(len(tasks)), [label(t, TASK_LABELS) for t in tasks])
    ax.set_ylabel("trials in a tuning run (mean)")
    used = [s for s in STATUS_HATCHES if counts[s].sum()]
    ax.figure.legend(handles=_count_handles(methods, used), loc="outside upper center", ncols=4)
    return ax


def _count_handles(methods: Sequence[str], statuses: Sequence[str]) -> list[mpl.patches.Patch]:
    styles = [style_of(m) for m in methods]
    handles = [mpl.patches.Patch(facecolor=s.colour, label=s.label) for s in styles]
    looks = {s: "0.4" if not STATUS_HATCHES[s] else "white" for s in statuses}
    return handles + [
        mpl.patches.Patch(facecolor=colour, edgecolor="0.4", hatch=STATUS_HATCHES[s], label=s)
        for s, colour in looks.items()
    ]
