"""Choosing and listing of trials, by hand and on a made-up study."""

import numpy as np
import pytest

from repro.explorer.brushing import SCORE, best_of, choose, short_names, trials_table
from synthetic_study import make_study


@pytest.fixture(scope="module")
def trials():
    return make_study(methods=["grid", "rs"]).trials


def test_choices_are_joined_and_no_choice_keeps_all(trials):
    kept = choose(trials, {"task": "rte", "method": "rs"})
    assert set(kept["task"]) == {"rte"} and set(kept["method"]) == {"rs"}
    assert set(kept["model"]) == set(trials["model"])
    assert choose(trials, {"task": "none"}).empty
    assert len(choose(trials, {})) == len(trials)


def test_the_best_come_first_and_trials_without_a_value_last(trials):
    rows = best_of(trials, len(trials))
    scores = rows[SCORE].dropna()
    assert scores.is_monotonic_decreasing
    assert rows[SCORE].isna().tail(len(rows) - len(scores)).all()
    assert best_of(trials, 3, by="validation_loss")["validation_loss"].is_monotonic_increasing
    with pytest.raises(ValueError, match="unknown order of trials 'colour'"):
        best_of(trials, 3, by="colour")


def test_names_say_what_differs_and_the_number(trials):
    one_run = trials[trials["run_id"] == trials["run_id"].iloc[0]]
    assert list(short_names(one_run).values()) == ["#0", "#1", "#2", "#3"]
    names = short_names(trials)
    assert len(set(names.values())) == len(trials)
    assert names["tiny-roberta/rte/rs/1gst/full/rep2/trial0003"] == "tiny-roberta RTE RS rep2 #3"
    assert short_names(trials.head(0)) == {}


def test_trials_are_listed_in_percent_without_what_they_lack(trials):
    cells = trials_table(trials.head(2).assign(validation_score=[0.8125, np.nan]), "").frame
    assert cells["validation score (%)"].tolist() == ["81.2", "–"]
    assert "learning rate" in cells and "maximum length" not in cells and "variant" not in cells
    table = trials_table(trials.head(0), "None.")
    assert (len(table.frame), table.caption) == (0, "None.") and "status" in table.frame


def test_what_is_the_same_in_all_rows_is_said_once(trials):
    rows = trials.head(2).assign(variant="known", stage="", test_score=0.5)
    table = trials_table(rows, "Two.", with_test=True)
    assert table.caption.startswith("Two. The same in all: model tiny-electra, ")
    assert "task MRPC" in table.caption and "variant known" in table.caption
    assert "stage" not in table.caption and "test score" not in table.caption
    assert "task" not in table.frame and "trial" in table.frame and "test score (%)" in table.frame
    assert trials_table(rows.head(1), "One.").caption == "One."
