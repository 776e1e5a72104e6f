"""Recorded trials in the explorer: a fresh clone has something to look at."""

import pandas as pd
import pytest

from repro.explorer import explore
from repro.explorer.explore import Explorer
from repro.explorer.recorded_runs import find_recorded
from repro.records import check_table
from repro.results.recorded import write_recorded


@pytest.fixture
def folder(tmp_path):
    """Two trials with two evaluations each; the first is best at its first, on a tie."""
    cell = {"model": "m", "task": "rte", "space": "grid"}
    trials = [
        {**cell, "trial": n, "status": "completed", "total_steps": 20, "learning_rate": rate}
        for n, rate in enumerate((1e-3, 1e-2))
    ]
    evaluations = [
        {**cell, "trial": n, "step": step, "epoch": step / 10, "validation_score": score,
         "test_score": score - 0.1}
        for n, scores in enumerate(((0.7, 0.7), (0.5, 0.6)))
        for step, score in zip((10, 20), scores, strict=True)
    ]  # fmt: skip
    path = tmp_path / "recorded/mine"
    write_recorded(
        path, trials=pd.DataFrame(trials), evaluations=pd.DataFrame(evaluations), about={}
    )
    return path


def test_a_cell_of_recorded_trials_is_one_run(folder):
    found = find_recorded(folder)
    table = check_table("trials", found.trials).set_index("trial")
    assert found.trials["run_id"].unique().tolist() == ["m/rte/grid"]
    assert table["method"].tolist() == ["grid", "grid"]
    assert table["validation_score"].tolist() == [0.7, 0.6]
    assert table["best_step"].tolist() == [10, 20]  # of equal scores the earlier
    assert table["test_score"].round(6).tolist() == [0.6, 0.5]
    assert table["steps"].tolist() == [20, 20]
    rows = check_table("evaluations", found.evaluations(["m/rte/grid/trial0001"]))
    assert rows[["step", "validation_score"]].to_numpy().tolist() == [[10, 0.5], [20, 0.6]]


def test_a_fresh_clone_shows_recorded_trials_and_a_folder_that_is_named_is_shown(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("REPRO_DATA", str(tmp_path))
    monkeypatch.setattr(explore, "RESULTS", tmp_path / "none")
    explorer = Explorer()
    assert explorer.source.value == "mine" and "2 trials of 1 tuning run" in explorer.status.value
    explorer.source.value = ""
    assert "no finished runs" in explorer.status.value
    assert Explorer(tmp_path / "none").source.value == ""
