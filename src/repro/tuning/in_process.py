"""Tuning runs carried out in this process, one trial after another: what Ray does, without Ray."""

import itertools
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request, StudyScheduler, TrialStore, TuningRun

Objective = Callable[[Request, Callable[[Evaluation], str | None]], TrialResult]


def tune_runs(
    runs: list[TuningRun],
    objective: Objective,
    *,
    store: TrialStore,
    unit: str = "steps",
    known_costs: dict[str, float] | None = None,
    watch: Callable[[Request, Evaluation], None] = lambda request, evaluation: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Carry out tuning runs as `ray_tune.tune_runs` does, and with the same outcome.

    Args:
        watch: told of every evaluation.
        stop: asked before each trial whether to end here.
    Raises:
        KeyboardInterrupt: if `stop` said so; the store holds all finished trials.
    """
    study = StudyScheduler(runs, unit=unit, store=store, known_costs=known_costs or {})
    while request := study.next_request():
        if stop():
            raise KeyboardInterrupt("stopped; finished trials are kept, run it again to go on")
        state, numbers = study.runs[request.run_id], itertools.count(1)

        def report(evaluation, *, request=request, state=state, numbers=numbers) -> str | None:
            watch(request, evaluation)
            return state.on_evaluation(request.trial, evaluation, number=next(numbers))

        study.on_result(request, train(request, objective, report))
    assert study.finished


def train(request: Request, objective: Objective, report: Callable) -> TrialResult:
    """Train one request; note when it began, and in which process."""
    started_at, result = time.time(), objective(request, report)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return replace(result, started_at=started_at, worker=worker)
