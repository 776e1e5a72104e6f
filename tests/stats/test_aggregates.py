"""Aggregates across tasks, against values worked by hand."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.aggregates import (
    aggregate,
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)


def gains(values, method="rs"):
    """Lay out task -> differences of one method."""
    rows = [(method, task, "m", value) for task, of_task in values.items() for value in of_task]
    return pd.DataFrame(rows, columns=["method", "task", "model", "difference"])


def test_the_interquartile_mean_drops_a_quarter_at_each_end():
    assert interquartile_mean(np.array([-100.0, 1.0, 3.0, 100.0])) == 2
    # of five values the middle 2.5: the third, and three quarters of its two neighbours
    values = np.array([0.0, 10.0, 1.0, 2.0, 4.0])
    assert interquartile_mean(values) == pytest.approx((0.75 * 1 + 2 + 0.75 * 4) / 2.5)


def test_a_tie_is_half_an_improvement():
    assert probability_of_improvement(np.array([1.0, 0.0, -1.0, 2.0])) == pytest.approx(2.5 / 4)


def test_constants_have_no_width_and_missing_runs_are_left_out():
    table = aggregate(gains({"rte": [0.5, 0.5, np.nan], "mrpc": [0.5] * 3}), ["method"])
    (row,) = table.to_dict("records")
    assert row["n"] == 5
    assert row["iqm"] == row["iqm_low"] == row["iqm_high"] == 0.5
    assert row["improvement"] == row["improvement_low"] == 1


def test_an_interval_brackets_its_point_and_repeats_with_its_seed():
    data = gains({"rte": [-1.0, 0.5, 2.0], "mrpc": [0.1, 0.2, 0.9], "cola": [-0.5, 0.0, 0.4]})
    (row,) = aggregate(data, ["method"]).to_dict("records")
    for name in ("iqm", "improvement"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert aggregate(data, ["method"]).to_dict("records") == [row]


def test_a_profile_never_rises_and_its_first_share_counts_the_runs_above():
    data = gains({"rte": [-1.0, 0.0, 1.0], "mrpc": [2.0, 3.0, 4.0]})
    profile = performance_profile(data, ["method"])
    assert (profile["share"].diff().dropna() <= 0).all()
    assert profile["share"].iloc[0] == pytest.approx(5 / 6)  # all but -1 lie above about -0.9
    assert (profile["low"] <= profile["high"]).all()


def test_nothing_gives_an_empty_table():
    assert aggregate(gains({"rte": [np.nan]}), ["method"]).empty
