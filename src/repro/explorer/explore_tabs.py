"""The tabs of the explorer: each shows the trials that it is given, and only when it is seen.

A tab has a `title`, a `widget`, and `show(found, trials)`, which is called when what it shows has
changed; `trials` are those of the dropdowns, and the brush is the coordinates' tab.
"""

import html
from collections.abc import Callable

import ipywidgets as widgets
import pandas as pd

from repro.explorer.brushing import SCORE, SORTS, best_of, short_names, trials_table
from repro.explorer.coordinates import Coordinates, find_axes
from repro.explorer.found_runs import FoundRuns
from repro.explorer.pictures import Picture, lay_out_panels
from repro.show.curves import figure_incumbents, plot_overlays
from repro.stats.incumbents import incumbent_curves

_ROUNDING = 1e-6  # of places in the browser
_SLIDER = {
    "continuous_update": False,
    "layout": widgets.Layout(width="620px"),
    "style": {"description_width": "150px"},
}


class IncumbentTab:
    """Incumbent curves, one line a tuning run and one panel a task."""

    title = "Incumbents"

    def __init__(self):
        self.picture, self.note = Picture(), widgets.HTML()
        self.widget = widgets.VBox([self.picture, self.note])

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        curves = incumbent_curves(trials)
        if curves.empty:
            self.picture.show(None)
            self.note.value = "None of these trials has a score."
            return
        n = curves["run_id"].nunique()
        alt = f"Incumbent curves of {n:,} tuning runs: the best validation score over steps."
        self.picture.show(lambda: lay_out_panels(figure_incumbents(curves)), alt)
        self.note.value = (
            "The best validation score so far over the steps spent: one line a tuning run, laid "
            "out trial after trial; a marker ends it. The climb of the first tenth is cut off."
        )
        if trials["model"].nunique() > 1:
            self.note.value += " <b>Lines of several models share a panel: choose one above.</b>"


class BrushTab:
    """Parallel coordinates, which are brushed on the plot."""

    title = "Coordinates"

    def __init__(self, changed: Callable[[], None]):
        self._changed, self._trials, self._axes = changed, pd.DataFrame(), []
        self.plot, self.note = Coordinates(), widgets.HTML()
        self.clear_button = widgets.Button(description="Clear the brush", icon="eraser")
        self.clear_button.on_click(lambda _: setattr(self.plot, "ranges", {}))
        self.plot.observe(lambda _: self._changed(), "ranges")
        self.widget = widgets.VBox([self.plot, self.note, self.clear_button])

    def reset(self, trials: pd.DataFrame) -> None:
        """Offer the axes on which these trials differ, with nothing brushed."""
        self._trials, self._axes = trials, find_axes(trials)
        scored = trials.dropna(subset=SCORE)
        names = short_names(scored)
        self.plot.show(scored, self._axes, [names[i] for i in scored["trial_id"]])
        self._changed()

    def chosen(self) -> pd.Series:
        """Mark the trials that lie in all ranges that were brushed; no value is outside."""
        mask = pd.Series(True, index=self._trials.index)
        for number, (low, high) in self.plot.ranges.items():
            axis = self._axes[int(number)]
            places = pd.Series(axis.places(self._trials[axis.name]), self._trials.index)
            mask &= places.between(low - _ROUNDING, high + _ROUNDING)
        return mask

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        drawn = len(self._axes) > 1
        self.plot.layout.display = "" if drawn else "none"
        if not drawn:
            self.note.value = "These trials have no score or differ in no hyperparameter."
            return
        n_chosen, n_without = self.chosen().sum(), trials[SCORE].isna().sum()
        note = f"<b>{n_chosen:,} of {len(trials):,} trials are chosen</b>"
        note += f"; {n_without:,} without a score are not drawn" if n_without else ""
        self.note.value = (
            f"{note}. Hover a line to read it; drag along an axis to choose, click it to undo. "
            "With the keyboard: ← → choose an axis, ↑ ↓ move its lower end (with Shift the upper "
            "one), Esc clears."
        )


