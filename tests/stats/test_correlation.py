"""Correlations of two scores: pandas' own, with an interval that brackets them."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.correlation import correlation_interval, row_correlations


@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_the_interval_brackets_the_correlation_and_repeats(kind):
    rng = np.random.default_rng(0)
    a = rng.normal(size=80)
    b = a + rng.normal(size=80)
    b[0] = np.nan
    found = correlation_interval(a, b, kind=kind)
    assert found["low"] < found["correlation"] < found["high"]
    pandas = pd.Series(a[1:]).corr(pd.Series(b[1:]), method=kind)
    assert found["correlation"] == pytest.approx(pandas)
    assert (found["n"], found["n_missing"]) == (79, 1)
    np.random.seed(0)
    assert found == correlation_interval(a, b, kind=kind)
    assert found["low"] != correlation_interval(a, b, kind=kind, seed=1)["low"]


@pytest.mark.parametrize(("a", "b"), [([1, 1, 1], [1, 2, 3]), ([1, 2], [1, 2]), ([], [])])
def test_no_spread_or_fewer_than_three_pairs_have_no_correlation(a, b):
    found = correlation_interval(a, b)
    assert np.isnan([found["correlation"], found["low"], found["high"]]).all()


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="unknown kind of correlation 'kendall'"):
        correlation_interval([1, 2, 3], [1, 2, 3], kind="kendall")


def test_row_correlations_are_numpy_s():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 7))
    x[4] = 0.1  # constant, though its mean is not exactly 0.1
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x[:4], y[:4], strict=True)]
    np.testing.assert_allclose(row_correlations(x, y), [*expected, np.nan])
