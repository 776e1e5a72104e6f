"""Tuning runs in this process, one trial after another: what Ray does, without Ray."""

import itertools
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
    """Carry out tuning runs as `ray_tune.tune_runs` does, which takes the same arguments.

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
        state, numbers, started_at = study.runs[request.run_id], itertools.count(1), time.time()

        def report(evaluation, *, request=request, state=state, numbers=numbers) -> str | None:
            watch(request, evaluation)
            return state.on_evaluation(request.trial, evaluation, number=next(numbers))

        result = objective(request, report)
        worker = f"{socket.gethostname()}:{os.getpid()}"
        study.on_result(request, replace(result, started_at=started_at, worker=worker))
    assert study.finished