class CurveTab:
    """Learning curves of the best of the chosen trials, or of those picked from a list."""

    title = "Learning curves"
    _LISTED = 60

    def __init__(self, chosen: Callable[[], pd.Series]):
        self._chosen, self._shown = chosen, None
        self.picture, self.note = Picture(), widgets.HTML()
        self.best = widgets.IntSlider(5, 1, 20, description="best n", **_SLIDER)
        look = {name: _SLIDER[name] for name in ("layout", "style")}
        self.picked = widgets.SelectMultiple(description="or pick trials", rows=6, **look)
        self.best.observe(lambda _: self._pick_best(), "value")
        self.picked.observe(lambda _: self._draw(), "value")
        hint = "Several: Ctrl (⌘) or Shift and a click. The list has the best chosen trials."
        controls = [self.best, self.picked, widgets.HTML(hint)]
        self.widget = widgets.VBox([self.picture, self.note, *controls])

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        rows = best_of(trials[self._chosen()].dropna(subset=SCORE), self._LISTED)
        names = short_names(rows)
        self._shown = None  # so that the list may change without being drawn
        self.picked.options = [
            (f"{100 * score:.1f} %  {names[trial_id]}", trial_id)
            for trial_id, score in zip(rows["trial_id"], rows[SCORE], strict=True)
        ]
        self._shown = found, names
        self._pick_best()

    def _pick_best(self) -> None:
        best = tuple(trial_id for _, trial_id in self.picked.options[: self.best.value])
        if best == self.picked.value:
            self._draw()
        else:
            self.picked.value = best

    def _draw(self) -> None:
        if self._shown is None:
            return
        found, names = self._shown
        try:
            evaluations = found.evaluations(self.picked.value)
        except ValueError as error:
            self.picture.show(None)
            self.note.value = f"Cannot be drawn: {html.escape(str(error))}"
            return
        known = set(evaluations["trial_id"])
        names = {i: names[i] for i in self.picked.value if i in known}
        alt = f"Validation scores over epochs of {', '.join(names.values())}."
        self.picture.show((lambda: plot_overlays(evaluations, names=names)) if names else None, alt)
        note = "Validation score at every evaluation; the first in the legend scored highest."
        self.note.value = note if names else "No trial with a score is chosen."


class TableTab:
    """The chosen trials as a table, sorted, the first of them."""

    title = "Trials"

    def __init__(self, chosen: Callable[[], pd.Series]):
        self._chosen, self._shown = chosen, None
        options = [(name.replace("_", " "), name) for name in SORTS]
        style = _SLIDER["style"]
        self.order = widgets.Dropdown(options=options, description="sorted by", style=style)
        self.n = widgets.IntSlider(
            15, 5, 100, description="rows", continuous_update=False, style=style
        )
        self.table, self.n_looks = widgets.HTML(), 0
        self.look_button = widgets.Button(
            description="Look at their test scores", icon="eye", layout=widgets.Layout(width="auto")
        )
        self.look_button.on_click(lambda _: self._look())
        for control in (self.order, self.n):
            control.observe(lambda _: self._draw(), "value")
        controls = widgets.HBox([self.order, self.n, self.look_button])
        self.widget = widgets.VBox([controls, self.table])

    def show(self, found: FoundRuns, trials: pd.DataFrame) -> None:
        self._shown = trials[self._chosen()]
        self._draw()

    def _look(self) -> None:
        """Show the test scores of the rows that are seen now, and count that."""
        self.n_looks += 1
        self._draw(with_test=True)

    def _draw(self, *, with_test: bool = False) -> None:
        if self._shown is None:
            return
        rows = best_of(self._shown, self.n.value, by=self.order.value)
        order = self.order.value.replace("_", " ")
        order = f"by {order}, " + ("largest first" if SORTS[self.order.value] else "lowest first")
        caption = f"{len(rows):,} of {len(self._shown):,} chosen trials, {order}."
        if self.n_looks:
            caption += f" Looks at test scores so far: {self.n_looks}."
        table = trials_table(rows, caption, with_test=with_test).to_html()
        look = "overflow: auto; max-height: 560px; line-height: 1.4"
        self.table.value = f'<div style="{look}">{table}</div>'
