"""Contrasts of scores: repetitions vary, and the examples that they share."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.contrasts import EXAMPLES, RUNS, judge_contrast, on_each, score_table
from repro.stats.decisions import above, runs_needed
from repro.stats.rules import from_error, undecidable

COLUMNS = {"columns": ["method"], "by": "repetition", "split": "test"}


def trials():
    rows = [
        {"trial_id": f"{m}{r}", "method": m, "repetition": r, "test_score": s + r / 100}
        for m, s in (("a", 0.7), ("b", 0.5))
        for r in (1, 2)
    ]
    return pd.DataFrame(rows)


def predictions(**columns):
    """Four examples of test, all of class 1, and one of validation."""
    frame = pd.DataFrame({"split": ["test"] * 4 + ["validation"], "label": 1})
    return frame.assign(**{k: [*values, 0] for k, values in columns.items()})


RIGHT = {"a1": [1, 1, 1, 0], "a2": [1, 1, 0, 0], "b1": [1, 0, 0, 0], "b2": [1, 0, 0, 1]}


def test_scores_and_shares_of_right_answers_stand_side_by_side():
    table = score_table(trials(), predictions(**RIGHT), **COLUMNS)
    assert table.loc[RUNS, "a"].tolist() == pytest.approx([0.71, 0.72])
    assert table.loc[EXAMPLES, "a"].tolist() == [1, 1, 0.5, 0]
    assert table.loc[EXAMPLES, "b"].tolist() == [1, 0, 0, 0.5]


def test_a_contrast_has_the_error_of_repetitions_and_of_examples():
    values, shares = [0.1, 0.2, 0.3, 0.1, 0.2], [1.0, 0.0, 0.5, 0.5]
    parts = {RUNS: pd.Series(values), EXAMPLES: pd.Series(shares)}
    found = judge_contrast(pd.concat(parts), above())
    # sd .0837 / sqrt(5); sd of 1, 0, .5, .5 is sqrt(1/6), / sqrt(4)
    assert found.spread.error == pytest.approx(np.sqrt(0.007 / 5))
    assert found.spread.shared == pytest.approx(np.sqrt(1 / 6) / 2)
    assert found.value == pytest.approx(0.18) and found.reason == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "2 repetitions, fewer than 5"),
        ({"label": -1}, "2 repetitions, fewer than 5"),
        ({"test_score": np.nan}, "2 of 2 runs have no score"),
    ],
)
def test_what_is_missing_decides_nothing(change, reason):
    rows = trials().assign(**{k: v for k, v in change.items() if k == "test_score"})
    found = predictions(**RIGHT).assign(**{k: v for k, v in change.items() if k == "label"})
    table = score_table(rows, found, **COLUMNS)
    estimate = judge_contrast(table["a"] - table["b"], above())
    assert estimate.reason == reason and estimate.p == 1


def test_without_predictions_the_error_is_unknown():
    many = pd.concat([trials().assign(repetition=lambda t, i=i: 2 * i + t["repetition"])
                      for i in range(3)])  # fmt: skip
    many["test_score"] += np.linspace(0, 0.05, 12)
    for known in (pd.DataFrame(), predictions(a1=[1, 1, 1, 0])):
        table = score_table(many, known, **COLUMNS)
        found = judge_contrast(table["a"] - table["b"], above())
        assert "own error is not known" in found.reason
        assert runs_needed(found).startswith("unknown: ")


def test_a_task_that_is_unknown_keeps_a_claim_from_holding_but_not_from_failing():
    good, bad = (from_error(v, 0.1, above(), n=9, units="runs") for v in (1.0, -1.0))
    unknown = undecidable("no runs", above())
    assert on_each({"rte": good, "mrpc": good}).p_for < 0.001
    found = on_each({"rte": good, "mrpc": unknown})
    assert found.p == 1 and "no runs" in found.reason and found.reason.startswith("MRPC")
    assert on_each({"rte": bad, "mrpc": unknown}).p_against < 0.001
