"""Expected performance, correlations over training, and when to stop, against hand and dice."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.analysis import evaluation_scores
from repro.chapters.seeds.early_stopping import (
    best_settings,
    expected_scores,
    judge_settings,
    list_settings,
    relative_error_reduction,
    search_settings,
    simulate,
)
from repro.paths import ROOT
from repro.stats.correlation import (
    correlation_interval,
    evaluation_correlations,
    progress_matrix,
)
from repro.stats.expected_performance import (
    SCENARIOS,
    expected_maximum,
    scenario_curves,
    scenario_scores,
)
from seed_scores import tidy

REFERENCE = ROOT.parent / "shared/reference"


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
    wanted = n * 10_001 / (n + 1) / 10_000
    if replacement:
        assert curve["mean"][:100].to_numpy() == pytest.approx(wanted[:100], abs=1e-3)
    else:
        assert curve["mean"].to_numpy() == pytest.approx(wanted, abs=1e-9)
    assert (np.diff(curve["mean"]) > 0).all()
    assert curve["std"].between(0, 1).all()


def test_worked_examples_of_three_implementations():
    path = REFERENCE / "expected_validation_performance_examples.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {REFERENCE}; hand-worked tests stand in")
    for example in json.loads(path.read_text()):
        with_replacement = example["estimator"] == "show_your_work_with_replacement"
        values, n = example["values"], example["n"]
        row = expected_maximum(values, [n], replacement=with_replacement).iloc[0]
        assert row["mean"] == pytest.approx(example["mean"], abs=1e-9)
        if example["std"] is not None:
            assert row["std"] == pytest.approx(example["std"], abs=1e-9)
        if with_replacement:  # allentune does not clip below
            band = (example["lower"], example["upper"])
            assert (row["low"], row["high"]) == pytest.approx(band, abs=1e-9)


def test_figure_1_from_the_recovered_matrices(recovered):
    points = pd.read_csv(REFERENCE / "dodge2020_fig1_expected_validation.csv")
    points = points[points["expected_val_from_recovered_matrix"].notna()]
    for task, rows in points.groupby("task"):
        curve = expected_maximum(recovered[task].to_numpy().ravel(), rows["n"])
        wanted = rows["expected_val_from_recovered_matrix"].to_numpy()
        assert curve["mean"].to_numpy() == pytest.approx(wanted, abs=1e-5)


def test_scenarios_look_at_all_epoch_ends_or_the_last():
    # two evaluations an epoch, two epochs and a half
    scores = evaluation_scores(*tidy([[0.9, 0.5, 0.3, 0.6, 0.4]], accuracy=False))
    found = [scenario_scores(scores, s)["score"].tolist() for s in SCENARIOS]
    assert found == [[0.9], [0.6], [0.4]]
    curves = scenario_curves(scores, [1])
    assert curves["mean"].tolist() == [0.9, 0.6, 0.4]
    with pytest.raises(ValueError, match="`scenario` must be one of"):
        scenario_scores(scores, "never")


def test_correlations_between_evaluations_by_hand():
    scores = evaluation_scores(*tidy([[1, 3, 2], [2, 1, 5], [3, 2, 9]], accuracy=False))
    at = evaluation_correlations(progress_matrix(scores, best_so_far=False))
    # ranks 1 2 3 against 3 1 2: 1 - 6 (4 + 1 + 1) / (3 * 8) = -.5
    assert at.loc[1, 2] == pytest.approx(-0.5)
    assert at.loc[1, 3] == pytest.approx(1)
    pearson = evaluation_correlations(progress_matrix(scores, best_so_far=False), kind="pearson")
    # 2 5 9 around 16/3: covariance 7, squares 2 and 24.67
    assert pearson.loc[1, 3] == pytest.approx(7 / (2 * 74 / 3) ** 0.5)
    best = progress_matrix(scores, best_so_far=True)
    assert best.to_numpy().tolist() == [[1, 3, 3], [2, 2, 5], [3, 3, 9]]


def test_ended_trials_keep_their_best_and_silent_ones_are_left_out():
    scores = evaluation_scores(*tidy([[0.2, 0.1], [0.5], [], [0.3, 0.4]], accuracy=False))
    assert progress_matrix(scores, best_so_far=True).to_numpy().tolist() == [
        *([0.2, 0.2], [0.5, 0.5], [0.3, 0.4]),
    ]
    assert progress_matrix(scores, best_so_far=False).isna().sum().sum() == 1
    alike = evaluation_scores(*tidy([[0.5, 0.5]] * 3, accuracy=False))
    assert evaluation_correlations(progress_matrix(alike, best_so_far=True)).isna().all(axis=None)


@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_correlation_interval_brackets_and_repeats(kind):
    rng = np.random.default_rng(0)
    a = rng.normal(size=80)
    b = a + rng.normal(size=80)
    b[0] = np.nan
    found = correlation_interval(a, b, kind=kind)
    assert found["low"] < found["correlation"] < found["high"]
    assert found["correlation"] == pytest.approx(
        pd.Series(a[1:]).corr(pd.Series(b[1:]), method=kind)
    )
    assert (found["n"], found["n_missing"]) == (79, 1)
    assert found == correlation_interval(a, b, kind=kind)
    assert math.isnan(correlation_interval([1, 1, 1], [1, 2, 3])["low"])
    assert math.isnan(correlation_interval([1, 2], [1, 2])["correlation"])


def test_settings_cost_their_budget_exactly():
    settings = list_settings(3, 4)
    # t e + p (4 - e) = 12; p < t unless nothing stops
    assert settings == [
        *((3, 3, 4), (12, 0, 1), (9, 1, 1), (6, 2, 1)),
        *((6, 0, 2), (5, 1, 2), (4, 2, 2), (4, 0, 3)),
    ]
    assert all(t <= 200 for t, _, _ in list_settings(30, 30))
    assert list_settings(30, 2, max_trials=4) == [(30, 30, 2)]


def test_settings_of_the_authors_are_among_ours():
    path = REFERENCE / "dodge2020_early_stopping_top3.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {REFERENCE}; hand-worked tests stand in")
    printed = pd.read_csv(path)
    columns = ["t_started", "p_fully_trained", "evals_before_stop_of_30"]
    for budget, rows in printed.groupby("budget_x"):
        wanted = set(rows[columns].itertuples(index=False, name=None))
        assert {s for s in wanted if s[2] < 30} <= set(list_settings(budget, 30))


def test_baselines_of_the_authors_from_the_recovered_matrices(recovered):
    printed = pd.read_csv(REFERENCE / "dodge2020_early_stopping_top3.csv")
    for task, rows in printed.groupby("task"):
        curve = expected_maximum(recovered[task].to_numpy().ravel(), range(1, 31))
        ours = rows["budget_x"].map(curve.set_index("n")["mean"])
        # theirs are means of 50,000 draws
        assert (ours - rows["baseline_perf"]).abs().max() < 0.002


def progress_of(n, k, seed=0, digits=2):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.7, 0.05, (n, 1)) + rng.normal(0, 0.05, (n, k))
    return pd.DataFrame(values.round(digits)).cummax(axis=1)


def test_expected_score_of_a_setting_by_hand():
    # two trials, (at the stop, at the end): a (1, 5) and b (2, 3). Two drawn, one kept: b if it
    # was drawn at all, probability 3/4, else a
    progress = pd.DataFrame([[1.0, 5.0], [2.0, 3.0]])
    assert expected_scores(progress, [(2, 1, 1)])[0] == pytest.approx(0.75 * 3 + 0.25 * 5)
    assert expected_scores(progress, [(2, 2, 2)])[0] == pytest.approx(0.25 * 3 + 0.75 * 5)
    assert expected_scores(progress, [(2, 0, 1)])[0] == pytest.approx(0.25 * 1 + 0.75 * 2)


def test_expected_score_is_the_mean_over_all_draws():
    progress = progress_of(5, 3, digits=3)
    values = progress.to_numpy()
    for t, p, e in [(3, 1, 1), (3, 2, 2), (4, 2, 1)]:
        scores = []
        for draw in itertools.product(range(5), repeat=t):
            kept = sorted(draw, key=lambda i: -values[i, e - 1])[:p]
            scores.append(values[kept, -1].max())
        assert expected_scores(progress, [(t, p, e)])[0] == pytest.approx(np.mean(scores), abs=1e-6)


@pytest.mark.parametrize("setting", [(7, 2, 4), (20, 5, 3), (30, 0, 2), (150, 1, 1)])
def test_expected_score_agrees_with_simulation(setting):
    progress = progress_of(60, 12)
    exact, drawn = expected_scores(progress, [setting])[0], simulate(progress, setting)
    assert drawn == pytest.approx(exact, abs=5 * 0.03 / 50_000**0.5 + 1e-6)
    assert expected_scores(progress, [setting], n_nodes=40)[0] == pytest.approx(exact, abs=1e-6)


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
    assert relative_error_reduction(0.8, 0.9) == pytest.approx(0.5)
    assert np.isnan(relative_error_reduction(1.0, 1.0))


def test_settings_are_judged_on_trials_that_did_not_choose_them():
    noise = progress_of(40, 6, seed=4)
    chosen = best_settings(search_settings(noise, [2, 4]))
    judged = judge_settings(noise, [2, 4], n_splits=4)
    assert judged.groupby("budget").size().tolist() == [4, 4]
    flattering = chosen["relative_error_reduction"].mean()
    assert judged["relative_error_reduction"].mean() < flattering
    pd.testing.assert_frame_equal(judged, judge_settings(noise, [2, 4], n_splits=4))


def test_too_few_trials_or_holes_are_refused():
    with pytest.raises(ValueError, match="two trials and two evaluations or more and no NaN"):
        search_settings(progress_of(1, 4), [1])
    with pytest.raises(ValueError, match="but got 2, 2 and 1 NaN"):
        search_settings(pd.DataFrame([[0.1, np.nan], [0.2, 0.3]]), [1])


def test_thirty_budgets_are_searched():
    searched = search_settings(progress_of(625, 30))
    assert searched["budget"].nunique() == 30
    assert (best_settings(searched)["relative_error_reduction"] >= 0).all()
