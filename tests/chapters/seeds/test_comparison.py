"""How often one way wins: by hand, and its sample size."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.comparison import (
    BETTER,
    NO_MATTER,
    OPEN,
    pairs_needed,
    power_of_sign_test,
    probability_of_outperforming,
)


def compare(wins, losses, ties=0):
    second = pd.Series(np.zeros(wins + losses + ties))
    first = pd.Series([1.0] * wins + [-1.0] * losses + [0.0] * ties)
    return probability_of_outperforming(first, second)


def test_ties_count_half_and_only_common_seeds_count():
    assert compare(2, 1, ties=1)["p"] == pytest.approx(2.5 / 4)
    first, second = pd.Series([1.0, 2.0], [7, 8]), pd.Series([0.0, 3.0, 9.0], [8, 9, 7])
    found = probability_of_outperforming(first, second)
    assert (found["n"], found["p"]) == (2, 0.5)  # seed 7: 1 < 9; seed 8: 2 > 0


def test_conclusions_are_those_of_the_appendix():
    assert compare(38, 2)["conclusion"] == BETTER
    assert compare(22, 18)["conclusion"] == NO_MATTER  # surely below 3 in 4
    assert compare(7, 4)["conclusion"] == OPEN
    assert compare(1, 0)["conclusion"] == OPEN


def test_the_printed_size_is_that_of_unpaired_runs():
    # (1.645 + 1.645)**2 / (6 / 16) = 28.86, and over 4 / 16 43.3
    assert pairs_needed(paired=False) == 29
    assert pairs_needed() == 44


def test_the_power_of_the_sign_test_by_hand():
    # 5 pairs: only 5 of 5 has a chance of at most .05 under the null (1/32); at 3/4 it is .75**5
    assert power_of_sign_test(5) == pytest.approx(0.75**5)
    assert power_of_sign_test(44) > 0.95 > power_of_sign_test(29)
