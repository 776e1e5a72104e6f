"""Scores of resampled examples are those of the tasks' own metrics on the drawn examples."""

import numpy as np
import pytest

from repro.data.definitions import Task
from repro.data.metrics import score_predictions
from repro.stats.weighted_scores import weighted_scores

CLASSES = ("accuracy", "f1", "matthews")
TWO = Task("two", ("text",), ("no", "yes"), "accuracy", CLASSES)
THREE = Task("three", ("text",), ("a", "b", "c"), "accuracy", CLASSES)
NUMBERS = Task("numbers", ("text",), None, "pearson", ("pearson", "spearman"), (0.0, 5.0))


def make_examples(task, rng, n=30):
    """Return labels, and predictions of four trials: two usual ones, one constant, one rare."""
    if task is NUMBERS:
        labels = rng.integers(6, size=n).astype(float)  # with ties
        predictions = labels[:, None] + rng.normal(0, 2, (n, 4))
    else:
        labels = rng.integers(len(task.labels), size=n)
        right = rng.random((n, 4)) < 0.7
        predictions = np.where(right, labels[:, None], rng.integers(len(task.labels), size=(n, 4)))
    predictions[:, 2] = 1
    predictions[1:, 3] = 0  # most samples see this trial say one thing only
    return labels, predictions


@pytest.mark.parametrize(
    ("task", "metric"),
    [(task, metric) for task in (TWO, THREE, NUMBERS) for metric in task.metrics],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_sample_scores_as_its_drawn_examples_do(task, metric):
    rng = np.random.default_rng(0)
    labels, predictions = make_examples(task, rng)
    samples = [rng.integers(30, size=25) for _ in range(20)]
    weights = np.stack([np.bincount(sample, minlength=30) for sample in samples])
    expected = [
        [score_predictions(task, trial[sample], labels[sample])[metric] for trial in predictions.T]
        for sample in samples
    ]
    scores = weighted_scores(predictions, labels, weights, metric=metric)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    first = weighted_scores(predictions[:, 0], labels, weights, metric=metric)
    np.testing.assert_allclose(first, scores[:, 0], atol=1e-12)
    # a score is of shares: it does not matter how large the weights are
    tenth = weighted_scores(predictions, labels, weights / 10, metric=metric)
    np.testing.assert_allclose(tenth, scores, atol=1e-12)


def test_the_mean_of_accuracy_and_f1_by_hand():
    # weights 2, 1, 1, 0; right: the first and the second, so accuracy 3/4; class 1: two hits of
    # three predicted (2 + 1) and two there are, F1 2 * 2 / (3 + 2)
    found = weighted_scores([1, 0, 1, 0], [1, 0, 0, 1], [[2, 1, 1, 0]], metric="accuracy_f1_mean")
    assert found == pytest.approx([(3 / 4 + 4 / 5) / 2])


def test_trials_that_are_as_good_score_the_same_to_the_last_digit():
    # the errors of each lie elsewhere, but each has the same table of predicted and true classes
    labels = np.repeat([0, 1], 50)
    predictions = np.stack([labels ^ (np.arange(100) % 50 == i) for i in range(40)], axis=1)
    scores = weighted_scores(predictions, labels, np.ones((1, 100)), metric="matthews")
    assert len(set(scores[0])) == 1


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="unknown metric 'rouge'; known: accuracy, f1"):
        weighted_scores([1], [1], [[1]], metric="rouge")
