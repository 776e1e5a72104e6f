"""Recorded trials are what their manifest says, or are refused by name."""

import json

import pandas as pd
import pytest

from repro.results.recorded import read_recorded, recorded_folders, write_recorded

KEY = {"model": "m", "task": "t", "space": "full", "trial": [0, 1]}
TRIALS = pd.DataFrame({**KEY, "status": "completed", "total_steps": [10, 20]})
SCORES = {"step": [10, 20], "epoch": 1.0, "validation_score": [0.5, 0.6], "test_score": None}
EVALUATIONS = pd.DataFrame({**KEY, **SCORES}).astype({"test_score": float})


@pytest.fixture
def folder(tmp_path):
    write_recorded(tmp_path / "x", trials=TRIALS, evaluations=EVALUATIONS, about={"what": "a test"})
    return tmp_path / "x"


def test_what_is_written_is_read(folder):
    recorded = read_recorded(folder)
    pd.testing.assert_frame_equal(recorded.trials, TRIALS)
    pd.testing.assert_frame_equal(recorded.evaluations, EVALUATIONS)
    assert recorded.manifest["n_trials"] == 2
    assert recorded.manifest["what"] == "a test"


@pytest.mark.parametrize("name", ["trials.parquet", "evaluations.parquet"])
def test_an_altered_or_truncated_table_is_named(folder, name):
    content = (folder / name).read_bytes()
    flipped = bytes([*content[:40], content[40] ^ 1, *content[41:]])
    for damaged in (content[:-1], flipped):
        (folder / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{name} must be as it was recorded"):
            read_recorded(folder)
    (folder / name).unlink()
    with pytest.raises(ValueError, match="restore it from the repository or record it again"):
        read_recorded(folder)


def test_another_format_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ValueError, match="must be of format 1, but is of 99"):
        read_recorded(folder)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown recorded trials 'debarta'.*deberta"):
        read_recorded("debarta")


@pytest.mark.parametrize("name", recorded_folders())
def test_what_the_package_carries_is_whole(name):
    recorded = read_recorded(name)
    assert len(recorded.trials) == recorded.manifest["n_trials"]
    key = ["model", "task", "space", "trial"]
    assert not recorded.trials.duplicated(key).any()
    steps = recorded.evaluations.groupby(key)["step"]
    assert (steps.diff().dropna() > 0).all()
    last = steps.max().reset_index().merge(recorded.trials, on=key)
    completed = last[last["status"] == "completed"]
    assert (completed["step"] == completed["total_steps"]).all()
    assert recorded.evaluations["validation_score"].between(-1, 1).all()


def test_the_deberta_curves_give_what_is_known_of_them():
    """Over all trials validation and test correlate almost perfectly (.9996), as was published."""
    evaluations = read_recorded("deberta").evaluations
    rows = evaluations[evaluations["model"] == "deberta-base"]
    best = rows.loc[rows.groupby("trial")["validation_score"].idxmax()]
    assert len(best) == 1024
    assert best["validation_score"].corr(best["test_score"]) == pytest.approx(0.9996, abs=5e-5)
