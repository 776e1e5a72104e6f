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


class Picture(widgets.Image):
    """A picture as wide as its figure and no wider than the page; hidden until it is drawn."""

    def __init__(self):
        super().__init__(format="png", layout=widgets.Layout(display="none"))

    def show(self, draw: Callable[[], "Axes | Figure"] | None) -> None:
        """Put what `draw` draws into the picture; None hides it."""
        import matplotlib.pyplot as plt
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        display = "none" if draw is None else "block"
        if draw is not None:
            with _ONE_AT_A_TIME, paper_style():
                drawn = draw()
                figure = getattr(drawn, "figure", None) or drawn
                figure.dpi, file = _DPI, io.BytesIO()
                # savefig would lay out and draw it twice
                FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})
                plt.close(figure)
            self.value = file.getvalue()
        self.layout = widgets.Layout(display=display, max_width="100%", object_fit="contain")


def lay_out_panels(figure: "Figure") -> "Figure":
    """Give panels and their legend fixed margins: finding them takes longer than drawing."""
    width, height = figure.get_size_inches()
    figure.set_layout_engine(None)
    sides = {"left": 0.65 / width, "right": 1 - 0.1 / width}
    sides |= {"bottom": 0.45 / height, "top": 1 - 0.55 / height}
    figure.subplots_adjust(**sides, wspace=0.25, hspace=0.45)
    return figure
