"""Figures as pictures with a text alternative, in widgets and cells, drawn from whatever thread."""

import base64
import html
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


class Picture(widgets.HTML):
    """A picture as wide as its figure and no wider than the page; hidden until it is drawn."""

    def __init__(self):
        super().__init__(layout=widgets.Layout(display="none"))

    def show(self, draw: "Callable[[], Axes | Figure] | None", alt: str = "") -> None:
        """Put what `draw` draws into the picture; None hides it.

        Args:
            alt: says in words what is to be seen.
        """
        if draw is not None:
            with _ONE_AT_A_TIME, paper_style():
                drawn = draw()
                self.value = image_tag(getattr(drawn, "figure", None) or drawn, alt)
        self.layout.display = "none" if draw is None else "block"


def image_tag(figure: "Figure", alt: str) -> str:
    """Draw a figure as an HTML image with a text alternative, and close it."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.dpi, file = _DPI, io.BytesIO()
    # savefig would lay out and draw it twice
    FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": 1})
    plt.close(figure)
    data = base64.b64encode(file.getvalue()).decode()
    look = f'width="{figure.bbox.width:.0f}" style="max-width: 100%; height: auto"'
    return f'<img alt="{html.escape(alt)}" {look} src="data:image/png;base64,{data}">'


def lay_out_panels(figure: "Figure") -> "Figure":
    """Give panels and their legend fixed margins: finding them takes longer than drawing."""
    width, height = figure.get_size_inches()
    figure.set_layout_engine(None)
    sides = {"left": 0.65 / width, "right": 1 - 0.1 / width}
    sides |= {"bottom": 0.45 / height, "top": 1 - 0.55 / height}
    figure.subplots_adjust(**sides, wspace=0.25, hspace=0.45)
    return figure
