"""Simulated tuning runs: the winner's curse, and its observation."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from predicted_trials import make_predictions
from repro.chapters.resplit.winners_curse import (
    average_runs,
    largest_runs,
    observed_optimism,
    read_predictions,
    score_pools,
    simulate_runs,
    summarise_runs,
)

SIZES = {"validation_sizes": (20, 100), "trial_counts": (4, 16, 99), "draws": 300}


def test_predictions_are_read_for_each_model_and_task():
    table = make_predictions(n_trials=4).table
    names = table.columns[3:]
    trials = pd.DataFrame({"trial_id": names, "method": ["grid", "rs", "rs", "rs"]})
    trials = trials.assign(model="m", task=["rte", "rte", "cola", "cola"])
    results = SimpleNamespace(trials=trials, joint_predictions=lambda model, task: table)
    found = read_predictions(results, ["cola", "rte"])
    assert [(p.model, p.task, p.metric) for p in found] == [
        ("m", "rte", "accuracy"), ("m", "cola", "matthews"),
    ]  # fmt: skip
    assert set(found[0].grid) == {names[0]}


def test_pools_are_scored_whole():
    study = make_predictions(n_trials=2)
    found = score_pools([study]).set_index(["trial_id", "shift"])["pool_score"]
    rows = study.table[study.table["split"] == "test-shift1"]
    assert found["r/trial0001", 1.0] == (rows["r/trial0001"] == rows["label"]).mean()
    assert score_pools([make_predictions(shifts=())]).empty


def simulate(study, **changes):
    found = simulate_runs([study], **SIZES | changes)
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
    # trials of equal worth: validation says nothing about test on other examples; on those of one
    # pool of 200 their shares of right answers differ by chance, by .03, and so it says a little
    assert found["correlation"][1.0].abs().max() < 0.2
    assert found["correlation"][0.0].max() < 0.5
    assert (found["overfits"] > 0.05).all() and (found["n_draws"] == 300).all()


def test_trials_that_differ_are_ranked_alike():
    found = simulate(make_predictions(accuracy=(0.3, 0.95)))
    assert (found["correlation"].xs(100, level="validation_size") > 0.9).all()
    assert (found["top_correlation"] <= found["correlation"]).all()
    assert (found["correlation_low"] <= found["correlation_high"]).all()
    one = make_predictions(n_trials=4, accuracy=(1.0, 1.0))
    same = simulate(one, trial_counts=(1,))
    assert same["correlation"].isna().all() and same["negative"].isna().all()
    np.testing.assert_allclose(same["optimism"], 0, atol=1e-12)
    assert (same["overfits"] == 0).all()


def test_without_a_shift_validation_and_test_are_of_one_distribution():
    # trials that a finite test split favours by chance would seem to lose by a shift: here the
    # split test turns the order of the trials round, and nothing of it may be seen
    study = make_predictions(accuracy=(0.3, 0.95))
    turned = study.table.copy()
    rows = turned["split"] == "test"
    columns = turned.columns[3:]
    turned.loc[rows, columns] = 1 - turned.loc[rows, columns]
    found = simulate(replace(study, table=turned))
    assert (found["correlation"].xs(100, level="validation_size") > 0.9).all()
    pd.testing.assert_frame_equal(found, simulate(study))


def test_simulations_depend_on_their_seed_alone():
    study = make_predictions()
    first = simulate(study, seed=3)
    np.random.seed(0)
    pd.testing.assert_frame_equal(simulate(study, seed=3), first)
    assert not simulate(study, seed=4).equals(first)
    # nor on which other studies there are
    others = simulate_runs([replace(study, task="cola", metric="matthews"), study], **SIZES, seed=3)
    again = others[others["task"] == "rte"].set_index(first.index.names)
    pd.testing.assert_frame_equal(again, first)
    assert simulate_runs([make_predictions(shifts=())], **SIZES).empty


def test_a_simulated_run_overfits_by_the_paper_s_rule():
    # columns: one drawn trial, two of grid search, whose better one on validation is the second
    validation = np.array([[0.8, 0.5, 0.7], [0.8, 0.5, 0.7], [0.6, 0.5, 0.7]])
    test = np.array([[0.6, 0.5, 0.7], [0.8, 0.5, 0.7], [0.6, 0.5, 0.7]])
    # higher on validation and lower on test; higher on both; lower on both
    trials, grid = np.zeros((3, 1), int), np.array([1, 2])
    found = summarise_runs(validation, test, trials=trials, grid=grid)
    assert found["overfits"] == pytest.approx(1 / 3)
    # the only trial is the usual one, too
    assert found["optimism"] == pytest.approx(0)
    alone = summarise_runs(validation, test, trials=trials, grid=np.array([], int))
    assert np.isnan(alone["overfits"])


def test_runs_are_averaged_where_all_tasks_have_as_many_trials(simulated):
    more = simulated.assign(task="cola", n_trials=simulated["n_trials"] * 2)
    both = pd.concat([simulated, more])  # 4 and 8 trials, 8 and 16
    assert set(largest_runs(both)["n_trials"]) == {8}
    averaged = average_runs(both)
    assert averaged["n_trials"].tolist() == [8] * 4
    keys = {"shift": 0.0, "validation_size": 20}
    pair = [
        rows[(rows[list(keys)] == pd.Series(keys)).all(axis=1) & (rows["n_trials"] == 8)]
        for rows in (simulated, more)
    ]
    mean = np.mean([rows["optimism"].item() for rows in pair])
    row = averaged[(averaged[list(keys)] == pd.Series(keys)).all(axis=1)]
    assert row["optimism"].item() == pytest.approx(mean)


def test_observed_optimism_follows_the_incumbent():
    trials = pd.DataFrame(
        {"run_id": "a", "trial_id": list("wxyz"), "trial": range(4), "model": "m", "task": "rte"}
        | {"repetition": 1, "validation_score": [0.5, 0.8, np.nan, 0.8]}
    )
    scores = pd.DataFrame({"trial_id": list("wxyz"), "pool_score": [0.5, 0.7, 0.9, 0.6]})
    scores = pd.concat([scores.assign(shift=0.0), scores.assign(shift=1.0, pool_score=0.1)])
    found = observed_optimism(trials.sample(frac=1, random_state=0), scores)
    # the failed trial does not count; the tie stays with the earlier trial
    assert found["n_trials"].tolist() == [1, 2, 3]
    # gaps 0, .1 and .2 with the mean .1; the incumbents are the first, the second, the second
    np.testing.assert_allclose(found["optimism"], [-0.1, 0, 0], atol=1e-12)
    assert observed_optimism(trials, scores.head(0)).empty
