"""Jordan's split and the agreement of runs: by hand, and where the truth is known."""

import numpy as np
import pytest

from repro.chapters.seeds.predictions import (
    disagreement,
    judge_variance_share,
    split_variance,
)
from repro.stats.decisions import above, below


def test_the_split_by_hand():
    # runs (1, 1) and (1, 0): accuracies 1 and 1/2, variance 1/8 with n - 1; each example's own
    # variances 0 and 1/2, over 2**2 examples 1/8: so nothing is the distribution's
    parts = split_variance([[1, 1], [1, 0]])
    assert parts["observed"] == pytest.approx(1 / 8)
    assert parts["independent errors"] == pytest.approx(1 / 8)
    assert parts["distribution"] == pytest.approx(0)
    # error rate 1/4 over two examples: 1/4 / (2 x 2)
    assert parts["calibrated"] == pytest.approx(1 / 16)


def test_runs_that_are_better_on_all_examples_vary_for_real():
    # both examples right, or both wrong: the covariance of the two is the variance of a run, 1/3
    parts = split_variance([[1, 1], [0, 0], [1, 1], [0, 0]])
    assert parts["distribution"] == pytest.approx(1 / 3)
    assert parts["observed"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_the_distributions_part_is_found_again(spread):
    rng = np.random.default_rng(0)
    level = rng.normal(0.8, spread, size=(3000, 1)).clip(0, 1)
    parts = split_variance(rng.random((3000, 100)) < level)
    assert parts["distribution"] == pytest.approx(spread**2, abs=2e-4)


def test_shares_are_judged_by_leaving_out_runs():
    rng = np.random.default_rng(1)
    alike, apart = (
        rng.random((40, 300)) < 0.8,
        rng.random((40, 300)) < rng.choice([0.6, 0.9], (40, 1)),
    )
    assert judge_variance_share(alike, below(0.5)).p_for < 0.05
    assert judge_variance_share(apart, above(0.5)).p_for < 0.01
    assert "fewer than three" in judge_variance_share(alike[:2], below(0.5)).reason


@pytest.mark.parametrize("wrong", [[[0.5, 1], [1, 0]], [[1, 0]], [[1], [0]], [1, 0, 1]])
def test_what_is_no_mean_over_examples_is_refused(wrong):
    with pytest.raises(ValueError, match="must hold 0 and 1 .* cannot be split"):
        split_variance(wrong)


def test_agreement_by_hand():
    # three runs on four examples of two classes: they agree on two, on two others one differs.
    # Pairs that agree: 3, 3, 1, 1 of 3, so 2/3 on average; shares of classes 7/12 and 5/12, chance
    # (49 + 25) / 144; kappa (2/3 - 74/144) / (1 - 74/144) = 22/70
    answers = np.array([[0, 1, 0, 1], [0, 1, 0, 0], [0, 1, 1, 0]])
    found = disagreement(answers, np.array([0, 1, 0, 0]))
    assert found["pairwise"] == pytest.approx(1 / 3)
    assert found["kappa"] == pytest.approx(22 / 70)
    # accuracies 3/4, 1, 3/4: two independent ones are both right 3/4, 9/16, 3/4 of the time, both
    # wrong 0, 1/16, 0
    agree = (3 / 4 + 9 / 16 + 1 / 16 + 3 / 4) / 3
    assert found["independent"] == pytest.approx(1 - agree)


def test_kappa_is_that_of_the_subjects_not_of_the_raters():
    # a known slip sums over the wrong axis, so that chance is 1 / n; here it is (1/2)**2 * 2
    found = disagreement([[0, 1], [0, 1]], [0, 1])
    assert found["kappa"] == 1 and found["pairwise"] == 0


def test_independent_runs_disagree_as_independent_errors_do():
    rng = np.random.default_rng(2)
    labels = rng.integers(3, size=20_000)
    wrong = (labels + rng.integers(1, 3, size=(4, 20_000))) % 3
    answers = np.where(rng.random((4, 20_000)) < 0.7, labels, wrong)
    found = disagreement(answers, labels)
    assert found["pairwise"] == pytest.approx(found["independent"], abs=0.005)


def test_one_class_alone_has_no_kappa_and_numbers_are_refused():
    assert np.isnan(disagreement([[1, 1], [1, 1]], [1, 1])["kappa"])
    with pytest.raises(ValueError, match="must be class ids of two runs or more"):
        disagreement(np.zeros((2, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="two runs or more"):
        disagreement([[0, 1]], [0, 1])
