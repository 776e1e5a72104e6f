"""Across tasks: interquartile mean, probability of improvement, performance profile.

Values are gains over a yardstick, so that tasks can be taken together. Intervals resample the
repetitions within each task: they speak of other seeds on these tasks, not of other tasks.

Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice".
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from repro.stats.intervals import LEVEL, N_RESAMPLES


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Average the middle half of the values on the last axis; values at its ends count in part."""
    ordered, n = np.sort(values, axis=-1), values.shape[-1]
    edges = np.arange(n + 1)
    weights = np.clip(np.minimum(edges[1:], 0.75 * n) - np.maximum(edges[:-1], 0.25 * n), 0, 1)
    return ordered @ weights / weights.sum()


def probability_of_improvement(values: np.ndarray) -> np.ndarray:
    """Return the share of gains above zero, on the last axis; a tie counts half."""
    return (values > 1e-9).mean(axis=-1) + (np.abs(values) <= 1e-9).mean(axis=-1) / 2


STATISTICS = {"iqm": interquartile_mean, "improvement": probability_of_improvement}


def aggregate(gains: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Compute each of STATISTICS over all tasks and repetitions of each group, with its interval.

    Args:
        gains: one row a tuning run: `by`, task, model, difference; rows without one are left out.
    Returns:
        one row a group: `by`, n, and each statistic with low and high, such as iqm_low.
    """
    rows = []
    for key, group in gains.dropna(subset="difference").groupby(list(by), sort=False):
        strata = _strata(group)
        row = dict(zip(by, key, strict=True)) | {"n": len(group)}
        for name, statistic in STATISTICS.items():
            row[name] = float(statistic(np.concatenate(strata)))
            low, high = _interval(strata, statistic)
            row |= {f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    names = [f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*by, "n", *names])


def performance_profile(gains: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Give for each group the share of tuning runs that gain more than each threshold.

    Returns:
        one row a group and threshold: `by`, threshold (as `difference`), share, low, high.
    """
    gains = gains.dropna(subset="difference")
    thresholds = np.linspace(*gains["difference"].quantile([0.02, 0.98]), 60)
    rows = []
    for key, group in gains.groupby(list(by), sort=False):

        def share(values: np.ndarray) -> np.ndarray:
            return (values[..., None] > thresholds).mean(axis=-2)

        strata = _strata(group)
        low, high = _interval(strata, share, n_resamples=500)
        table = {"threshold": thresholds, "share": share(np.concatenate(strata))}
        table |= {"low": low, "high": high}
        rows.append(pd.DataFrame(dict(zip(by, key, strict=True)) | table))
    columns = [*by, "threshold", "share", "low", "high"]
    return pd.concat(rows) if rows else pd.DataFrame(columns=columns)


def _strata(group: pd.DataFrame) -> list[np.ndarray]:
    return [rows.to_numpy(float) for _, rows in group.groupby(["model", "task"])["difference"]]


def _interval(
    strata: Sequence[np.ndarray], statistic: Callable, *, n_resamples: int = N_RESAMPLES
) -> tuple:
    rng = np.random.default_rng(0)
    drawn = [v[rng.integers(len(v), size=(n_resamples, len(v)))] for v in strata]
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    return tuple(np.quantile(statistic(np.concatenate(drawn, axis=1)), ends, axis=0))
