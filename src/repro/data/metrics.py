"""Scores of predictions by GLUE's metrics."""

import warnings

import numpy as np

from repro.data.definitions import Task


def score_predictions(task: Task, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score predictions by each of the task's metrics.

    A correlation (Matthews, Pearson, Spearman) with constant predictions or labels is 0.0, as no
    better than guessing; F1 is that of class 1 (GLUE's positive class), of a task of more
    classes the mean over those that occur, and 0.0 where nothing is predicted or labelled positive.

    Args:
        predictions: shape (n,), class ids, or numbers for a regression.
        labels: shape (n,), as in TaskData.
    Returns:
        metric -> value, a fraction, in the order of `task.metrics`.
    Raises:
        ValueError: if the shapes differ, there are no rows, a label is hidden, or a number is not
            finite.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape or predictions.ndim != 1 or not len(labels):
        raise ValueError(
            "`predictions` and `labels` must be as many, at least one, and flat, but got shapes "
            f"{predictions.shape} and {labels.shape}"
        )
    if not (np.isfinite(predictions).all() and np.isfinite(labels).all()):
        raise ValueError(
            "`predictions` and `labels` must be finite, but got NaN or infinity; "
            "score neither a diverged trial nor a split whose labels are hidden"
        )
    if task.labels is not None and (labels < 0).any():
        raise ValueError(
            "`labels` must be class ids, but got -1; do not score a split whose labels are hidden"
        )
    return {metric: float(_score(task, metric, predictions, labels)) for metric in task.metrics}


def _score(task: Task, metric: str, predictions: np.ndarray, labels: np.ndarray) -> float:
    from scipy import stats  # here, for they take a second to import
    from sklearn import metrics

    if metric == "accuracy":
        return metrics.accuracy_score(labels, predictions)
    if metric == "f1":
        average = "binary" if len(task.labels) == 2 else "macro"
        return metrics.f1_score(labels, predictions, average=average, zero_division=0.0)
    if any(values.min() == values.max() for values in (predictions, labels)):
        return 0.0
    if metric == "matthews":
        return metrics.matthews_corrcoef(labels, predictions)
    correlate = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[metric]
    with warnings.catch_warnings():  # scipy warns where all but the last digits are constant
        warnings.simplefilter("ignore")
        value = correlate(predictions.astype(float), labels.astype(float)).statistic
    return value if np.isfinite(value) else 0.0
