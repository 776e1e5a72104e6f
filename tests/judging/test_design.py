import json

import numpy as np
import pandas as pd
import pytest

import repro
from repro.judging.design import seeds_needed, trials_needed, two_sample_power
from repro.judging.importers import read_trials


def test_seeds_by_cohens_table():
    # Cohen 1988, table 2.4.1: d = .50 needs 64 of each, d = .80 26, at 80 % power, two-sided 5 %
    assert seeds_needed(0.5, 1.0) == 64
    assert seeds_needed(0.8, 1.0) == 26
    assert two_sample_power(0.5, 1.0, 64) == pytest.approx(0.80, abs=0.005)


def test_trials_by_hand():
    # one of ten is good enough: 1 - .9^n >= .8 from n = ln .2 / ln .9 = 15.3 on
    assert trials_needed(0.9) == 16
    assert trials_needed(0.0) == 1
    assert trials_needed(1.0) == np.inf


def test_examples_by_hand():
    # accuracy .7, errors independent: they disagree on 2 x .7 x .3 = .42; (1.96 + .8416)^2 = 7.849
    # times (.42 - .03^2) / .03^2 is 3655
    found = repro.design(effect=0.03, accuracy=0.7).answers.iloc[0]
    assert found["value"] == 3655
    back = repro.design(n_validation=3655, accuracy=0.7).answers.iloc[0]
    assert back["value"] == pytest.approx(0.03, rel=1e-3)


def test_backwards_is_the_inverse():
    found = repro.design(seeds=64, sd=2.0).answers.iloc[0]
    assert found["value"] == pytest.approx(1.0, rel=0.01)


def test_promised_power_is_the_achieved_on_scores_that_built_nothing():
    # a skew pool of made-up scores in two halves, one the pilot of the other; 2,000 experiments
    rng = np.random.default_rng(0)
    pool = rng.gamma(4.0, size=800)
    pilot, rest = pool[:400], pool[400:]
    effect = 0.7 * pilot.std(ddof=1)
    n = seeds_needed(effect, pilot.std(ddof=1))
    a, b = (rng.choice(rest, (2000, n)) for _ in "ab")
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / n)
    from scipy.special import stdtrit

    found = (b.mean(axis=1) + effect - a.mean(axis=1)) / error > stdtrit(2 * n - 2, 0.975)
    assert found.mean() == pytest.approx(two_sample_power(effect, pilot.std(ddof=1), n), abs=0.05)


@pytest.mark.parametrize("model", ["deberta-base", "deberta-v3-base"])
def test_promised_trials_are_the_achieved_on_recorded_trials_that_built_nothing(model):
    scores = read_trials("deberta", where={"model": model}).frame["score"].to_numpy()
    rng, target, achieved = np.random.default_rng(0), np.quantile(scores, 0.9), []
    for _ in range(300):
        drawn = rng.permutation(scores)
        n = trials_needed((drawn[:60] < target).mean())
        if np.isfinite(n):
            achieved.append(1 - (drawn[60:] < target).mean() ** n)
    assert np.mean(achieved) == pytest.approx(0.8, abs=0.05)


def pilot(n=30, seeds=3):
    rng = np.random.default_rng(1)
    rates = np.repeat(10 ** rng.uniform(-5, -2, n), seeds)
    table = pd.DataFrame({"lr": rates, "seed": np.tile(range(seeds), n)})
    noise = rng.normal(0, 0.01, n * seeds)
    return table.assign(val_accuracy=0.9 - 0.02 * (np.log10(rates) + 3) ** 2 + noise)


def test_a_pilot_answers_with_what_it_leaves_open():
    plan = repro.design(pilot(), effect=0.005, trials=20, budget=60)
    seeds, trials, reached, split = plan.answers.to_dict("records")
    assert seeds["low"] < seeds["value"] < seeds["high"]
    assert trials["low"] <= trials["value"] <= trials["high"]
    assert 0.8 < reached["value"] < 0.95
    assert split["value"] <= 60
    assert json.loads(plan.to_json())[0]["question"] == "How many seeds?"
    assert "<table" in plan._repr_html_()
    assert plan.plot_power().get_xlabel() == "seeds of each of two configurations"


def test_repetitions_are_worth_nothing_without_noise_and_much_with_it():
    quiet = repro.design(budget=50, sd=1e-9, sd_configurations=1.0).answers.iloc[0]
    assert quiet["value"] == 50
    loud = repro.design(budget=50, sd=3.0, sd_configurations=1.0).answers.iloc[0]
    assert loud["value"] < 50


def test_an_effect_that_no_trial_reached_has_only_a_lower_end():
    found = repro.design(pilot(), effect=0.5).answers.iloc[1]
    assert found["answer"].startswith("None of 30 configurations reached")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "must ask something"),
        ({"effect": 0.01}, "must ask something"),
        ({"effect": -1, "sd": 1}, "`effect` and `cost` above 0"),
        ({"power": 1.0, "sd": 1}, "`power` must be between"),
        ({"seeds": 5}, "`seeds` must be at least 2, with `sd`"),
        ({"trials": 5}, "`trials` must come with a `pilot`"),
        ({"budget": 5, "sd": 1.0}, "`budget` must come with"),
        ({"n_validation": 5}, "`accuracy` must be a fraction"),
    ],
)
def test_what_is_missing_is_named(asked, message):
    with pytest.raises(ValueError, match=message):
        repro.design(**asked)
