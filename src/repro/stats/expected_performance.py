"""Expected validation performance: the best of n trials, as a function of n."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaln

_NOTHING = 40.0  # exp(-40) of a weight is below the rounding of a sum


def expected_maximum(
    scores: Sequence[float], budgets: Sequence[int] | None = None, *, replacement: bool = True
) -> pd.DataFrame:
    """Estimate the mean and the standard deviation of the best of n independent scores.

    With replacement, the paper's: P(max <= v_i) = (i/N)^n over the sorted scores; biased low.
    Without: C(i, n) / C(N, n), which is unbiased. Stable for tens of thousands of scores.

    Args:
        scores: shape (N,), larger is better; NaN (a run without a score) is left out and counted.
        budgets: values of n, from 1 on; 1 to N when None.
    Returns:
        one row a budget: n, mean, std (of the maximum; ddof 0 at n = 1), low and high (mean plus
        and minus std, clipped to the lowest and highest score), n_scores, n_missing; NaN where
        there are no scores.
    Raises:
        ValueError: if a budget is below 1 or, without replacement, above the number of scores.
    Source: Dodge et al. 2019, sec. 3.1; without replacement, Tang et al. 2020, sec. 3.
    """
    values = np.asarray(scores, float)
    known = np.sort(values[~np.isnan(values)])
    n = np.arange(1, len(known) + 1) if budgets is None else np.asarray(list(budgets), int)
    if len(n) and (n.min() < 1 or (not replacement and n.max() > len(known))):
        most = "" if replacement else f" to {len(known)}, the number of scores"
        raise ValueError(f"`budgets` must be from 1{most}, but got {n.min()} to {n.max()}")
    mean, std = _moments(known, n, replacement) if len(known) else np.full((2, len(n)), np.nan)
    frame = pd.DataFrame({"n": n, "mean": mean, "std": std})
    ends = (known[0], known[-1]) if len(known) else (np.nan, np.nan)
    frame["low"], frame["high"] = (mean - std).clip(*ends), (mean + std).clip(*ends)
    return frame.assign(n_scores=len(known), n_missing=len(values) - len(known))


def _moments(values: np.ndarray, n: np.ndarray, replacement: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation, together for budgets of like size.

    A large budget gives weight to the highest scores alone, so that all budgets up to N cost
    about N log N, not N^2.
    """
    mean, std = np.empty(len(n)), np.empty(len(n))
    for size in np.unique(np.frexp(n)[1]):
        rows = np.flatnonzero(np.frexp(n)[1] == size)
        first = int(len(values) * np.exp(-_NOTHING / n[rows].min()))  # that can be the maximum
        shares = _shares_below(len(values), first, n[rows], replacement)
        weights = np.diff(shares, axis=1)
        below = values[first:] - values[-1]  # where large budgets end up: no digits are lost
        mean[rows] = weights @ below
        std[rows] = np.sqrt(np.maximum(weights @ below**2 - mean[rows] ** 2, 0))
    return mean + values[-1], std


def _shares_below(n_values: int, first: int, n: np.ndarray, replacement: bool) -> np.ndarray:
    """Return P(max <= v_i) for i = first, ..., N; a row a budget."""
    i = np.arange(first, n_values + 1)
    if replacement:
        with np.errstate(divide="ignore"):
            logs = n[:, None] * np.log(i / n_values)
    else:
        factorials = gammaln(np.arange(n_values + 1) + 1.0)
        left = i - n[:, None]
        logs = factorials[i] - factorials[np.maximum(left, 0)]
        logs -= (factorials[n_values] - factorials[n_values - n])[:, None]
        logs[left < 0] = -np.inf
    shares = np.exp(np.minimum(logs, 0))
    shares[:, 0], shares[:, -1] = 0, 1
    return shares
