"""The explorer of notebooks/explore.ipynb: any results folder, with dropdowns, tabs and a brush."""

import html
from pathlib import Path

import ipywidgets as widgets
import pandas as pd

from repro.explorer.brushing import CHOICES, choose
from repro.explorer.compare_tab import CompareTab
from repro.explorer.curse_tab import CurseTab
from repro.explorer.explore_tabs import BrushTab, CurveTab, IncumbentTab, TableTab
from repro.explorer.found_runs import FoundRuns, find_runs
from repro.explorer.recorded_runs import find_recorded
from repro.labels import METHOD_LABELS, TASK_LABELS, in_order, label
from repro.paths import RESULTS
from repro.results.recorded import recorded_folders

ALL = "all"
_LABELS = {"task": TASK_LABELS, "method": METHOD_LABELS}


class Explorer:
    """Finished runs of a results folder, to look at; show its `widget`.

    Args:
        results: searched through; the package's own when None, or, while that has no finished run,
            the recorded trials that the package carries.
    """

    def __init__(self, results: str | Path | None = None):
        self._quiet, self._stale, self._trials = False, set(), pd.DataFrame()
        self.folder = widgets.Text(
            str(results or RESULTS),
            description="results",
            continuous_update=False,
            layout=widgets.Layout(width="640px"),
        )
        options = [
            ("results of the folder", ""),
            *((f"recorded: {n}", n) for n in recorded_folders()),
        ]
        self.source = widgets.Dropdown(options=options, description="show")
        self.refresh_button = widgets.Button(description="Refresh", icon="refresh")
        look = {"layout": widgets.Layout(width="250px"), "style": {"description_width": "60px"}}
        self.choices = {name: widgets.Dropdown(description=name, **look) for name in CHOICES}
        self.status = widgets.HTML()
        self.brush = BrushTab(self._brushed)
        shown = (CurveTab(self.brush.chosen), self.brush, TableTab(self.brush.chosen))
        self.tabs = (IncumbentTab(), *shown, CompareTab(), CurseTab())
        self.tab = widgets.Tab([tab.widget for tab in self.tabs])
        self.tab.titles = tuple(tab.title for tab in self.tabs)
        row = widgets.Layout(flex_flow="row wrap")
        first = widgets.Box([self.source, self.folder, self.refresh_button], layout=row)
        second = widgets.Box(list(self.choices.values()), layout=row)
        self.widget = widgets.VBox([first, second, self.status, self.tab])
        self.refresh_button.on_click(lambda _: self.refresh())
        self.folder.observe(lambda _: self.refresh(), "value")
        if results is None and len(options) > 1 and find_runs(RESULTS).trials.empty:
            self.source.index = 1
        self.source.observe(lambda _: self.refresh(), "value")
        for dropdown in self.choices.values():
            dropdown.observe(lambda _: self._choose(), "value")
        self.tab.observe(lambda _: self._show(), "selected_index")
        self.refresh()

    def refresh(self) -> None:
        """Read the folder again; choices that are still there stay."""
        name, folder = self.source.value, self.folder.value.strip()
        self.found = find_recorded(name) if name else find_runs(folder)
        self._quiet = True
        for name, dropdown in self.choices.items():
            kept, labels = dropdown.value, _LABELS.get(name, {"": "none"})
            known = in_order(self.found.trials[name], labels)
            options = [(label(value, labels), value) for value in known if known != [""]]
            dropdown.options = [(ALL, ALL), *options]
            dropdown.value = kept if kept in known else ALL
        self._quiet = False
        self._choose()

    def _choose(self) -> None:
        """Take up the dropdowns; what was brushed is cleared."""
        if self._quiet:
            return
        values = {
            n: dropdown.value for n, dropdown in self.choices.items() if dropdown.value != ALL
        }
        self._trials = choose(self.found.trials, values)
        self.tab.layout.display = "" if len(self._trials) else "none"
        self.status.value = describe(self.found, self._trials)
        self.brush.reset(self._trials)

    def _brushed(self) -> None:
        self._stale = set(range(len(self.tabs)))
        self._show()

    def _show(self) -> None:
        """Draw the tab that is seen, if what it shows has changed."""
        seen = self.tab.selected_index or 0
        if seen in self._stale and len(self._trials):
            self.tabs[seen].show(self.found, self._trials)
        self._stale.discard(seen)


def describe(found: FoundRuns, trials: pd.DataFrame) -> str:
    """Say in HTML what was found, what the dropdowns leave of it, and what to do about nothing."""
    folder, n = html.escape(str(found.folder)), trials["run_id"].nunique()
    if not len(found.trials):
        text = (
            f"<b>There are no finished runs in {folder}.</b> To fill it, run <code>make reproduce"
            "</code> or a notebook, or start a small run with the form below; then press Refresh."
        )
    elif not len(trials):
        text = "<b>No trial fits all of these choices.</b> Set one of them back to all."
    else:
        text = f"<b>{len(trials):,} trials of {n:,} tuning runs</b>, of {len(found.trials):,} found"
    if n := len(found.skipped):
        listed = "".join(
            f"<li><code>{html.escape(name)}</code>: {html.escape(why)}</li>"
            for name, why in found.skipped.items()
        )
        what = f"{n} folder{'s' if n > 1 else ''} could not be read and were left out"
        text += f"<details><summary>{what}</summary><ul>{listed}</ul></details>"
    return text
