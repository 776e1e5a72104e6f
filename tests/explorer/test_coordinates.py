"""Parallel coordinates: axes, and what a brush on them chooses; drawing is the browser's."""

import json

import numpy as np
import pandas as pd
import pytest

from repro.explorer.brushing import SCORE
from repro.explorer.coordinates import Axis, Coordinates, find_axes
from repro.explorer.explore_tabs import BrushTab
from repro.records import HYPERPARAMETERS


def frame(**columns):
    """A table with the hyperparameters and the score; those that are not given are missing."""
    n = len(next(iter(columns.values())))
    table = pd.DataFrame({name: [np.nan] * n for name in (*HYPERPARAMETERS, SCORE)} | columns)
    names = dict.fromkeys(("model", "task", "method", "space", "stage", "variant"), "")
    return table.assign(**names, repetition=1, trial=range(n), trial_id=list(map(str, range(n))))


def test_a_hyperparameter_is_an_axis_where_it_differs_and_the_score_is_the_last():
    rows = frame(batch_size=[16.0, 64, 16], epochs=[3.0, 3, 3], validation_score=[0.5, np.nan, 0.6])
    axes = find_axes(rows)
    assert [(axis.name, axis.low, axis.high) for axis in axes] == [
        ("batch_size", 16, 64),
        (SCORE, 0.5, 0.6),
    ]
    assert [axis.percent for axis in axes] == [False, True]
    assert find_axes(frame(epochs=[3.0])) == []


def test_learning_rates_lie_by_their_logarithm():
    rates = Axis("learning_rate", "learning rate", 1e-4, 1e-2, log=True, percent=False)
    places = rates.places(pd.Series([1e-4, 1e-3, 1e-2, np.nan]))
    assert places[:3] == pytest.approx([0, 0.5, 1]) and np.isnan(places[3])
    assert find_axes(frame(learning_rate=[1e-4, 1e-2]))[0].log
    assert not find_axes(frame(weight_decay=[0.01, 0.1]))[0].log


def test_the_browser_gets_a_place_for_each_trial_and_axis():
    rows = frame(learning_rate=[1e-4, 1e-3, 1e-2], validation_score=[0.5, 0.6, 0.9])
    plot = Coordinates()
    plot.ranges = {"0": [0.2, 0.3]}
    plot.show(rows, find_axes(rows), ["a", "b", "c"])
    places = np.frombuffer(plot.places, "<f4").reshape(3, 2)
    assert places == pytest.approx(np.array([[0, 0], [0.5, 0.25], [1, 1]]))
    assert json.loads(json.dumps(plot.axes)) == plot.axes  # as it travels
    assert plot.ranges == {} and plot.names == ["a", "b", "c"]
    assert plot.alt == "Parallel coordinates of 3 trials; axes: learning rate, validation score"


def test_a_brush_marks_what_lies_in_all_ranges_ends_included():
    changes = []
    tab = BrushTab(lambda: changes.append(1))
    scores = [0.9, 0.8, 0.7, np.nan]
    tab.reset(frame(learning_rate=[1e-4, 1e-3, 1e-2, 1e-2], validation_score=scores))
    assert tab.chosen().tolist() == [True] * 4
    tab.plot.ranges = {"0": [0.5, 1]}
    assert tab.chosen().tolist() == [False, True, True, True]
    tab.plot.ranges = {"0": [0.5, 1], "1": [0.5, 1]}  # scores from .8
    assert tab.chosen().tolist() == [False, True, False, False]
    tab.clear_button.click()
    assert tab.chosen().all() and len(changes) == 4


def test_many_trials_are_sent_whole_and_fast_to_draw():
    rng = np.random.default_rng(0)
    rows = frame(learning_rate=rng.random(10_000) + 1e-6, validation_score=rng.random(10_000))
    tab = BrushTab(lambda: None)
    tab.reset(rows)
    assert len(tab.plot.places) == 10_000 * 2 * 4
