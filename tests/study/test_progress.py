"""The line that says how far a study is."""

import pytest

from repro.study import progress as module
from repro.study.progress import StudyProgress, share_of_core_time
from repro.training.types import TrialResult


@pytest.fixture
def clock(monkeypatch, tmp_path):
    """Let time pass by hand, and the line go to a file."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setenv(module.PROGRESS_VARIABLE, str(tmp_path / "progress"))
    return now


def test_the_time_left_is_that_of_the_runs_done_since_the_study_began(clock):
    progress = StudyProgress(n_runs=6)
    clock[0] = 100.0  # waited for another process, which did two of the runs
    progress.begin(n_done=2)
    assert "2/6 tuning runs" in progress.line() and "estimating" in progress.line()
    clock[0] = 130.0  # one run in 30 s, three to come: 90 s
    progress.run_done("run")
    assert "0:30 elapsed · about 1:30 left" in progress.line()


def test_it_says_what_is_waited_for(clock, tmp_path):
    progress = StudyProgress(n_runs=1)
    progress.wait("for another process")
    assert (tmp_path / "progress").read_text().endswith("waiting for another process")
    progress.begin(n_done=0)
    assert "waiting" not in progress.line()


def test_the_last_line_says_how_busy_the_workers_were(clock):
    # 60 + 20 s of work in 50 s of two workers: 80 of 100
    progress = StudyProgress(n_runs=1)
    trained = TrialResult("completed", training_seconds=60.0, evaluation_seconds=20.0)
    progress.trial_done("run", trained)
    progress.trial_done("run", trained, is_new=False)  # recalled, not trained
    progress.run_done("run")
    clock[0] = 50.0
    assert "2 trials · 0:50 elapsed · done" in progress.line()
    assert "workers" not in progress.line()  # nobody has said how many there were
    progress.n_workers = 2
    assert progress.line().endswith("80 % of the time of 2 workers in training and evaluation")


def test_one_worker_is_one():
    assert share_of_core_time(9.0, 10.0, 1).startswith("90 % of the time of 1 worker in")
