import numpy as np
import pytest

from repro.data.definitions import TASKS, Task
from repro.data.metrics import score_predictions


def test_scores_of_classes_by_hand():
    # tp = 2, fp = 1, fn = 1, tn = 1: accuracy 3/5; F1 = 2*2/(2*2+1+1) = 2/3;
    # Matthews = (2*1 - 1*1) / sqrt(3*3*2*2) = 1/6.
    predictions, labels = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, 1, 0])
    scores = score_predictions(TASKS["mrpc"], predictions, labels)
    assert scores == {"accuracy": pytest.approx(3 / 5), "f1": pytest.approx(2 / 3)}
    assert list(scores) == ["accuracy", "f1"]
    matthews = score_predictions(TASKS["cola"], predictions, labels)
    assert matthews == {"matthews": pytest.approx(1 / 6)}


def test_scores_of_numbers_by_hand():
    # Deviations -4/3 -1/3 5/3 and -1 1 0: products sum to 1, squares to 14/3 and 2, so Pearson =
    # 1/sqrt(28/3). Ranks 1 2 3 and 1 3 2, deviations -1 0 1 and -1 1 0: Spearman = 1/2.
    scores = score_predictions(TASKS["stsb"], np.array([1, 2, 4]), np.array([1, 3, 2]))
    assert scores["pearson"] == pytest.approx((3 / 28) ** 0.5)
    assert scores["spearman"] == pytest.approx(1 / 2)


def test_f1_of_three_classes_is_the_mean_over_classes():
    task = Task("birds", ("text",), ("a", "b", "c"), "f1", ("f1",))
    # per class: a 2*1/(2*1+0+1) = 2/3, b 2*1/(2*1+1+0) = 2/3, c 1
    score = score_predictions(task, np.array([0, 1, 1, 2]), np.array([0, 0, 1, 2]))
    assert score["f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("value", [0, 1])
def test_constant_predictions_have_a_score_and_no_warning(name, value):
    labels = np.array([0, 1, 1, 0, 1])
    scores = score_predictions(TASKS[name], np.full(5, value), labels)
    assert all(np.isfinite(list(scores.values())))
    for correlation in {"matthews", "pearson", "spearman"} & set(scores):
        assert scores[correlation] == 0.0


@pytest.mark.parametrize(
    ("predictions", "labels"),
    [
        ([2.5, 2.5 + 4e-16, 2.5], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 3.0], [2.5, 2.5, 2.5]),
        ([1e-320, 2e-320, 3e-320], [1.0, 2.0, 3.0]),
        ([1.5e308, -1.7e308, 1.6e308], [1.0, 2.0, 3.0]),  # their range overflows
        ([1.5e308, 1.7e308, 1.6e308], [1.0, 2.0, 3.0]),  # their mean overflows
        ([1.0], [2.0]),
    ],
)
def test_degenerate_correlations_are_finite_and_silent(predictions, labels):
    scores = score_predictions(TASKS["stsb"], np.array(predictions), np.array(labels))
    assert all(np.isfinite(list(scores.values())))


@pytest.mark.parametrize(
    ("name", "predictions", "labels", "message"),
    [
        ("rte", [0, 1], [0], "as many"),
        ("rte", [], [], "at least one"),
        ("rte", [[0, 1]], [[0, 1]], "flat"),
        ("rte", [0, 1], [-1, -1], "must be class ids, but got -1"),
        ("stsb", [0.0, 1.0], [float("nan")] * 2, "must be finite"),
        ("stsb", [0.0, float("nan")], [0.0, 1.0], "must be finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(name, predictions, labels, message):
    with pytest.raises(ValueError, match=message):
        score_predictions(TASKS[name], np.array(predictions), np.array(labels))
