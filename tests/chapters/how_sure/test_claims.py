"""What recorded trials say of the claims: a clear case is decided, whichever way it lies."""

import pandas as pd
import pytest
from tests.chapters.how_sure.conftest import SETTINGS, make_laboratory
from tests.support.recorded_pools import make_pool

from repro.chapters.how_sure import claims, effects, paths
from repro.chapters.how_sure.laboratory import Laboratory
from repro.stats.ledger import judge


def verdicts(lab):
    means, walks = effects.world_means(lab), paths.walk_paths(lab)
    rows = judge(claims.recorded_answers(lab, means, walks))
    return rows[rows["evidence"].notna()].set_index("id")


def test_hpo_far_above_grid_search_decides_against_the_paper():
    rows = verdicts(make_laboratory(good=0.2))
    assert rows.loc["liu-grid-not-found", "verdict"] == "does not hold"
    assert rows.loc["liu-grid-not-found", "estimate"] == 100
    # RTE is recorded and contradicts it; QNLI, STS-B and SST-2 need not be known
    assert rows.loc["liu-electra-below-grid", "verdict"] == "does not hold"
    # what is claimed of RTE and QNLI cannot hold without QNLI, nor of RoBERTa without any
    assert rows.loc["liu-roberta-above-grid", "verdict"] == "undecided"


def test_hpo_far_below_grid_search_leaves_open_what_was_not_recorded():
    rows = verdicts(make_laboratory(good=-0.3, spread=0.0))
    assert rows.loc["liu-grid-not-found", "verdict"] == "holds"
    below = rows.loc["liu-electra-below-grid"]
    assert below["verdict"] == "undecided" and "QNLI: not recorded" in below["reason"]
    assert rows.loc["liu-few-trials", "verdict"] == "true by construction"


def test_real_curves_show_that_asha_may_stop_the_best():
    # The best of all starts slowly: at the first rung it is below the upper quarter.
    slow = {"validation": [0.1, 0.1, 0.1, 0.95], "test": [0.1, 0.1, 0.1, 0.95]}
    rows = [{"validation": [0.5, 0.6, 0.6, 0.7 - i / 100]} for i in range(9)]
    lab = Laboratory([], {"x": make_pool(slow, *rows)}, [], SETTINGS)
    found = {answer.claim: answer for answer in claims.real_answers(lab)}
    assert found["liu-asha-prunes-good-trials"].estimate.value == 1
    assert found["liu-setting-matters"].estimate.value >= 0.25


def test_overtuning_is_judged_over_tasks_models_counting_alike():
    rows = pd.DataFrame(
        {"pool": f"{model}, {task}", "n_trials": 16, "none": 0.6 + 0.01 * i, "slight": 0.2,
         "severe": 0.1 + 0.01 * i + (0.002 if model == "a" else -0.002)}
        for i, task in enumerate(["rte", "mrpc", "cola", "stsb", "wnli"]) for model in "ab"
    )  # fmt: skip
    found = {
        answer.claim: answer.estimate for answer in claims.overtuning_answers(rows, ["a", "b"])
    }
    none, mild, severe = found.values()
    assert (none.n, none.value) == (5, pytest.approx(0.62))
    assert mild.value == pytest.approx(0.82) and mild.p_for < 0.01
    assert severe.value == pytest.approx(0.12) and severe.p_for < 0.01
    assert all(
        "no runs" in answer.estimate.reason
        for answer in claims.overtuning_answers(rows[:0], ["a", "b"])
    )
