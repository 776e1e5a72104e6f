"""Tuning curves, the best of n trials over n, with bands that hold for all n at once."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import betaincinv, gammaln


def tuning_bands(
    scores: Sequence[float],
    *,
    level: float = 0.95,
    n_max: int | None = None,
    quantile: float = 0.5,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> pd.DataFrame:
    """Estimate a quantile of the best of n independent trials, for all n up to `n_max`.

    The bands are simultaneous, exact for continuous scores and careful for tied ones, whatever the
    distribution: order statistic i of N lies at a share of the distribution that is Beta(i,
    N + 1 - i), and all N shares lie in their central intervals at once with probability `level`.
    Scores must be of independent draws, as in random search; of a search that learns they are not.

    Args:
        scores: shape (N,), larger is better; NaN (a trial without a score) is left out and counted.
        n_max: N by default.
        quantile: of the best of n; the median by default. A mean has a band only where scores
            are bounded.
        bounds: lowest and highest possible score, where a band that N trials leave open ends.
    Returns:
        one row an n from 1 on: n, best, low, high, n_scores, n_missing.
    Raises:
        ValueError: if there is no score, or one lies outside the bounds.
    Source: Lourie, Cho & He 2023 (whose package opda simulates what is exact here); Aldor-Noiman
        et al. 2013.
    """
    values = np.asarray(scores, float)
    known = np.sort(values[~np.isnan(values)])
    if not len(known) or known[0] < bounds[0] or known[-1] > bounds[1]:
        raise ValueError(
            f"`scores` must have at least one number, all within {bounds}, but got "
            + (f"{known[0]} to {known[-1]}" if len(known) else "none")
        )
    n = np.arange(1, (n_max or len(known)) + 1)
    place = quantile ** (1 / n)  # the best of n lies below F^-1(q^(1/n)) with probability q
    low, high = _local_bounds(len(known), level)
    below = np.append(bounds[0], known)[np.searchsorted(high, place)]
    above = np.append(known, bounds[1])[np.searchsorted(low, place)]
    best = known[np.ceil(np.round(place * len(known), 9)).astype(int) - 1]
    frame = pd.DataFrame({"n": n, "best": best, "low": below, "high": above})
    return frame.assign(n_scores=len(known), n_missing=len(values) - len(known))


@lru_cache
def _local_bounds(n: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return within which shares of the distribution all n order statistics lie at `level`."""

    def central(log_outside: float) -> tuple[np.ndarray, np.ndarray]:
        i, half = np.arange(1, n + 1), np.exp(log_outside) / 2
        return betaincinv(i, n + 1 - i, half), 1 - betaincinv(n + 1 - i, i, half)

    def excess(log_outside: float) -> float:
        return np.log(1 - _probability(*central(log_outside))) - np.log(1 - level)

    ends = np.log((1 - level) / n), np.log(1 - level)  # Bonferroni's, and those of a single one
    return central(ends[1] if n == 1 else brentq(excess, *ends, xtol=1e-3))


def _probability(low: np.ndarray, high: np.ndarray) -> float:
    """Return the probability that n sorted uniform draws all lie between their bounds.

    They are the points of a Poisson process that has n in all: at `high[i]` there must be more
    than i, at `low[i]` at most i. Source: Moscovich & Nadler 2017.
    """
    n = len(low)
    times = np.concatenate([low, high, [1.0]])
    order = np.argsort(times, kind="stable")
    means = np.maximum(n * np.diff(times[order], prepend=0.0), 1e-300)[:, None]
    k = np.arange(min(n, int(means.max() + 9 * np.sqrt(means.max()) + 15)) + 1)
    new = np.exp(k * np.log(means) - means - gammaln(k + 1))  # P(k new points before each time)
    counts, first, most = np.ones(1), 0, 0  # P(first + i points so far, all inside)
    for event, points in zip(order.tolist(), new, strict=True):
        counts = np.convolve(counts, points)[: most - first + 1]
        if event < n:
            most += 1  # beyond low[i] point i may come
        elif event < 2 * n:  # point i must have come
            counts, first = counts[event - n + 1 - first :], event - n + 1
    return float(counts[0] / np.exp(n * np.log(n) - n - gammaln(n + 1)))
