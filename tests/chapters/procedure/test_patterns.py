"""Which hyperparameter to fix: the paper's own case, and tests worked by hand."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.procedure.patterns import (
    choose_hyperparameter,
    hyperparameter_patterns,
    published_patterns,
)
from repro.published import published_overfitting_trials
from repro.stats.overfitting import SEARCHED, compare_with_grid
from repro.tuning.spaces import search_space

CANDIDATES = [name for name in SEARCHED if name != "learning_rate"]


DOMAINS = {f"{f}-base": search_space(f, epochs=3).domains for f in ("electra", "roberta")}


@pytest.fixture(scope="module")
def published():
    return published_patterns()


def by_name(patterns):
    return patterns.set_index("hyperparameter")


def test_electra_points_to_warm_up(published):
    # All 9 of Table 8's runs lie below 0.1, the middle of (0, 0.2): p = 2 / 2**9, times 5 looks.
    patterns = published["electra-base"]
    assert choose_hyperparameter(patterns, CANDIDATES)["hyperparameter"] == "warmup_ratio"
    warmup = by_name(patterns).loc["warmup_ratio"]
    assert (warmup["n_runs"], warmup["n_lower"], warmup["n_tasks"]) == (9, 9, 3)
    assert warmup["p_sign"] == pytest.approx(2 / 2**9)
    assert warmup["p_holm"] == pytest.approx(5 * 2 / 2**9)
    assert (patterns["p_holm"].dropna() > 0.05).sum() == 4


def test_robertas_warm_up_is_no_pattern_and_its_hidden_dropout_a_weak_one(published):
    patterns = by_name(published["roberta-base"])
    warmup, dropout = patterns.loc["warmup_ratio"], patterns.loc["hidden_dropout"]
    assert (warmup["n_lower"], warmup["n_higher"]) == (8, 5)
    # P(X >= 8) for 13 fair coins is 2380 / 8192
    assert warmup["p_sign"] == pytest.approx(2 * 2380 / 8192)
    assert (dropout["n_lower"], dropout["n_higher"]) == (11, 2)
    assert dropout["p_sign"] == pytest.approx(2 * 92 / 8192)
    assert dropout["p_holm"] > 0.05


def test_one_sided_spaces_have_no_test(published):
    # ELECTRA's weight decay cannot lie below 0, RoBERTa's batch size not below 16.
    assert np.isnan(by_name(published["electra-base"]).loc["weight_decay", "p_sign"])
    assert np.isnan(by_name(published["roberta-base"]).loc["batch_size", "p_sign"])


def test_the_null_is_a_draw_from_the_space():
    # (0, 0.3) around 0.1: a third lies below, so 4 of 12 below is what one expects.
    rows = pd.DataFrame({"weight_decay": [0.1] + [0.05] * 4 + [0.2] * 8})
    rows = rows.assign(model="roberta-base", task="rte", method="rs", repetition=range(13))
    rows = rows.assign(is_grid=rows["repetition"] == 0)
    rows = rows.reindex(columns=[*rows, *[h for h in SEARCHED if h not in rows]])
    found = hyperparameter_patterns(compare_with_grid(rows), DOMAINS["roberta-base"])
    found = found.set_index("hyperparameter").loc["weight_decay"]
    assert found["expected_lower"] == pytest.approx(4)
    assert found["p_sign"] == 1.0


def make_incumbents(shift, *, n=12, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"task": ["rte", "cola"] * n, "verdict": (["overfits"] * 2 + ["no"] * 2) * (n // 2)}
    )
    values = rng.normal(size=2 * n) + shift * (frame["verdict"] == "overfits")
    return frame.assign(**dict.fromkeys(SEARCHED, 0.1)).assign(warmup_ratio=values)


@pytest.mark.parametrize(("shift", "low", "high"), [(-3.0, 0.0, 0.01), (0.0, 0.05, 1.0)])
def test_permutations_compare_with_runs_that_do_not_overfit(shift, low, high):
    rows = compare_with_grid(
        published_overfitting_trials("electra-base").assign(model="electra-base")
    )
    runs = {"incumbents": make_incumbents(shift)}
    found = [hyperparameter_patterns(rows, DOMAINS["electra-base"], **runs) for _ in range(2)]
    p = [table.set_index("hyperparameter")["p_permutation"] for table in found]
    assert low < p[0]["warmup_ratio"] < high
    assert np.isnan(p[0]["hidden_dropout"])  # all equal: nothing to permute
    pd.testing.assert_series_equal(p[0], p[1])


def test_without_any_overfitting_run_there_is_nothing_to_choose():
    rows = compare_with_grid(
        published_overfitting_trials("electra-base").query("is_grid").assign(model="electra-base")
    )
    found = hyperparameter_patterns(rows, DOMAINS["electra-base"])
    assert (found["n_runs"] == 0).all()
    with pytest.raises(ValueError, match="a hyperparameter to fix must be among"):
        choose_hyperparameter(found, CANDIDATES)
