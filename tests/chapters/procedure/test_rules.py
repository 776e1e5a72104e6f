"""Figure 1 as a state machine: decisions worked by hand, the published example, bad input."""

import pandas as pd
import pytest

from repro.chapters.procedure.rules import (
    Ladder,
    Rule,
    Setting,
    decide,
    judge_rounds,
    paths_of,
    replay,
    replay_options,
)
from repro.published import published_rounds

GRID = (0.80, 0.70, 0.50)  # validation score, test score, validation loss
LADDER = Ladder(("full", "s-wr", "smin"), (1.0, 4.0))


def rounds(*repetitions, grid=GRID, number=0):
    """Return a grid search and one round; a repetition is (validation, test, loss)."""
    names = ["validation_score", "test_score", "validation_loss"]
    frame = pd.DataFrame([grid, *repetitions], columns=names, dtype=float)
    n = len(repetitions)
    return frame.assign(
        model="electra",
        task="rte",
        method=["grid"] + ["rs"] * n,
        round=[float("nan")] + [number] * n,
        action="start",
        repetition=[0, *range(1, n + 1)],
    )


def decision(*repetitions, setting=("full", 1.0), rule=None):
    rule = rule or Rule()
    return decide(
        judge_rounds(rounds(*repetitions), rule), Setting(*setting), ladder=LADDER, rule=rule
    )


ABOVE, BELOW = (0.82, 0.72, 0.4), (0.78, 0.72, 0.4)
OVERFITS, TIE = (0.82, 0.68, 0.4), (0.80, 0.68, 0.4)


@pytest.mark.parametrize(
    ("repetitions", "setting", "action", "following"),
    [
        ((ABOVE, ABOVE, ABOVE), ("full", 1.0), "succeeds", None),
        ((ABOVE, ABOVE, OVERFITS), ("full", 1.0), "reduce_space", Setting("s-wr", 1.0)),
        ((ABOVE, OVERFITS), ("s-wr", 4.0), "reduce_space", Setting("smin", 4.0)),
        ((ABOVE, OVERFITS), ("smin", 1.0), "overfits", None),
        # Weak: equal on validation, lower on test, with a lower validation loss.
        ((TIE, ABOVE), ("full", 1.0), "reduce_space", Setting("s-wr", 1.0)),
        (((0.80, 0.68, 0.6), ABOVE), ("full", 1.0), "more_budget", Setting("full", 4.0)),
        ((BELOW, BELOW), ("s-wr", 1.0), "more_budget", Setting("s-wr", 4.0)),
        ((BELOW, BELOW), ("full", 4.0), "tbd", None),
        # One far above on both and one below: the means decide, (0.88 + 0.78) / 2 > 0.80.
        (((0.88, 0.74, 0.4), BELOW), ("full", 1.0), "succeeds", None),
        # Means that equal grid search's do not outperform it.
        ((GRID, GRID), ("full", 4.0), "tbd", None),
    ],
)
def test_decisions(repetitions, setting, action, following):
    found = decision(*repetitions, setting=setting)
    assert (found.action, found.next) == (action, following)


def test_rules_change_decisions():
    assert decision(TIE, ABOVE, rule=Rule(weak="off")).action == "more_budget"
    assert decision((0.80, 0.68, 0.6), ABOVE, rule=Rule(weak="tie")).action == "reduce_space"
    mixed = ((0.88, 0.74, 0.4), BELOW)
    assert decision(*mixed, rule=Rule(outperforms="every")).action == "more_budget"
    low_test = ((0.88, 0.70, 0.4), (0.80, 0.70, 0.6))  # test means tie
    assert decision(*low_test).action == "more_budget"
    assert decision(*low_test, rule=Rule(outperforms="validation")).action == "succeeds"


def test_reasons_say_which_repetition_and_by_how_much():
    assert decision(ABOVE, OVERFITS).reason == "1 of 2 overfit: rep 2 (validation +2.0, test -2.0)"
    assert "rep 1 weakly (validation +0.0, test -2.0)" in decision(TIE).reason
    assert decision(BELOW, setting=("full", 4.0)).reason.endswith("; 4 GST is the most")
    assert decision(OVERFITS, setting=("smin", 1.0)).reason.endswith("; smin cannot be reduced")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (rounds(ABOVE).query("method != 'grid'"), "electra/rte must have a grid search"),
        (
            rounds(ABOVE, (float("nan"), 0.7, 0.4)),
            "`validation_score` of electra/rte/rs, round 0,",
        ),
        (rounds((0.82, float("nan"), 0.4)), "`test_score` of .*repetition 1 must be a number"),
        (rounds(ABOVE, grid=(0.8, float("nan"), 0.5)), "`grid_test_score` of electra/rte"),
        (rounds((0.8, 0.68, float("nan"))), "validation losses of electra/rte/rs.*`weak` 'tie'"),
    ],
)
def test_missing_numbers_are_refused_by_cell(frame, message):
    with pytest.raises(ValueError, match=message):
        judge_rounds(frame, Rule())


def test_unequal_repetitions_are_refused_by_cell():
    later = [rounds(*[ABOVE] * n, number=r).iloc[1:] for r, n in ((1, 2), (2, 3))]
    frame = pd.concat([rounds(ABOVE, ABOVE, ABOVE), *later])
    with pytest.raises(ValueError, match="3 repetitions .* electra/rte/rs, round 1 has 2"):
        judge_rounds(frame, Rule())


def test_the_papers_example_is_replayed(trace):
    # Table 4 and sec. 5.2: more budget, overfitting, weak overfitting, overfitting in Smin.
    rows = trace[(trace[["model", "task", "method"]] == ["electra-base", "rte", "rs"]).all(axis=1)]
    assert rows["decision"].tolist() == ["more_budget", "reduce_space", "reduce_space", "overfits"]
    assert rows["space"].tolist() == ["full", "full", "s-wr", "smin"]
    assert rows["budget_gst"].tolist() == [1, 4, 4, 4]
    assert rows[["n_overfits", "n_weak"]].to_numpy().tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]


def test_the_replay_says_why_two_paths_differ(trace):
    paths = paths_of(trace)
    assert (len(paths), paths["agrees"].sum()) == (22, 20)
    odd = trace[~trace["agrees"]]
    assert set(odd["task"]) == {"wnli", "cola"}
    assert set(odd["decision"]) == {"more_budget"}
    assert set(odd["published"]) == {"reduce_space"}
    assert odd["reason"].str.startswith("no repetition overfits; mean minus grid").all()


def test_the_order_of_rows_is_irrelevant(verdicts):
    tables = published_rounds()
    shuffled = tables.sample(frac=1, random_state=0).sort_values("round", kind="stable")
    keys = ["model", "task", "method", "round"]
    traces = [replay(t, verdicts).sort_values(keys) for t in (tables, shuffled)]
    columns = [*keys, "decision", "n_overfits", "agrees"]
    pd.testing.assert_frame_equal(*(t[columns].reset_index(drop=True) for t in traces))


def test_other_readings_of_the_rule_walk_fewer_paths(verdicts):
    options = replay_options(published_rounds(), verdicts).set_index("rule")
    assert options.loc["as above"].tolist() == [20, 22]
    assert (options["n_as_printed"] <= 20).all()
    assert options.loc["no weak overfitting", "n_as_printed"] < 20
