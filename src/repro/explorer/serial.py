"""Tuning runs in this process, one trial after another: what Ray does, without Ray."""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from repro.training.types import Evaluation
from repro.tuning.ray_tune import Objective
from repro.tuning.runs import Request, StudyScheduler, TrialStore, TuningRun


def tune_runs(
    runs: list[TuningRun],
    objective: Objective,
    *,
    store: TrialStore,
    unit: str = "steps",
    known_costs: dict[str, float] | None = None,
    watch: Callable[[Request, Evaluation], None] = lambda request, evaluation: None,
    stop: Callable[[], bool] = lambda: False,
    **_,
) -> None:
    """Carry out tuning runs as `orchestration.tune_runs` does, which takes the same arguments.

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
        started_at = time.time()
        result = objective(request, _reporter(study.runs[request.run_id], request, watch))
        worker = f"{socket.gethostname()}:{os.getpid()}"
        study.on_result(request, replace(result, started_at=started_at, worker=worker))
    assert study.finished


def _reporter(state, request: Request, watch) -> Callable[[Evaluation], str | None]:
    n_evaluations = 0

    def report(evaluation: Evaluation) -> str | None:
        nonlocal n_evaluations
        n_evaluations += 1
        watch(request, evaluation)
        return state.on_evaluation(request.trial, evaluation, number=n_evaluations)

    return report
