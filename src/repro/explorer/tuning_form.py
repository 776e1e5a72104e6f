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
import pandas as pd

from repro.explorer.pictures import new_picture, show_picture
from repro.explorer.small_runs import (
    MOST_TRIALS,
    SMALL_METHODS,
    SmallRun,
    carry_out_here,
    learning_rates,
    plan_small_run,
)
from repro.labels import METHOD_LABELS, TASK_LABELS, label
from repro.paths import RESULTS
from repro.show.curves import plot_trials
from repro.stats.incumbents import incumbent_curves
from repro.study.profile import Profile
from repro.study.study import StudyRun
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request

_STYLE = {"description_width": "120px"}
_WIDE = widgets.Layout(width="440px")
_SECONDS_BETWEEN_PICTURES = 0.5  # drawing takes time from training


class LiveRun:
    """What is known of a run that is under way; a `small_runs.Watcher`.

    Args:
        changed: called after every evaluation and trial.
    """

    def __init__(self, n_trials: int, changed=lambda: None):
        self.n_trials, self._changed = n_trials, changed
        self.n_done = self.n_failed = self._spent = 0
        self._done: list[dict] = []
        self._running: list[dict] = []
        self.finished = False

    @property
    def points(self) -> pd.DataFrame:
        """One row an evaluation, as `curves.plot_trials` takes them."""
        columns = ["trial", "spent", "validation_score"]
        return pd.DataFrame([*self._done, *self._running], columns=columns)

    @property
    def best(self) -> float:
        """The incumbent's score; NaN before there is one."""
        return self.points["validation_score"].astype(float).max()

    def evaluated(self, request: Request, evaluation: Evaluation) -> None:
        self._running.append(self._point(evaluation))
        self._changed()

    def trial_done(self, run_id: str, result: TrialResult) -> None:
        self._done += [self._point(evaluation) for evaluation in result.evaluations]
        self._running = []
        self.n_done += 1
        self.n_failed += result.status in ("failed", "diverged")
        self._spent += result.steps
        self._changed()

    def run_done(self, run_id: str) -> None:
        self.finished = True

    def line(self) -> str:
        """Say how far it is."""
        failed = f" ({self.n_failed} failed or diverged)" if self.n_failed else ""
        best = "" if np.isnan(self.best) else f" · best validation score {100 * self.best:.1f} %"
        now = (
            f" · trial {self.n_done + 1}: evaluation {len(self._running)}" if self._running else ""
        )
        return f"{self.n_done} of {self.n_trials} trials done{failed}{now}{best}"

    def _point(self, evaluation: Evaluation) -> dict:
        at = self._spent + evaluation.step
        return {
            "trial": self.n_done,
            "spent": at,
            "validation_score": evaluation.score,
        }


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
        self.model = _dropdown("model", [(m.name, m.name) for m in profile.models])
        self.task = _dropdown("task", [])
        self.method = _dropdown("method", [(label(m, METHOD_LABELS), m) for m in SMALL_METHODS])
        self.n_trials = widgets.IntSlider(
            6, 2, MOST_TRIALS, description="trials", layout=_WIDE, style=_STYLE
        )
        self.rates = widgets.SelectionRangeSlider(
            options=[0.0, 1.0], description="learning rate", layout=_WIDE, style=_STYLE
        )
        self.repetition = widgets.BoundedIntText(
            1, 1, 999, description="repetition", layout=_WIDE, style=_STYLE
        )
        self.run_button = widgets.Button(description="Run", icon="play", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.status, self.picture = widgets.HTML(), new_picture()
        self.widget = self._lay_out()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing trains; return whether it is so within `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _lay_out(self) -> widgets.VBox:
        self.model.observe(lambda _: self._fit_to_model(), "value")
        self._fit_to_model()
        self.run_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        fields = [self.model, self.task, self.method, self.n_trials, self.rates, self.repetition]
        buttons = widgets.HBox([self.run_button, self.stop_button])
        return widgets.VBox([*fields, buttons, self.status, self.picture])

    def _fit_to_model(self) -> None:
        """Offer the model's tasks, and learning rates around those of its search space."""
        tasks = self._profile.model(self.model.value).tasks
        self.task.options = [(label(Path(t).stem, TASK_LABELS), t) for t in tasks]
        self.task.index = tasks.index("rte") if "rte" in tasks else 0  # its curves climb
        low, high = learning_rates(self._profile, self.model.value)
        below, above = np.geomspace(low / 10, low, 9)[:-1], np.geomspace(high, high * 10, 9)[1:]
        rates = [*below, *np.geomspace(low, high, 9), *above]
        # the ends of the family's own range are in the middle
        options = [(f"{rate:.2g}", float(rate)) for rate in rates]
        self.rates.index = (0, 0)  # within the old and the new options
        self.rates.options = options
        self.rates.index = (8, 16)

    def start(self) -> None:
        """Begin to train what the form says; what is finished is only shown."""
        if not self.wait(0):
            return
        self._stop.clear()
        self._switch(running=True)
        self._say("starting: loading the model and the data takes a few seconds")
        self._thread = threading.Thread(target=self._work, args=(self._wanted(),), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the run after the trial that is training now."""
        self._stop.set()
        self.stop_button.disabled = True
        self._say("stopping after this trial")

    def _wanted(self) -> SmallRun:
        return SmallRun(
            model=self.model.value,
            task=self.task.value,
            method=self.method.value,
            n_trials=self.n_trials.value,
            learning_rates=None if self.rates.index == (8, 16) else self.rates.value,
            repetition=self.repetition.value,
        )

    def _work(self, wanted: SmallRun) -> None:
        try:
            run = plan_small_run(self._profile, wanted, results=self._results)
            if run.folder.finished:
                self._say(f"<b>done</b>, and not repeated: it was run before. {_where(run)}")
                points = finished_points(run)
                show_picture(self.picture, lambda: plot_trials(points))
            else:
                self._train(run, wanted.n_trials)
        except Exception as error:  # in words, in the form: a thread's traceback is seen by nobody
            text = f"{type(error).__name__}: {error}"
            self._say(f"<b style='color:#b00'>It did not work.</b> {html.escape(text)}")
        finally:
            self._switch(running=False)

    def _train(self, run: StudyRun, n_trials: int) -> None:
        live = LiveRun(n_trials, lambda: self._draw(live))
        started = time.monotonic()
        try:
            carry_out_here(self._profile, run, live, stop=self._stop.is_set)
        except KeyboardInterrupt:
            text = "<b>stopped</b>: {}. The trials are kept; Run with the same choices goes on."
            self._say(text.format(live.line()))
        else:
            seconds = f"{time.monotonic() - started:.0f} s"
            self._say(f"<b>done</b> in {seconds}: {live.line()}. {_where(run)}")
        self._draw(live, last=True)

    def _draw(self, live: LiveRun, *, last: bool = False) -> None:
        if not last:
            ending = ", stopping after this trial" if self._stop.is_set() else ""
            self._say(f"running{ending}: {live.line()}")
            if time.monotonic() - self._drawn_at < _SECONDS_BETWEEN_PICTURES:
                return
        if len(points := live.points):
            show_picture(self.picture, lambda: plot_trials(points))
        self._drawn_at = time.monotonic()

    def _say(self, text: str) -> None:
        self.status.value = text

    def _switch(self, *, running: bool) -> None:
        self.run_button.disabled, self.stop_button.disabled = running, not running


def finished_points(run: StudyRun) -> pd.DataFrame:
    """Return what `LiveRun.points` was of a run that is finished."""
    curves = incumbent_curves(run.folder.read("trials"), run.folder.read("evaluations"))
    return curves[["trial", "spent", "validation_score"]]


def _where(run: StudyRun) -> str:
    folder = html.escape(run.folder.name)
    return f"Press Refresh above to see it among the others: <code>{folder}</code>."


def _dropdown(name: str, options: list) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, description=name, layout=_WIDE, style=_STYLE)
