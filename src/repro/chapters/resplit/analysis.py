"""Do validation and test scores rank trials alike? Table 7 of Liu & Wang 2021, and more than four.

Frames in are random search's `trials` of `repro.records`, with the column `split`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from repro.stats.correlation import correlation_interval
from repro.stats.intervals import FEW

TOP = 4
# what the text of A.5 says: Pearson's r and its p-value
STATED = {"origin": (-0.1414, 0.858), "resplit": (0.6602, 0.339)}
_HALF_DIGIT = 0.05  # percent: the scores are printed with one decimal


def top_trials(trials: pd.DataFrame, *, n: int = TOP) -> pd.DataFrame:
    """Pick the `n` best trials of each tuning run by validation score, the earlier on a tie.

    Returns:
        columns split, model, task, repetition, rank (1, 2, ... by validation), validation_score,
        test_score (fractions; NaN where hidden), test_rank (ties share the smallest), and
        test_source where `trials` have it.
    Source: Liu & Wang 2021, A.5, Table 7.
    """
    keys = ["split", "model", "task", "repetition"]
    scored = trials.dropna(subset="validation_score").sort_values([*keys, "trial"])
    ranked = scored.sort_values("validation_score", ascending=False, kind="stable")
    ranked = ranked.assign(rank=ranked.groupby(keys).cumcount() + 1)
    top = ranked[ranked["rank"] <= n].sort_values([*keys, "rank"])
    places = top.groupby(keys)["test_score"].rank(method="min", ascending=False)
    columns = [*keys, "rank", "validation_score", "test_score"]
    columns += top.columns.intersection(["test_source"]).tolist()
    return top[columns].assign(test_rank=places).reset_index(drop=True)


def correlate(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """Correlate two lists of scores, without pairs that have a missing one.

    Returns:
        n, pearson, pearson_p, spearman, spearman_p (two-sided); NaN below three pairs or where a
        list is constant. With n = 4, Pearson's p-value is 1 - |r|.
    """
    pairs = pd.DataFrame({"x": np.asarray(x, float), "y": np.asarray(y, float)}).dropna()
    row = {"n": len(pairs)}
    if len(pairs) < 3 or (pairs.nunique() == 1).any():
        nothing = ("pearson", "pearson_p", "spearman", "spearman_p")
        return row | dict.fromkeys(nothing, float("nan"))
    for name, test in (("pearson", pearsonr), ("spearman", spearmanr)):
        found = test(pairs["x"], pairs["y"])
        row |= {name: float(found.statistic), f"{name}_p": float(found.pvalue)}
    return row


def correlations(
    trials: pd.DataFrame, by: Sequence[str], *, y: str = "test_score", seed: int = 0
) -> pd.DataFrame:
    """Correlate validation and test scores over the trials of each group.

    Args:
        by: columns that name a group; repetitions are pooled where `repetition` is not among them,
            for random search draws its trials independently.
        y: the column of test scores.
        seed: of the bootstrap, which resamples trials.
    Returns:
        one row a group: `by`, what `correlate` gives, and low and high, the 95 % percentile
        bootstrap interval of Pearson's r (NaN below five trials).
    """
    rows = []
    for key, group in trials.groupby(list(by), sort=True):
        pairs = group[["validation_score", y]].dropna().sort_values(["validation_score", y])
        found = correlate(pairs["validation_score"], pairs[y])
        ends = dict.fromkeys(("low", "high"), float("nan"))
        if len(pairs) >= FEW:
            spread = correlation_interval(*pairs.to_numpy(float).T, kind="pearson", seed=seed)
            ends = {name: spread[name] for name in ends}
        rows.append(dict(zip(by, key, strict=True)) | found | ends)
    columns = [*by, "n", "pearson", "pearson_p", "spearman", "spearman_p", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def row_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each row of `x` with that of `y`; NaN where one is constant.

    Args:
        x, y: shape (n_rows, n).
    """
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    spread = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    constant = spread < 1e-12
    return np.where(constant, np.nan, (x * y).sum(axis=1) / np.where(constant, 1, spread))


def published_correlations(table7: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Set the correlations that A.5 states beside those of the scores that Table 7 prints.

    Args:
        table7: partition, validation_score, test_score (percent, as printed).
        seed: of the search for what rounding allows.
    Returns:
        one row a partition: stated, stated_p, what `correlate` gives for the printed scores, and
        lowest and highest: what r can be of scores that are printed so.
    """
    rows = []
    for partition, group in table7.groupby("partition", sort=True):
        x, y = (group[c].to_numpy(float) for c in ("validation_score", "test_score"))
        stated, p = STATED[partition]
        low, high = _rounding_range(x, y, np.random.default_rng(seed))
        row = {"partition": partition, "stated": stated, "stated_p": p}
        rows.append(row | correlate(x, y) | {"lowest": low, "highest": high})
    return pd.DataFrame(rows)


def _rounding_range(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Search the scores that round to `x` and `y` for the lowest and highest correlation."""
    offsets = rng.uniform(-_HALF_DIGIT, _HALF_DIGIT, (50_000, 2, len(x)))
    corners = np.stack(np.meshgrid(*[[-_HALF_DIGIT, _HALF_DIGIT]] * (2 * len(x)), indexing="ij"))
    offsets = np.concatenate([offsets, corners.reshape(2 * len(x), -1).T.reshape(-1, 2, len(x))])
    found = row_correlations(x + offsets[:, 0], y + offsets[:, 1])
    return float(np.nanmin(found)), float(np.nanmax(found))
