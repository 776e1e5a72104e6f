"""Differences of scores over repetitions, with the error of the examples that all of them share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from repro.labels import TASK_LABELS, label
from repro.stats.decisions import LEVEL, Estimate, Region
from repro.stats.rules import every, mean, withheld

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
    error = examples_error(contrast)
    shared = "unknown" if math.isnan(error) else {"": error}
    values = part_of(contrast, RUNS)
    return mean({"": values}, region, tasks="fixed", shared=shared)


def over_repetitions(values: ArrayLike, region: Region) -> Estimate:
    """Judge the mean of one value a repetition, of one fixed task."""
    return mean({"": values}, region, tasks="fixed")


def examples_error(contrast: pd.Series) -> float:
    """Return the standard error over examples; NaN where no predictions are known."""
    examples = part_of(contrast, EXAMPLES)
    if len(examples) < 2 or not np.isfinite(examples).all():
        return math.nan
    return examples.std(ddof=1) / math.sqrt(len(examples))


def part_of(contrast: pd.Series, part: str) -> np.ndarray:
    """Return what a contrast has of RUNS or EXAMPLES."""
    return contrast[contrast.index.get_level_values(0) == part].to_numpy(float)


def on_each(cases: Mapping[str, Estimate]) -> Estimate:
    """Judge whether a claim holds on each task; on one that is unknown it might not.

    Args:
        cases: by task.
    """
    found = every(list(cases.values()))
    unknown = [f"{label(task, TASK_LABELS)}: {e.reason}" for task, e in cases.items() if e.reason]
    if unknown and found.p_against > LEVEL / 2:
        return withheld(replace(found, reason=""), "; ".join(unknown))
    return found
