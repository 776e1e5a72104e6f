"""One style for all figures, and one look for each method.

`plot_x(frame, ax=None)` draws one panel and computes nothing but units (fractions become percent);
`figure_x(frame)` lays panels out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np

from repro.labels import METHOD_LABELS
from repro.names import check_name

if TYPE_CHECKING:  # the rest of matplotlib is slow to import, and only drawing needs it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_WIDTH = 3.35  # inches: one column of a two-column page
PAGE_WIDTH = 6.9
OWN = "#332288"  # what is no method's: this package's own numbers
DARKER_IS_MORE = "Blues"  # of quantities; a missing one is hatched
BLUE_IS_BETTER = "RdBu"  # of differences, with zero in the middle


@dataclass(frozen=True)
class MethodStyle:
    """How one method looks in every figure."""

    colour: str
    marker: str
    line: str | tuple
    label: str

    @property
    def look(self) -> dict:
        """What matplotlib's `plot` takes of it."""
        return {"color": self.colour, "marker": self.marker, "ls": self.line}


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


def panel(
    plot: Callable | None = None, *, width: float = COLUMN_WIDTH, height: float = 2.4
) -> Callable:
    """Let `plot(data, ax, **options)` draw in the paper's style; without axes on new ones."""
    if plot is None:
        return functools.partial(panel, width=width, height=height)

    @functools.wraps(plot)
    def draw(data, ax: Axes | None = None, **options) -> Axes:
        with paper_style():
            ax = ax or new_axes(width, height)
            plot(data, ax, **options)
            return ax

    return draw


def new_axes(width: float = COLUMN_WIDTH, height: float = 2.4) -> Axes:
    """Return the axes of a new figure, in inches."""
    return new_figure(width, height).subplots()


def new_figure(width: float, height: float) -> Figure:
    """Return a new figure, in inches, that makes room for its labels."""
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(width, height), layout="constrained")


def visible() -> mpl.colors.Colormap:
    """Return DARKER_IS_MORE without its lightest part, which is lost on white."""
    return mpl.colors.ListedColormap(mpl.colormaps[DARKER_IS_MORE](np.linspace(0.25, 1, 64)))


def round_ticks(figure: Figure) -> None:
    """Let ticks fall on 1, 2 and 5 and their tenfolds, not on 72.5."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_locator(), mpl.ticker.AutoLocator):
                axis.get_major_locator().set_params(steps=[1, 2, 5, 10])


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name what is drawn at 0, 1, 2, ... of the y axis, from the top down."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(1, len(names)) - 0.4, -0.6)


def log_ticks(ax: Axes, values: Iterable[float], *, base: float = 2) -> None:
    """Make the x axis logarithmic, with ticks at these values."""
    values = sorted(set(values))
    ax.set_xscale("log", base=base)
    ax.set_xticks(values, [f"{value:g}" for value in values])
    ax.minorticks_off()


def style_of(method: str) -> MethodStyle:
    """Return the look of `method`."""
    return METHOD_STYLES[check_name("method", method, METHOD_STYLES)]
