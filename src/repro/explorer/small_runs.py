"""A small tuning run that somebody asks for by hand, carried out here and watched.

It trains what a run of the same name and profile would train on Ray, and its folder is like any
other: asked again, it is not repeated, and stopped, it goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from repro.names import check_name
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.folders import RunFolder
from repro.study.objective import fine_tune
from repro.study.profile import Profile
from repro.study.runs import StudyRun, bind_run
from repro.study.study import StudyStore
from repro.training.types import Evaluation, TrialResult
from repro.tuning import in_process
from repro.tuning.runs import Request, TuningRun
from repro.tuning.spaces import LogUniform, SearchSpace, default_configuration, search_space

SMALL_METHODS = ("rs", "asha", "bo", "bo_asha", "grid")
MOST_TRIALS = 24


@dataclass(frozen=True)
class SmallRun:
    """What a form asks for: one method, a number of trials, learning rates from a range.

    Grid search tries learning rates that divide the range evenly on a logarithmic scale; all else
    is the default. The other methods search the family's space with that range in it.
    """

    model: str
    task: str
    method: str = "rs"
    n_trials: int = 8
    learning_rates: tuple[float, float] | None = None  # None: the family's own
    repetition: int = 1  # another one draws other configurations

    def __post_init__(self):
        check_name("method of a small run", self.method, SMALL_METHODS)
        if not 2 <= self.n_trials <= MOST_TRIALS:
            raise ValueError(
                f"`n_trials` must be from 2 to {MOST_TRIALS}, but got {self.n_trials}; "
                "larger runs are for the notebooks"
            )
        low, high = self.learning_rates or (1, 2)
        if not 0 < low < high:
            raise ValueError(
                f"`learning_rates` must rise from above 0, but got {self.learning_rates}"
            )


def family_space(profile: Profile, model: str, task: str) -> SearchSpace:
    """Return the space that the profile searches for a model on a task."""
    check_name("task", task, profile.model(model).tasks)
    return search_space(profile.model(model).family, epochs=profile.model(model).epochs_for(task))


@dataclass(frozen=True)
class BoundRun:
    """A tuning run and the folder that holds or awaits its results."""

    tuning: TuningRun
    folder: RunFolder


def plan_small_run(profile: Profile, asked: SmallRun, *, results: Path = RESULTS) -> BoundRun:
    """Return the tuning run that is asked for, with its folder in `results`.

    Raises:
        ValueError: if the model or the task is not the profile's.
    """
    space, grid = family_space(profile, asked.model, asked.task), ()
    if asked.learning_rates:
        rates = {"learning_rate": LogUniform(*asked.learning_rates)}
        space = replace(space, name="own-rates", domains=space.domains | rates)
    if asked.method == "grid":
        default = default_configuration(space.family, epochs=space.fixed["epochs"])
        rates = space.domains["learning_rate"]
        points = np.geomspace(rates.low, rates.high, asked.n_trials).tolist()
        grid = tuple(default | {"learning_rate": rate} for rate in points)
    words = asked.model, asked.task, asked.method, f"{asked.n_trials}trials", space.name
    key = run_key(*words, space=space.name, repetition=asked.repetition)
    run = StudyRun.of(
        profile,
        key,
        profile.trials(asked.model, asked.task),
        space=space,
        grid=grid,
        n_trials=asked.n_trials,
        trials_at_once=1,
    )
    return BoundRun(run.tuning, bind_run(profile, run, results=results))


class LiveRun:
    """What is known of a run that is under way; it is told as a progress line is.

    Args:
        changed: called after every evaluation and trial.
    """

    def __init__(self, n_trials: int, changed=lambda: None):
        self.n_trials, self._changed = n_trials, changed
        self.n_done = self.n_failed = self._spent = 0
        self._done, self._running, self.finished = [], [], False

    @property
    def points(self) -> pd.DataFrame:
        """One row an evaluation, as `curves.plot_trials` takes them."""
        columns = ["trial", "spent", "validation_score"]
        return pd.DataFrame([*self._done, *self._running], columns=columns)

    def evaluated(self, request: Request, evaluation: Evaluation) -> None:
        self._running.append((self.n_done, self._spent + evaluation.step, evaluation.score))
        self._changed()

    def trial_done(self, run_id: str, result: TrialResult, **_) -> None:
        self._done += [(self.n_done, self._spent + e.step, e.score) for e in result.evaluations]
        self._running = []
        self.n_done += 1
        self.n_failed += result.status in ("failed", "diverged")
        self._spent += result.steps
        self._changed()

    def run_done(self, run_id: str) -> None:
        self.finished = True

    def line(self) -> str:
        """Say how far it is."""
        text = f"{self.n_done} of {self.n_trials} trials done"
        text += f" ({self.n_failed} failed or diverged)" if self.n_failed else ""
        if self._running:
            text += f" · trial {self.n_done + 1}: evaluation {len(self._running)}"
        best = self.points["validation_score"].astype(float).max()
        return text if np.isnan(best) else f"{text} · best validation score {100 * best:.1f} %"


def run_here(profile: Profile, run: BoundRun, live: LiveRun, *, stop: Callable[[], bool]) -> None:
    """Tune in this process, one trial after another; Ray is not started.

    Args:
        stop: asked before each trial whether to end here.
    Raises:
        KeyboardInterrupt: if `stop` said so; finished trials are kept.
    """
    folders = {run.tuning.run_id: run.folder}
    in_process.tune_runs(
        [run.tuning],
        partial(fine_tune, folders=folders),
        store=StudyStore(profile, folders, live),
        unit=profile.budget_unit,
        watch=live.evaluated,
        stop=stop,
    )
