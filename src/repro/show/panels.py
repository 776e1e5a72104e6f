"""Figures of one panel a task, and the legend that the panels share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from repro.labels import TASK_LABELS, label
from repro.show.style import PAGE_WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panel_a_task(
    tasks: Iterable[str],
    draw: Callable[[Axes, str], object],
    *,
    height: float,
    legend: float,
    n_columns: int = 3,
    **shared,
) -> tuple[Figure, list[Axes]]:
    """Draw one panel a task with `draw(ax, task)`, in rows of at most `n_columns`.

    Args:
        height: of a row of panels, in inches.
        legend: room above them, in inches.
        shared: `sharex` and `sharey` of the panels.
    Returns:
        the figure and its panels, in the order of `tasks`.
    """
    tasks = list(tasks)
    n_columns = min(n_columns, len(tasks))
    n_rows = -(-len(tasks) // n_columns)
    figure = new_figure(PAGE_WIDTH, legend + height * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **shared).ravel()
    for ax, task in zip(axes, tasks, strict=False):
        draw(ax, task)
        ax.set_title(label(task, TASK_LABELS))
    for ax in axes[len(tasks) :]:
        ax.remove()
    return figure, list(axes[: len(tasks)])


def add_legend(figure: Figure, *, n_columns: int, order: Iterable[str] = ()) -> None:
    """Put above a figure what its panels have labelled, each name once, those of `order` first."""
    entries = {}
    for ax in figure.axes:
        entries |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    names = [n for n in dict.fromkeys([*order, *entries]) if n in entries]
    handles = [entries[name] for name in names]
    figure.legend(handles, names, loc="outside upper center", ncols=n_columns)
