"""How alike two scores of the same trials are, with an interval."""

import numpy as np
from scipy.stats import rankdata

from repro.names import check_name
from repro.stats.intervals import LEVEL, N_RESAMPLES

KINDS = ("spearman", "pearson")


def correlation_interval(
    a: np.ndarray, b: np.ndarray, *, kind: str = "spearman", seed: int = 0
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
    drawn = np.random.default_rng(seed).integers(len(known), size=(N_RESAMPLES, len(known)))
    samples = np.concatenate([known[None], known[drawn]])
    if kind == "spearman":
        samples = rankdata(samples, axis=1)
    point, *resampled = row_correlations(samples[..., 0], samples[..., 1])
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"correlation": float(point), "low": float(low), "high": float(high)} | counts


def row_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each row of `x` with that of `y`; NaN where one is constant.

    Args:
        x, y: shape (n_rows, n).
    """
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    spread = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    constant = spread < 1e-12
    return np.where(constant, np.nan, (x * y).sum(axis=1) / np.where(constant, 1, spread))
