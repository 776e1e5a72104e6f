"""Products of hyperparameters beside additive models of ranks."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest

from repro.stats.interactions import PARTS, interactions, variation_parts
from varied_trials import DEGENERATE, NAMES, make_trials, random_trials


def test_a_product_is_told_from_a_sum():
    table = random_trials(lambda a, b, c, noise: a * b + 0.2 * noise)
    found = interactions(table, names=NAMES)
    told = found.set_index(["first", "second"])["p_holm"] < 0.05
    assert told.tolist() == [True, False, False]
    assert found.loc[0, "share"] > 0.4
    parts = variation_parts(table, names=NAMES).set_index("part")
    assert parts.loc["interactions", "p"] < 0.01 < 0.05 < parts.loc["main effects", "p"]
    assert parts.loc[PARTS[-1], "low"] > 0
    assert parts["share"].iloc[:3].sum() == pytest.approx(1.0)
    pd.testing.assert_frame_equal(found, interactions(table, names=NAMES))


def test_a_sum_has_no_interaction():
    table = random_trials(lambda a, b, c, noise: a + b**2 + 0.3 * noise)
    assert (interactions(table, names=NAMES)["p_holm"] > 0.05).all()
    parts = variation_parts(table, names=NAMES).set_index("part")
    assert parts.loc["main effects", "p"] < 0.01
    assert parts.loc[PARTS[-1], "high"] < 0


def test_shares_are_those_of_least_squares():
    table = random_trials(lambda a, b, c, noise: a + a * b + noise, n=25)
    x, y = (table[names].rank().to_numpy() for names in (NAMES[:2], "validation_score"))
    additive = np.column_stack([np.ones(25), x, x**2])
    left = [
        np.linalg.lstsq(design, y)[1].item() / ((y - y.mean()) ** 2).sum()
        for design in (additive, np.column_stack([additive, x[:, 0] * x[:, 1]]))
    ]
    found = interactions(table, names=NAMES[:2], n_shuffles=9)
    assert found["share"].item() == pytest.approx(left[0] - left[1])
    # adjusted for five and six coefficients
    main, both = 1 - left[0] * 24 / 20, 1 - left[1] * 24 / 19
    shares = variation_parts(table, names=NAMES[:2], n_shuffles=9)["share"]
    assert shares.tolist() == pytest.approx([main, both - main, 1 - both, both - 2 * main])


def test_p_values_of_noise_are_calibrated():
    table, rng = random_trials(lambda *x: x[3], n=30), np.random.default_rng(1)
    tables = [table.assign(validation_score=rng.normal(size=30)) for _ in range(30)]
    p = [interactions(noise, names=NAMES[:2], n_shuffles=99) for noise in tables]
    # binomial(30, .1): more than 8 with probability .002
    assert (pd.concat(p)["p"] <= 0.1).sum() <= 8


def test_p_values_of_no_interaction_are_calibrated():
    # 3 products beside 7 terms of the additive model: residuals are far fewer than trials
    rng = np.random.default_rng(0)
    tables = [random_trials(lambda *x: rng.normal(size=20), n=20, seed=s) for s in range(60)]
    p = [variation_parts(table, names=NAMES, n_shuffles=99)["p"].iloc[1] for table in tables]
    # binomial(60, .1): more than 12 with probability .005
    assert sum(value <= 0.1 for value in p) <= 12


def test_the_parts_of_a_full_table_by_hand():
    # a sum of two columns on a 2 x 2 table explains all, their product nothing
    rows = [
        {"learning_rate": 1 + a, "weight_decay": b, "validation_score": 1.0 + a + 2 * b}
        for a in (0, 1)
        for b in (0, 1)
        for _ in range(4)
    ]
    parts = variation_parts(make_trials(rows), names=["learning_rate", "weight_decay"])
    assert parts["share"].tolist() == pytest.approx([1, 0, 0, -1])
    assert parts["p"].isna().tolist() == [False, True, True, True]  # nothing is left to explain


ANALYSES = {
    "interactions": partial(interactions, names=NAMES, n_shuffles=20),
    "parts": partial(variation_parts, names=NAMES, n_shuffles=20),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("analysis", ANALYSES)
def test_degenerate_trials_give_no_false_numbers(analysis, name):
    table = make_trials(DEGENERATE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ANALYSES[analysis](table)
    assert len(result.columns) > 3
    assert not np.isinf(result.select_dtypes("number").to_numpy(float)).any()
    if "share" in result:
        assert result["share"].isna().all()
