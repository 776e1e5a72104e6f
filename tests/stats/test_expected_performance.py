"""The expected best of n scores: by hand, over all subsets, and on worked examples."""

import itertools
import json

import numpy as np
import pytest

from repro.paths import ROOT
from repro.stats.expected_performance import expected_maximum

EXAMPLES = ROOT.parent / "shared/reference/expected_validation_performance_examples.json"


def test_expected_maximum_with_replacement_by_hand():
    # (i/3)^2 = 1/9, 4/9, 1: weights 1/9, 3/9, 5/9
    row = expected_maximum([0.9, 0.5, 0.6], [2]).iloc[0]
    mean = (0.5 + 3 * 0.6 + 5 * 0.9) / 9
    variance = ((0.5 - mean) ** 2 + 3 * (0.6 - mean) ** 2 + 5 * (0.9 - mean) ** 2) / 9
    assert row["mean"] == pytest.approx(mean, abs=1e-12)
    assert row["std"] == pytest.approx(variance**0.5, abs=1e-12)
    assert row["high"] == 0.9  # mean + std lies above the best score
    assert row["low"] == pytest.approx(mean - variance**0.5)


def test_expected_maximum_without_replacement_is_the_mean_over_all_subsets():
    values = [0.1, 0.7, 0.4, 0.4, 0.9]
    for n in range(1, 6):
        maxima = [max(subset) for subset in itertools.combinations(values, n)]
        row = expected_maximum(values, [n], replacement=False).iloc[0]
        assert row["mean"] == pytest.approx(np.mean(maxima), abs=1e-12)
        assert row["std"] == pytest.approx(np.std(maxima), abs=1e-12)


def test_missing_scores_are_counted_and_impossible_budgets_refused():
    assert expected_maximum([0.5, np.nan], [1])["n_missing"].tolist() == [1]
    assert expected_maximum([np.nan], [1])["mean"].isna().all()
    assert expected_maximum([0.3], [1, 5])["std"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="from 1 to 2, the number of scores, but got 3 to 3"):
        expected_maximum([0.5, 0.6], [3], replacement=False)
    with pytest.raises(ValueError, match="from 1, but got 0"):
        expected_maximum([0.5, 0.6], [0])


@pytest.mark.parametrize("replacement", [True, False])
def test_ten_thousand_scores_are_stable(replacement):
    values = np.arange(1, 10_001) / 10_000
    curve = expected_maximum(values, replacement=replacement)
    # without: the mean of the largest of n among 1..N is n (N + 1) / (n + 1), so too nearly with
    n = curve["n"]
    expected = n * 10_001 / (n + 1) / 10_000
    if replacement:
        assert curve["mean"][:100].to_numpy() == pytest.approx(expected[:100], abs=1e-3)
    else:
        assert curve["mean"].to_numpy() == pytest.approx(expected, abs=1e-9)
    assert (np.diff(curve["mean"]) > 0).all()
    assert curve["std"].between(0, 1).all()


def test_worked_examples_of_three_implementations():
    if not EXAMPLES.is_file():
        pytest.skip(f"there is no {EXAMPLES}; hand-worked tests stand in")
    for example in json.loads(EXAMPLES.read_text()):
        with_replacement = example["estimator"] == "show_your_work_with_replacement"
        values, n = example["values"], example["n"]
        row = expected_maximum(values, [n], replacement=with_replacement).iloc[0]
        assert row["mean"] == pytest.approx(example["mean"], abs=1e-9)
        if example["std"] is not None:
            assert row["std"] == pytest.approx(example["std"], abs=1e-9)
        if with_replacement:  # allentune does not clip below
            band = (example["lower"], example["upper"])
            assert (row["low"], row["high"]) == pytest.approx(band, abs=1e-9)
