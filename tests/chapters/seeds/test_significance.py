"""Do seeds differ? The paper's test, its calibration, and the concordance of tasks."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.analysis import components_by_task
from repro.chapters.seeds.significance import best_against_worst, concordance, seed_tests
from seed_scores import matrix


def test_best_against_worst_by_hand():
    # best row (5, 7), worst (1, 3): means 6 and 2, F = 2 * 2^2 * 2 / (4 / 2) = 8, 1 and 2 degrees
    grid = matrix([[1, 3], [2, 6], [5, 7]])
    found = best_against_worst(grid, "wi", n_shuffles=2000)
    assert found["F"] == pytest.approx(8)
    assert found["p_naive"] == pytest.approx(1 - (8 / 10) ** 0.5)  # Student's t with 2 degrees
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


def test_a_factor_is_found_beside_a_stronger_one():
    # standard deviations of WI .5, of DO 2, of the rest 1: the two-way F test finds WI in about
    # three of four cases, shuffles of all cells in one of a hundred
    rng, found = np.random.default_rng(0), []
    for _ in range(40):
        wi, do = 0.5 * rng.normal(size=(10, 1)), 2 * rng.normal(size=(1, 10))
        grid = matrix(rng.normal(size=(10, 10)) + wi + do)
        found.append(best_against_worst(grid, "wi", n_shuffles=199)["p_calibrated"] <= 0.05)
    assert np.mean(found) > 0.4


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_scores_that_are_all_alike_or_lost_have_no_test(value):
    found = best_against_worst(matrix(np.full((3, 3), value)), "do")
    assert np.isnan([found["F"], found["p_naive"], found["p_calibrated"]]).all()
    assert found["n_missing"] == (9 if np.isnan(value) else 0)


def test_holes_stay_where_they_are_and_are_counted():
    grid = matrix([[1, 3, 2], [2, 6, 4], [5, 7, np.nan]])
    found = best_against_worst(grid, "wi", n_shuffles=99)
    # best row (5, 7), worst (1, 3, 2): means 6 and 2, squares within 2 + 2 with 3 degrees
    assert found["F"] == pytest.approx((6 - 2) ** 2 * (2 * 3 / 5) / (4 / 3))
    assert found["n_missing"] == 1


def test_each_factor_is_tested_on_each_task():
    rng = np.random.default_rng(0)
    grids = {task: matrix(rng.normal(size=(4, 5))) for task in ("rte", "cola")}
    components = components_by_task(grids)
    found = seed_tests(grids, components)
    assert found[["factor", "task"]].to_numpy().tolist() == [
        ["wi", "rte"], ["wi", "cola"], ["do", "rte"], ["do", "cola"],
    ]  # fmt: skip
    row = found.iloc[3]
    assert row["p_calibrated"] == best_against_worst(grids["cola"], "do")["p_calibrated"]
    anova = components[(components["task"] == "cola") & (components["factor"] == "do")]
    assert row["p_anova"] == anova["p"].item()


def test_concordance_by_hand():
    # rank sums 5, 6, 7 around 6: S = 2; W = 12 * 2 / (3^2 (3^3 - 3)) = 1/9
    ranks = pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2], "c": [1, 3, 2]})
    assert concordance(ranks)["W"] == pytest.approx(1 / 9)
    # a task that ranks all alike says nothing
    assert np.isnan(concordance(pd.DataFrame({"a": [2, 2, 2], "b": [2, 2, 2]}))["W"])
    assert np.isnan(concordance(ranks[["a"]])["p_shuffles"])


def test_tasks_that_agree_are_told_from_chance():
    found = concordance(pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}))
    assert found["W"] == pytest.approx(1)
    # both tasks in the same of 3! orders: one in six
    assert found["p_shuffles"] == pytest.approx(1 / 6, abs=0.02)
    assert found["n_seeds"] == 3
