"""Bootstrap intervals: right answers in plain cases, order, seeds and missing values."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.incumbents import best_trials, differences_from_grid
from repro.stats.intervals import (
    bootstrap_interval,
    summarise_differences,
    t_interval,
    two_level_interval,
)
from synthetic_study import make_study

NAN = float("nan")


@pytest.fixture(scope="module")
def best():
    study = make_study()
    return best_trials(study.trials, study.runs)


def test_interval_of_three_values_is_their_range():
    # all three draws on the smallest: (1/3)^3 = 1/27 = 3.7 % > 2.5 %, likewise the largest
    low, high = bootstrap_interval([0.1, 0.2, 0.6], rng=np.random.default_rng(0))
    assert (low, high) == pytest.approx((0.1, 0.6))


def test_interval_of_many_values_is_close_to_the_normal_one():
    # 400 standard normal values: half width 1.96 / sqrt(400) = 0.098
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values, rng=np.random.default_rng(1))
    assert low < values.mean() < high
    assert (high - low) / 2 == pytest.approx(0.098, rel=0.1)


def test_student_s_interval_by_hand():
    # mean 2, standard deviation 1, error 1 / sqrt(3); t of 2 degrees at .975 is 4.3027, and its
    # distribution function is 1/2 + x / (2 sqrt(2 + x^2)): p = 1 - x / sqrt(2 + x^2), x^2 = 12
    row = t_interval([1, 2, 3])
    assert (row["mean"], row["n"]) == (2, 3)
    assert (row["low"], row["high"]) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert row["p"] == pytest.approx(1 - (12 / 14) ** 0.5)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_interval(values):
    assert np.isnan(bootstrap_interval(values, rng=np.random.default_rng(0))).all()
    assert np.isnan(t_interval(values)["low"])


def test_one_group_has_no_interval_over_groups():
    assert np.isnan(two_level_interval([[0.1, 0.2]], rng=np.random.default_rng(0))).all()


def test_constants_in_constants_out():
    rng = np.random.default_rng(0)
    assert bootstrap_interval([0.3] * 4, rng=rng) == pytest.approx((0.3, 0.3))
    assert two_level_interval([[0.3] * 4, [0.3]], rng=rng) == pytest.approx((0.3, 0.3))


def test_nan_in_an_interval_is_refused():
    with pytest.raises(ValueError, match="must not hold NaN"):
        bootstrap_interval([0.1, NAN], rng=np.random.default_rng(0))


def test_two_levels_are_wider_than_repetitions_alone():
    # tasks differ by 10, repetitions by 0.1: pooling them would understate other tasks' spread
    groups = [np.array([-0.1, 0, 0.1]) + task for task in (0, 10, 20, 30)]
    low, high = two_level_interval(groups, rng=np.random.default_rng(0))
    assert low < 15 - 5 and high > 15 + 5


def test_differences_average_tasks_alike():
    # task a: mean 2 of three rows; task b: -4 of one row (one missing) -> mean of means -1
    frame = pd.DataFrame({"task": list("aaabb"), "difference": [1, 2, 3, -4, NAN], "model": "m"})
    row = summarise_differences(frame, ["model"]).iloc[0]
    assert row["difference"] == -1
    assert (row["n"], row["n_tasks"], row["n_missing"]) == (4, 2, 1)
    assert (row["minimum"], row["maximum"]) == (-4, 3)


def test_interval_brackets_the_point_and_few_repetitions_are_marked(best):
    table = summarise_differences(differences_from_grid(best), ["model", "task", "method", "split"])
    assert ((table["low"] <= table["difference"]) & (table["difference"] <= table["high"])).all()
    assert table["few"].all()


def test_all_missing_gives_a_row_of_nan():
    frame = pd.DataFrame({"task": ["a", "a"], "difference": [NAN, NAN]})
    row = summarise_differences(frame, ["task"]).iloc[0]
    assert np.isnan([row["difference"], row["low"], row["high"]]).all() and row["n_missing"] == 2


def test_seed_decides_and_another_group_moves_nobody(best):
    frame = differences_from_grid(best)
    by = ["model", "method", "split"]
    first = summarise_differences(frame, by, seed=1)
    np.random.seed(7)
    alone = summarise_differences(frame[frame["method"] != "rs"], by, seed=1)
    other = summarise_differences(frame, by, seed=2)
    pd.testing.assert_frame_equal(first[first["method"] != "rs"].reset_index(drop=True), alone)
    assert not np.allclose(first["low"], other["low"])
