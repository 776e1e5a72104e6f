"""Fractions of a GPU: how many trials share one. Ray counts GPUs; none need be there."""

import sys
import time
from pathlib import Path

import pytest

from repro.training.types import TrialResult
from repro.tuning.cluster import connected
from repro.tuning.ray_tune import tune_runs
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import search_space

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own files and threads


class Kept:
    """A store of trials that keeps the results."""

    def __init__(self):
        self.results = []

    def recall(self, request):
        return None

    def record(self, request, result):
        self.results.append(result)

    def finish(self, run, *, budget, spent):
        pass


def meet(request, report):
    """An objective that waits for another to start, and returns how many have by then."""
    folder, patience = Path(request.context["folder"]), request.context["patience"]
    (folder / request.run_id).touch()
    deadline = time.monotonic() + patience
    while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return TrialResult("completed", str(len(list(folder.iterdir()))), steps=1)


def count_started(folder, *, gpus_per_trial, patience):
    folder.mkdir()
    context = {"folder": str(folder), "patience": patience}
    space, store = search_space("electra-mini", epochs=1), Kept()
    runs = [TuningRun(f"rs{i}", "rs", space, i, n_trials=1, context=context) for i in range(2)]
    tune_runs(runs, meet, store=store, gpus_per_trial=gpus_per_trial)
    return sorted(int(result.message) for result in store.results)


def test_two_trials_share_a_gpu_of_which_each_wants_half(tmp_path):
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with connected(cores=2, gpus=1):
        shared = count_started(tmp_path / "halves", gpus_per_trial=0.5, patience=60)
        alone = count_started(tmp_path / "whole", gpus_per_trial=1, patience=3)
    assert shared == [2, 2]
    assert alone == [1, 2]
