"""Correlations of many rows at once are NumPy's, row by row."""

import numpy as np

from repro.stats.correlation import row_correlations


def test_row_correlations_are_numpy_s():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 7))
    x[4] = 0.1  # constant, though its mean is not exactly 0.1
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x[:4], y[:4], strict=True)]
    np.testing.assert_allclose(row_correlations(x, y), [*expected, np.nan])
