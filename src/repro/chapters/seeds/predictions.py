"""What runs that differ in their seeds answer, example by example.

Everything here needs answers that are right or wrong, so that a score is a mean over examples: an
accuracy. F1 and Matthews' correlation are none, and the split of their variance has no such form.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from repro.stats.decisions import Estimate, Region
from repro.stats.rules import jackknife, undecidable

VARIANCES = ("observed", "test set", "distribution", "independent errors", "calibrated")


def split_variance(right: ArrayLike) -> pd.Series:
    """Split the variance of accuracy over runs: that of this test set, and that of any.

    The test set's part is what would average out over more examples; the distribution's part says
    that some runs are better. The latter is estimated without bias, so that it may be below 0.

    Args:
        right: shape (n_runs, n_examples), 1 where a run answers an example right, else 0.
    Returns:
        VARIANCES: observed; its two parts; what errors give that are independent over examples;
        and what the test set's part is where two classes are calibrated over runs (expectation).
    Raises:
        ValueError: if the answers are not right or wrong, or runs or examples are fewer than two.
    Source: Jordan 2024, Theorems 2 and 3 (runs' own variances with n - 1).
    """
    right = np.asarray(right, float)
    if right.ndim != 2 or min(right.shape) < 2 or not np.isin(right, (0, 1)).all():
        raise ValueError(
            "`right` must hold 0 and 1 for two runs and two examples or more, but has shape "
            f"{right.shape}; a score that is no mean over examples cannot be split"
        )
    n = right.shape[1]
    observed = right.mean(axis=1).var(ddof=1)
    independent = right.var(axis=0, ddof=1).sum() / n**2
    distribution = n / (n - 1) * (observed - independent)
    calibrated = (1 - right.mean()) / (2 * n)
    values = (observed, observed - distribution, distribution, independent, calibrated)
    return pd.Series(dict(zip(VARIANCES, values, strict=True)))


def judge_variance_share(
    right: ArrayLike, region: Region, *, of: str = "distribution", to: str = "observed"
) -> Estimate:
    """Judge the share that one of VARIANCES has of another, leaving out each run in turn."""
    right = np.asarray(right, float)

    def statistic(rows: np.ndarray) -> float:
        parts = split_variance(rows)
        return float(parts[of] / parts[to]) if parts[to] > 0 else np.nan

    if len(right) < 3:
        return undecidable("fewer than three runs", region, n=len(right), units="runs")
    left = [statistic(np.delete(right, i, axis=0)) for i in range(len(right))]
    return jackknife(statistic(right), left, region, units="runs")


def disagreement(predictions: ArrayLike, labels: ArrayLike) -> pd.Series:
    """Say how often two runs disagree on an example, and how often independent errors would.

    Args:
        predictions: shape (n_runs, n_examples), class ids.
        labels: shape (n_examples,).
    Returns:
        pairwise (share of examples on which two runs differ, mean over pairs), independent (the
        same where runs of these accuracies err independently, all wrong classes alike), kappa
        (Fleiss', chance by the classes' shares; NaN where all runs say one class), accuracy.
    Raises:
        ValueError: if there are fewer than two runs, or answers are not class ids.
    Source: Fleiss 1971.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.ndim != 2 or len(predictions) < 2 or predictions.dtype.kind == "f":
        raise ValueError(
            "`predictions` must be class ids of two runs or more, but have shape "
            f"{predictions.shape} and type {predictions.dtype}"
        )
    m = len(predictions)
    classes = np.unique(np.append(predictions, labels))
    counts = np.stack([(predictions == c).sum(axis=0) for c in classes], axis=1)  # (n, classes)
    agreement = ((counts**2).sum(axis=1) - m).mean() / (m * (m - 1))
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    accuracies = (predictions == labels).mean(axis=1)
    both_wrong = _mean_of_pairs(1 - accuracies) / max(1, len(classes) - 1)
    return pd.Series(
        {
            "pairwise": 1 - agreement,
            "independent": 1 - _mean_of_pairs(accuracies) - both_wrong,
            "kappa": (agreement - chance) / (1 - chance) if chance < 1 else np.nan,
            "accuracy": accuracies.mean(),
        }
    )


def _mean_of_pairs(values: np.ndarray) -> float:
    """Return the mean product of two different values."""
    m = len(values)
    return float((values.sum() ** 2 - (values**2).sum()) / (m * (m - 1)))
