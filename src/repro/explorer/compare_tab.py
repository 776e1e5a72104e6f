"""The explorer's tab that compares two kinds of tuning runs, pair by pair, with an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import numpy as np
import pandas as pd

from repro.explorer.brushing import CHOICES, SCORE
from repro.explorer.found_runs import FoundRuns
from repro.explorer.pictures import Picture
from repro.labels import METHOD_LABELS, label
from repro.show.cells import task_label
from repro.show.style import OWN, PAGE_WIDTH, panel
from repro.show.table import number
from repro.stats.incumbents import best_trials
from repro.stats.intervals import summarise_differences

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COMPARED = tuple(name for name in CHOICES if name != "task")
_PAIR = ("profile", "model", "task", "repetition")
ALL = "all tasks"


class CompareTab:
    """The incumbents of two methods, models, spaces, ...: their difference, and how sure it is."""

    title = "Compare"

    def __init__(self):
        self.picture, self.note = Picture(), widgets.HTML()
        look = {"layout": widgets.Layout(width="280px"), "style": {"description_width": "70px"}}
        self.what = widgets.Dropdown(description="compare", **look)
        self.first = widgets.Dropdown(description="is", **look)
        self.second = widgets.Dropdown(description="better than", **look)
        self._trials, self._quiet = pd.DataFrame(), False
        for field, answer in ((self.what, self._offer), (self.first, self._draw)):
            field.observe(lambda _, answer=answer: answer(), "value")
        self.second.observe(lambda _: self._draw(), "value")
        controls = widgets.HBox([self.what, self.first, self.second])
        self.widget = widgets.VBox([controls, self.picture, self.note])

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        self._trials, kept = trials, self.what.value
        self.what.options = [n for n in _COMPARED if trials[n].nunique() > 1]
        self.what.value = kept if kept in self.what.options else next(iter(self.what.options), None)
        self._offer()

    def _offer(self) -> None:
        """Offer what differs."""
        values = sorted(self._trials[self.what.value].unique()) if self.what.value else []
        named = [(label(value, METHOD_LABELS | {"": "none"}), value) for value in values]
        self._quiet = True
        for field, options in ((self.first, named[::-1]), (self.second, named)):
            field.options, field.index = options, 0 if options else None
        self._quiet = False
        self._draw()

    def _draw(self) -> None:
        if self._quiet:
            return
        self.picture.show(None)
        if self.first.value is None or self.first.value == self.second.value:
            self.note.value = "Choose two that differ; the dropdowns above may leave only one."
            return
        pair = self.first.value, self.second.value
        pairs = pair_runs(self._trials, self.what.value, pair)
        if pairs.empty:
            self.note.value = "No two of these runs agree in model, task and repetition."
            return
        table = compare(pairs)
        names = [label(value, METHOD_LABELS | {"": "none"}) for value in pair]
        self.note.value = describe(table, names)
        self.picture.show(lambda: plot_differences(table), f"{names[0]} minus {names[1]}")


def pair_runs(trials: pd.DataFrame, what: str, pair: tuple[str, str]) -> pd.DataFrame:
    """Subtract the incumbents' validation scores of two kinds of runs that agree in all of _PAIR.

    Where several runs of a kind agree, their mean counts.

    Returns:
        one row a pair: _PAIR (without `what`) and difference (a fraction).
    """
    runs = trials[["run_id", "profile"]].drop_duplicates("run_id")
    best = best_trials(trials).merge(runs, on="run_id")
    keys = [name for name in _PAIR if name != what]
    means = best.groupby([what, *keys])[SCORE].mean()
    if not all(value in means.index.get_level_values(what) for value in pair):
        return pd.DataFrame(columns=[*keys, "difference"])
    first, second = (means.xs(value, level=what) for value in pair)
    return (first - second).dropna().rename("difference").reset_index()


def compare(pairs: pd.DataFrame) -> pd.DataFrame:
    """Average the differences of each task, and of all tasks, with 95 % intervals."""
    each = summarise_differences(pairs, ["task"])
    together = summarise_differences(pairs.assign(of=ALL), ["of"])
    return pd.concat([each, together.rename(columns={"of": "task"})], ignore_index=True)


@panel(width=PAGE_WIDTH)
def plot_differences(table: pd.DataFrame, ax: Axes) -> None:
    """Draw the mean difference of each task and of all, with intervals, from `compare`."""
    ends = 100 * np.abs(table[["low", "high"]].to_numpy().T - table["difference"].to_numpy())
    ax.errorbar(100 * table["difference"], table.index, xerr=ends, fmt="o", color=OWN, capsize=3)
    ax.axvline(0, color="0.6", lw=0.8)
    names = [t if t == ALL else task_label(t) for t in table["task"]]
    ax.set_yticks(table.index, [f"{n} (n={k})" for n, k in zip(names, table["n"], strict=True)])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("difference of the incumbents' validation scores (points)")


def describe(table: pd.DataFrame, names: list[str]) -> str:
    """Say in HTML what the last row of `compare`, or the only task's, comes to."""
    row = table.iloc[-1 if len(table) > 2 else 0]
    text = f"<b>{names[0]} minus {names[1]}: {number(100 * row['difference'])} points"
    if np.isnan(row["low"]):
        return text + "</b>, of one pair: nothing says how sure that is."
    low, high = number(100 * row["low"]), number(100 * row["high"])
    text += f"</b>, 95 % interval [{low}, {high}], of {row['n']} pairs of incumbents"
    text += f" on {row['n_tasks']} tasks" if len(table) > 2 else ""
    told = row["low"] > 0 or row["high"] < 0
    text += ": told from 0." if told else ": not told from 0."
    if row["few"]:
        text += " So few values have an interval that is little more than their range."
    return text + " By validation, which chose them: the winners' luck is in both."
