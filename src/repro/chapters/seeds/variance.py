"""Tests of what seeds do to scores: best against worst, analysis of variance, concordance.

Matrices are those of `analysis.seeds`: a row a WI seed, a column a DO seed, NaN without a score.
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2, f, f_oneway

from repro.chapters.seeds.analysis import FACTORS, by_factor, count_holes, extreme_seeds


def best_against_worst(
    matrix: pd.DataFrame, factor: str, *, n_shuffles: int = 10_000, seed: int = 0
) -> dict:
    """Test the best seed against the worst: as the paper did, and calibrated.

    The two groups are chosen because they are extremes, so that the paper's p-value is small under
    the null hypothesis as well. The calibrated one is the share of shuffles of all cells whose
    own best and worst seeds differ at least as much: its null hypothesis is that no factor matters.

    Returns:
        F, p_naive, p_calibrated (NaN where all scores are equal), p_naive_below_5 (share of
        shuffles with a naive p below .05), n_missing.
    Source: Dodge et al. 2020, Table 4 (p_naive). Shuffles: Phipson & Smyth 2010, eq. 2.
    """
    frame, holes = by_factor(matrix, factor), count_holes(matrix)
    values = frame.to_numpy(float)
    statistic = p_naive = p_calibrated = share = float("nan")
    extremes = extreme_seeds(matrix, factor)
    groups = [g.to_numpy(float) for _, g in extremes.groupby("extreme")["score"]]
    if len(groups) == 2 and min(map(len, groups)) >= 2 and np.nanstd(values) > 0:
        statistic, p_naive = map(float, f_oneway(*groups))
        shuffled = _shuffled_statistics(values, n_shuffles, np.random.default_rng(seed))
        as_large = np.count_nonzero(shuffled[0] >= statistic * (1 - 1e-9))
        p_calibrated = (1 + as_large) / (1 + n_shuffles)
        share = float(np.mean(f.sf(shuffled[0], 1, shuffled[1]) < 0.05))
    found = {"F": statistic, "p_naive": p_naive, "p_calibrated": p_calibrated}
    return found | {"p_naive_below_5": share, "n_missing": holes}


def _shuffled_statistics(values: np.ndarray, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return F of the best against the worst row, and its degrees of freedom, in `n` shuffles.

    Holes stay where they are.
    """
    place = ~np.isnan(values)
    known = values[place] - values[place].mean()
    drawn = np.zeros((n, *values.shape))
    drawn[:, place] = rng.permuted(np.broadcast_to(known, (n, len(known))), axis=1)
    counts = place.sum(axis=1)
    rows = np.flatnonzero(counts >= 2)
    drawn, counts = drawn[:, rows], counts[rows]
    means = drawn.sum(axis=2) / counts
    squares = (drawn**2).sum(axis=2) - counts * means**2
    ends = means.argmax(axis=1), means.argmin(axis=1)
    shuffle = np.arange(n)
    a, b = (means[shuffle, end] for end in ends)
    n_a, n_b = (counts[end] for end in ends)
    freedom = n_a + n_b - 2
    within = sum(squares[shuffle, end] for end in ends) / freedom
    with np.errstate(divide="ignore"):
        return (a - b) ** 2 * n_a * n_b / (n_a + n_b) / within, freedom


def variance_analysis(
    matrix: pd.DataFrame, *, level: float = 0.95, n_draws: int = 20_000, seed: int = 0
) -> pd.DataFrame:
    """Split the variance into WI, DO and the rest (their interaction and dropout), with intervals.

    Both factors are random and each cell has one run. With holes each factor's sum of squares is
    that beyond the other's (Henderson's method 3), which for a full grid is the usual one.

    Returns:
        one row a factor ("wi", "do", "rest"): df, F, p (NaN for the rest), variance (its
        component; a negative estimate is 0), share of the components' sum, low and high (`level`
        generalised interval of the share; approximate with holes), n_missing. All NaN where no
        score differs from another, or too few are left.
    Source: Searle, Casella & McCulloch 1992, ch. 4 and 5; Weerahandi 1993 (intervals).
    """
    squares, freedom, weights = _sums_of_squares(matrix)
    if freedom["rest"] < 1 or min(freedom.values()) < 1 or squares["rest"] <= 0:
        empty = pd.DataFrame({"factor": _PARTS}).reindex(columns=_VARIANCE_COLUMNS)
        return empty.assign(n_missing=count_holes(matrix))
    mean_squares = {name: squares[name] / n for name, n in freedom.items()}
    table = pd.DataFrame({"df": freedom, "variance": _components(mean_squares, freedom, weights)})
    table["share"] = table["variance"] / table["variance"].sum()
    table["F"] = pd.Series(mean_squares).drop("rest") / mean_squares["rest"]
    table["p"] = f.sf(table["F"], table["df"], freedom["rest"])
    rng = np.random.default_rng(seed)
    draws = {name: squares[name] / rng.chisquare(freedom[name], n_draws) for name in _PARTS}
    simulated = pd.DataFrame(_components(draws, freedom, weights))
    shares = simulated.div(simulated.sum(axis=1), axis=0)
    table["low"], table["high"] = (shares.quantile(q) for q in ((1 - level) / 2, (1 + level) / 2))
    table = table.reindex(_PARTS).rename_axis("factor").reset_index()
    return table[_VARIANCE_COLUMNS].assign(n_missing=count_holes(matrix))


