"""Tables of the procedure, of the published paths."""

import pandas as pd
import pytest

from repro.chapters.procedure.patterns import published_patterns
from repro.chapters.procedure.rules import Rule, judge_rounds
from repro.chapters.procedure.tables import (
    asha_table,
    chance_table,
    describe_asha,
    describe_case,
    describe_match,
    describe_paths,
    describe_replay,
    describe_uncertainty,
    patterns_table,
    replay_table,
    rounds_table,
    table5,
    trace_table,
    uncertainty_table,
)
from repro.chapters.procedure.uncertainty import (
    describe_chance,
    published_uncertainty,
    rounds_against_chance,
)
from repro.published import published_rounds

ELECTRA, ROBERTA = "electra-base", "roberta-base"


def test_table_4_is_the_papers(judged):
    path = judged.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    table = rounds_table(path, model=ELECTRA, note="")
    cells = table.frame.set_index(("", "run"))
    assert cells.loc["grid"].tolist()[1:] == [
        "84.1", "76.8", "↑ budget", "", "↓ space", "", "↓ space", "",
    ]  # fmt: skip
    assert cells.loc["rep 1"].tolist()[3:7] == ["84.5", "74.6", "84.1", "76.1"]
    assert cells.loc["average", "RS, round 0"].tolist() == ["82.2", "75.6"]
    marks = table.marks.set_axis(cells.index)
    assert marks.loc["grid", ("RS, round 0", "val")] == "blue"
    of_first = [marks.loc["rep 1", (f"RS, round {turn}", "val")] for turn in (0, 1, 2)]
    assert of_first == ["", "overfits", "weak"]
    assert set(marks.loc["average"]) == {""}  # no average outperforms
    assert "color:#1f4e9c;font-weight:bold" in "".join(table.to_html().split())
    with pytest.raises(ValueError, match="`rounds` must hold rows of `model`.*'bert'"):
        rounds_table(judged, model="bert", note="")


def test_scores_that_came_back_have_a_dagger(judged):
    rounds = published_rounds()
    is_first = rounds["repetition"].eq(judged["repetition"].min()) & rounds["round"].eq(1)
    returned = is_first | rounds["method"].eq("grid")
    rounds["test_source"] = returned.map({True: "returned", False: "labels"})
    path = judge_rounds(rounds, Rule(weak="tie"))
    path = path.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    cells = rounds_table(path, model=ELECTRA, note="").frame.set_index(("", "run"))
    assert cells.loc["grid", "RS, round 0"].tolist() == ["84.1", "76.8†"]
    assert cells.loc["rep 1"].tolist()[3:7] == ["84.5", "74.6†", "84.1", "76.1"]
    marked = cells.loc["average"].str.endswith("†")
    assert marked[marked].index.tolist() == [("RS, round 1", "test")]


def test_averages_that_outperform_are_marked_as_in_table_10(judged):
    table = rounds_table(judged, model=ELECTRA, note="")
    places = (table.marks == "better").stack([0, 1])
    places = {(row, head.split(",")[0]) for row, head, _ in places[places].index}
    tasks = table.frame["", "task"]
    found = [f"{tasks[row]}, {method}" for row, method in sorted(places)]
    assert found == ["WNLI, RS", "WNLI, RS+ASHA", "STS-B, RS", "STS-B, RS+ASHA"]


def test_the_methods_of_a_task_stand_side_by_side(judged):
    frame = rounds_table(judged, model=ELECTRA, note="").frame
    assert frame["", "task"].value_counts().unique().tolist() == [5]  # grid, three runs, average
    heads = frame.columns.get_level_values(0)
    assert list(dict.fromkeys(heads))[1:3] == ["RS, round 0", "RS, round 1"]
    assert "RS+ASHA, round 3" in heads


def test_the_replay_says_where_it_differs(trace, verdicts):
    table = replay_table(trace, verdicts)
    assert "20 of 22 paths" in table.caption
    odd = table.frame[table.frame["same"] == "no"]
    assert odd["path"].tolist() == ["WNLI, RS+ASHA", "CoLA, RS+ASHA"]
    assert odd["why not"].str.contains("where the paper has ↓ space: no repetition").all()
    assert odd["Table 5"].iloc[0] == "succeeds*, 1 GST, s-wr-hdo"


def test_table_5_stands_beside_the_papers(trace, verdicts):
    ours = trace.assign(model=trace["model"].map({ELECTRA: "tiny", ROBERTA: "other"}))
    stands_for = {"tiny": ELECTRA, "other": ""}
    rows = table5(ours, verdicts, stands_for=stands_for, note="").frame
    rows = rows.set_index(["model", "task"])
    assert (
        rows.loc[("tiny", "STS-B"), ["RS: here", "RS: paper"]].tolist()
        == ["succeeds, 4 GST, full"] * 2
    )
    assert rows.loc[("other", "RTE"), ["RS: here", "RS: paper"]].tolist() == ["overfits", "–"]


