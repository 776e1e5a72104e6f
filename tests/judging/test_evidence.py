"""By hand, and simulated: how often what is called 95 % is wrong."""

import math

import numpy as np
import pandas as pd
import pytest

from repro.judging import evidence
from repro.judging.trials import Trials


def table_of(groups, rng=None):
    """Return a table of configurations from the scores of their repetitions."""
    rows = [
        {"configuration": i, "n": len(g), "score": np.mean(g),
         "variance": np.var(g, ddof=1) if len(g) > 1 else np.nan}
        for i, g in enumerate(groups)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def trials_of(frame):
    names = tuple(frame.columns)[:-1]
    rest = {"status": "completed", "test_score": np.nan, "trial": frame.index.astype(str)}
    rest["configuration"] = range(len(frame))
    return Trials(frame.assign(**rest), names, "score")


def test_the_incumbents_interval_by_hand():
    # repetitions (1, 3), (2, 4), (5, 7): variances 2, pooled 2 on 3 degrees of freedom; the best
    # mean is 6 with error sqrt(2 / 2) = 1. Above: t(.975; 3) = 3.1824. Below, for the best of
    # three: t(.975^(1/3); 3) = t(.991596; 3) = 4.7656, from tables between 4.541 and 5.841.
    f = evidence.incumbent_score(table_of([[1, 3], [2, 4], [5, 7]]))
    assert (f.value, f.high) == (6.0, pytest.approx(6 + 3.1824, abs=1e-4))
    assert 6 - 5.841 < f.low < 6 - 4.541


def test_the_gain_by_hand():
    # over the first: 6 - 2 = 4 with error sqrt(2 (1/2 + 1/2)) = 1.4142, chosen among two others:
    # above t(.975; 3) = 3.1824, below t(sqrt(.975); 3), between 3.48 (.98) and 4.541 (.99)
    f = evidence.gain_over(table_of([[1, 3], [2, 4], [5, 7]]), 0)
    assert (f.value, f.high) == (4.0, pytest.approx(4 + 3.1824 * math.sqrt(2), abs=1e-4))
    assert 4 - 4.541 * math.sqrt(2) < f.low < 4 - 3.48 * math.sqrt(2)


def test_the_error_of_examples_widens_the_interval_by_hand():
    # error sqrt(1 + 2^2) in the place of 1
    f = evidence.incumbent_score(table_of([[1, 3], [2, 4], [5, 7]]), examples=2.0)
    assert f.high == pytest.approx(6 + 3.1824 * math.sqrt(5), abs=1e-3)


@pytest.mark.parametrize("groups", [[[1.0], [2.0], [3.0]], [[1.0, 1.0], [2.0, 2.0]]])
def test_without_a_spread_of_seeds_there_is_a_reason_and_no_interval(groups):
    for f in (
        evidence.incumbent_score(table_of(groups)),
        evidence.gain_over(table_of(groups), 0),
        evidence.seed_share(table_of(groups)),
    ):
        assert f.reason
        assert math.isnan(f.low)


def test_the_default_as_incumbent_is_no_gain():
    f = evidence.gain_over(table_of([[5, 7], [2, 4]]), 0)
    assert f.value == 0
    assert "nothing that was tried scored higher" in f.reason


@pytest.mark.parametrize(
    ("repetitions", "spread"), [([3] * 6, 0), ([5, 1, 1, 1, 1, 4], 0), ([1, 3, 3, 3, 2], 1)]
)
def test_intervals_of_what_was_chosen_err_as_seldom_as_they_say(repetitions, spread):
    # 400 searches: standard error of 5 % is 1.1 points
    rng, missed, false = np.random.default_rng(0), np.zeros(2), 0
    for _ in range(400):
        true = spread * rng.normal(size=len(repetitions))
        table = table_of([t + rng.normal(size=n) for t, n in zip(true, repetitions, strict=True)])
        best = int(table["score"].idxmax())
        gain = evidence.gain_over(table, 0)
        missed[0] += true[best] not in evidence.incumbent_score(table)
        missed[1] += not gain.reason and true[best] - true[0] not in gain
        false += not gain.reason and gain.low > 0 and true[best] <= true[0]
    assert (missed / 400 < 0.05 + 0.022).all()
    assert false / 400 < 0.025 + 0.016


@pytest.mark.parametrize("ratio", [0.0, 2.0])
def test_the_share_of_seeds_lies_in_its_interval(ratio):
    rng, missed = np.random.default_rng(1), 0
    for _ in range(400):
        groups = [rng.normal() * math.sqrt(ratio) + rng.normal(size=n) for n in [2, 3, 4, 2, 3]]
        missed += 1 / (1 + ratio) not in evidence.seed_share(table_of(groups))
    assert missed / 400 < 0.05 + 0.022


def test_the_share_of_seeds_by_hand():
    # means 2, 3, 6 of two each: their variance 4.3333 times 2 is 8.6667 between, 2 within;
    # configurations: (8.6667 - 2) / 2 = 3.3333; share of seeds 2 / 5.3333 = .375
    f = evidence.seed_share(table_of([[1, 3], [2, 4], [5, 7]]))
    assert f.value == pytest.approx(0.375)
    assert f.low < 0.375 < f.high


def test_shares_above_the_default_by_hand():
    # 2 of 3 above: Clopper and Pearson give .0943 to .9916
    f = evidence.share_above(table_of([[2], [1], [3], [4]]), 0)
    assert (f.value, f.low, f.high) == (
        pytest.approx(2 / 3),
        pytest.approx(0.0943, abs=1e-4),
        pytest.approx(0.9916, abs=1e-4),
    )


def test_overtuning_by_hand():
    # incumbents are trials 1, 2, 4 (validation .6, .7, .8) with test .5, .7, .6: lost .1 of the .2
    # gained; relative .5. The third trial is none, whatever its test score.
    table = table_of([[0.6], [0.7], [0.65], [0.8], [0.75]])
    table["test_score"] = [0.5, 0.7, 0.9, 0.6, 0.9]
    found = evidence.overtuning(table)
    assert found["absolute"] == pytest.approx(0.1)
    assert found["relative"] == pytest.approx(0.5)
    assert (found["severe"], found["n_incumbents"]) == (False, 3)
    table.loc[3, "test_score"] = 0.4  # below the first: 3 / 2 of the gain is lost
    assert evidence.overtuning(table)["relative"] == pytest.approx(1.5)
    assert evidence.overtuning(table)["severe"]
    table["test_score"] = 0.5  # nothing gained: undefined, not divided by zero
    assert math.isnan(evidence.overtuning(table)["relative"])
    table.loc[3, "test_score"] = np.nan
    assert evidence.overtuning(table) == "1 of 3 incumbents have no test score"


def draw(rng, n, slope):
    frame = pd.DataFrame({"a": rng.random(n), "b": rng.random(n), "c": rng.choice(list("xyz"), n)})
    frame["c"] = frame["c"].astype(str)
    return frame.assign(score=slope * frame["a"] + (frame["c"] == "x") * slope + rng.normal(size=n))


def test_what_explains_nothing_is_called_important_as_seldom_as_it_says():
    rng, alarms, edges, missed = np.random.default_rng(2), 0, 0, 0
    for _ in range(200):  # standard error of 5 %: 1.5 points
        trials = trials_of(draw(rng, 40, 0.0))
        found = evidence.importance(trials)
        alarms += (found["p_holm"] < 0.05).any()
        missed += (found["low"] > 0).mean()
        edges += (evidence.edges(trials, found)["edge"] != "").any()
    assert max(alarms, edges, missed) / 200 < 0.05 + 0.031


def test_what_explains_much_lies_in_its_interval():
    rng, missed = np.random.default_rng(3), np.zeros(2)
    true = evidence.importance(trials_of(draw(rng, 40_000, 2.0)), most=40_000)
    true = true.set_index("hyperparameter")["share"]
    for _ in range(200):
        found = evidence.importance(trials_of(draw(rng, 60, 2.0))).set_index("hyperparameter")
        for place, name in enumerate("ac"):
            row = found.loc[name]
            missed[place] += not row["low"] <= true[name] <= row["high"]
    assert (missed / 200 < 0.05 + 0.031).all()


def test_an_edge_is_found_where_the_best_crowd():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -2, 200), "b": rng.random(200)})
    trials = trials_of(frame.assign(score=np.log10(frame["lr"]) + 0.1 * rng.normal(size=200)))
    table = evidence.edges(trials, evidence.importance(trials)).set_index("hyperparameter")
    assert table["edge"].to_dict() == {"lr": "upper", "b": ""}


def test_a_search_that_learns_is_told_from_one_that_draws():
    rng = np.random.default_rng(5)
    alarms = sum(evidence.trend(rng.normal(size=25)) < 0.05 for _ in range(600))
    assert alarms / 600 < 0.05 + 0.018
    assert evidence.trend(np.arange(25) + rng.normal(size=25)) < 1e-6
    assert evidence.trend([1.0] * 25) == 1.0