_PARTS = [*FACTORS, "rest"]
_VARIANCE_COLUMNS = ["factor", "df", "F", "p", "variance", "share", "low", "high"]


def _sums_of_squares(matrix: pd.DataFrame) -> tuple[dict, dict, dict]:
    """Return sums of squares, degrees of freedom, and each component's weight in its own."""
    values = matrix.to_numpy(float)
    place = ~np.isnan(values)
    y = values[place] - np.nanmean(values) if place.any() else np.zeros(0)
    wi, do = np.nonzero(place)
    designs = {"wi": np.eye(values.shape[0])[wi], "do": np.eye(values.shape[1])[do]}
    both = _residual(np.hstack(list(designs.values())))
    squares, freedom, weights = {"rest": y @ both @ y}, {"rest": round(np.trace(both))}, {}
    for name, other in zip(FACTORS, reversed(FACTORS), strict=True):
        alone = _residual(designs[other])
        squares[name] = y @ alone @ y - squares["rest"]
        freedom[name] = round(np.trace(alone)) - freedom["rest"]
        weights[name] = np.trace(designs[name].T @ alone @ designs[name])
    if squares["rest"] < 1e-12 * max(1e-300, y @ y):  # rounding: all equal, or no rest at all
        squares["rest"] = 0.0
    return squares, freedom, weights


def _residual(design: np.ndarray) -> np.ndarray:
    """Return the matrix that projects onto what a design does not explain."""
    return np.eye(len(design)) - design @ np.linalg.pinv(design)


def _components(mean_squares: dict, freedom: dict, weights: dict) -> dict:
    """Solve for the components: a factor's sum of squares has the mean w s^2 + df s_rest^2."""
    rest = mean_squares["rest"]
    found = {
        name: np.maximum((mean_squares[name] - rest) * freedom[name] / weights[name], 0)
        for name in FACTORS
    }
    return found | {"rest": rest}


def concordance(ranks: pd.DataFrame, *, n_shuffles: int = 10_000, seed: int = 0) -> dict:
    """Test whether tasks agree on which seeds are good.

    Args:
        ranks: from `rank_seeds`: a row a seed, a column a task.
    Returns:
        W (0: no agreement, 1: the same order; corrected for ties), p_chi2 (rough for few seeds),
        p_shuffles (each task's ranks shuffled), n_seeds, n_tasks. NaN for fewer than two seeds or
        tasks, or where a task ranks all alike.
    Source: Kendall & Babington Smith 1939; Legendre 2005 (shuffles).
    """
    values = ranks.rank().to_numpy(float)
    n, m = values.shape
    ties = sum((counts**3 - counts).sum() for counts in _tie_counts(values))
    scale = m**2 * (n**3 - n) - m * ties
    counts = {"n_seeds": n, "n_tasks": m}
    if n < 2 or m < 2 or scale <= 0:
        return dict.fromkeys(["W", "p_chi2", "p_shuffles"], float("nan")) | counts
    sums = values.sum(axis=1)
    w = 12 * ((sums - sums.mean()) ** 2).sum() / scale
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.broadcast_to(values.T, (n_shuffles, m, n)), axis=2).sum(axis=1)
    ws = 12 * ((shuffled - sums.mean()) ** 2).sum(axis=1) / scale
    p = (1 + np.count_nonzero(ws >= w * (1 - 1e-9))) / (1 + n_shuffles)
    found = {"W": float(w), "p_chi2": float(chi2.sf(m * (n - 1) * w, n - 1)), "p_shuffles": p}
    return found | counts


def _tie_counts(values: np.ndarray) -> list[np.ndarray]:
    return [np.unique(column, return_counts=True)[1] for column in values.T]
