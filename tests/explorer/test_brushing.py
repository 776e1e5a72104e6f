"""Choosing, brushing, sampling and listing of trials, by hand and on a made-up study."""

import numpy as np
import pandas as pd
import pytest

from repro.explorer.brushing import (
    MOST_LINES,
    SCORE,
    best_of,
    brush,
    brush_stops,
    choose,
    list_trials,
    sample_for_lines,
    short_names,
    split_constant,
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


def test_choices_are_joined_and_none_keeps_all(trials):
    kept = choose(trials, {"task": "rte", "method": "rs", "model": None})
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


def test_many_values_get_stops_from_the_lowest_to_the_highest_on_a_fitting_scale():
    rates, decays = np.geomspace(1e-5, 1e-2, 100), np.linspace(0, 0.3, 100)
    stops = brush_stops(frame(learning_rate=rates, weight_decay=decays))
    for name, values in (("learning_rate", rates), ("weight_decay", decays)):
        assert (stops[name][0], stops[name][-1]) == (values[0], values[-1])
        assert list(stops[name]) == sorted(set(stops[name]))
    factors = np.divide(stops["learning_rate"][1:], stops["learning_rate"][:-1])
    assert factors == pytest.approx(factors[0])
    assert np.diff(stops["weight_decay"]) == pytest.approx(0.3 / 23)


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


def test_a_list_of_trials_is_text_in_percent_without_empty_columns(trials):
    rows = list_trials(trials.head(2).assign(validation_score=[0.8125, np.nan]))
    assert rows["validation score (%)"].tolist() == ["81.2", "–"]
    assert "learning rate" in rows and "max_length" not in rows
    assert all(isinstance(cell, str) for row in rows.to_numpy() for cell in row)
    assert len(list_trials(trials.head(0))) == 0


def test_what_is_the_same_in_all_rows_is_said_once():
    cells = pd.DataFrame({"task": ["RTE", "RTE"], "trial": ["0", "1"], "test score": ["1", "1"]})
    rows, same = split_constant(cells)
    assert list(rows) == ["trial", "test score"] and same == "The same in all: task RTE."
    assert split_constant(cells.head(1))[1] == ""
