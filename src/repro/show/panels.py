"""Figures of several panels, and the legend that the panels share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order, label
from repro.show.style import PAGE_WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled
def panels(
    plot: Callable[[Any, Axes], Any],
    data: pd.DataFrame | Mapping[str, Any],
    *,
    by: str = "task",
    height: float = 1.9,
    n_columns: int = 3,
    legend: int = 0,
    **shared,
) -> Figure:
    """Draw `plot(part, ax)` once for each task of `data`; the labels are those of the outer panels.

    Args:
        plot: draws one panel; `functools.partial` gives it more.
        data: a frame, cut by its column `by`; or panel -> what `plot` takes.
        height: of a row of panels, in inches.
        n_columns: at most so many panels in a row.
        legend: columns of a legend above the panels, of what they have labelled; 0 for none.
        shared: `sharex` and `sharey` of the panels.
    """
    if isinstance(data, pd.DataFrame):
        data = {name: data[data[by] == name] for name in in_order(data[by], TASK_LABELS)}
    n_columns = min(n_columns, len(data))
    n_rows = -(-len(data) // n_columns)
    figure = new_figure(PAGE_WIDTH, (0.45 if legend else 0.05) + height * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False, **shared).ravel()
    for place, (ax, (name, part)) in enumerate(zip(axes, data.items(), strict=False)):
        plot(part, ax)
        ax.set_title(label(name, TASK_LABELS))
        if place % n_columns:
            ax.set_ylabel("")
        if place + n_columns < len(data):
            ax.set_xlabel("")
    for ax in axes[len(data) :]:
        ax.remove()
    if legend:
        add_legend(figure, n_columns=legend)
    return figure


def add_legend(figure: Figure, *, n_columns: int) -> None:
    """Put above a figure what its panels have labelled, each name once, methods in their order."""
    entries = {}
    for ax in figure.axes:
        entries |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    names = [n for n in dict.fromkeys([*METHOD_LABELS.values(), *entries]) if n in entries]
    handles = [entries[name] for name in names]
    figure.legend(handles, names, loc="outside upper center", ncols=n_columns)
