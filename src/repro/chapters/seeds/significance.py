"""Do seeds differ, and do tasks agree on which are good? The paper's test, and calibrated ones."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import f

from repro.chapters.seeds.analysis import FACTORS

_N_SHUFFLES = 10_000


def seed_tests(matrices: Mapping[str, pd.DataFrame], components: pd.DataFrame) -> pd.DataFrame:
    """Test seeds, a row a factor and task: `best_against_worst`, and the p of `components`."""
    anova = components.rename(columns={"p": "p_anova"})[["factor", "task", "p_anova"]]
    rows = [
        {"factor": factor, "task": task} | best_against_worst(matrix, factor)
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
    n_missing = int(matrix.isna().sum(axis=None))
    row = dict.fromkeys(("F", "p_naive", "p_calibrated", "p_naive_below_5"), float("nan"))
    statistics, freedom = _statistics(matrix, factor, n_shuffles, seed)
    if len(statistics):
        as_large = np.count_nonzero(statistics[1:] >= statistics[0] * (1 - 1e-9))
        p = f.sf(statistics, 1, freedom)
        row = {"F": float(statistics[0]), "p_naive": float(p[0])}
        row["p_calibrated"] = (1 + as_large) / (1 + n_shuffles)
        row["p_naive_below_5"] = float(np.mean(p[1:] < 0.05))
    return row | {"n_missing": n_missing}


def null_statistics(matrix: pd.DataFrame) -> dict:
    """Return F of the best against the worst WI seed, as found and of shuffles, for a picture.

    Returns:
        F, shuffled (shape (n_shuffles,)), limit (above it the paper's test says p < .05).
    """
    statistics, freedom = _statistics(matrix, "wi", 2_000, 0)
    limit = f.isf(0.05, 1, np.median(freedom[1:]))
    return {"F": statistics[0], "shuffled": statistics[1:], "limit": limit}


def _statistics(
    matrix: pd.DataFrame, factor: str, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return F of the best against the worst seed, and its degrees of freedom.

    Of the scores as they are, then of `n` shuffles: each seed of the other kind is shuffled by
    itself; holes stay where they are. Nothing where scores or seeds with two scores are too few.
    """
    values = matrix.to_numpy(float) if factor == "wi" else matrix.to_numpy(float).T
    place = ~np.isnan(values)
    counts, rng = place.sum(axis=1), np.random.default_rng(seed)
    rows = np.flatnonzero(counts >= 2)
    if len(rows) < 2 or np.ptp(values[place]) == 0:
        return np.zeros(0), np.zeros(0)
    centred = np.where(place, values - values[place].mean(), 0.0)
    drawn = np.repeat(centred[None], n + 1, axis=0)
    for column, known in enumerate(place.T):
        drawn[1:, known, column] = rng.permuted(drawn[1:, known, column], axis=1)
    drawn, counts = drawn[:, rows], counts[rows]
    means = drawn.sum(axis=2) / counts
    squares = (drawn**2).sum(axis=2) - counts * means**2
    ends = means.argmax(axis=1), means.argmin(axis=1)
    shuffle = np.arange(n + 1)
    a, b = (means[shuffle, end] for end in ends)
    n_a, n_b = (counts[end] for end in ends)
    freedom = n_a + n_b - 2
    within = sum(squares[shuffle, end] for end in ends) / freedom
    with np.errstate(divide="ignore"):
        return (a - b) ** 2 * n_a * n_b / (n_a + n_b) / within, freedom


def concordance(ranks: pd.DataFrame) -> dict:
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
    rng, draws = np.random.default_rng(0), np.broadcast_to(values.T, (_N_SHUFFLES, m, n))
    sums = np.concatenate([[values.sum(axis=1)], rng.permuted(draws, axis=2).sum(axis=1)])
    w, *shuffled = 12 * ((sums - sums[0].mean()) ** 2).sum(axis=1) / scale
    p = (1 + np.count_nonzero(np.array(shuffled) >= w * (1 - 1e-9))) / (1 + _N_SHUFFLES)
    return {"W": float(w), "p_shuffles": p, "n_seeds": n}
