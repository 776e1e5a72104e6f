"""Tuning runs on Ray with objectives that train nothing."""

import os
import signal
import time
from pathlib import Path

import pytest

from repro.training.types import Evaluation, MachineFailure, TrialResult
from repro.tuning.ray_tune import LostWorkersError, ObjectiveError, tune_runs
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import search_space

pytest_plugins = ("shared_ray",)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Ray's own files and threads
    pytest.mark.usefixtures("shared_ray"),
]
SPACE = search_space("electra-mini", epochs=1)


class Memory:
    """A store of trials that keeps all and recalls none."""

    def __init__(self):
        self.results, self.finished = {}, []

    def recall(self, request):
        return None

    def record(self, request, result):
        self.results[request.run_id, request.trial] = result

    def finish(self, run, *, budget, spent):
        self.finished.append((run.run_id, budget, spent))


def quadratic(request, report):
    """Score best at a learning rate of 1e-3."""
    if request.context.get("breaks"):
        raise FileNotFoundError("no such data")
    score = -((1e3 * request.configuration["learning_rate"] - 1) ** 2)
    evaluation = Evaluation(1, 1.0, 0.1, loss=0.5, score=score, metrics={})
    status = report(evaluation) or "completed"
    return TrialResult(status, evaluations=(evaluation,), steps=1, seconds=0.1)


def quadratic_runs(**context):
    grid = tuple({"learning_rate": rate, "epochs": 1} for rate in (1e-4, 1e-3, 5e-3))
    return [
        TuningRun("rs", "rs", SPACE, 1, grid_run_id="grid", budget_gst=2.0, context=context),
        TuningRun("grid", "grid", SPACE, 1, grid=grid, context=context),
    ]


def test_the_objective_is_passed_in():
    memory = Memory()
    tune_runs(quadratic_runs(), quadratic, store=memory)
    assert memory.finished == [("grid", float("inf"), 3.0), ("rs", 6.0, 6.0)]
    assert memory.results["grid", 1].score == 0.0
    assert all(result.worker for result in memory.results.values())


def test_an_objective_that_raises_ends_the_study_with_its_message():
    memory = Memory()
    with pytest.raises(ObjectiveError, match="grid, trial 0: FileNotFoundError: no such data"):
        tune_runs(quadratic_runs(breaks=True), quadratic, store=memory)
    assert not memory.results


def meet(request, report):
    """Wait for another trial to start; report in the message how many have by then."""
    folder, patience = Path(request.context["folder"]), request.context["patience"]
    (folder / request.run_id).touch()
    deadline = time.monotonic() + patience
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return TrialResult("completed", str(len(list(folder.iterdir()))), steps=1)


def count_started(folder, *, gpus_per_trial, patience):
    folder.mkdir()
    context, memory = {"folder": str(folder), "patience": patience}, Memory()
    runs = [TuningRun(f"rs{i}", "rs", SPACE, i, n_trials=1, context=context) for i in range(2)]
    tune_runs(runs, meet, store=memory, gpus_per_trial=gpus_per_trial)
    return sorted(int(result.message) for result in memory.results.values())


def test_two_trials_share_a_gpu_of_which_each_wants_half(tmp_path):
    assert count_started(tmp_path / "halves", gpus_per_trial=0.5, patience=60) == [2, 2]
    assert count_started(tmp_path / "whole", gpus_per_trial=1, patience=3) == [1, 2]


def lose_the_first_worker(request, report):
    mark = Path(request.context["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return quadratic(request, report)


def test_a_trial_whose_worker_is_lost_is_trained_again(tmp_path):
    memory = Memory()
    tune_runs(quadratic_runs(mark=str(tmp_path / "mark")), lose_the_first_worker, store=memory)
    assert memory.finished == [("grid", float("inf"), 3.0), ("rs", 6.0, 6.0)]
    assert {result.status for result in memory.results.values()} == {"completed", "cut"}


def fail_on_the_first_machine(request, report):
    mark = Path(request.context["mark"])
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        raise MachineFailure("OutOfMemoryError: nothing left")
    return quadratic(request, report)


def test_a_trial_whose_machine_fails_is_trained_again_in_another_process(tmp_path):
    memory, mark = Memory(), tmp_path / "mark"
    tune_runs(quadratic_runs(mark=str(mark)), fail_on_the_first_machine, store=memory)
    assert {result.status for result in memory.results.values()} == {"completed", "cut"}
    assert mark.read_text() not in {r.worker.split(":")[1] for r in memory.results.values()}


def fail_on_every_machine(request, report):
    if request.trial == 1:
        raise MachineFailure("OutOfMemoryError: nothing left")
    return quadratic(request, report)


def test_a_trial_that_fails_on_every_machine_ends_the_study_and_is_no_result():
    memory = Memory()
    message = "grid, trial 1 lost 3, the last as OutOfMemoryError: nothing left"
    with pytest.raises(LostWorkersError, match=message):
        tune_runs(quadratic_runs(), fail_on_every_machine, store=memory)
    assert list(memory.results) == [("grid", 0)]


def test_more_than_any_machine_has_is_refused():
    with pytest.raises(ValueError, match="`gpus_per_trial` must be at most .* 1, but got 4"):
        tune_runs(quadratic_runs(), quadratic, store=Memory(), gpus_per_trial=4)


class Full(Memory):
    def record(self, request, result):
        raise OSError("no space left")


def test_a_store_that_cannot_write_ends_the_study():
    with pytest.raises(OSError, match="no space left"):
        tune_runs(quadratic_runs(), quadratic, store=Full())


class Interrupted(Memory):
    def record(self, request, result):
        super().record(request, result)
        raise KeyboardInterrupt


def test_when_interrupted_it_ends_ray_and_keeps_what_is_done():
    import ray

    memory = Interrupted()
    assert ray.is_initialized()
    with pytest.raises(KeyboardInterrupt):
        tune_runs(quadratic_runs(), quadratic, store=memory)
    assert memory.results and not ray.is_initialized()
