"""95 % intervals of means: percentile bootstrap over repetitions and tasks, and Student's t."""

import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import betaincinv, stdtr, stdtrit

LEVEL = 0.95
N_RESAMPLES = 2000
FEW = 5  # below this many values an interval says little more than the range


def bootstrap_interval(
    values: Sequence[float], *, rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of `values`.

    With three values the interval is exactly their range, for all three draws fall on the smallest
    with probability 1/27 > 2.5 %; such a range holds the median of a continuous distribution in
    1 - 2/2**3 = 75 % of the cases, not in 95 %.

    Args:
        values: shape (n,), any unit; no NaN.
    Returns:
        low and high, in the unit of `values`; both NaN for fewer than two values.
    Source: Efron & Tibshirani 1993, ch. 13.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    return _percentiles(_resampled_means(values, rng, n_resamples))


def two_level_interval(
    groups: Sequence[Sequence[float]], *, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the interval of the mean of group means, resampling groups, then values in them.

    Groups are tasks, values are repetitions: the interval speaks of other tasks of this kind and
    other seeds. Resampling both levels overstates the variance a little (Davison & Hinkley 1997,
    sec. 3.8), which errs on the careful side.

    Args:
        groups: shape (n_groups,) of arrays of any length >= 1; no NaN.
    Returns:
        low and high, in the unit of the values; both NaN for fewer than two groups.
    """
    n = len(groups)
    if n < 2:
        return float("nan"), float("nan")
    # fresh values for each time a group is drawn
    means = [_resampled_means(group, rng, N_RESAMPLES) for _ in groups for group in groups]
    means = np.reshape(means, (n, n, N_RESAMPLES))
    drawn = rng.integers(n, size=(n, N_RESAMPLES))
    return _percentiles(means[np.arange(n)[:, None], drawn, np.arange(N_RESAMPLES)].mean(axis=0))


def _resampled_means(values, rng, n_resamples: int) -> np.ndarray:
    values = np.asarray(values, float)
    if np.isnan(values).any():
        raise ValueError("`values` must not hold NaN, but they do; drop them and report how many")
    return values[rng.integers(len(values), size=(n_resamples, len(values)))].mean(axis=1)


def _percentiles(means: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def share_interval(hits: float, n: int) -> tuple[float, float]:
    """Return the interval of a share, of which `hits` of n are known, by the binomial distribution.

    Source: Clopper & Pearson 1934; of broken numbers, Korn & Graubard 1998.
    """
    half = (1 - LEVEL) / 2
    low = betaincinv(hits, n - hits + 1, half) if hits > 0 else 0.0
    high = betaincinv(hits + 1, n - hits, 1 - half) if hits < n else 1.0
    return float(low), float(high)


def t_interval(values: Sequence[float]) -> dict:
    """Return Student's interval of the mean of `values`, and the test that the mean is zero.

    Args:
        values: shape (n,), any unit; no NaN.
    Returns:
        mean, low, high, p (two-sided), n. Fewer than two values have no interval; nor have equal
        ones, but that all are zero, which is certain to be no evidence: 0, 0 and p = 1.
    """
    values = np.asarray(values, float)
    n, nan = len(values), float("nan")
    mean = float(values.mean()) if n else nan
    row = {"mean": mean, "low": nan, "high": nan, "p": nan, "n": n}
    if n < 2 or np.ptp(values) < 1e-12:
        is_zero = n >= 2 and abs(mean) < 1e-12
        return row | ({"low": 0.0, "high": 0.0, "p": 1.0} if is_zero else {})
    error = values.std(ddof=1) / np.sqrt(n)
    half = stdtrit(n - 1, (1 + LEVEL) / 2) * error
    p = 2 * stdtr(n - 1, -abs(mean) / error)
    return row | {"low": float(mean - half), "high": float(mean + half), "p": float(p)}


def summarise_differences(frame: pd.DataFrame, by: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """Average the column `difference` within the groups of `by`, with bootstrap intervals.

    Where `by` has `task`, rows (repetitions) are resampled. Else tasks count alike: the mean is
    that of the tasks' means, and tasks, then rows within them, are resampled.

    Args:
        frame: one row a tuning run, with `difference` (any unit; NaN where undecided) and `task`.
        seed: intervals derive from it and the group's own names: other groups move nobody.
    Returns:
        one row a group: `by`, difference, low, high, minimum, maximum (of the rows), n (rows with
        a difference), n_tasks, n_missing (rows without), few (fewer than five values, or tasks
        where these are resampled: take the interval for a range).
    """
    rows = []
    for key, group in frame.groupby(list(by), sort=True, dropna=False):
        present = group.dropna(subset="difference").sort_values(["task", "difference"])
        values = [task.to_numpy() for _, task in present.groupby("task")["difference"]]
        resample, sample = (
            (bootstrap_interval, present["difference"].to_numpy())
            if "task" in by
            else (two_level_interval, values)
        )
        rng = np.random.default_rng([seed, zlib.crc32(repr(key).encode())])
        low, high = resample(sample, rng=rng)
        mean = float(np.mean([v.mean() for v in values])) if values else float("nan")
        row = dict(zip(by, key, strict=True)) | {"difference": mean, "low": low, "high": high}
        row |= {"minimum": present["difference"].min(), "maximum": present["difference"].max()}
        counts = {"n": len(present), "n_tasks": len(values), "n_missing": len(group) - len(present)}
        rows.append(row | counts | {"few": len(sample) < FEW})
    columns = ["difference", "low", "high", "minimum", "maximum", "n", "n_tasks", "n_missing"]
    return pd.DataFrame(rows, columns=[*by, *columns, "few"])
