"""Simulated tuning runs: scores of samples, the winner's curse, and its observation."""

import numpy as np
import pandas as pd
import pytest

from predicted_trials import make_predictions
from repro.chapters.resplit.winners_curse import (
    _Runs,
    observed_optimism,
    sample_scores,
    score_pools,
    simulate_runs,
)
from repro.data.tasks import TASKS, score_predictions

SWEEP = {"validation_sizes": (20, 100), "trial_counts": (4, 16, 99), "draws": 300}


@pytest.mark.parametrize(
    ("task", "metric"), [("rte", "accuracy"), ("cola", "matthews"), ("stsb", "pearson")]
)
def test_scores_of_samples_are_the_task_s_own(task, metric):
    rng = np.random.default_rng(0)
    labels = rng.uniform(0, 5, 30) if task == "stsb" else rng.integers(2, size=30)
    values = rng.uniform(0, 5, (30, 3)) if task == "stsb" else rng.integers(2, size=(30, 3))
    values[:, 2] = 1  # constant: a correlation of 0
    samples = [rng.integers(30, size=25) for _ in range(4)]
    counts = np.stack([np.bincount(sample, minlength=30) for sample in samples])
    found = sample_scores(values, labels, counts=counts, metric=metric)
    expected = [
        [score_predictions(TASKS[task], values[s, i], labels[s])[metric] for i in range(3)]
        for s in samples
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    with pytest.raises(ValueError, match="`metric` must be one of"):
        sample_scores(values, labels, counts=counts, metric="f1")


def test_pools_are_scored_whole():
    table = make_predictions(n_trials=2)
    found = score_pools(table, metric="accuracy").set_index(["trial_id", "shift"])["pool_score"]
    rows = table[table["split"] == "test-shift1"]
    assert found["r/trial0001", 1.0] == (rows["r/trial0001"] == rows["label"]).mean()
    assert score_pools(table.head(0), metric="accuracy").empty


def simulate(table, **changes):
    grid = list(table.columns[3:6])
    found = simulate_runs(table, grid=grid, metric="accuracy", **SWEEP | changes)
    return found.set_index(["shift", "validation_size", "n_trials"])


def test_the_winner_s_curse_grows_with_trials_and_falls_with_examples():
    found = simulate(make_predictions())
    assert set(found.index.get_level_values("n_trials")) == {4, 16}  # there are no 99
    for shift in (0.0, 1.0):
        gap = found["optimism"][shift]
        assert gap[20, 16] > gap[20, 4] > gap[100, 4] > 0
        # equal trials, 20 examples: sd sqrt(.16 / 20) = .089; the mean maximum of 4 normal draws
        # is 1.03 sd, of 16 draws 1.77 sd
        assert gap[20, 4] == pytest.approx(1.03 * 0.089, abs=0.03)
        assert gap[20, 16] == pytest.approx(1.77 * 0.089, abs=0.04)
    # trials of equal worth: validation says nothing about test
    assert found["correlation"].abs().max() < 0.2
    assert (found["overfits"] > 0.05).all() and (found["n_draws"] == 300).all()


def test_trials_that_differ_are_ranked_alike():
    found = simulate(make_predictions(accuracy=(0.3, 0.95)))
    assert (found["correlation"].xs(100, level="validation_size") > 0.9).all()
    assert (found["top_correlation"] <= found["correlation"]).all()
    assert (found["correlation_low"] <= found["correlation_high"]).all()
    one = make_predictions(n_trials=4, accuracy=(1.0, 1.0))
    same = simulate(one, trial_counts=(1,))
    assert same["correlation"].isna().all()
    np.testing.assert_allclose(same["optimism"], 0, atol=1e-12)
    assert (same["overfits"] == 0).all()


def test_simulations_depend_on_their_seed_alone():
    table = make_predictions()
    first = simulate(table, seed=3)
    np.random.seed(0)
    pd.testing.assert_frame_equal(simulate(table, seed=3), first)
    assert not simulate(table, seed=4).equals(first)
    assert simulate(table[table["split"] == "none"]).empty


def test_observed_optimism_follows_the_incumbent():
    trials = pd.DataFrame(
        {"run_id": "a", "trial_id": list("wxyz"), "trial": range(4), "model": "m", "task": "rte"}
        | {"repetition": 1, "validation_score": [0.5, 0.8, np.nan, 0.8]}
    )
    scores = pd.DataFrame({"trial_id": list("wxyz"), "pool_score": [0.5, 0.7, 0.9, 0.6]})
    found = observed_optimism(trials.sample(frac=1, random_state=0), scores)
    # the failed trial does not count; the tie stays with the earlier trial
    assert found["n_trials"].tolist() == [1, 2, 3]
    # gaps 0, .1 and .2 with the mean .1; the incumbents are the first, the second, the second
    np.testing.assert_allclose(found["difference"], [-0.1, 0, 0], atol=1e-12)


def test_a_simulated_run_overfits_by_the_paper_s_rule():
    # columns: one drawn trial, two of grid search, whose better one on validation is the second
    validation = np.array([[0.8, 0.5, 0.7], [0.8, 0.5, 0.7], [0.6, 0.5, 0.7]])
    test = np.array([[0.6, 0.5, 0.7], [0.8, 0.5, 0.7], [0.6, 0.5, 0.7]])
    # higher on validation and lower on test; higher on both; lower on both
    runs = _Runs(validation, test, np.zeros((3, 1), int), {"drawn": [0], "grid": [1, 2]})
    assert runs.summary()["overfits"] == pytest.approx(1 / 3)
    # the only trial is the usual one, too
    assert runs.summary()["optimism"] == pytest.approx(0)
