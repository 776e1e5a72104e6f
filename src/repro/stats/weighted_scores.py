"""Scores of resampled examples: a sample is how often it holds each example."""

from functools import partial

import numpy as np

from repro.names import check_name


def weighted_scores(
    predictions: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, metric: str
) -> np.ndarray:
    """Score trials on samples of the examples, each as `data.tasks.score_predictions` would.

    Args:
        predictions: shape (n,) or (n, n_trials), class ids, or numbers in a regression; finite.
        labels: shape (n,).
        weights: shape (n_samples, n), 0 or more: how often a sample holds each example.
        metric: one of `records.METRICS`, or accuracy_f1_mean. F1 is that of class 1 or, where a
            third class occurs among all examples, the mean over those that a sample holds.
    Returns:
        shape (n_samples,) or (n_samples, n_trials); 0 where a correlation or F1 is not defined.
    Source: Gorodkin 2004 (Matthews correlation of several classes).
    """
    score = _SCORES[check_name("metric", metric, _SCORES)]
    predictions, labels, weights = (np.asarray(a, float) for a in (predictions, labels, weights))
    if predictions.ndim == 1:
        return score(predictions[:, None], labels[:, None], weights)[:, 0]
    return score(predictions, labels[:, None], weights)


def _accuracy(predictions, labels, weights) -> np.ndarray:
    return weights @ (predictions == labels) / weights.sum(axis=1, keepdims=True)


def _f1(predictions, labels, weights) -> np.ndarray:
    classes = np.union1d(predictions, labels)
    scores = n_classes = 0.0
    for class_id in classes if classes[-1] > 1 else [1]:
        hits = weights @ ((predictions == class_id) & (labels == class_id))
        either = weights @ (predictions == class_id) + weights @ (labels == class_id)
        scores, n_classes = scores + _ratio(2 * hits, either), n_classes + (either > 0)
    return _ratio(scores, n_classes)


def _accuracy_f1_mean(predictions, labels, weights) -> np.ndarray:
    return (_accuracy(predictions, labels, weights) + _f1(predictions, labels, weights)) / 2


def _matthews(predictions, labels, weights) -> np.ndarray:
    # exact for whole weights, so that trials that are as good score the same
    right, total = weights @ (predictions == labels), weights.sum(axis=1, keepdims=True)
    by_chance = squares = label_squares = 0.0
    for class_id in np.union1d(predictions, labels):
        predicted, true = weights @ (predictions == class_id), weights @ (labels == class_id)
        by_chance = by_chance + predicted * true
        squares, label_squares = squares + predicted**2, label_squares + true**2
    spread = (total**2 - squares) * (total**2 - label_squares)
    spread = np.where(spread > 1e-12 * total**4, spread, 0)
    return _ratio(right * total - by_chance, np.sqrt(spread))


def _pearson(predictions, labels, weights) -> np.ndarray:
    x, y = ((v - v.mean(axis=0)) / np.maximum(v.std(axis=0), 1e-300) for v in (predictions, labels))
    total = weights.sum(axis=1, keepdims=True)
    return _correlation(x, y, lambda values: weights @ values / total)


def _spearman(predictions, labels, weights) -> np.ndarray:
    average = partial(np.average, axis=1, weights=weights)
    y = _ranks(labels[:, 0], weights)
    columns = [_correlation(_ranks(x, weights), y, average) for x in predictions.T]
    return np.stack(columns, axis=1)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return each example's mean rank in each sample, from 0 to 1."""
    levels, place = np.unique(values, return_inverse=True)
    sizes = weights @ (place[:, None] == np.arange(len(levels)))
    ranks = (sizes.cumsum(axis=1) - sizes / 2) / weights.sum(axis=1, keepdims=True)
    return ranks[:, place]


def _correlation(x, y, average) -> np.ndarray:
    mean_x, mean_y = average(x), average(y)
    spread = (average(x**2) - mean_x**2) * (average(y**2) - mean_y**2)
    spread = np.where(spread > 1e-12, spread, 0)  # where a sample's are all alike, but for rounding
    return _ratio(average(x * y) - mean_x * mean_y, np.sqrt(spread))


def _ratio(above, below) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


_SCORES = {
    "accuracy": _accuracy,
    "f1": _f1,
    "accuracy_f1_mean": _accuracy_f1_mean,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
