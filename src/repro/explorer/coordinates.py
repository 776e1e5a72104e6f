"""Parallel coordinates in the browser: thousands of trials, hovered and brushed on the plot itself.

The drawing is `coordinates.js`; here are the axes, and what was brushed. All of it runs offline.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets

from repro.explorer.brushing import SCORE
from repro.labels import HYPERPARAMETER_LABELS, label
from repro.records import HYPERPARAMETERS
from repro.show.sensitivity import BY_LOGARITHM


@dataclass(frozen=True)
class Axis:
    """One axis: a hyperparameter, or the score, from its lowest to its highest value."""

    name: str
    label: str
    low: float
    high: float
    log: bool
    percent: bool

    def places(self, values: pd.Series) -> np.ndarray:
        """Return where values lie: 0 at the lower end, 1 at the upper; NaN stays."""
        values, ends = np.asarray(values, float), np.array([self.low, self.high])
        if self.log:
            values, ends = np.log(values), np.log(ends)
        return (values - ends[0]) / (ends[1] - ends[0])


def find_axes(trials: pd.DataFrame) -> list[Axis]:
    """Return an axis for each hyperparameter that differs between trials, the score's last."""
    axes = []
    for name in (*HYPERPARAMETERS, SCORE):
        low, high = trials[name].min(), trials[name].max()
        if low < high:
            words = label(name, {SCORE: "validation score"} | HYPERPARAMETER_LABELS)
            log = name in BY_LOGARITHM and bool(low > 0)
            axes.append(Axis(name, words, float(low), float(high), log, name == SCORE))
    return axes


class Coordinates(anywidget.AnyWidget):
    """The plot: `ranges` holds what was brushed, number of the axis -> its ends as places."""

    _esm = Path(__file__).with_name("coordinates.js")
    axes = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)  # of the trials, for hovering
    places = traitlets.Bytes().tag(sync=True)  # float32, a row a trial, a column an axis
    ranges = traitlets.Dict().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)

    def show(self, trials: pd.DataFrame, axes: Sequence[Axis], names: Sequence[str]) -> None:
        """Draw trials with a score, with nothing brushed."""
        places = np.array([axis.places(trials[axis.name]) for axis in axes]).T
        words = ", ".join(axis.label for axis in axes)
        with self.hold_sync():
            self.axes, self.names = [asdict(axis) for axis in axes], list(names)
            self.alt = f"Parallel coordinates of {len(trials):,} trials; axes: {words}"
            self.ranges, self.places = {}, places.astype("<f4").tobytes()
