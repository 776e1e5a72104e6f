"""Do seeds differ, and do tasks agree on which are good? The paper's test, and calibrated ones."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import f, f_oneway

from repro.chapters.seeds.analysis import FACTORS, extreme_seeds

_N_SHUFFLES = 10_000


def seed_tests(
    matrices: Mapping[str, pd.DataFrame], components: pd.DataFrame, *, seed: int = 0
) -> pd.DataFrame:
    """Test seeds, a row a factor and task: `best_against_worst`, and the p of `components`."""
    anova = components.rename(columns={"p": "p_anova"})[["factor", "task", "p_anova"]]
    rows = [
        {"factor": factor, "task": task} | best_against_worst(matrix, factor, seed=seed)
        for factor in FACTORS
        for task, matrix in matrices.items()
    ]
    return pd.DataFrame(rows).merge(anova, how="left", on=["factor", "task"])


def best_against_worst(
    matrix: pd.DataFrame, factor: str, *, n_shuffles: int = _N_SHUFFLES, seed: int = 0
) -> dict:
    """Test the best seed against the worst: as the paper did, and calibrated.

    The two groups are chosen because they are extremes, so that the paper's p-value is small under
    the null hypothesis as well. The calibrated one is the share of shuffles whose own best and
    worst seeds differ at least as much. They shuffle scores that share a seed of the other kind, so
    that what that one does stays, and does not hide this one.

    Returns:
        F, p_naive, p_calibrated (NaN where all scores are equal), p_naive_below_5 (share of
        shuffles with a naive p below .05), n_missing.
    Source: Dodge et al. 2020, Table 4 (p_naive). Shuffles: Phipson & Smyth 2010, eq. 2.
    """
    values = matrix.to_numpy(float) if factor == "wi" else matrix.to_numpy(float).T
    extremes = extreme_seeds(matrix)
    extremes = extremes[extremes["factor"] == factor]
    groups = [rows.to_numpy(float) for _, rows in extremes.groupby("extreme")["score"]]
    statistic = p_naive = p_calibrated = share = float("nan")
    if len(groups) == 2 and min(map(len, groups)) >= 2 and np.nanstd(values) > 0:
        statistic, p_naive = map(float, f_oneway(*groups))
        shuffled, freedom = _shuffled_statistics(values, n_shuffles, np.random.default_rng(seed))
        as_large = np.count_nonzero(shuffled >= statistic * (1 - 1e-9))
        p_calibrated = (1 + as_large) / (1 + n_shuffles)
        share = float(np.mean(f.sf(shuffled, 1, freedom) < 0.05))
    row = {"F": statistic, "p_naive": p_naive, "p_calibrated": p_calibrated}
    return row | {"p_naive_below_5": share, "n_missing": int(np.isnan(values).sum())}


def null_statistics(
    matrix: pd.DataFrame, factor: str = "wi", *, n_shuffles: int = 2_000, seed: int = 0
) -> dict:
    """Return F of the best against the worst seed, as found and of shuffles, for a picture.

    Returns:
        F, shuffled (shape (n_shuffles,)), limit (above it the paper's test says p < .05).
    """
    values = matrix.to_numpy(float) if factor == "wi" else matrix.to_numpy(float).T
    shuffled, freedom = _shuffled_statistics(values, n_shuffles, np.random.default_rng(seed))
    statistic = best_against_worst(matrix, factor, n_shuffles=1)["F"]
    return {"F": statistic, "shuffled": shuffled, "limit": f.isf(0.05, 1, np.median(freedom))}


def _shuffled_statistics(values: np.ndarray, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return F of the best against the worst row, and its degrees of freedom, in `n` shuffles.

    Each column is shuffled by itself; holes stay where they are.
    """
    place = ~np.isnan(values)
    centred = values - values[place].mean()
    drawn = np.zeros((n, *values.shape))
    for column, known in enumerate(place.T):
        scores = np.broadcast_to(centred[known, column], (n, known.sum()))
        drawn[:, known, column] = rng.permuted(scores, axis=1)
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


def concordance(ranks: pd.DataFrame, *, seed: int = 0) -> dict:
    """Test whether tasks agree on which seeds are good.

    Args:
        ranks: from `analysis.rank_seeds`: a row a seed, a column a task.
    Returns:
        W (0: no agreement, 1: the same order; corrected for ties), p_shuffles (each task's ranks
        shuffled), n_seeds. NaN for fewer than two seeds or tasks, or where a task ranks all alike.
    Source: Kendall & Babington Smith 1939; Legendre 2005 (shuffles).
    """
    values = ranks.rank().to_numpy(float)
    n, m = values.shape
    tied = [np.unique(column, return_counts=True)[1] for column in values.T]
    scale = m**2 * (n**3 - n) - m * sum((k**3 - k).sum() for k in tied)
    if n < 2 or m < 2 or scale <= 0:
        return {"W": float("nan"), "p_shuffles": float("nan"), "n_seeds": n}
    rng, draws = np.random.default_rng(seed), np.broadcast_to(values.T, (_N_SHUFFLES, m, n))
    sums = np.concatenate([[values.sum(axis=1)], rng.permuted(draws, axis=2).sum(axis=1)])
    w, *shuffled = 12 * ((sums - sums[0].mean()) ** 2).sum(axis=1) / scale
    p = (1 + np.count_nonzero(np.array(shuffled) >= w * (1 - 1e-9))) / (1 + _N_SHUFFLES)
    return {"W": float(w), "p_shuffles": p, "n_seeds": n}
