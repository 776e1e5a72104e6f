"""Do validation and test scores rank trials alike? Table 7 of Liu & Wang 2021, and more than four.

There are two splits, "original" (the profile's own) and "resplit". Trials are those of
`repro.records`, with the column `split`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from repro.published import load_published
from repro.results.tables import Results
from repro.stats.correlation import row_correlations
from repro.stats.decisions import above
from repro.stats.rules import correlation

SPLITS = ("original", "resplit")
TOP = 4
# what the text of A.5 says: Pearson's r and its p-value
STATED = {"original": (-0.1414, 0.858), "resplit": (0.6602, 0.339)}
_HALF_DIGIT = 0.05  # percent: the scores are printed with one decimal


def join_trials(results: Mapping[str, Results], *, method: str) -> pd.DataFrame:
    """Return the trials of a method on both splits, with the column `split`."""
    trials = pd.concat(one.trials.assign(split=split) for split, one in results.items())
    return trials[trials["method"] == method].reset_index(drop=True)


def count_test_evaluations(studies: Mapping[str, Results]) -> pd.DataFrame:
    """Sum the `test_evaluations` of tuning runs: one row a study, task and test set."""
    counts = pd.concat(one.test_evaluations.assign(study=name) for name, one in studies.items())
    sums = {name: (name, "sum") for name in ("n_trials", "n_scored", "n_returned")}
    groups = counts.groupby(["study", "task", "split"])
    runs, examples = ("run_id", "nunique"), ("n_examples", "max")
    return groups.agg(n_runs=runs, **sums, n_examples=examples).reset_index()


def top_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Pick the four best trials of each tuning run by validation score, the earlier on a tie.

    Returns:
        columns split, model, task, repetition, rank (1 to 4, by validation), validation_score,
        test_score (fractions; NaN where hidden), test_source, test_rank (ties share the smallest).
    Source: Liu & Wang 2021, A.5, Table 7.
    """
    keys = ["split", "model", "task", "repetition"]
    order = {"validation_score": False, "trial": True}
    scored = trials.dropna(subset="validation_score").sort_values(
        [*keys, *order], ascending=[True] * len(keys) + list(order.values())
    )
    top = scored.groupby(keys).head(TOP)
    runs = top.groupby(keys)
    places = runs["test_score"].rank(method="min", ascending=False)
    top = top.assign(rank=runs.cumcount() + 1, test_rank=places).reset_index(drop=True)
    scores = ["validation_score", "test_score", "test_source", "test_rank"]
    return top[[*keys, "rank", *scores]]


def best_by_validation(
    validation: np.ndarray, test: np.ndarray, *, n: int = TOP
) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of each row's best n trials by validation; the earlier one on a tie.

    Args:
        validation, test: shape (n_rows, n_trials), in the order of the trials.
    """
    best = np.argsort(-validation, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(validation, best, axis=1), np.take_along_axis(test, best, axis=1)


def correlations(trials: pd.DataFrame, by: Sequence[str], *, y: str = "test_score") -> pd.DataFrame:
    """Correlate validation scores and test scores, the column `y`, over the trials of each group.

    Repetitions are pooled where they are not among `by`, for random search draws independently.

    Returns:
        one row a group: `by`, n (trials with both scores), pearson, pearson_p, spearman, spearman_p
        (two-sided; NaN below three trials or where a score is constant), and low and high, the
        95 % interval of Pearson's r by Fisher's z (NaN below five trials).
    """
    rows = []
    for key, group in trials.groupby(list(by), sort=True):
        pairs = group[["validation_score", y]].dropna().sort_values(["validation_score", y])
        scores, row = pairs.to_numpy(float).T, dict(zip(by, key, strict=True)) | {"n": len(pairs)}
        if len(pairs) >= 3 and (pairs.nunique() > 1).all():
            for name, test in (("pearson", pearsonr), ("spearman", spearmanr)):
                found = test(*scores)
                row |= {name: float(found.statistic), f"{name}_p": float(found.pvalue)}
        found = correlation(*scores, above(), units="trials", kind="pearson")
        row |= {"low": found.low, "high": found.high}
        rows.append(row)
    numbers = ["n", "pearson", "pearson_p", "spearman", "spearman_p", "low", "high"]
    return pd.DataFrame(rows, columns=[*by, *numbers])


def published_table7() -> pd.DataFrame:
    """Return what Table 7 prints: split, rank, validation_score, test_score (percent)."""
    table = load_published("liu_wang_2021_table07")
    split = table["partition"].map({"origin": "original", "resplit": "resplit"})
    return table.assign(split=split)[["split", "rank", "validation_score", "test_score"]]


def published_correlations(*, seed: int = 0) -> pd.DataFrame:
    """Set the correlations that A.5 states beside those of the scores that Table 7 prints.

    Returns:
        two rows a split, of what is stated and of what is printed: whose, the columns of
        `correlations`, and lowest and highest: what r can be of scores that are printed so.
    """
    printed, ranges = published_table7(), []
    for split, rows in printed.groupby("split"):
        scores = rows[["validation_score", "test_score"]].to_numpy(float).T
        low, high = _rounding_range(*scores, np.random.default_rng(seed))
        ranges.append({"split": split, "lowest": low, "highest": high})
    stated = pd.DataFrame(STATED, index=["pearson", "pearson_p"]).T.rename_axis("split")
    parts = [
        stated.reset_index().assign(whose="paper, as stated"),
        correlations(printed, ["split"]).assign(whose="paper, from its Table 7"),
    ]
    return pd.concat(parts).merge(pd.DataFrame(ranges), on="split")


def _rounding_range(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Search the scores that round to `x` and `y` for the lowest and highest correlation."""
    offsets = rng.uniform(-_HALF_DIGIT, _HALF_DIGIT, (50_000, 2, len(x)))
    corners = np.stack(np.meshgrid(*[[-_HALF_DIGIT, _HALF_DIGIT]] * (2 * len(x)), indexing="ij"))
    offsets = np.concatenate([offsets, corners.reshape(2 * len(x), -1).T.reshape(-1, 2, len(x))])
    found = row_correlations(x + offsets[:, 0], y + offsets[:, 1])
    return float(np.nanmin(found)), float(np.nanmax(found))
