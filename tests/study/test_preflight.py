"""What is refused before training: too little disk or memory, no GPU, another folder or version."""

from collections import namedtuple
from dataclasses import replace

import pytest

from repro.models.locate import find_model
from repro.study.objective import Prepared
from repro.study.preflight import Answer, check_before_training, inspect_machine, judge
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, run_all

pytest_plugins = ("shared_ray",)
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
Usage = namedtuple("Usage", "total used free")


def smoke(**changes):
    return load_profile("smoke", tasks=["rte"], **changes)


def check(profile, results):
    runs = [run.tuning for run in enumerate_runs(profile)]
    prepared = Prepared({"tiny-electra": find_model("tiny-electra")}, results)
    check_before_training(profile, runs, prepared, results=results)


def test_a_laptop_with_room_may_train_the_miniature(tmp_path):
    check(smoke(), tmp_path / "not" / "there" / "yet")


@pytest.mark.parametrize("amount", [{"cpus_per_trial": 10_000}, {"gpus_per_trial": 1_000}])
def test_more_than_this_machine_has_is_refused_before_ray_starts(amount, tmp_path, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", None)
    with pytest.raises(ValueError, match=r"_per_trial` must be at most what this machine has, \d"):
        run_all(smoke(**amount), enumerate_runs(smoke()), results=tmp_path)


def test_too_little_disk_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**12, 10**12 - 10**5, 10**5))
    message = r"must have 0.0 GB free, but has 0.0; free some, or name another .* REPRO_RESULTS"
    with pytest.raises(ValueError, match=message):
        run_all(smoke(), enumerate_runs(smoke()), results=tmp_path)


def test_too_little_memory_for_the_trials_at_once_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8))
    memory = namedtuple("memory", "total")(4e9)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    # 8 workers of .6 GB and a tiny model
    message = r"8 trials at once must have about (4.9|5.0) GB .* has 4.0; set `trials_at_once`"
    with pytest.raises(ValueError, match=message):
        check(smoke(), tmp_path)
    check(smoke(trials_at_once=4), tmp_path)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """What this very machine answers, without a GPU."""
    mark = tmp_path_factory.mktemp("shared") / "mark"
    mark.touch()
    trials = smoke().trials("tiny-electra", "rte")
    return inspect_machine(mark, trials, 32, find_model("tiny-electra"))


def test_this_machine_can_train_on_its_cpu(here, tmp_path):
    assert (here.sees_folder, here.failure, here.gpu) == (True, "", "")
    assert set(here.versions) == {"repro", "torch", "transformers", "ray", "numpy"}
    assert [*judge([here], smoke(), tmp_path)] == []


def test_a_machine_without_the_shared_folder_is_named(tmp_path):
    trials = smoke().trials("tiny-electra", "rte")
    answer = inspect_machine(tmp_path / "absent", trials, 32, "never/read")
    assert not answer.sees_folder
    (problem,) = judge([answer], smoke(), tmp_path)
    assert f"{answer.machine} must see {tmp_path}, but does not; put the project" in problem


def test_other_versions_too_little_gpu_memory_and_no_gpu_are_told(here, tmp_path):
    shared = smoke(gpus_per_trial=0.25)
    old = replace(here, machine="old", versions=here.versions | {"torch": "1.0"})
    (problem,) = judge([here, old], shared, tmp_path)
    assert "old must have the versions of this machine, but has {'torch': '1.0'}" in problem
    # four trials of 4.5 GB on a card of 16
    full = Answer("b", here.versions, True, gpu="T4", gpu_bytes=16e9, peak_bytes=4.5e9)
    (problem,) = judge([full], shared, tmp_path)
    assert "b's T4 must hold 4 trials of 4.5 GB, but has 16.0; raise `gpus_per_trial`" in problem
    assert [*judge([full], smoke(gpus_per_trial=0.5), tmp_path)] == []
    (problem,) = judge([], smoke(gpus_per_trial=1), tmp_path)
    assert "must offer 1 GPU and 1 cores to a trial, but Ray sees none" in problem


def test_a_study_for_gpus_never_trains_on_a_cpu_in_silence(shared_ray, tmp_path):
    """Ray counts a GPU here that torch does not find, as with a driver that is too old."""
    profile = smoke(gpus_per_trial=1, methods=["grid"])
    with pytest.raises(ValueError, match=r"one step|a step of the largest batch, .* finds no GPU"):
        run_all(profile, enumerate_runs(profile), results=tmp_path)
    assert not list(tmp_path.rglob("trials"))
    two = smoke(gpus_per_trial=2, methods=["grid"])
    with pytest.raises(ValueError, match="must offer 2 GPU|at most what one machine has, 1"):
        run_all(two, enumerate_runs(two), results=tmp_path)
