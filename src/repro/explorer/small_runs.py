"""A small tuning run that somebody asks for by hand, carried out here and watched.

It trains what a run of the same name and profile would train on Ray, and its folder is like any
other: asked again, it is not repeated, and stopped, it goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from repro.explorer import serial
from repro.names import check_name
from repro.paths import RESULTS
from repro.records import run_key
from repro.study.objective import fine_tune
from repro.study.profile import Profile
from repro.study.study import StudyRun, StudyStore, make_run
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request, TuningRun, derive_seed
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


class Watcher(Protocol):
    """Who is told of a small run."""

    def evaluated(self, request: Request, evaluation: Evaluation) -> None: ...
    def trial_done(self, run_id: str, result: TrialResult) -> None: ...
    def run_done(self, run_id: str) -> None: ...


def learning_rates(profile: Profile, model: str) -> tuple[float, float]:
    """Return the range that a model's search space has."""
    domain = _space(profile, SmallRun(model, profile.model(model).tasks[0])).domains
    return domain["learning_rate"].low, domain["learning_rate"].high


def plan_small_run(profile: Profile, wanted: SmallRun, *, results: Path = RESULTS) -> StudyRun:
    """Return the tuning run that is `wanted`, with its folder in `results`.

    Raises:
        ValueError: if the model or the task is not the profile's.
    """
    check_name("task", wanted.task, profile.model(wanted.model).tasks)
    space, is_grid = _space(profile, wanted), wanted.method == "grid"
    where = (wanted.model, wanted.task, wanted.method, f"{wanted.n_trials}trials", space.name)
    key = run_key(*where, space=space.name, repetition=wanted.repetition)
    tuning = TuningRun(
        run_id=key["run_id"],
        method=wanted.method,
        space=space,
        seed=derive_seed(profile.seed, key["run_id"]),
        grid=_grid(profile, wanted, space) if is_grid else (),
        n_trials=wanted.n_trials,
        context={"task": wanted.task, "model": wanted.model},
    )
    return make_run(profile, tuning, key, results)


def carry_out_here(
    profile: Profile, run: StudyRun, watcher: Watcher, *, stop: Callable[[], bool]
) -> None:
    """Tune in this process, one trial after another; Ray is not started.

    Args:
        stop: asked before each trial whether to end here.
    Raises:
        KeyboardInterrupt: if `stop` said so; finished trials are kept.
    """
    serial.tune_runs(
        [run.tuning],
        partial(fine_tune, profile=profile, folders={run.tuning.run_id: run.folder}),
        store=StudyStore(profile, [run], watcher),
        unit=profile.budget_unit,
        watch=watcher.evaluated,
        stop=stop,
    )


def _space(profile: Profile, wanted: SmallRun) -> SearchSpace:
    settings = profile.model(wanted.model)
    epochs = profile.epochs_for(wanted.model, wanted.task)
    space = search_space(settings.family, epochs=epochs)
    if wanted.learning_rates is None:
        return space
    domains = space.domains | {"learning_rate": LogUniform(*wanted.learning_rates)}
    return replace(space, name="own-rates", domains=domains)


def _grid(profile: Profile, wanted: SmallRun, space: SearchSpace) -> tuple[dict, ...]:
    epochs, rates = space.fixed["epochs"], space.domains["learning_rate"]
    default = default_configuration(space.family, epochs=epochs)
    points = np.geomspace(rates.low, rates.high, wanted.n_trials).tolist()
    return tuple(default | {"learning_rate": rate} for rate in points)
