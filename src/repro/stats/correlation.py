"""How alike the scores of the same trials are at two evaluations of their training."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.names import check_name

KINDS = ("spearman", "pearson")


def progress_matrix(scores: pd.DataFrame, *, best_so_far: bool) -> pd.DataFrame:
    """Lay the scores of one task out by trial (rows) and evaluation (columns).

    A trial that ended early keeps its best so far; its score at later evaluations is NaN. Trials
    without any evaluation are left out: count them by their absence.

    Args:
        scores: from `seeds.evaluation_scores`.
        best_so_far: the highest score up to the evaluation, not the one at it.
    """
    known = scores.dropna(subset="evaluation")
    wide = known.pivot(index="trial_id", columns="evaluation", values="score")
    wide.columns = wide.columns.astype(int)
    return wide.cummax(axis=1).ffill(axis=1) if best_so_far else wide


def progress_matrices(scores: pd.DataFrame, *, best_so_far: bool) -> dict[str, pd.DataFrame]:
    """Return the `progress_matrix` of each task; one with fewer than two trials is left out."""
    found = {
        task: progress_matrix(rows, best_so_far=best_so_far)
        for task, rows in scores.groupby("task", sort=False)
    }
    return {task: progress for task, progress in found.items() if len(progress) >= 2}


def evaluation_correlations(progress: pd.DataFrame, *, kind: str = "spearman") -> pd.DataFrame:
    """Correlate the scores at evaluations i and j over all trials that have both.

    Args:
        progress: from `progress_matrix`: the paper's code used the scores at the evaluations, its
            caption says best so far.
    Returns:
        evaluation by evaluation; NaN where all scores are equal, or fewer than two trials.
    Source: Dodge et al. 2020, Figures 5 (Spearman) and 9 (Pearson).
    """
    return progress.corr(method=check_name("kind of correlation", kind, KINDS), min_periods=2)


def correlation_interval(
    a: np.ndarray,
    b: np.ndarray,
    *,
    kind: str = "spearman",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict:
    """Correlate two scores of the same trials, with a percentile bootstrap interval over trials.

    Pairs with a NaN are left out and counted. Resamples without spread are left out.

    Returns:
        correlation, low, high (NaN for fewer than three pairs, or no spread), n, n_missing.
    Source: Efron & Tibshirani 1993, ch. 13.
    """
    check_name("kind of correlation", kind, KINDS)
    pairs = np.column_stack([a, b]).astype(float)
    known = pairs[~np.isnan(pairs).any(axis=1)]
    counts = {"n": len(known), "n_missing": len(pairs) - len(known)}
    if len(known) < 3 or (np.ptp(known, axis=0) == 0).any():
        return dict.fromkeys(["correlation", "low", "high"], np.nan) | counts
    drawn = np.random.default_rng(seed).integers(len(known), size=(n_resamples, len(known)))
    samples = np.concatenate([known[None], known[drawn]])
    if kind == "spearman":
        samples = _ranks(samples)
    found = _pearson(samples)
    low, high = np.nanquantile(found[1:], [(1 - level) / 2, (1 + level) / 2])
    return {"correlation": float(found[0]), "low": float(low), "high": float(high)} | counts


def _ranks(samples: np.ndarray) -> np.ndarray:
    return rankdata(samples, axis=1)


def _pearson(samples: np.ndarray) -> np.ndarray:
    centred = samples - samples.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1).prod(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(squares > 0, centred.prod(axis=2).sum(axis=1) / np.sqrt(squares), np.nan)