def test_the_trace_says_what_was_decided_and_why(trace):
    frame = trace_table(trace.assign(steps=1200, seconds=3.14), note="").frame
    first = frame.iloc[0]  # WNLI with random search: a repetition at 57.7/62.3 against 56.3/65.1
    assert first[["task, method", "grid", "decision"]].tolist() == [
        "WNLI, RS", "56.3/65.1", "↓ space",
    ]  # fmt: skip
    assert first["reason"] == "1 of 3 overfit: rep 1 (validation +1.4, test -2.8)"
    assert first[["round", "budget (GST)", "steps", "seconds"]].tolist() == [
        "0",
        "1",
        "1,200",
        "3.1",
    ]
    assert (frame["decision"] == "no verdict").sum() == (trace["decision"] == "tbd").sum() == 3


def test_patterns_and_how_strong_the_papers_case_is():
    patterns = published_patterns()
    table = patterns_table(patterns, note="", name="patterns")
    assert table.frame.iloc[0].tolist()[:5] == [ELECTRA, "warm-up ratio", "9", "3", "9"]
    assert table.frame["p (permutation)"].unique().tolist() == ["–"]
    words = [line.rsplit(": ", 1)[1] for line in describe_case(patterns).splitlines()]
    assert words == ["**strong**", "**no case**", "**weak**"]


def test_uncertain_verdicts_are_shown_with_their_errors(judged):
    uncertainty = published_uncertainty(judged)
    frame = uncertainty_table(uncertainty, note="", name="u").frame
    assert len(frame) == (judged["verdict"] != "no").sum()
    assert frame.iloc[0]["validation minus grid"] == "+1.4 ± 8.3"
    assert set(frame["verdict"]) == {"overfits", "weak"}
    n = (judged["verdict"] == "overfits").sum()
    assert describe_uncertainty(uncertainty).startswith(f"{n} of {n} overfitting repetitions")
    chance = pd.DataFrame({"model": [ELECTRA], "task": ["wnli"], "p_overfits": [0.479]})
    with_chance = uncertainty_table(uncertainty, chance=chance, note="", name="u").frame
    assert with_chance.iloc[0]["P(round overfits by chance)"] == "0.48"
    assert with_chance.iloc[-1]["P(round overfits by chance)"] == "–"  # RoBERTa


def test_rounds_that_overfit_stand_beside_chance(trace):
    chance = pd.DataFrame({"model": [ELECTRA], "task": ["wnli"], "n_pool": [50], "n_draws": [6]})
    chance = chance.assign(p_overfits=0.5, p_succeeds=0.3, p_neither=0.2)
    together = rounds_against_chance(chance, trace)
    row = chance_table(together, note="").frame.iloc[0]
    rounds = trace.query("model == @ELECTRA and task == 'wnli'")
    n = (rounds["n_overfits"] + rounds["n_weak"] > 0).sum()
    assert row["rounds that overfit here"] == f"{n} of {len(rounds)}"
    # .5 of each round is expected
    text = f"{n} of {len(rounds)} rounds overfit; "
    assert describe_chance(together).startswith(text)
    assert f"make {len(rounds) / 2:.1f} of them overfit" in describe_chance(together)
    (share, low, high) = together.loc[0, ["share", "low", "high"]]
    assert 0 <= low <= share == n / len(rounds) <= high <= 1
    assert row[["P(overfits)", "draws"]].tolist() == ["0.50", "6"]


def test_what_asha_loses_has_a_sign():
    losses = {"model": ["m"], "task": ["rte"], "n_trials": [9], "p_winner_stopped": [2 / 3]}
    losses |= {"validation_loss": [0.02], "test_loss": [-0.01], "evaluations_saved": [0.5]}
    frame = asha_table(
        pd.DataFrame(losses | {"p_stopped_low": [0.25], "p_stopped_high": [0.5]}), note=""
    ).frame
    assert frame.iloc[0].tolist() == ["m", "RTE", "9", "67%", "-2.0", "+1.0", "50%", "25%", "50%"]


def test_paths_are_described_by_where_they_end(trace):
    ends = trace.groupby(["model", "task", "method"], sort=False)["decision"].last()
    text = describe_paths(trace)
    assert text.startswith("Of 22 paths ")
    assert f"{(ends == 'overfits').sum()} still overfit in the smallest space" in text
    done = describe_paths(trace[trace["round"] == 0].assign(decision="succeeds"))
    assert done.startswith("Of 22 paths 22 succeed at once and 0 after")


def test_paths_match_the_papers_or_not(trace):
    ours = trace[trace["model"] == ELECTRA].assign(model="tiny")
    n = ours.groupby(["task", "method"]).ngroups
    assert describe_match(ours, trace, paper=ELECTRA).startswith(f"{n} of {n} paths")
    other = ours.assign(decision="tbd")
    assert not describe_match(other, trace, paper=ELECTRA).startswith(f"{n} of {n}")
    assert describe_match(ours, trace, paper="").startswith("The paper prints none of these")


def test_the_replay_and_asha_are_described(trace):
    assert describe_replay(trace).endswith("walk 20 of 22 paths.")
    losses = pd.DataFrame({"p_winner_stopped": [0.0, 0.5], "validation_loss": [0.0, 0.021]})
    assert "in 0% to 50% of the orders" in describe_asha(losses)
    assert describe_asha(losses).endswith("loses 0.0 to 2.1 points on validation.")
    assert "nothing can be replayed" in describe_asha(losses.head(0))
