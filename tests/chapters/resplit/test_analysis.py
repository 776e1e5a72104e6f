"""Correlations of validation and test scores: Table 7, all trials, what was printed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from repro.chapters.resplit.analysis import (
    correlations,
    count_test_evaluations,
    join_trials,
    published_correlations,
    top_trials,
)


def make_trials(validation, test, **more):
    n = len(validation)
    columns = {"split": "original", "model": "m", "task": "rte", "repetition": 1}
    columns |= {"run_id": "m/rte/rs", "trial": range(n), "test_source": "labels"} | more
    return pd.DataFrame({**columns, "validation_score": validation, "test_score": test})


def test_top_trials_rank_by_validation_with_ties_to_the_earlier():
    trials = make_trials([0.7, 0.9, 0.8, 0.8, np.nan, 0.6], [0.5, 0.4, 0.6, 0.6, 0.9, 0.7])
    top = top_trials(trials.sample(frac=1, random_state=0))
    assert top["validation_score"].tolist() == [0.9, 0.8, 0.8, 0.7]
    # 0.6 twice is first, 0.5 third, 0.4 fourth
    assert top["test_rank"].tolist() == [4, 1, 1, 3]
    assert top["rank"].tolist() == [1, 2, 3, 4]
    hidden = top_trials(trials.assign(test_score=np.nan))
    assert hidden["test_rank"].isna().all() and len(hidden) == 4


def test_correlation_of_four_pairs_by_hand():
    # x = 1, 2, 3, 4 and y = 1, 2, 3, 0: deviations (-1.5, -.5, .5, 1.5) and (-.5, .5, 1.5, -1.5),
    # products .75 - .25 + .75 - 2.25 = -1, squares 5 and 5: r = -0.2; p = 1 - |r| for n = 4
    found = correlations(make_trials([1, 2, 3, 4], [1, 2, 3, 0]), ["task"]).iloc[0]
    assert found["pearson"] == pytest.approx(-0.2)
    assert found["pearson_p"] == pytest.approx(0.8)
    # the ranks of y are 2, 3, 4, 1: the same numbers up to a constant
    assert found["spearman"] == pytest.approx(-0.2)
    assert found["n"] == 4 and np.isnan(found["low"])


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, np.nan], [1, 2, 3])]
)
def test_too_few_or_constant_scores_have_no_correlation(x, y):
    found = correlations(make_trials(x, y), ["task"]).iloc[0]
    assert found[["pearson", "pearson_p", "spearman", "low"]].isna().all()
    assert correlations(make_trials([], []), ["task"]).empty


def test_intervals_of_few_trials_hold_the_truth_as_often_as_they_say():
    # a percentile bootstrap held it in 85 % of 200 cases; binomial(200, .95): .001 quantile 180
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        x, noise = rng.normal(size=(2, 8))
        row = correlations(make_trials(x, 0.6 * x + 0.8 * noise), ["task"]).iloc[0]
        held += row["low"] <= 0.6 <= row["high"]
    assert held >= 180


def test_intervals_hold_the_point_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    validation = rng.normal(size=40)
    trials = make_trials(validation, validation + rng.normal(size=40))
    found = correlations(trials, ["split", "task"])
    assert (found["low"] < found["pearson"]).all() and (found["pearson"] < found["high"]).all()
    np.random.seed(0)
    shuffled = correlations(trials.sample(frac=1, random_state=3), ["split", "task"])
    pd.testing.assert_frame_equal(found, shuffled)
    assert np.isnan(correlations(trials.head(4), ["task"])["low"]).all()


def test_what_the_paper_prints_does_not_give_what_it_states():
    found = published_correlations().set_index(["whose", "split"])
    stated, printed = found.loc["paper, as stated"], found.loc["paper, from its Table 7"]
    # the values of the facts on this paper: -0.316 and 0.801
    assert printed.loc["original", "pearson"] == pytest.approx(-0.316, abs=5e-4)
    assert printed.loc["resplit", "pearson"] == pytest.approx(0.801, abs=5e-4)
    assert (stated["pearson"] - printed["pearson"]).abs().min() > 0.1
    # the stated p-values do belong to the stated r at n = 4: p = 1 - |r|
    np.testing.assert_allclose(stated["pearson_p"], 1 - stated["pearson"].abs(), atol=2e-3)
    assert (printed["lowest"] < printed["pearson"]).all()
    assert (printed["pearson"] < printed["highest"]).all()


def test_trials_of_both_splits_are_joined_by_method():
    frame = pd.DataFrame({"method": ["grid", "rs"], "trial": [0, 0]})
    results = {split: SimpleNamespace(trials=frame) for split in ("original", "resplit")}
    joined = join_trials(results, method="rs")
    assert joined["split"].tolist() == ["original", "resplit"]
    assert set(joined["method"]) == {"rs"} and joined.index.tolist() == [0, 1]


def test_uses_of_test_sets_are_summed_over_runs():
    row = {"task": "rte", "split": "test", "n_examples": 32.0, "n_returned": 0}
    rows = [row | {"run_id": name, "n_trials": 3, "n_scored": 2} for name in ("a", "b")]
    results = SimpleNamespace(test_evaluations=pd.DataFrame(rows))
    found = count_test_evaluations({"original": results, "grid search": results})
    assert found["study"].tolist() == ["grid search", "original"]
    columns = ["n_examples", "n_runs", "n_trials", "n_scored", "n_returned"]
    assert found[columns].to_numpy().tolist() == [[32, 2, 6, 4, 0]] * 2
