"""Correlations of validation and test scores: Table 7, all trials, what was printed."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.resplit.analysis import (
    correlate,
    correlations,
    published_correlations,
    row_correlations,
    top_trials,
)
from repro.chapters.resplit.claims import resplit_claims
from repro.published import load_published
from synthetic_study import make_study


def make_trials(validation, test, **more):
    n = len(validation)
    columns = {"split": "official", "model": "m", "task": "rte", "repetition": 1}
    columns |= {"run_id": "m/rte/rs", "trial": range(n)} | more
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
    found = correlate([1, 2, 3, 4], [1, 2, 3, 0])
    assert found["pearson"] == pytest.approx(-0.2)
    assert found["pearson_p"] == pytest.approx(0.8)
    # the ranks of y are 2, 3, 4, 1: the same numbers up to a constant
    assert found["spearman"] == pytest.approx(-0.2)
    assert found["n"] == 4


@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, np.nan], [1, 2, 3])]
)
def test_too_few_or_constant_scores_have_no_correlation(x, y):
    found = correlate(x, y)
    assert np.isnan([found[name] for name in ("pearson", "pearson_p", "spearman")]).all()


def test_row_correlations_are_scipy_s():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 5, 7))
    x[4] = 3.0
    expected = [correlate(a, b)["pearson"] for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(row_correlations(x, y), expected)


def test_intervals_hold_the_point_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    validation = rng.normal(size=40)
    trials = make_trials(validation, validation + rng.normal(size=40))
    found = correlations(trials, ["split", "task"], seed=1)
    assert (found["low"] < found["pearson"]).all() and (found["pearson"] < found["high"]).all()
    np.random.seed(0)
    shuffled = correlations(trials.sample(frac=1, random_state=3), ["split", "task"], seed=1)
    pd.testing.assert_frame_equal(found, shuffled)
    assert np.isnan(correlations(trials.head(4), ["task"])["low"]).all()


def test_what_the_paper_prints_does_not_give_what_it_states():
    found = published_correlations(load_published("liu_wang_2021_table07")).set_index("partition")
    # the values of the facts on this paper: -0.316 and 0.801
    assert found.loc["origin", "pearson"] == pytest.approx(-0.316, abs=5e-4)
    assert found.loc["resplit", "pearson"] == pytest.approx(0.801, abs=5e-4)
    assert (found["stated"] - found["pearson"]).abs().min() > 0.1
    # the stated p-values do belong to the stated r at n = 4: p = 1 - |r|
    np.testing.assert_allclose(found["stated_p"], 1 - found["stated"].abs(), atol=2e-3)
    assert (found["lowest"] < found["pearson"]).all() and (
        found["pearson"] < found["highest"]
    ).all()


def claims_of(official, resplit, **more):
    keys = {"model": "m", "task": "rte"}
    rows = [keys | {"split": s, "repetition": i, "pearson": r}
            for s, values in (("official", official), ("resplit", resplit))
            for i, r in enumerate(values)]  # fmt: skip
    shifts = [keys | {"task": t, "shift": s, "pearson": r}
              for t in ("rte", "cola") for s, r in more.get("shifts", {}).items()]  # fmt: skip
    grid = make_study(methods=("grid",), repetitions=1).trials
    return [row["agrees"] for row in resplit_claims(pd.DataFrame(rows), pd.DataFrame(shifts), grid)]


def test_claims_agree_only_where_intervals_decide():
    # all below 0, all above 0, all differences above 0, and a fall of r on both tasks
    agrees = claims_of([-0.5, -0.4, -0.3], [0.5, 0.6, 0.7], shifts={0.0: 0.9, 1.0: 0.2})
    assert agrees[:4] == [True, True, True, True]
    agrees = claims_of([0.5, 0.4, 0.3], [-0.5, -0.6, -0.7], shifts={0.0: 0.2, 1.0: 0.9})
    assert agrees[:4] == [False, False, False, False]
    assert claims_of([0.5, -0.4], [-0.5, 0.6])[:4] == [None, None, None, None]
    assert claims_of([np.nan, np.nan], [np.nan, np.nan])[:3] == [None, None, None]
    assert agrees[4] in (True, None)  # on validation the best checkpoint cannot lose
