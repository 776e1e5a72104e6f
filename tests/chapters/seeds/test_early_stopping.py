"""When to stop: expectations against hand, all draws and dice; settings searched and judged."""

import itertools

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.early_stopping import (
    best_settings,
    compare_settings,
    expected_scores,
    judge_settings,
    list_settings,
    search_settings,
)
from repro.stats.expected_performance import expected_maximum
from simulated_stopping import simulate_stopping


def make_progress(n, k, seed=0, digits=2):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.7, 0.05, (n, 1)) + rng.normal(0, 0.05, (n, k))
    return pd.DataFrame(values.round(digits)).cummax(axis=1)


def test_settings_cost_their_budget_exactly():
    settings = list_settings(3, 4)
    # t e + p (4 - e) = 12; p < t unless nothing stops
    assert settings == [
        *((3, 3, 4), (12, 0, 1), (9, 1, 1), (6, 2, 1)),
        *((6, 0, 2), (5, 1, 2), (4, 2, 2), (4, 0, 3)),
    ]
    assert all(t <= 200 for t, _, _ in list_settings(30, 30))
    assert list_settings(30, 2, max_trials=4) == [(30, 30, 2)]


def test_expected_score_of_a_setting_by_hand():
    # two trials, (at the stop, at the end): a (1, 5) and b (2, 3). Two drawn, one kept: b if it
    # was drawn at all, probability 3/4, else a
    progress = pd.DataFrame([[1.0, 5.0], [2.0, 3.0]])
    assert expected_scores(progress, [(2, 1, 1)])[0] == pytest.approx(0.75 * 3 + 0.25 * 5)
    assert expected_scores(progress, [(2, 2, 2)])[0] == pytest.approx(0.25 * 3 + 0.75 * 5)
    assert expected_scores(progress, [(2, 0, 1)])[0] == pytest.approx(0.25 * 1 + 0.75 * 2)


def test_trials_that_tie_at_the_stop_are_kept_by_chance_whatever_their_order():
    # all tie at the stop, so that the one kept is any of the four: .5 + .4 / 4
    progress = pd.DataFrame([[0.5, 0.9], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    for order in (progress, progress[::-1]):
        assert expected_scores(order, [(3, 1, 1)])[0] == pytest.approx(0.6, abs=1e-6)
    # some tie: the same whatever the order, and as dice have it
    progress = make_progress(20, 4, digits=1)
    settings = [(6, 2, 1), (9, 3, 2)]
    scores = expected_scores(progress, settings)
    assert expected_scores(progress[::-1], settings) == pytest.approx(scores, abs=1e-9)
    drawn = [simulate_stopping(progress, setting) for setting in settings]
    assert scores == pytest.approx(drawn, abs=0.001)


def test_expected_score_is_the_mean_over_all_draws():
    progress = make_progress(5, 3, digits=3)
    values = progress.to_numpy()
    for t, p, e in [(3, 1, 1), (3, 2, 2), (4, 2, 1)]:
        scores = []
        for draw in itertools.product(range(5), repeat=t):
            kept = sorted(draw, key=lambda i: -values[i, e - 1])[:p]
            scores.append(values[kept, -1].max())
        assert expected_scores(progress, [(t, p, e)])[0] == pytest.approx(np.mean(scores), abs=1e-6)


@pytest.mark.parametrize("setting", [(7, 2, 4), (20, 5, 3), (30, 0, 2), (150, 1, 1)])
def test_expected_score_agrees_with_simulation(setting):
    progress = make_progress(60, 12)
    exact, drawn = expected_scores(progress, [setting])[0], simulate_stopping(progress, setting)
    assert drawn == pytest.approx(exact, abs=5 * 0.03 / 50_000**0.5 + 1e-6)


@pytest.mark.parametrize(("t", "p"), [(7, 2), (20, 19), (150, 1)])
def test_a_stop_that_ranks_as_the_end_does_loses_nothing(t, p):
    final = np.random.default_rng(0).uniform(0.5, 0.9, 60)
    progress = pd.DataFrame({1: final - 0.1, 2: final})
    best_of_t = expected_maximum(final, [t])["mean"][0]
    assert expected_scores(progress, [(t, p, 1)])[0] == pytest.approx(best_of_t, abs=1e-6)


def test_search_finds_a_stop_that_pays_and_none_that_does_not():
    # what a trial becomes is seen at its first evaluation: stopping early is best
    rng = np.random.default_rng(1)
    final = rng.uniform(0.5, 0.9, 50)
    seen = pd.DataFrame({1: final - 0.1, 2: final - 0.05, 3: final - 0.05, 4: final})
    best = best_settings(search_settings(seen, [4])).iloc[0]
    assert (best["evaluations"], best["p"]) == (1, 1)
    assert best["relative_error_reduction"] > 0.05
    # a stop before anything is known, with scores that end far above it, is of little use
    luck = pd.DataFrame(np.column_stack([np.full((50, 3), 0.1), final]))
    assert best_settings(search_settings(luck, [4])).iloc[0]["f"] == 1


def test_the_gain_is_the_share_of_the_error_that_goes():
    found = search_settings(make_progress(8, 3), [2])
    gains = (found["score"] - found["baseline"]) / (1 - found["baseline"])
    assert found["relative_error_reduction"].tolist() == pytest.approx(gains.tolist())
    # where nothing is wrong, nothing can be gained
    perfect = search_settings(pd.DataFrame(np.ones((8, 3))), [2])
    assert perfect["relative_error_reduction"].isna().all()


def test_settings_are_judged_on_trials_that_did_not_choose_them():
    noise = make_progress(40, 6, seed=4)
    chosen = best_settings(search_settings(noise, [2, 4]))
    judged = judge_settings(noise, [2, 4], n_splits=4)
    assert judged.groupby("budget").size().tolist() == [4, 4]
    flattering = chosen["relative_error_reduction"].mean()
    assert judged["relative_error_reduction"].mean() < flattering
    pd.testing.assert_frame_equal(judged, judge_settings(noise, [2, 4], n_splits=4))


def test_tasks_are_compared_on_their_own():
    progress = {"a": make_progress(12, 4), "b": make_progress(3, 4, seed=1)}
    found = compare_settings(progress)
    for task in progress:
        assert found.loc[found["task"] == task, "budget"].tolist() == list(range(1, 31))
    judged = judge_settings(progress["a"], n_splits=5)
    gains = judged[judged["budget"] == 7]["relative_error_reduction"]
    row = found[(found["task"] == "a") & (found["budget"] == 7)].iloc[0]
    assert row[["others_mean", "others_lowest", "others_highest"]].tolist() == pytest.approx(
        [gains.mean(), gains.min(), gains.max()]
    )
    assert row["wins"] == (gains.min() > 1e-9)
    # three trials have no halves to choose on and to judge on
    assert found.loc[found["task"] == "b", "others_mean"].isna().all()


def test_too_few_trials_or_holes_are_refused():
    with pytest.raises(ValueError, match="two trials and two evaluations or more and no NaN"):
        search_settings(make_progress(1, 4), [1])
    with pytest.raises(ValueError, match="but got 2, 2 and 1 NaN"):
        search_settings(pd.DataFrame([[0.1, np.nan], [0.2, 0.3]]), [1])


def test_thirty_budgets_are_searched():
    searched = search_settings(make_progress(625, 30))
    assert searched["budget"].nunique() == 30
    assert (best_settings(searched)["relative_error_reduction"] >= 0).all()
