"""Tracking: what is written offline, and that a study never stops for it."""

import logging
import time

import numpy as np
import pytest

from repro.study.tracking import TRACKERS, Tracker
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request


def finished_trial():
    evaluations = [
        Evaluation(step, step / 4, float(step), 0.5, step / 10, {"accuracy": step / 10})
        for step in (2, 4)
    ]
    result = TrialResult(
        "completed",
        hyperparameters={"learning_rate": 1e-3},
        evaluations=tuple(evaluations),
        losses=np.zeros(4, dtype=np.float32),
        steps=4,
        seconds=4.0,
    )
    request = Request("model/rte/rs/rep1", 3, {"learning_rate": 1e-3, "epochs": 1}, {})
    return request, result


def track(kind, folder):
    tracker, (request, result) = Tracker(kind), finished_trial()
    tracker.trial_done(folder / "rep1", request, result)
    tracker.run_done(request.run_id)


def wait_for(file, *, seconds=20):
    """Read a file that another process may still be writing."""
    deadline = time.monotonic() + seconds
    while b"validation" not in (content := file.read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return content


def test_off_it_writes_nothing(tmp_path):
    track("none", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")  # of the package's own imports
def test_tensorboard_gets_every_evaluation(tmp_path):
    pytest.importorskip("tensorboard", reason="the extra [tracking] is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    track("tensorboard", tmp_path)
    events = EventAccumulator(str(tmp_path / "rep1.tensorboard/trial0003"))
    events.Reload()
    scores = [(event.step, round(event.value, 6)) for event in events.Scalars("validation/score")]
    assert scores == [(2, 0.2), (4, 0.4)]
    assert "trial/text_summary" in events.Tags()["tensors"]


@pytest.mark.filterwarnings("ignore")
def test_wandb_writes_its_run_file_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="the extra [tracking] is not installed")
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    track("wandb", tmp_path)
    (file,) = tmp_path.rglob("offline-run-*/*.wandb")
    content = wait_for(file)
    assert b"validation/score" in content and b"learning_rate" in content
    assert b"model/rte/rs/rep1" in content


@pytest.mark.parametrize("kind", [kind for kind in TRACKERS if kind != "none"])
def test_a_tracker_without_its_package_is_refused_before_anything_is_trained(kind, monkeypatch):
    monkeypatch.setattr("repro.study.tracking.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=f"but {kind} is not installed: pip install"):
        Tracker(kind)


@pytest.mark.parametrize("kind", [kind for kind in TRACKERS if kind != "none"])
def test_a_failure_is_told_once_and_stops_nothing(tmp_path, monkeypatch, caplog, kind):
    monkeypatch.setattr("repro.study.tracking.find_spec", lambda name: name)
    tracker, calls = Tracker(kind), []

    def fail(*_):
        calls.append(1)
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tracker.log, "trial_done", fail)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tracker.trial_done(tmp_path / "rep1", *finished_trial())
        tracker.run_done("model/rte/rs/rep1")
    assert len(calls) == len(caplog.records) == 1
    assert f"tracking to {kind}" in caplog.text and "goes on without" in caplog.text
