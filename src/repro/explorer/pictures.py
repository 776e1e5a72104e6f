"""Figures as pictures in widgets, drawn from whatever thread."""

import io
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import ipywidgets as widgets

from repro.show.style import paper_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 130
_ONE_AT_A_TIME = threading.RLock()  # matplotlib's settings and its list of figures are global


def draw_picture(draw: Callable[[], "Axes | Figure"]) -> bytes:
    """Return what `draw` draws as PNG; pyplot forgets it."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _ONE_AT_A_TIME, paper_style():
        drawn = draw()
        figure = getattr(drawn, "figure", None) or drawn
        figure.dpi, file = _DPI, io.BytesIO()
        # savefig would lay out and draw it twice
        FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})
        plt.close(figure)
    return file.getvalue()


def lay_out_panels(figure: "Figure") -> "Figure":
    """Give panels and their legend fixed margins: finding them takes longer than drawing."""
    width, height = figure.get_size_inches()
    figure.set_layout_engine(None)
    sides = {"left": 0.6 / width, "right": 1 - 0.1 / width}
    figure.subplots_adjust(
        **sides, bottom=0.45 / height, top=1 - 0.55 / height, wspace=0.25, hspace=0.45
    )
    return figure


def new_picture() -> widgets.Image:
    """Return an empty picture, as wide as its figure and no wider than the page."""
    return widgets.Image(format="png", layout=widgets.Layout(display="none"))


def show_picture(picture: widgets.Image, draw: Callable[[], "Axes | Figure"] | None) -> None:
    """Put what `draw` draws into the picture; None hides it."""
    if draw is not None:
        picture.value = draw_picture(draw)
    wanted = "none" if draw is None else "block"
    picture.layout = widgets.Layout(display=wanted, max_width="100%", object_fit="contain")
