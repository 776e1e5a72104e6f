"""The variance of scores over crossed random factors, split into its components."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import f

from repro.stats.intervals import LEVEL

N_DRAWS = 20_000
_COLUMNS = ["factor", "df", "F", "p", "variance", "share", "low", "high", "n_missing"]


def variance_components(
    matrix: pd.DataFrame, *, factors: tuple[str, str], seed: int = 0
) -> pd.DataFrame:
    """Split the variance into two factors and the rest, as `crossed_components` does.

    Args:
        matrix: a row a level of the first factor, a column one of the second; NaN is a hole.
    """
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    scores = matrix.to_numpy(float).ravel()
    frame = pd.DataFrame({factors[0]: rows, factors[1]: columns, "score": scores})
    return crossed_components(frame, factors=factors, seed=seed)


def crossed_components(
    frame: pd.DataFrame, *, factors: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Split the variance into random factors and the rest (their interactions and noise).

    Each factor's sum of squares is that beyond all others' (Henderson's method 3), which for a full
    grid, or an orthogonal array, is the usual one.

    Args:
        frame: one row a run: the level of each of `factors`, and its score; NaN is a hole.
    Returns:
        one row a factor, and "rest": df, F, p (NaN for the rest), variance (its component; a
        negative estimate is 0), share of the components' sum, low and high (generalised interval
        of the share; approximate with holes), n_missing. All NaN where no score differs from
        another, or too few are left.
    Source: Searle, Casella & McCulloch 1992, ch. 4 and 5; Weerahandi 1993 (intervals).
    """
    parts, n_missing = [*factors, "rest"], int(frame["score"].isna().sum())
    squares, freedom, weights = _sums_of_squares(frame.dropna(subset="score"), factors)
    if freedom.min() < 1 or squares[-1] <= 0:
        empty = pd.DataFrame({"factor": parts}).reindex(columns=_COLUMNS)
        return empty.assign(n_missing=n_missing)
    mean_squares = squares / freedom
    table = pd.DataFrame({"factor": parts, "df": freedom, "n_missing": n_missing})
    table["variance"] = _components(mean_squares, freedom, weights)
    table["share"] = table["variance"] / table["variance"].sum()
    table["F"] = [*mean_squares[:-1] / mean_squares[-1], np.nan]
    table["p"] = f.sf(table["F"], table["df"], freedom[-1])
    simulated = _components(_draws(squares, freedom, seed), freedom, weights)
    shares = simulated / simulated.sum(axis=0)
    table["low"], table["high"] = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return table[_COLUMNS]


def drawn_components(frame: pd.DataFrame, *, factors: Sequence[str], seed: int = 0) -> np.ndarray:
    """Draw what the components may truly be: shape (n_factors + 1, N_DRAWS), below 0 left so.

    Source: Weerahandi 1993 (generalised p-values).
    """
    squares, freedom, weights = _sums_of_squares(frame.dropna(subset="score"), factors)
    draws = _draws(squares, freedom, seed)
    return _components(draws, freedom, weights, least=-np.inf)


def _draws(squares: np.ndarray, freedom: np.ndarray, seed: int) -> list[np.ndarray]:
    """Draw true mean squares, a row a factor and the rest."""
    rng = np.random.default_rng(seed)
    return [s / rng.chisquare(n, N_DRAWS) for s, n in zip(squares, freedom, strict=True)]


def _sums_of_squares(
    frame: pd.DataFrame, factors: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sums of squares and degrees of freedom (the factors', the rest's), and the weights.

    A factor's sum of squares has the mean w s^2 + df s_rest^2, with its weight w and variance s^2.
    """
    y = frame["score"].to_numpy(float)
    y = y - y.mean() if len(y) else y
    codes = [pd.factorize(frame[factor])[0] for factor in factors]
    designs = [np.eye(code.max(initial=-1) + 1)[code] for code in codes]
    every = _residual(np.hstack(designs))
    rest, rest_freedom = y @ every @ y, round(np.trace(every))
    others = [_residual(np.hstack(designs[:i] + designs[i + 1 :])) for i in range(len(designs))]
    squares = [*(y @ alone @ y - rest for alone in others), rest]
    freedom = [*(round(np.trace(alone)) - rest_freedom for alone in others), rest_freedom]
    weights = [np.trace(d.T @ alone @ d) for d, alone in zip(designs, others, strict=True)]
    if rest < 1e-12 * max(1e-300, y @ y):  # rounding: all equal, or no rest at all
        squares[-1] = 0.0
    return np.array(squares), np.array(freedom), np.array(weights)


def _residual(design: np.ndarray) -> np.ndarray:
    """Return the matrix that projects onto what a design does not explain."""
    return np.eye(len(design)) - design @ np.linalg.pinv(design)


def _components(mean_squares, freedom, weights, *, least: float = 0.0) -> np.ndarray:
    """Return the variances of the factors and of the rest, a row each."""
    *own, rest = mean_squares
    terms = zip(own, freedom[:-1], weights, strict=True)
    return np.array([*(np.maximum((s - rest) * n / w, least) for s, n, w in terms), rest])
