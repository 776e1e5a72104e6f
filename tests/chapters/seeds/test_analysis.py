"""Grids of seeds: scores, scenarios, progress, matrices, deviations, ranks, divergence."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.analysis import (
    SCENARIOS,
    aggregated_deviations,
    best_scores,
    components_by_task,
    diverged_share,
    early_correlations,
    evaluation_correlations,
    evaluation_scores,
    extreme_seeds,
    progress_matrices,
    rank_seeds,
    sample_runs,
    scenario_curves,
    scenario_scores,
    score_matrices,
    seed_deviations,
    sorted_matrix,
)
from seed_scores import matrix, tidy


def scores_of(runs, **settings):
    return evaluation_scores(*tidy(runs, accuracy=False, **settings))


def test_score_is_the_mean_of_accuracy_and_f1_where_a_task_has_both():
    both = evaluation_scores(*tidy([[0.5, 0.7, 0.6], [0.8]]))
    # F1 is .1 below accuracy, so the mean is .05 below
    assert both["score"].tolist() == pytest.approx([0.45, 0.65, 0.55, 0.75])
    assert both["evaluation"].tolist() == [1, 2, 3, 1]
    assert best_scores(both)["score"].tolist() == pytest.approx([0.65, 0.75])
    assert scores_of([[0.5], [0.8]])["score"].tolist() == [0.5, 0.8]


def test_scenarios_look_at_all_epoch_ends_or_the_last():
    # two evaluations an epoch, two epochs and a half
    scores = scores_of([[0.9, 0.5, 0.3, 0.6, 0.4]])
    assert scenario_scores(scores)[list(SCENARIOS)].to_numpy().tolist() == [[0.9, 0.6, 0.4]]
    curves = scenario_curves(scores)
    assert curves["scenario"].tolist() == list(SCENARIOS)
    assert curves["mean"].tolist() == [0.9, 0.6, 0.4]


def test_correlations_between_evaluations_by_hand():
    scores = scores_of([[1, 3, 2], [2, 1, 5], [3, 2, 9]])
    at = evaluation_correlations(scores, kind="spearman", best_so_far=False)["mrpc"]
    # ranks 1 2 3 against 3 1 2: 1 - 6 (4 + 1 + 1) / (3 * 8) = -.5
    assert at.loc[1, 2] == pytest.approx(-0.5)
    assert at.loc[1, 3] == pytest.approx(1)
    pearson = evaluation_correlations(scores, kind="pearson", best_so_far=False)["mrpc"]
    # 2 5 9 around 16/3: covariance 7, squares 2 and 24.67
    assert pearson.loc[1, 3] == pytest.approx(7 / (2 * 74 / 3) ** 0.5)
    best = progress_matrices(scores, best_so_far=True)["mrpc"]
    assert best.to_numpy().tolist() == [[1, 3, 3], [2, 2, 5], [3, 3, 9]]


def test_noise_correlates_with_its_end_only_as_a_part_of_the_best_so_far():
    # independent scores: that at a time says nothing of the last, but the best so far does, as
    # much as that of shuffles
    noise = np.random.default_rng(0).normal(size=(800, 6)).tolist()
    early = early_correlations(scores_of(noise, n_order=40)).set_index("evaluation")
    assert early.loc[6, ["score", "best_so_far", "noise"]].tolist() == pytest.approx([1, 1, 1])
    assert early.loc[1:5, "score"].abs().max() < 0.12
    assert early.loc[3, "noise"] > 0.3
    assert (early["best_so_far"] - early["noise"]).abs().max() < 0.12


def test_early_ranks_by_hand():
    # three runs: at first 1 < 2 < 3, at the end 1 < 3 < 2: Spearman's r of (1, 2, 3) and (1, 3, 2)
    early = early_correlations(scores_of([[0.1, 0.1], [0.2, 0.4], [0.3, 0.3]]))
    assert early["score"].tolist() == pytest.approx([0.5, 1.0])


def test_ended_trials_keep_their_best_and_silent_ones_are_left_out():
    scores = scores_of([[0.2, 0.1], [0.5], [], [0.3, 0.4]])
    best = progress_matrices(scores, best_so_far=True)["mrpc"]
    assert best.to_numpy().tolist() == [[0.2, 0.2], [0.5, 0.5], [0.3, 0.4]]
    at = progress_matrices(scores, best_so_far=False)["mrpc"]
    assert at.isna().sum().sum() == 1
    alike = scores_of([[0.5, 0.5]] * 3)
    correlations = evaluation_correlations(alike, kind="spearman", best_so_far=True)
    assert correlations["mrpc"].isna().all(axis=None)
    assert progress_matrices(scores_of([[0.5], []]), best_so_far=True) == {}


def test_sampled_runs_are_whole_and_always_the_same():
    scores = scores_of([[i / 10, i / 9] for i in range(8)])
    some = sample_runs(scores, n=3)
    assert some.groupby("trial_id").size().tolist() == [2, 2, 2]
    np.random.seed(1)
    pd.testing.assert_frame_equal(some, sample_runs(scores, n=3))


def test_a_trial_without_evaluations_is_a_hole():
    best = best_scores(evaluation_scores(*tidy([[0.5], [0.6], [], [0.8]])))
    assert best["score"].isna().tolist() == [False, False, True, False]
    grids = score_matrices(best)
    assert grids["mrpc"].isna().to_numpy().tolist() == [[False, False], [True, False]]
    assert aggregated_deviations(grids)["n_missing"].tolist() == [1]
    assert components_by_task(grids)["n_missing"].tolist() == [1, 1, 1]


def test_a_matrix_needs_two_seeds_of_each_kind_and_one_model():
    best = best_scores(evaluation_scores(*tidy([[0.5], [0.6]])))
    with pytest.raises(ValueError, match="at least two WI and two DO seeds, but got 1 and 2"):
        score_matrices(best)
    with pytest.raises(ValueError, match="one trial a pair of seeds, but got 4 of mrpc"):
        score_matrices(pd.concat([best, best]))


def test_aggregated_deviations_by_hand():
    # rows (1, 3) and (2, 6): deviations 1 and 2, mean 1.5; columns (1, 2) and (3, 6): .5 and 1.5,
    # mean 1; all: mean 3, squares 4 + 0 + 1 + 9, root of 3.5
    grid = matrix([[1, 3], [2, 6]])
    deviations = seed_deviations(grid)
    assert deviations["factor"].tolist() == ["wi", "wi", "do", "do", "total"]
    assert deviations["deviation"].tolist() == pytest.approx([1, 2, 0.5, 1.5, 3.5**0.5])
    assert deviations["n"].tolist() == [2, 2, 2, 2, 4]
    row = aggregated_deviations({"rte": grid}).iloc[0].to_dict()
    assert row == {"task": "rte", "wi": 1.5, "do": 1.0, "total": 3.5**0.5, "n_missing": 0}
    lost = aggregated_deviations({"rte": grid * np.nan}).iloc[0]
    assert lost["n_missing"] == 4 and np.isnan(lost["total"])


def test_matrix_is_sorted_best_row_on_top_and_best_column_at_the_right():
    found = sorted_matrix(matrix([[1, 0], [5, 2], [3, 3]]))
    assert found.index.tolist() == [2, 3, 1]
    assert found.columns.tolist() == [2, 1]


def test_extreme_seeds_are_those_with_the_best_and_the_worst_mean():
    # rows: means 2, 4, 6; columns: means 8/3 and 16/3
    found = extreme_seeds(matrix([[1, 3], [2, 6], [5, 7]]))
    seeds = found.groupby(["factor", "extreme"], sort=False)["seed"].first()
    assert seeds.to_dict() == {
        ("wi", "best"): 3, ("wi", "worst"): 1, ("do", "best"): 2, ("do", "worst"): 1,
    }  # fmt: skip
    assert found[found["factor"] == "wi"]["score"].tolist() == [5, 7, 1, 3]
    assert extreme_seeds(matrix([[np.nan] * 2] * 2)).empty


def test_seeds_are_ranked_on_each_task():
    values = {"mrpc": [0.9, 0.9, 0.7, 0.7, 0.8, 0.8], "cola": [0.6, 0.6, 0.2, 0.2, 0.4, 0.4]}
    parts = [scores_of([[v] for v in runs], task=task) for task, runs in values.items()]
    ranks = rank_seeds(best_scores(pd.concat(parts)))
    assert ranks.index.tolist() == [1, 3, 2]
    assert ranks.to_dict("list") == {"mrpc": [1, 2, 3], "cola": [1, 2, 3]}


def test_diverged_runs_are_counted_with_an_interval():
    best = best_scores(scores_of([[0.5], [0.8], [], [0.56]]))
    found = diverged_share(best, pd.Series({"mrpc": 0.55})).iloc[0]
    # .5 and .56 lie within .02 of the guess or below, and one has no score
    assert (found["n_diverged"], found["n"], found["n_missing"]) == (3, 4, 1)
    # Wilson's interval of 3 of 4
    assert (found["low"], found["high"]) == pytest.approx((0.30064, 0.95441), abs=1e-4)
    assert diverged_share(best, pd.Series({"mrpc": 0.55}), margin=0).iloc[0]["n_diverged"] == 2


def test_all_alike_or_all_lost_is_counted(degenerate_scores):
    best = best_scores(degenerate_scores)
    lost = best.loc[best["task"] == "cola", "score"].isna().all()
    shares = diverged_share(best, pd.Series({"rte": 0.4, "cola": 0.0})).set_index("task")
    perfect = (best.loc[best["task"] == "cola", "score"] == 1).all()
    assert shares.loc["cola", "n_diverged"] == (0 if perfect else 4)
    assert shares.loc["cola", "n_missing"] == (4 if lost else 0)
    assert list(progress_matrices(degenerate_scores, best_so_far=True)) == (
        ["rte"] if lost else ["rte", "cola"]
    )
