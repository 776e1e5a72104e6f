"""Tables that several notebooks show of a study."""

import numpy as np
import pandas as pd
import pytest

from repro.show.studies import best_vs_last, describe_trial, ledger, trial_scores
from synthetic_study import make_study

MODEL = "tiny-electra"


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("cola", "mrpc"))


def test_best_vs_last_averages_tasks_alike(study):
    table = best_vs_last(study.runs, study.trials, model=MODEL)
    data = table.data.query("split == 'test'").set_index("task")
    assert data.loc["all", "best"] == pytest.approx(data.loc[["cola", "mrpc"], "best"].mean())
    gap = data["best"] - data["last"]
    assert np.allclose(gap, data["difference"])
    assert (data["low"] <= data["difference"]).all()
    assert table.frame["task"].tolist() == ["MRPC", "CoLA", "all tasks"]
    assert (table.marks == "bold").all(axis=1).tolist() == [False, False, True]


def test_best_vs_last_of_every_trial_counts_trials(study):
    scored = study.trials.query("model == @MODEL and task == 'cola'")["validation_score"].count()
    table = best_vs_last(study.runs, study.trials, model=MODEL, every_trial=True)
    assert table.frame.set_index("task").loc["CoLA", "n"] == str(scored)
    assert "in every trial" in table.caption


def test_the_ledger_sums_costs_over_runs(study):
    # two tasks of three repetitions of 4 trials, each of 100 steps but for a failed one of none
    # and a diverged one of 20; grid search runs once a task and has no budget
    table = ledger(study.runs, study.trials)
    rows = table.frame.set_index(["model", "method"])
    runs = study.runs.query("model == @MODEL and method == 'rs'")
    row = rows.loc[(MODEL, "RS")]
    assert (row["tuning runs"], row["trials"]) == ("6", "24")
    assert row["spent"] == f"{runs['spent'].sum():,.0f}"
    assert "steps" not in table.frame  # what was spent, once more
    share = runs["overshoot"].sum() / runs["budget"].sum()
    assert row["overshoot"] == f"{runs['overshoot'].sum():,.0f} ({share:.1%})"
    assert rows.loc[(MODEL, "grid"), ["budget", "overshoot"]].tolist() == ["–", "–"]
    assert rows.index.get_level_values("method").tolist()[:4] == [
        "grid",
        "RS",
        "RS+ASHA",
        "BO+ASHA",
    ]


def test_a_trial_stands_beside_a_guess():
    scores = pd.DataFrame({"split": ["test"], "metric": ["f1"], "best": [0.9], "last": [0.85]})
    table = trial_scores(scores.assign(guess=float("nan")), model="m", task="mrpc", profile="p")
    assert table.frame.iloc[0].tolist() == ["test", "F1", "90.0", "85.0", "–"]
    assert table.caption.startswith("One trial of m on MRPC")


def test_a_trial_is_described_beside_a_guess():
    scores = pd.DataFrame({"split": ["validation", "test"], "metric": "accuracy"})
    scores = scores.assign(best=[0.9, 0.8], last=0.8, guess=0.5)
    text = describe_trial(scores, model="m", task="rte")
    assert text.startswith("m scores 90.0% (accuracy) on the validation examples of RTE and 80.0%")
    assert text.endswith("gives 50.0%.")
    hidden = describe_trial(scores.assign(best=[0.9, float("nan")]), model="m", task="rte")
    assert "test examples" not in hidden
