"""A form that starts a small tuning run in this process and shows it live, in a notebook.

The run trains in a thread, so that the page stays usable; what it finds is a run folder like any
other.
"""

import html
import threading
import time
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from repro.explorer.pictures import Picture
from repro.explorer.small_runs import (
    MOST_TRIALS,
    SMALL_METHODS,
    BoundRun,
    LiveRun,
    SmallRun,
    family_space,
    plan_small_run,
    run_here,
)
from repro.labels import METHOD_LABELS, TASK_LABELS, label
from repro.paths import RESULTS
from repro.show.curves import plot_trials
from repro.stats.incumbents import incumbent_curves
from repro.study.profile import Profile

_LOOK = {"layout": widgets.Layout(width="440px"), "style": {"description_width": "120px"}}
_OWN_RATES = (8, 16)  # places of the ends of the family's own range on the slider
_ALT = "Validation scores of each trial over the steps spent, and the incumbent's."
_SECONDS_BETWEEN_PICTURES = 0.5  # drawing takes time from training


class TuningForm:
    """Choose a small tuning run of a profile, start it, watch it; show its `widget`.

    Args:
        results: the folder that its results go to; the package's own when None.
    """

    def __init__(self, profile: Profile, results: str | Path | None = None):
        self._profile, self._results = profile, Path(results or RESULTS)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._drawn_at = 0.0
        models = [model.name for model in profile.models]
        methods = [(label(method, METHOD_LABELS), method) for method in SMALL_METHODS]
        self.model = widgets.Dropdown(options=models, description="model", **_LOOK)
        self.task = widgets.Dropdown(description="task", **_LOOK)
        self.method = widgets.Dropdown(options=methods, description="method", **_LOOK)
        self.n_trials = widgets.IntSlider(6, 2, MOST_TRIALS, description="trials", **_LOOK)
        self.rates = widgets.SelectionRangeSlider(
            options=[0.0, 1.0], description="learning rate", **_LOOK
        )
        self.repetition = widgets.BoundedIntText(1, 1, 999, description="repetition", **_LOOK)
        self.run_button = widgets.Button(description="Run", icon="play", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.status, self.picture = widgets.HTML(), Picture()
        fields = [self.model, self.task, self.method, self.n_trials, self.rates, self.repetition]
        buttons = widgets.HBox([self.run_button, self.stop_button])
        self.widget = widgets.VBox([*fields, buttons, self.status, self.picture])
        self.model.observe(lambda _: self._fit_to_model(), "value")
        self.run_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        self._fit_to_model()

    def _fit_to_model(self) -> None:
        """Offer the model's tasks, and learning rates around those of its search space."""
        tasks = self._profile.model(self.model.value).tasks
        self.task.options = [(label(Path(t).stem, TASK_LABELS), t) for t in tasks]
        self.task.index = tasks.index("rte") if "rte" in tasks else 0  # its curves climb
        own = family_space(self._profile, self.model.value, tasks[0]).domains["learning_rate"]
        below = np.geomspace(own.low / 10, own.low, 9)[:-1]
        above = np.geomspace(own.high, own.high * 10, 9)[1:]
        rates = [*below, *np.geomspace(own.low, own.high, 9), *above]
        self.rates.index = (0, 0)  # within the old and the new options
        self.rates.options = [(f"{rate:.2g}", float(rate)) for rate in rates]
        self.rates.index = _OWN_RATES

    def start(self) -> None:
        """Begin to train what the form says; what is finished is only shown."""
        if not self.wait(0):
            return
        asked = SmallRun(
            model=self.model.value,
            task=self.task.value,
            method=self.method.value,
            n_trials=self.n_trials.value,
            learning_rates=None if self.rates.index == _OWN_RATES else self.rates.value,
            repetition=self.repetition.value,
        )
        self._stop.clear()
        self.run_button.disabled, self.stop_button.disabled = True, False
        self.status.value = "starting: loading the model and the data takes a few seconds"
        self._thread = threading.Thread(target=self._work, args=(asked,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the run after the trial that is training now."""
        self._stop.set()
        self.stop_button.disabled = True
        self.status.value = "stopping after this trial"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing trains; return whether it is so within `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _work(self, asked: SmallRun) -> None:
        try:
            run = plan_small_run(self._profile, asked, results=self._results)
            if run.folder.finished:
                points = incumbent_curves(run.folder.read("trials"), run.folder.read("evaluations"))
                self.picture.show(lambda: plot_trials(points), _ALT)
                self.status.value = f"<b>done</b>, and not repeated: it was run before. {_see(run)}"
            else:
                self._train(run, asked.n_trials)
        except Exception as error:  # in words, in the form: a thread's traceback is seen by nobody
            text = html.escape(f"{type(error).__name__}: {error}")
            self.status.value = f"<b style='color:#b00'>It did not work.</b> {text}"
        finally:
            self.run_button.disabled, self.stop_button.disabled = False, True

    def _train(self, run: BoundRun, n_trials: int) -> None:
        live, started = LiveRun(n_trials, lambda: self._draw(live)), time.monotonic()
        try:
            run_here(self._profile, run, live, stop=self._stop.is_set)
            seconds = time.monotonic() - started
            text = f"<b>done</b> in {seconds:.0f} s: {live.line()}. {_see(run)}"
        except KeyboardInterrupt:
            text = f"<b>stopped</b>: {live.line()}. The trials are kept; "
            text += "Run with the same choices goes on."
        self._draw(live, text)

    def _draw(self, live: LiveRun, last: str = "") -> None:
        """Show how far a run is; `last` is what is said of it in the end."""
        ending = ", stopping after this trial" if self._stop.is_set() else ""
        self.status.value = last or f"running{ending}: {live.line()}"
        if not last and time.monotonic() - self._drawn_at < _SECONDS_BETWEEN_PICTURES:
            return
        if len(points := live.points):
            self.picture.show(lambda: plot_trials(points), _ALT)
        self._drawn_at = time.monotonic()


def _see(run: BoundRun) -> str:
    folder = html.escape(run.folder.name)
    return f"Press Refresh above to see it among the others: <code>{folder}</code>."
