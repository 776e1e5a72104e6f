"""Comparing runs: pairs that agree, their mean difference and its interval."""

import pytest

from repro.explorer.brushing import SCORE
from repro.explorer.compare_tab import ALL, CompareTab, compare, describe, pair_runs
from repro.stats.incumbents import best_trials
from synthetic_study import make_study


@pytest.fixture(scope="module")
def trials():
    table = make_study(methods=["grid", "rs", "asha"], repetitions=3).trials
    return table.assign(profile="mini", split="official")


def test_pairs_agree_in_model_task_and_repetition(trials):
    pairs = pair_runs(trials, "method", ("rs", "asha"))
    keys = ["model", "task", "repetition"]
    cells = best_trials(trials).pivot(index=keys, columns="method", values=SCORE)
    assert len(pairs) == len(cells[["rs", "asha"]].dropna()) < len(cells)  # one has no score
    assert not pairs.duplicated(keys).any()
    best = best_trials(trials).query(
        "model == 'tiny-electra' and task == 'rte' and repetition == 2"
    )
    scores = best.set_index("method")[SCORE]
    row = pairs.query("model == 'tiny-electra' and task == 'rte' and repetition == 2")
    assert row["difference"].item() == pytest.approx(scores["rs"] - scores["asha"])
    models = pair_runs(trials, "model", ("tiny-electra", "tiny-roberta"))
    assert "model" not in models and len(models) == len(cells) / 2
    assert pair_runs(trials, "method", ("rs", "pbt")).empty


def test_a_difference_has_an_interval_of_each_task_and_of_all(trials):
    better = trials.assign(profile="mini")
    better.loc[better["method"] == "rs", SCORE] += 0.5
    table = compare(pair_runs(better, "method", ("rs", "asha")))
    assert table["task"].tolist()[-1] == ALL and len(table) == trials["task"].nunique() + 1
    assert (table["low"] <= table["difference"]).all() and (table["low"] > 0).all()
    assert "told from 0" in describe(table, ["RS", "ASHA"])
    assert "not told" not in describe(table, ["RS", "ASHA"])
    same = compare(pair_runs(trials.assign(**{SCORE: 0.5}), "method", ("rs", "asha")))
    assert "not told from 0" in describe(same, ["RS", "ASHA"])


def test_one_pair_has_no_interval(trials):
    one = trials.query("model == 'tiny-electra' and task == 'rte' and repetition == 1")
    text = describe(compare(pair_runs(one, "method", ("rs", "grid"))), ["RS", "grid"])
    assert "of one pair: nothing says how sure" in text


def test_the_tab_follows_its_dropdowns(trials):
    tab = CompareTab()
    tab.show(None, trials)
    assert tab.what.value == "model" and "<img alt" in tab.picture.value
    tab.what.value = "method"
    before = tab.note.value
    tab.first.value = "grid"
    assert tab.note.value != before and "95 % interval" in tab.note.value
    tab.second.value = "grid"
    assert "Choose two that differ" in tab.note.value
    tab.show(None, trials.query("method == 'rs' and model == 'tiny-electra'"))
    assert tab.what.value is None and "Choose two" in tab.note.value
