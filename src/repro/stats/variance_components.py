"""The variance of scores over a grid of two random factors, split into its components."""

import numpy as np
import pandas as pd
from scipy.stats import f

from repro.stats.intervals import LEVEL

_N_DRAWS = 20_000
_COLUMNS = ["factor", "df", "F", "p", "variance", "share", "low", "high", "n_missing"]


def variance_components(
    matrix: pd.DataFrame, *, factors: tuple[str, str], seed: int = 0
) -> pd.DataFrame:
    """Split the variance into two factors and the rest (their interaction and noise).

    Both factors are random and each cell has one score. With holes each factor's sum of squares is
    that beyond the other's (Henderson's method 3), which for a full grid is the usual one.

    Args:
        matrix: a row a level of the first factor, a column one of the second; NaN is a hole.
        factors: their names.
    Returns:
        one row a factor, and "rest": df, F, p (NaN for the rest), variance (its component; a
        negative estimate is 0), share of the components' sum, low and high (generalised interval
        of the share; approximate with holes), n_missing. All NaN where no score differs from
        another, or too few are left.
    Source: Searle, Casella & McCulloch 1992, ch. 4 and 5; Weerahandi 1993 (intervals).
    """
    parts, n_missing = [*factors, "rest"], int(matrix.isna().sum().sum())
    squares, freedom, weights = _sums_of_squares(matrix.to_numpy(float))
    if freedom.min() < 1 or squares[2] <= 0:
        empty = pd.DataFrame({"factor": parts}).reindex(columns=_COLUMNS)
        return empty.assign(n_missing=n_missing)
    mean_squares = squares / freedom
    table = pd.DataFrame({"factor": parts, "df": freedom, "n_missing": n_missing})
    table["variance"] = _components(mean_squares, freedom, weights)
    table["share"] = table["variance"] / table["variance"].sum()
    table["F"] = [*mean_squares[:2] / mean_squares[2], np.nan]
    table["p"] = f.sf(table["F"], table["df"], freedom[2])
    rng = np.random.default_rng(seed)
    draws = [s / rng.chisquare(n, _N_DRAWS) for s, n in zip(squares, freedom, strict=True)]
    simulated = _components(draws, freedom, weights)
    shares = simulated / simulated.sum(axis=0)
    table["low"], table["high"] = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return table[_COLUMNS]


def _sums_of_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sums of squares and degrees of freedom (first, second, rest), and the weights.

    A factor's sum of squares has the mean w s^2 + df s_rest^2, with its weight w and variance s^2.
    """
    place = ~np.isnan(values)
    y = values[place] - np.nanmean(values) if place.any() else np.zeros(0)
    row, column = np.nonzero(place)
    designs = [np.eye(values.shape[0])[row], np.eye(values.shape[1])[column]]
    both = _residual(np.hstack(designs))
    rest, rest_freedom = y @ both @ y, round(np.trace(both))
    others = [_residual(other) for other in reversed(designs)]
    squares = [*(y @ alone @ y - rest for alone in others), rest]
    freedom = [*(round(np.trace(alone)) - rest_freedom for alone in others), rest_freedom]
    weights = [np.trace(d.T @ alone @ d) for d, alone in zip(designs, others, strict=True)]
    if rest < 1e-12 * max(1e-300, y @ y):  # rounding: all equal, or no rest at all
        squares[2] = 0.0
    return np.array(squares), np.array(freedom), np.array(weights)


def _residual(design: np.ndarray) -> np.ndarray:
    """Return the matrix that projects onto what a design does not explain."""
    return np.eye(len(design)) - design @ np.linalg.pinv(design)


def _components(mean_squares, freedom, weights) -> np.ndarray:
    """Return the variances of both factors and of the rest, a row each."""
    *own, rest = mean_squares
    terms = zip(own, freedom[:2], weights, strict=True)
    return np.array([*(np.maximum((s - rest) * n / w, 0) for s, n, w in terms), rest])
