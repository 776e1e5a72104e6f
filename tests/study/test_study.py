"""Whole studies, tiny ones, on Ray: carried out, skipped, killed, resumed, refused."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

import serial
from repro.records import check_table
from repro.study.profile import load_profile
from repro.study.runs import bind_run
from repro.study.study import enumerate_runs, run_all
from repro.training.types import TrialResult
from repro.tuning.runs import FailedRunError, derive_seed
from repro.tuning.spaces import search_space

pytest_plugins = ("shared_ray",)
# On a busy machine Ray may have to start again; the first attempt leaves open pipes behind.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)
TIMINGS = ["seconds", "training_seconds", "evaluation_seconds", "started_at", "worker"]


def smoke(**changes):
    return load_profile("smoke", **({"tasks": ["rte"]} | changes))


def run(profile, folder):
    return run_all(profile, enumerate_runs(profile), results=folder)


def folders(profile, results):
    return [bind_run(profile, run, results=results) for run in enumerate_runs(profile)]


@pytest.fixture(scope="module")
def study(shared_ray, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return folder, run(smoke(), folder)


def same_numbers(a, b):
    pd.testing.assert_frame_equal(a.trials.drop(columns=TIMINGS), b.trials.drop(columns=TIMINGS))
    pd.testing.assert_frame_equal(a.losses, b.losses)
    timed = ["seconds", "gpu_seconds"]
    pd.testing.assert_frame_equal(a.runs.drop(columns=timed), b.runs.drop(columns=timed))
    evaluations = [r.evaluations.drop(columns="seconds") for r in (a, b)]
    pd.testing.assert_frame_equal(*evaluations)


def test_a_study_leaves_tidy_tables_of_every_run(study):
    _, results = study
    for name in ("runs", "trials", "evaluations", "losses"):
        check_table(name, getattr(results, name))
    assert results.runs["method"].tolist() == ["grid", "rs", "asha", "bo_asha"]
    assert set(results.trials["status"]) <= {"completed", "stopped", "cut"}
    assert results.trials["validation_score"].notna().all()
    assert results.trials["test_score"].notna().all()
    assert len(results.losses) == results.trials["steps"].sum()


def test_budgets_are_kept_up_to_one_evaluation(study):
    _, results = study
    runs = results.runs.set_index("method")
    # 64 examples, grid of batch size 32, one epoch: 2 steps a trial, 3 trials
    assert runs.loc["grid", "steps"] == 6
    hpo = runs.drop("grid")
    assert (hpo["budget"] == 6).all()
    assert (hpo["spent"] >= 6).all()
    # an evaluation is at most one epoch of the smallest batch away: 4 steps
    assert (hpo["overshoot"] < 4).all()
    assert (hpo["spent"] == hpo["steps"]).all()


def test_the_hyperparameters_in_the_table_are_those_that_were_asked_for(study):
    _, results = study
    grid = results.trials[results.trials["method"] == "grid"]
    assert grid["learning_rate"].is_monotonic_increasing
    assert (grid["hidden_dropout"] == 0.1).all()
    space = search_space("electra-mini", epochs=1)
    random = results.trials[results.trials["method"] == "rs"]
    assert all(space.domains["learning_rate"].contains(v) for v in random["learning_rate"])


def test_the_incumbents_predictions_give_its_scores(study):
    _, results = study
    for run in results.runs.to_dict("records"):
        best = results.trials.set_index("trial_id").loc[run["best_trial_id"]]
        kept = results.predictions(run["run_id"])
        for split in ("validation", "test"):
            rows = kept[(kept["split"] == split) & (kept["checkpoint"] == "best")]
            assert (rows["prediction"] == rows["label"]).mean() == best[f"{split}_score"]
    with pytest.raises(ValueError, match="`run_id` must be one of"):
        results.predictions("nonsense")


def test_a_finished_study_is_read_and_not_run_again(study, monkeypatch):
    folder, results = study
    again = lambda *_, **__: pytest.fail("it was run again")  # noqa: E731
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", again)
    same_numbers(run(smoke(), folder), results)


def test_another_question_is_not_answered_by_old_results(study):
    folder, _ = study
    same, other = (folders(smoke(**c), folder) for c in ({}, {"training_seed": 43}))
    assert all(folder.finished for folder in same)
    assert not any(folder.finished for folder in other)
    assert [folder.key for folder in same] == [folder.key for folder in other]


def test_a_larger_budget_goes_on_from_the_trials_of_a_smaller_one(tmp_path, monkeypatch):
    profiles = [smoke(methods=["grid", "rs"], budget_gst=gst) for gst in (1, 3)]
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", serial.tune_runs)
    one, three = (run(profile, tmp_path / "both").trials for profile in profiles)
    alone = run(profiles[1], tmp_path / "alone").trials
    pd.testing.assert_frame_equal(three.drop(columns=TIMINGS), alone.drop(columns=TIMINGS))
    whole = one[(one["method"] == "rs") & (one["status"] != "cut")]
    assert len(whole) and set(whole["started_at"]) < set(three["started_at"])  # not trained again


def test_two_budgets_of_one_search_train_their_common_trials_once(tmp_path, monkeypatch):
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", serial.tune_runs)
    one, three = (smoke(methods=["grid", "rs"], budget_gst=gst) for gst in (1, 3))
    larger_first = [*enumerate_runs(three)[1:], *enumerate_runs(one)]
    trials = run_all(three, larger_first, results=tmp_path).trials
    by_budget = dict(list(trials[trials["method"] == "rs"].groupby("budget_gst")))
    whole = by_budget[1.0][by_budget[1.0]["status"] != "cut"]
    assert len(whole) and set(whole["started_at"]) < set(by_budget[3.0]["started_at"])


def test_a_small_study_is_trained_here_and_gives_the_numbers_of_the_workers(
    study, tmp_path, monkeypatch
):
    _, by_workers = study
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # else the workers are there already
    monkeypatch.setattr("repro.tuning.ray_tune.open_desk", None)
    here = run(smoke(), tmp_path)
    same_numbers(here, by_workers)
    assert {worker.rpartition(":")[2] for worker in here.trials["worker"]} == {str(os.getpid())}


def test_a_run_of_which_every_trial_failed_is_an_error_and_tried_again(tmp_path, monkeypatch):
    def fail(request, report, **_):
        return TrialResult("failed", "ValueError: no such layer")

    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", serial.tune_runs)
    with monkeypatch.context() as patch:
        patch.setattr("repro.study.study.fine_tune", fail)
        message = "all 3 of tiny-electra/rte/grid/.* failed, the first with: ValueError: no such"
        with pytest.raises(FailedRunError, match=message):
            run(smoke(), tmp_path)
    assert set(run(smoke(methods=["grid"]), tmp_path).trials["status"]) == {"completed"}


def hold(folder: Path, *, until: Path) -> subprocess.Popen:
    """Hold all searches of the smoke study, as a process that tunes them does."""
    script = HOLD.format(folder=str(folder), until=str(until))
    return subprocess.Popen([sys.executable, "-c", script])


HOLD = """
import time
from pathlib import Path
from repro.study import study
from repro.study.profile import load_profile

