"""Verdicts on overfitting, and hyperparameters against grid search's, worked by hand."""

import pandas as pd
import pytest

from repro.stats.incumbents import best_trials
from repro.stats.overfitting import (
    compare_with_grid,
    judge,
    overfits,
    overfitting_hyperparameters,
)
from synthetic_study import make_study

NAN = float("nan")
RUN = "tiny-electra/rte/asha/1gst/full/rep1"


@pytest.fixture(scope="module")
def study():
    return make_study()


CASES = [
    # validation, test, loss of the run, then grid's; Liu & Wang, sec. 5.2 and Table 4
    ((84.5, 74.6, 0.8, 84.1, 76.8, 0.9), "overfits"),  # RTE, RS, round 1, repetition 1
    ((84.1, 76.1, 0.8233, 84.1, 76.8, 0.9517), "weak"),  # round 2, repetition 1
    ((84.1, 76.1, 0.96, 84.1, 76.8, 0.9517), "no"),  # a tie with a higher loss
    ((83.8, 74.5, 0.8, 84.1, 76.8, 0.9), "no"),  # below on both
    ((84.5, 77.0, 0.8, 84.1, 76.8, 0.9), "no"),  # above on both
    ((84.5, 76.8, 0.8, 84.1, 76.8, 0.9), "no"),  # test ties
    ((84.5, NAN, 0.8, 84.1, 76.8, 0.9), "unknown"),
    ((84.1, NAN, 0.8, 84.1, 76.8, 0.9), "unknown"),
    ((83.0, NAN, 0.8, 84.1, 76.8, 0.9), "no"),  # not above grid's: no test score can make it so
    ((84.1, 76.1, NAN, 84.1, 76.8, 0.9), "unknown"),
    ((NAN, NAN, NAN, 84.1, 76.8, 0.9), "unknown"),
    ((84.5, 74.6, 0.8, NAN, NAN, NAN), "unknown"),
]


@pytest.mark.parametrize(("numbers", "verdict"), CASES)
def test_verdict(numbers, verdict):
    names = ["validation_score", "test_score", "validation_loss"]
    frame = pd.DataFrame([numbers], columns=[*names, *(f"grid_{n}" for n in names)])
    assert judge(frame).tolist() == [verdict]


def test_a_run_without_scores_has_no_verdict(study):
    judged = overfits(best_trials(study.trials, study.runs)).set_index("run_id")
    dead = judged.loc["tiny-roberta/cola/bo_asha/1gst/full/rep3"]
    assert dead["verdict"] == "unknown"
    assert (judged["verdict"] == "unknown").sum() == 1


def test_hyperparameters_of_published_shape_compare_with_grid():
    # Table 8, MRPC: grid and two repetitions; 1e-4 read back with a rounding error is equal
    rows = pd.DataFrame(
        {"model": "e", "task": "mrpc", "method": ["grid", "rs", "asha"], "repetition": [NAN, 1, 3]}
        | {"is_grid": [True, False, False], "learning_rate": [1.0e-4, 3.9e-5, 1.3e-4]}
        | {"warmup_ratio": [0.1, 0.014, 0.1 + 1e-9], "batch_size": [32, NAN, 64]}
        | dict.fromkeys(["hidden_dropout", "attention_dropout", "weight_decay"], 0.1)
    )
    names = ["learning_rate", "warmup_ratio", "batch_size", "weight_decay"]
    table = compare_with_grid(rows)[[f"{n}_against_grid" for n in names]]
    assert table.values.tolist() == [
        ["", "", "", ""],
        ["lower", "lower", "", "equal"],
        ["higher", "equal", "higher", "equal"],
    ]


def test_overfitting_runs_stand_under_their_grid(study):
    trials = study.trials.copy()
    trials.loc[trials["run_id"] == RUN, ["validation_score", "test_score"]] = [0.99, 0.01]
    rows = overfitting_hyperparameters(best_trials(trials))
    rows = rows[(rows["model"] == "tiny-electra") & (rows["task"] == "rte")]
    assert rows["is_grid"].tolist()[0] and not rows["is_grid"].iloc[1:].any()
    mine = pick(rows, method="asha", repetition=1)
    assert mine["verdict"] == "overfits" and mine["weight_decay_against_grid"] == "higher"


def test_no_overfitting_run_gives_an_empty_table(study):
    trials = study.trials.assign(validation_score=0.6, test_score=0.6)
    assert overfitting_hyperparameters(best_trials(trials)).empty


# --- helpers ------------------------------------------------------------------------------------


def pick(frame, **values):
    for name, value in values.items():
        frame = frame[frame[name] == value]
    return frame.iloc[0]
