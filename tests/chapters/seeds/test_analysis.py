"""Grids of seeds: Tables 3 and 4, variance components, ranks, divergence; recovered matrices."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.analysis import (
    aggregated_deviations,
    best_scores,
    diverged_share,
    evaluation_scores,
    extreme_seeds,
    rank_seeds,
    score_matrix,
    seed_deviations,
    sorted_matrix,
)
from repro.chapters.seeds.variance import best_against_worst, concordance, variance_analysis
from seed_scores import tidy


def matrix(values):
    values = np.asarray(values, float)
    index = pd.Index(range(1, len(values) + 1), name="init_seed")
    columns = pd.Index(range(1, values.shape[1] + 1), name="order_seed")
    return pd.DataFrame(values, index=index, columns=columns)


def test_score_is_the_mean_of_accuracy_and_f1_where_a_task_has_both():
    both = evaluation_scores(*tidy([[0.5, 0.7, 0.6], [0.8]]))
    # F1 is .1 below accuracy, so the mean is .05 below
    assert both["score"].tolist() == pytest.approx([0.45, 0.65, 0.55, 0.75])
    assert both["evaluation"].tolist() == [1, 2, 3, 1]
    assert best_scores(both)["score"].tolist() == pytest.approx([0.65, 0.75])
    one = evaluation_scores(*tidy([[0.5], [0.8]], accuracy=False))
    assert one["score"].tolist() == [0.5, 0.8]


def test_a_trial_without_evaluations_is_a_hole():
    best = best_scores(evaluation_scores(*tidy([[0.5], [0.6], [], [0.8]])))
    assert best["score"].isna().tolist() == [False, False, True, False]
    grid = score_matrix(best)
    assert grid.isna().to_numpy().tolist() == [[False, False], [True, False]]
    assert aggregated_deviations(grid)["n_missing"] == 1
    assert best_against_worst(grid, "wi")["n_missing"] == 1


def test_a_matrix_needs_two_seeds_of_each_kind_and_one_task():
    best = best_scores(evaluation_scores(*tidy([[0.5], [0.6]])))
    with pytest.raises(ValueError, match="at least two WI and two DO seeds, but got 1 and 2"):
        score_matrix(best)
    with pytest.raises(ValueError, match="one task and one trial a pair"):
        score_matrix(pd.concat([best, best]))


def test_aggregated_deviations_by_hand():
    # rows (1, 3) and (2, 6): deviations 1 and 2, mean 1.5; columns (1, 2) and (3, 6): .5 and 1.5,
    # mean 1; all: mean 3, squares 4 + 0 + 1 + 9, root of 3.5
    found = aggregated_deviations(matrix([[1, 3], [2, 6]]))
    assert found == {"wi": 1.5, "do": 1.0, "total": pytest.approx(3.5**0.5), "n_missing": 0}
    assert seed_deviations(matrix([[1, 3], [2, 6]]))["deviation"].tolist() == [1, 2, 0.5, 1.5]


def test_matrix_is_sorted_best_row_on_top_and_best_column_at_the_right():
    found = sorted_matrix(matrix([[1, 0], [5, 2], [3, 3]]))
    assert found.index.tolist() == [2, 3, 1]
    assert found.columns.tolist() == [2, 1]


def test_best_against_worst_by_hand():
    # best row (5, 7), worst (1, 3): means 6 and 2, F = 2 * 2^2 * 2 / (4 / 2) = 8, 1 and 2 degrees
    grid = matrix([[1, 3], [2, 6], [5, 7]])
    found = best_against_worst(grid, "wi", n_shuffles=2000)
    assert found["F"] == pytest.approx(8)
    assert found["p_naive"] == pytest.approx(1 - (8 / 10) ** 0.5)  # Student's t with 2 degrees
    assert extreme_seeds(grid, "wi").groupby("extreme")["seed"].first().to_dict() == {
        "best": 3,
        "worst": 1,
    }
    assert found["p_calibrated"] > found["p_naive"]
    assert found == best_against_worst(grid, "wi", n_shuffles=2000)
    assert found != best_against_worst(grid, "wi", n_shuffles=2000, seed=1)
    turned = best_against_worst(grid.T, "do", n_shuffles=2000)
    assert turned["F"] == pytest.approx(8)


def test_calibrated_p_values_are_uniform_where_seeds_do_nothing_and_naive_ones_are_not():
    rng = np.random.default_rng(0)
    grids = [matrix(rng.normal(size=(6, 6))) for _ in range(200)]
    found = [best_against_worst(grid, "wi", n_shuffles=99) for grid in grids]
    calibrated = np.array([f["p_calibrated"] for f in found])
    # binomial(200, .2): mean 40, standard deviation 5.7
    assert 20 < (calibrated <= 0.2).sum() < 60
    assert np.mean([f["p_naive"] < 0.05 for f in found]) > 0.2


def test_analysis_of_variance_by_hand():
    # rows means 2, 4; column means 2, 4; grand 3; interaction residuals 1, -1, -1, 1
    # SS: WI 4, DO 4, rest 4 with 1, 1, 1 degrees: F = 1, p = .5, components 0
    found = variance_analysis(matrix([[2, 2], [2, 6]])).set_index("factor")
    assert found.loc[["wi", "do"], "F"].tolist() == pytest.approx([1, 1])
    assert found.loc[["wi", "do"], "p"].tolist() == pytest.approx([0.5, 0.5])
    assert found["variance"].tolist() == pytest.approx([0, 0, 4])


def test_variance_components_are_found_again_with_and_without_holes():
    rng = np.random.default_rng(3)
    rows, columns = rng.normal(0, 2, (60, 1)), rng.normal(0, 1, (1, 60))
    values = rows + columns + rng.normal(0, 1, (60, 60))
    wanted = {"wi": float(rows.var(ddof=1)), "do": float(columns.var(ddof=1)), "rest": 1.0}
    for holes in (0, 400):
        values.flat[rng.choice(3600, holes, replace=False)] = np.nan
        found = variance_analysis(matrix(values)).set_index("factor")
        assert found["variance"].to_dict() == pytest.approx(wanted, rel=0.1)
        assert (found["low"] < found["share"]).all()
        assert (found["share"] < found["high"]).all()
        assert (found["n_missing"] == holes).all()
    assert found["share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("grid", [np.full((3, 3), 0.5), [[1, np.nan], [np.nan, 2]], [[1, 2]]])
def test_what_cannot_be_split_is_nan(grid):
    found = variance_analysis(matrix(grid))
    assert found["share"].isna().all()
    assert best_against_worst(matrix(np.full((3, 3), 0.5)), "wi")["p_calibrated"] != 0
    assert np.isnan(best_against_worst(matrix(np.full((3, 3), 0.5)), "wi")["F"])


def test_all_lost_is_counted():
    lost = matrix(np.full((2, 2), np.nan))
    assert aggregated_deviations(lost)["n_missing"] == 4
    assert np.isnan(aggregated_deviations(lost)["total"])
    assert np.isnan(best_against_worst(lost, "do")["p_naive"])
    assert variance_analysis(lost)["n_missing"].tolist() == [4, 4, 4]


def test_seeds_are_ranked_on_each_task_and_their_concordance_tested():
    scores = {"a": [0.9, 0.9, 0.7, 0.7, 0.8, 0.8], "b": [0.6, 0.6, 0.2, 0.2, 0.4, 0.4]}
    best = pd.concat(
        best_scores(evaluation_scores(*tidy([[v] for v in values], task=task)))
        for task, values in scores.items()
    )
    ranks = rank_seeds(best)
    assert ranks.index.tolist() == [1, 3, 2]
    assert ranks["a"].tolist() == ranks["b"].tolist() == [1, 2, 3]
    found = concordance(ranks)
    assert found["W"] == pytest.approx(1)
    # both tasks in the same of 3! orders: one in six
    assert found["p_shuffles"] == pytest.approx(1 / 6, abs=0.02)
    assert (found["n_seeds"], found["n_tasks"]) == (3, 2)


def test_concordance_by_hand():
    # rank sums 5, 6, 7 around 6: S = 2; W = 12 * 2 / (3^2 (3^3 - 3)) = 1/9
    ranks = pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2], "c": [1, 3, 2]})
    assert concordance(ranks)["W"] == pytest.approx(1 / 9)
    # a task that ranks all alike says nothing
    assert np.isnan(concordance(pd.DataFrame({"a": [2, 2, 2], "b": [2, 2, 2]}))["W"])
    assert np.isnan(concordance(ranks[["a"]])["p_chi2"])


def test_diverged_runs_are_counted_with_an_interval():
    best = best_scores(evaluation_scores(*tidy([[0.5], [0.8], [], [0.56]], accuracy=False)))
    found = diverged_share(best, pd.Series({"mrpc": 0.55})).iloc[0]
    # .5 and .56 lie within .02 of the guess or below, and one has no score
    assert (found["n_diverged"], found["n"], found["n_missing"]) == (3, 4, 1)
    # Wilson's interval of 3 of 4
    assert (found["low"], found["high"]) == pytest.approx((0.30064, 0.95441), abs=1e-4)


@pytest.mark.parametrize(
    ("task", "wi", "do", "total"),
    [("mrpc", 0.0575, 0.0594, 0.0608), ("rte", 0.0659, 0.0668, 0.0689)],
)
def test_table_3_from_the_recovered_matrices(recovered, task, wi, do, total):
    found = aggregated_deviations(recovered[task])
    printed = {name: round(found[name], 4) for name in ("wi", "do", "total")}
    assert printed == {"wi": wi, "do": do, "total": total}


@pytest.mark.parametrize(
    ("task", "factor", "statistic", "naive", "calibrated", "anova", "share"),
    [
        ("mrpc", "wi", 29.26, 2.0e-6, 0.002, 2.5e-5, 0.06),
        ("mrpc", "do", 7.57, 8.3e-3, 0.59, 0.26, 0.01),
        ("rte", "wi", 15.34, 2.8e-4, 0.070, 0.0026, 0.04),
        ("rte", "do", 9.64, 3.2e-3, 0.34, 0.086, 0.02),
    ],
)
def test_table_4_from_the_recovered_matrices(
    recovered, task, factor, statistic, naive, calibrated, anova, share
):
    found = best_against_worst(recovered[task], factor)
    exact = task == "rte"  # MRPC's scores are known within .0003
    assert found["F"] == pytest.approx(statistic, abs=0.006 if exact else 0.03)
    assert float(f"{found['p_naive']:.1e}") == pytest.approx(naive)
    error = 4 * (calibrated * (1 - calibrated) / 10_000) ** 0.5
    assert found["p_calibrated"] == pytest.approx(
        calibrated, abs=error + 0.0006 + 0.01 * (not exact)
    )
    assert 0.94 < found["p_naive_below_5"] < 0.98
    table = variance_analysis(recovered[task]).set_index("factor")
    assert table.loc[factor, "p"] == pytest.approx(anova, rel=0.03)
    assert round(table.loc[factor, "share"], 2) == share
