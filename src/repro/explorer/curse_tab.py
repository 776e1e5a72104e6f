"""The explorer's tab on the winner's curse: two sliders move what the best trial promises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ipywidgets as widgets
import pandas as pd

from repro.explorer.brushing import SCORE
from repro.explorer.found_runs import FoundRuns
from repro.explorer.pictures import Picture
from repro.show.style import OWN, PAGE_WIDTH, panel
from repro.show.table import number
from repro.stats.best_of_noisy import best_of_noisy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRIALS, _EXAMPLES = (1, 2, 4, 8, 16, 32, 64), (25, 50, 100, 200, 400, 800, 1600, 3200)
_LOOK = {"layout": widgets.Layout(width="620px"), "style": {"description_width": "150px"}}


class CurseTab:
    """What the best of some trials promises on some validation examples, and what it keeps."""

    title = "Winner's curse"

    def __init__(self):
        self.picture, self.note, self._trials = Picture(), widgets.HTML(), pd.DataFrame()
        self.n_trials = widgets.SelectionSlider(
            options=_TRIALS, value=16, description="trials", continuous_update=False, **_LOOK
        )
        self.n_examples = widgets.SelectionSlider(
            options=_EXAMPLES, value=100, description="validation examples",
            continuous_update=False, **_LOOK,
        )  # fmt: skip
        for slider in (self.n_trials, self.n_examples):
            slider.observe(lambda _: self._draw(), "value")
        self.widget = widgets.VBox([self.n_trials, self.n_examples, self.picture, self.note])

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        self._trials = trials
        self._draw()

    def _draw(self) -> None:
        if not len(self._trials):
            return
        scores = self._trials["test_score"].fillna(self._trials[SCORE]).dropna().clip(0, 1)
        if scores.empty:
            self.picture.show(None)
            self.note.value = "None of these trials has a score."
            return
        sizes = {"n_trials": self.n_trials.value, "n_examples": self.n_examples.value}
        table = best_of_noisy(scores, **sizes)
        self.note.value = describe_curse(table, n_examples=sizes["n_examples"])
        self.picture.show(lambda: plot_curse(table), re.sub("<.*?>", "", self.note.value))


@panel(width=PAGE_WIDTH, height=2.8)
def plot_curse(table: pd.DataFrame, ax: Axes) -> None:
    """Draw what the best of n trials promises and keeps, from `best_of_noisy`."""
    n, promised, kept = table["n_trials"], 100 * table["promised"], 100 * table["kept"]
    ax.fill_between(n, kept, promised, color="0.9", lw=0, label="the winner's curse")
    ax.plot(n, promised, color=OWN, marker="o", ms=3, label="promised: its validation score")
    ax.plot(n, kept, color="black", ls="--", marker="s", ms=3, label="kept: on all examples")
    ax.set(xlabel="trials, of which the best is taken", ylabel="score (%)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.figure.legend(loc="outside upper center", ncols=3)


def describe_curse(table: pd.DataFrame, *, n_examples: int) -> str:
    """Say in HTML what the last row of `best_of_noisy` comes to."""
    last = table.iloc[-1]
    gap = 100 * (last["promised"] - last["kept"])
    return (
        f"<b>The best of {last['n_trials']:.0f} trials on {n_examples:,} validation examples "
        f"promises {number(100 * last['promised'])}% and keeps {number(100 * last['kept'])}%: "
        f"{number(gap)} points too much.</b> Simulated from the scores of the trials chosen above, "
        "taken for shares of right answers, with fresh examples for each trial."
    )
