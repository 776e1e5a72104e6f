"""Importance, slices, edges of ranges, and Holm's correction."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest

from repro.stats.sensitivity import edge_of_range, importance, slices
from repro.tuning.spaces import Choice, LogUniform, SearchSpace, Uniform, WholeNumber
from varied_trials import DEGENERATE, NAMES, make_trials, random_trials


def test_importance_sees_a_hump_and_no_noise():
    table = random_trials(lambda a, b, c, noise: -(a**2) + 0.01 * noise)
    found = importance(table, names=[*NAMES, "epochs"]).set_index("hyperparameter")
    assert found.loc["learning_rate", "share"] > 0.9 > 0.3 > found.loc["weight_decay", "share"]
    assert (found["low"] <= found["share"]).all() and (found["share"] <= found["high"]).all()
    assert "epochs" not in found.index  # it did not vary
    both = pd.concat([table, table.assign(method="grid")])
    assert importance(both, names=NAMES)["method"].tolist() == ["grid"] * 3 + ["rs"] * 3
    assert importance(both, names=NAMES, by=())["n"].tolist() == [160] * 3


def test_the_importance_of_a_full_table_by_hand():
    # ranks of 1, 2, 3, 4 on a 2 x 2 table, each four times: additive, b twice as strong as a;
    # sums of squares of the ranks 2.5, 6.5, 10.5, 14.5: a 64, b 256
    rows = [
        {"learning_rate": 1 + a, "weight_decay": b, "validation_score": 1.0 + a + 2 * b}
        for a in (0, 1)
        for b in (0, 1)
        for _ in range(4)
    ]
    shares = importance(make_trials(rows), names=["learning_rate", "weight_decay"])["share"]
    assert shares.tolist() == pytest.approx([0.2, 0.8])


def test_slices_by_hand():
    scores = {1e-5: [0.5, 0.7], 2e-5: [0.8, 0.8]}
    rows = [
        {"learning_rate": rate, "validation_score": s, "weight_decay": 0.1 * n}
        for n, (rate, s) in enumerate((r, s) for r, values in scores.items() for s in values)
    ]
    found = slices(make_trials(rows), names=["learning_rate", "weight_decay"], n_bins=2)
    grid, binned = found.iloc[:2], found.iloc[2:]
    assert grid["at"].tolist() == [1e-5, 2e-5] and grid["mean"].tolist() == [0.6, 0.8]
    # mean .6 of .5 and .7: half-width t(1, .975) * .1 = 12.706 * .1
    assert grid["low"].iloc[0] == pytest.approx(0.6 - 1.2706, abs=1e-4)
    assert binned["left"].tolist() == pytest.approx([0.0, 0.2])
    assert binned["n"].tolist() == [2, 2]


SPACE = SearchSpace(
    name="full",
    family="f",
    domains={
        "learning_rate": LogUniform(1e-5, 1e-3),
        "weight_decay": Uniform(0.0, 0.1),
        "warmup_steps": WholeNumber(0, 500),
        "batch_size": Choice((16, 32, 64)),
        "hidden_dropout": Choice((0.1,)),
    },
    fixed={},
)


def test_edges_by_hand():
    best = {"learning_rate": 1e-4, "weight_decay": 0.099, "warmup_steps": 14, "batch_size": 64}
    rows = [best | {"hidden_dropout": 0.1, "validation_score": 0.9}]
    rows += [best | {"weight_decay": 0.05, "validation_score": 0.9}]  # ties with the first: later
    rows += [best | {"validation_score": 0.1}] * 18
    table = make_trials(rows).sample(frac=1, random_state=1)
    found = edge_of_range(table, space=SPACE).set_index("hyperparameter")
    assert found["position"].tolist()[:4] == pytest.approx([0.5, 0.99, 0.028, 1.0])
    assert found["edge"].tolist() == ["", "upper", "lower", "upper", ""]
    # 0 to 25 and 475 to 500 of 501 whole numbers; two of three values
    chances = found["by_chance"].tolist()
    assert chances[:4] == pytest.approx([0.1, 0.1, 52 / 501, 2 / 3]) and np.isnan(chances[4])
    assert found.loc["weight_decay", ["tenth_low", "tenth_high"]].tolist() == [0.5, 0.99]
    assert found.loc["weight_decay", "tenth_share"] == 0.5
    assert found.loc["weight_decay", "advice"] == "at the upper end: widen upwards"
    assert found.loc["warmup_steps", "advice"] == "at the lower end, which is 0: nothing to widen"
    assert found.loc["learning_rate", "advice"].startswith("inside")
    assert found.loc["hidden_dropout", "advice"].startswith("one value")


ANALYSES = {
    "importance": partial(importance, names=NAMES),
    "slices": partial(slices, names=NAMES),
    "edges": partial(edge_of_range, space=SPACE),
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
