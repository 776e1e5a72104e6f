"""Differences of scores over repetitions, with the error of the examples that all of them share."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.stats.decisions import Estimate, Region
from repro.stats.rules import mean

RUNS, EXAMPLES = "runs", "examples"


def score_table(
    trials: pd.DataFrame,
    predictions: pd.DataFrame,
    *,
    columns: Sequence[str],
    by: str,
    split: str,
) -> pd.DataFrame:
    """Set what is compared side by side, so that a sum of columns is a sum of scores.

    Args:
        trials: of `repro.records`, of one task; one a pair of `columns` and `by`.
        predictions: from `Results.joint_predictions`; empty where there are none.
        columns: what tells the compared apart, such as method and variant.
        by: what pairs them, such as repetition.
        split: "validation" or "test".
    Returns:
        one column each; a row (RUNS, `by`) holds scores, a row (EXAMPLES, number) the share of the
        trials that answer an example right; NaN where a score or a prediction is missing.
    """
    columns = list(columns)
    scores = trials.pivot(index=by, columns=columns, values=f"{split}_score")
    if len(predictions):
        predictions = predictions[predictions["split"] == split].reset_index(drop=True)
    shares = {}
    for key, rows in trials.groupby(columns):
        if len(predictions) and set(rows["trial_id"]) <= set(predictions):
            label = predictions["label"]
            right = predictions[rows["trial_id"].tolist()].eq(label, axis=0).mean(axis=1)
            shares[key if len(columns) > 1 else key[0]] = right.where(label >= 0)
    examples = pd.DataFrame(shares).reindex(columns=scores.columns)
    return pd.concat({RUNS: scores, EXAMPLES: examples})


def judge_contrast(contrast: pd.Series, region: Region) -> Estimate:
    """Judge a sum of columns of a `score_table`, of one fixed task, by its mean over repetitions.

    The error over examples is that of right answers; it holds a share of the repetitions' own once
    more, which makes it careful. Where no predictions are known nothing is decided.
    """
    values, examples = (
        contrast.loc[part].to_numpy(float) if part in contrast.index else np.zeros(0)
        for part in (RUNS, EXAMPLES)
    )
    known = len(examples) > 1 and np.isfinite(examples).all()
    error = {"": examples.std(ddof=1) / math.sqrt(len(examples))} if known else "unknown"
    return mean({"": values}, region, tasks="fixed", shared=error)
