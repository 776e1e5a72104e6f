"""Choosing, brushing, sampling and listing of trials, by hand and on a made-up study."""

import numpy as np
import pandas as pd
import pytest

from repro.explorer.brushing import (
    MOST_LINES,
    MOST_STOPS,
    SCORE,
    best_of,
    brush,
    brush_stops,
    choose,
    sample_for_lines,
    short_names,
    trials_table,
)
from repro.records import HYPERPARAMETERS
from synthetic_study import make_study


@pytest.fixture(scope="module")
def trials():
    return make_study(methods=["grid", "rs"]).trials


def frame(**columns):
    """A table with the hyperparameters and the score; those that are not given are missing."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame({name: [np.nan] * n for name in (*HYPERPARAMETERS, SCORE)} | columns)


def test_choices_are_joined_and_no_choice_keeps_all(trials):
    kept = choose(trials, {"task": "rte", "method": "rs"})
    assert set(kept["task"]) == {"rte"} and set(kept["method"]) == {"rs"}
    assert set(kept["model"]) == set(trials["model"])
    assert choose(trials, {"task": "none"}).empty
    assert len(choose(trials, {})) == len(trials)


def test_a_brush_has_the_values_where_they_are_few_and_no_axis_where_they_are_one():
    stops = brush_stops(
        frame(batch_size=[16.0, 64, 16], epochs=[3.0, 3, 3], validation_score=[0.5, np.nan, 0.6])
    )
    assert stops == {"batch_size": (16.0, 64.0), SCORE: (0.5, 0.6)}
    assert brush_stops(frame(epochs=[3.0])) == {}


def test_many_values_get_stops_evenly_by_rank_from_the_lowest_to_the_highest():
    # 93 values are 92 steps: every fourth of them, whatever their scale
    rates = np.geomspace(1e-5, 1e-2, 93)
    stops = brush_stops(frame(learning_rate=rates[::-1]))["learning_rate"]
    assert len(stops) == MOST_STOPS
    assert list(stops) == rates[::4].tolist()


def test_a_brush_marks_what_lies_in_all_ranges_ends_included():
    rows = frame(learning_rate=[1.0, 2, 3, 4], validation_score=[0.9, 0.8, 0.7, np.nan])
    assert brush(rows, {}).tolist() == [True] * 4
    assert brush(rows, {"learning_rate": (2, 4)}).tolist() == [False, True, True, True]
    both = {"learning_rate": (2, 4), SCORE: (0.8, 0.9)}
    assert brush(rows, both).tolist() == [False, True, False, False]


def test_a_sample_of_lines_keeps_the_chosen_the_best_and_the_ends():
    rng = np.random.default_rng(1)
    rows = frame(learning_rate=rng.random(5000), validation_score=rng.random(5000))
    mask = rows["learning_rate"] < 0.1
    drawn = sample_for_lines(rows, mask, ["learning_rate"])
    assert len(drawn) == MOST_LINES and drawn.index.is_unique
    assert set(rows[mask].index) <= set(drawn.index)
    for name in ("learning_rate", SCORE):
        assert (drawn[name].min(), drawn[name].max()) == (rows[name].min(), rows[name].max())
    everything = sample_for_lines(rows, mask | True, ["learning_rate"])
    assert set(best_of(rows, MOST_LINES // 10).index) <= set(everything.index)
    again = sample_for_lines(rows, mask, ["learning_rate"])
    pd.testing.assert_frame_equal(drawn, again)
    few = sample_for_lines(rows.head(9), mask.head(9), ["learning_rate"])
    assert sorted(few.index) == list(range(9))


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
