"""The style of figures, and that each method looks its own."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from repro.labels import METHOD_LABELS
from repro.show.style import METHOD_STYLES, paper_style, style_of


def test_every_method_has_a_look_of_its_own():
    assert set(METHOD_STYLES) == set(METHOD_LABELS)
    for attribute in ("colour", "marker", "line", "label"):
        looks = [getattr(style, attribute) for style in METHOD_STYLES.values()]
        assert len(set(looks)) == len(looks)


def test_every_colour_stands_out_from_white():
    # WCAG relative luminance; the contrast with white is 1.05 / (luminance + 0.05)
    for style in METHOD_STYLES.values():
        rgb = to_rgb(style.colour)
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        assert 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05) > 2


def test_unknown_method_lists_the_known():
    with pytest.raises(ValueError, match="unknown method 'bohb'.*known: grid, rs"):
        style_of("bohb")


def test_the_style_ends_with_its_block():
    mpl.use("agg")  # else it is chosen when it is first asked for
    before = mpl.rcParams.copy()
    with paper_style():
        assert mpl.rcParams["font.size"] == 8
    assert mpl.rcParams == before
