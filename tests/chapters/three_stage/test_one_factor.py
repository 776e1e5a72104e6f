"""One factor at a time: paired differences, ranks, and what they refuse."""

import warnings

import numpy as np
import pandas as pd
import pytest

from repro.chapters.three_stage.one_factor import (
    baseline_noise,
    candidate_values,
    one_factor_effects,
    rank_candidates,
    seed_differences,
)
from repro.chapters.three_stage.spaces import Project
from varied_trials import (
    BASELINE,
    CANDIDATES,
    DEGENERATE,
    DESIGN,
    make_trials,
    one_factor_trials,
    variation,
)


@pytest.fixture
def one_factor():
    return one_factor_trials()


def test_the_values_of_each_candidate_are_listed():
    values = candidate_values(Project("project", 3668, (32, 64, 128)))
    assert values.loc["learning rate"].tolist() == ["2e-05", "5e-05", "0.0002"]
    assert values.loc["maximum length"].tolist() == ["32", "64", "128"]
    assert list(values) == ["lower", "baseline", "higher"] and len(values) == 7


def test_effects_by_hand(one_factor):
    effects = one_factor_effects(
        seed_differences(one_factor.sample(frac=1, random_state=0), **DESIGN)
    )
    assert effects["candidate"].tolist() == list(CANDIDATES)
    assert effects["direction"].tolist() == ["higher", "higher", "lower", "higher"]
    rate, decay, dropout, epsilon = effects.to_dict("records")
    # -.10, -.11, -.09: mean -.10, sd .01; t(2, .975) = 4.3027; t = -17.32, p = .003316
    assert rate["difference"] == pytest.approx(-0.10)
    assert rate["high"] == pytest.approx(-0.10 + 4.30265 * 0.01 / np.sqrt(3), abs=1e-6)
    assert rate["p"] == pytest.approx(0.003316, abs=2e-6)
    assert (decay["n"], decay["n_failed"], decay["failed"]) == (2, 1, "m/mrpc/rs/8")
    assert np.isnan(decay["p"])  # .01 twice: no spread to judge by
    assert dropout["difference"] == pytest.approx(0.01 / 3) and dropout["value"] == 0.0
    assert (epsilon["low"], epsilon["high"], epsilon["p"]) == (0.0, 0.0, 1.0)
    # Holm over the three that have a p value
    assert rate["p_holm"] == pytest.approx(3 * rate["p"])
    assert dropout["p_holm"] == pytest.approx(1.0)


def test_a_failed_baseline_leaves_no_pair(one_factor):
    broken = one_factor.copy()
    broken.loc[broken["trial"] == 0, "status"] = "failed"
    effects = one_factor_effects(seed_differences(broken, **DESIGN)).set_index("candidate")
    assert effects["n"].tolist() == [2, 1, 2, 2]
    assert effects["n_failed"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"learning_rate": 1e-4, "weight_decay": 0.1}, "differ from it in one candidate"),
        ({"init_seed": 1, "learning_rate": 2e-4}, "once with the same seeds"),
    ],
)
def test_a_trial_of_another_design_is_refused(one_factor, changes, match):
    more = make_trials([BASELINE | {"validation_score": 0.8} | changes])
    with pytest.raises(ValueError, match=match):
        seed_differences(pd.concat([one_factor, more]), **DESIGN)


def test_a_design_without_its_baseline_is_refused(one_factor):
    with pytest.raises(ValueError, match="must be the baseline"):
        seed_differences(one_factor[one_factor["trial"] >= 3], **DESIGN)


def test_the_noise_of_the_baseline_by_hand(one_factor):
    # .80, .82, .84: sd .02; two single runs: 4.3027 * sqrt(2) * .02
    noise = baseline_noise(one_factor, baseline=BASELINE)
    assert noise["sd"] == pytest.approx(0.02)
    assert noise["band"] == pytest.approx(4.30265 * np.sqrt(2) * 0.02, abs=1e-6)
    assert noise["n"] == 3


def test_ranks_say_how_sure_they_are(one_factor):
    differences = seed_differences(one_factor, **DESIGN)
    ranks = rank_candidates(differences, top=1)
    assert ranks["candidate"].iloc[0] == "learning_rate"
    assert ranks["rank"].tolist() == [1, 2, 3, 4]
    assert ranks["top_share"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert ranks["above_noise"].tolist() == [True, False, False, False]
    pd.testing.assert_frame_equal(ranks, rank_candidates(differences, top=1))
    # of three places one each goes to the first three; epsilon's zero is never larger, but ties
    # with dropout where that is zero too, when the last seed alone is drawn (1/27)
    three = rank_candidates(differences, top=3).set_index("candidate")["top_share"]
    assert three.sum() == pytest.approx(3.0)
    assert 0 < three["adam_epsilon"] < 0.2


def test_ranks_of_noise_are_not_sure():
    rng = np.random.default_rng(3)
    rows = variation(rng.normal(0.8, 0.01, 6))
    for name in ("learning_rate", "weight_decay", "adam_epsilon"):
        rows += variation(rng.normal(0.8, 0.01, 6), **{name: 2 * BASELINE[name]})
    ranks = rank_candidates(seed_differences(make_trials(rows), **DESIGN), top=1)
    assert not ranks["above_noise"].any()
    assert ranks["top_share"].max() < 0.95
    assert ranks["top_share"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_trials_give_no_false_numbers(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        differences = seed_differences(make_trials(DEGENERATE[name]), **DESIGN)
        tables = one_factor_effects(differences), rank_candidates(differences, top=3)
    for table in tables:
        assert len(table.columns) > 3
        assert not np.isinf(table.select_dtypes("number").to_numpy(float)).any()