def wait(*_, **__):
    Path({until!r}).with_suffix(".held").touch()
    while not Path({until!r}).exists():
        time.sleep(0.05)

import repro.tuning.ray_tune
repro.tuning.ray_tune.tune_runs = wait
profile = load_profile("smoke", tasks=["rte"])
study.run_all(profile, study.enumerate_runs(profile), results=Path({folder!r}))
"""


def test_what_another_process_tunes_is_waited_for(tmp_path, monkeypatch):
    until = tmp_path / "now"
    process = hold(tmp_path / "results", until=until)
    try:
        while not until.with_suffix(".held").exists():
            assert process.poll() is None
            time.sleep(0.05)
        begun = []
        monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", lambda *_, **__: begun.append(1))
        waiting = threading.Thread(target=run, args=(smoke(), tmp_path / "results"))
        waiting.start()
        waiting.join(2)
        assert waiting.is_alive() and not begun
        until.touch()
        waiting.join(300)
        assert begun
    finally:
        until.touch()
        process.wait()


def test_what_another_process_finishes_while_one_waits_is_read(study, tmp_path, monkeypatch):
    def finish(*_):
        shutil.copytree(study[0], tmp_path, dirs_exist_ok=True)

    monkeypatch.setattr("fcntl.lockf", finish)
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", pytest.fail)
    same_numbers(run(smoke(), tmp_path), study[1])


def test_a_folder_without_locks_is_used_and_told(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    begun = []
    monkeypatch.setattr("fcntl.lockf", refuse)
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", lambda *_, **__: begun.append(1))
    run(smoke(), tmp_path)
    assert begun and "has no locks" in caplog.text


def test_adding_a_method_or_a_task_moves_no_other_run():
    few, many = (
        {folder.key["run_id"]: folder.path for folder in folders(smoke(**changes), Path("results"))}
        for changes in ({"methods": ["grid", "asha"]}, {"tasks": ["cola", "rte"]})
    )
    assert few.items() < many.items()


def test_seeds_derive_by_key():
    assert derive_seed(0, "rte", 1) == derive_seed(0, "rte", 1)
    assert len({derive_seed(m, t, r) for m in (0, 1) for t in ("a", "b") for r in (1, 2)}) == 8


def test_run_json_says_what_was_asked_and_holds_no_environment(study):
    folder, _ = study
    about = json.loads(next(folder.rglob("run.json")).read_text())
    assert about["inputs"]["seeds"] == [{"init": 42, "order": 42, "dropout": 42}]
    assert about["versions"]["torch"].startswith("2.13.0")
    assert about["settings"]["precision"] == "fp32"
    assert os.environ["PATH"] not in json.dumps(about)


SCRIPT = """
from pathlib import Path
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, run_all
from repro.tuning.cluster import connect
connect(cores={cores})
profile = load_profile("smoke", tasks=["rte"])
run_all(profile, enumerate_runs(profile), results=Path({folder!r}))
"""


def start(folder: Path, *, cores: int) -> subprocess.Popen:
    script = SCRIPT.format(folder=str(folder), cores=cores)
    command = [sys.executable, "-c", script]
    # Ctrl-C is off in what runs in the background, as these tests may
    take_interrupts = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=take_interrupts)


def test_killed_and_started_again_it_gives_the_tables_of_an_uninterrupted_run(study, tmp_path):
    # Uninterrupted on two cores (the fixture) against killed on one and resumed on two.
    process = start(tmp_path, cores=1)
    deadline = time.monotonic() + 900
    while len(list(tmp_path.rglob("trial*.npz"))) + len(list(tmp_path.rglob("run.json"))) < 2:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "no trial was finished in time"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not all(folder.finished for folder in folders(smoke(), tmp_path))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("run.json")}
    _, uninterrupted = study
    same_numbers(run(smoke(), tmp_path), uninterrupted)
    assert not list(tmp_path.rglob("*.partial"))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_interrupted_it_leaves_no_processes_behind(tmp_path):
    import psutil

    process = start(tmp_path, cores=1)
    deadline = time.monotonic() + 900
    while not list(tmp_path.rglob("trial*.npz")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=600)
    _, alive = psutil.wait_procs(children, timeout=300)
    assert not alive
    assert list(tmp_path.rglob("trial*.npz")) or list(tmp_path.rglob("run.json"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["rs"]}, "`methods` must include 'grid'"),
        ({"methods": ["grid", "pbt"]}, "`methods` must have budgets, but a population"),
        ({"max_length": 512}, "`max_length` must be between 4 and 6[0-9] for 'tiny-electra'"),
        (
            {"models": [{"name": "/nowhere", "family": "electra", "tasks": ["rte"], "epochs": 1}]},
            "no directory",
        ),
    ],
)
def test_a_study_that_cannot_be_is_refused_before_anything_starts(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(smoke(**changes), tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_a_trial_that_diverges_is_a_row(shared_ray, tmp_path, monkeypatch):
    from repro.tuning import spaces

    rates = (1e-3, float("1e30"))
    monkeypatch.setitem(
        spaces.LEARNING_RATES, "electra-mini", (rates, spaces.LogUniform(1e-4, 1e-3))
    )
    results = run(smoke(methods=["grid"]), tmp_path)
    statuses = results.trials.set_index("learning_rate")["status"]
    assert statuses[1e-3] == "completed"
    assert statuses[rates[1]] == "diverged"
    assert results.trials["message"].str.contains("loss").sum() == 1
    assert results.runs["n_failed"].tolist() == [1]
