"""Tables and figures of the procedure, drawn from the published paths."""

import pandas as pd
import pytest

from repro.chapters.initial.tables import claims_table
from repro.chapters.procedure.asha_replay import rung_times
from repro.chapters.procedure.patterns import hyperparameter_patterns
from repro.chapters.procedure.plots import figure_flow, figure_full_curves, plot_flow, plot_rungs
from repro.chapters.procedure.rules import PAPER_LADDERS, Rule, judge_rounds, replay
from repro.chapters.procedure.summary import procedure_claims, procedure_costs, published_costs
from repro.chapters.procedure.tables import replay_table, rounds_table, table5, trace_table
from repro.chapters.procedure.uncertainty import published_uncertainty
from repro.chapters.procedure.verdict_tables import costs_table, patterns_table, uncertainty_table
from repro.published import (
    load_published,
    published_grid_cost,
    published_overfitting_trials,
    published_rounds,
)
from repro.stats.overfitting import compare_with_grid

ELECTRA, ROBERTA = "electra-base", "roberta-base"


@pytest.fixture(scope="module")
def judged():
    return judge_rounds(published_rounds(), Rule(weak="tie"))


@pytest.fixture(scope="module")
def verdicts():
    return load_published("liu_wang_2021_table05")


@pytest.fixture(scope="module")
def trace(verdicts):
    return replay(published_rounds(), verdicts)


def test_table_4_is_the_papers(judged):
    path = judged.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    table = rounds_table(path, model=ELECTRA, note="")
    cells = table.frame.set_index("")
    assert cells.loc["grid"].tolist()[1:] == [
        "84.1", "76.8", "↑ budget", "", "↓ space", "", "↓ space", "",
    ]  # fmt: skip
    assert cells.loc["rep 1", "1: val":"2: test"].tolist() == ["84.5", "74.6", "84.1", "76.1"]
    assert cells.loc["average", ["0: val", "0: test"]].tolist() == ["82.2", "75.6"]
    marks = table.marks.set_axis(cells.index)
    assert marks.loc["grid", "0: val"] == "bold"
    assert marks.loc["rep 1", ["0: val", "1: val", "2: test"]].tolist() == ["", "overfits", "weak"]
    assert set(marks.loc["average", "0: val":]) == {""}  # no average outperforms
    with pytest.raises(ValueError, match="`rounds` must hold rows of `model`.*'bert'"):
        rounds_table(judged, model="bert", note="")


def test_scores_that_came_back_have_a_dagger(judged):
    rounds = published_rounds()
    is_first = rounds["repetition"].eq(judged["repetition"].min()) & rounds["round"].eq(1)
    returned = is_first | rounds["method"].eq("grid")
    rounds["test_source"] = returned.map({True: "returned", False: "labels"})
    path = judge_rounds(rounds, Rule(weak="tie"))
    path = path.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    cells = rounds_table(path, model=ELECTRA, note="").frame.set_index("")
    assert cells.loc["grid", ["0: val", "0: test"]].tolist() == ["84.1", "76.8†"]
    assert cells.loc["rep 1", "1: val":"2: test"].tolist() == ["84.5", "74.6†", "84.1", "76.1"]
    marked = cells.loc["average"].str.endswith("†")
    assert marked[marked].index.tolist() == ["1: test"]


def test_averages_that_outperform_are_marked_as_in_table_10(judged):
    table = rounds_table(judged, model=ELECTRA, note="")
    better = table.frame[(table.marks == "better").any(axis=1)]
    assert better["path"].tolist() == ["WNLI, RS", "WNLI, RS+ASHA", "STS-B, RS", "STS-B, RS+ASHA"]


def test_the_replay_says_where_it_differs(trace, verdicts):
    table = replay_table(trace, verdicts)
    assert "20 of 22 paths" in table.caption
    odd = table.frame[table.frame["same"] == "no"]
    assert odd["path"].tolist() == ["WNLI, RS+ASHA", "CoLA, RS+ASHA"]
    assert odd["why not"].str.contains("where the paper has ↓ space: no repetition").all()
    assert odd["Table 5"].iloc[0] == "succeeds* w/ 1 GST, s-wr-hdo"


def test_table_5_stands_beside_the_papers(trace, verdicts):
    ours = trace.assign(model=trace["model"].map({ELECTRA: "tiny", ROBERTA: "other"}))
    stands_for = {"tiny": ELECTRA, "other": ""}
    rows = table5(ours, verdicts, published_models=stands_for, note="").frame
    rows = rows.set_index(["model", "task"])
    assert (
        rows.loc[("tiny", "STS-B"), ["RS: here", "RS: paper"]].tolist()
        == ["succeeds w/ 4 GST, full"] * 2
    )
    assert rows.loc[("other", "RTE"), ["RS: here", "RS: paper"]].tolist() == ["overfits", "–"]
    assert trace_table(trace, note="").frame["paper"].str.contains("TBD").sum() == 3


def test_published_costs_are_near_the_papers_days(trace):
    # Random search and ASHA; BO+ASHA would be half as much again. The paper: 6.8 of 16 days.
    costs = published_costs(trace, published_grid_cost(), PAPER_LADDERS)
    days = 1.5 * costs[["seconds", "all_seconds"]].sum() / 86400
    assert days["seconds"] == pytest.approx(6.8, abs=0.7)
    assert days["all_seconds"] == pytest.approx(16, abs=0.5)
    assert costs_table(costs, unit="days", note="").frame["rounds"].tolist() == [
        "32 of 72",
        "29 of 60",
    ]


def test_costs_by_hand():
    # One path, full at 1 and 4 GST, n = 2; grid search 10 steps. Not run: four settings of 1 and
    # 4 GST twice, (1 + 4 + 1 + 4) x 10 x 2 = 200 steps at the path's 2 seconds a step.
    trace = pd.DataFrame({"budget_gst": [1.0, 4.0], "steps": [20, 80], "seconds": [40.0, 160.0]})
    trace = trace.assign(model="m", task="t", method="rs", space="full", n=2)
    grid = pd.DataFrame({"model": ["m"], "task": ["t"], "steps": [10], "seconds": [5.0]})
    costs = procedure_costs(trace, grid, {"m": PAPER_LADDERS[ELECTRA]}).iloc[0]
    assert (costs["steps"], costs["all_steps"]) == (110, 310)
    assert (costs["seconds"], costs["all_seconds"]) == (205, 605)
    assert (costs["rounds"], costs["all_rounds"]) == (2, 6)


def test_claims_and_tables_of_verdicts(trace, judged, verdicts):
    spaces = load_published("liu_wang_2021_table01")
    rows = compare_with_grid(published_overfitting_trials(ELECTRA).assign(model=ELECTRA))
    patterns = hyperparameter_patterns(rows, spaces[spaces["model"] == ELECTRA])
    costs = published_costs(trace, published_grid_cost(), PAPER_LADDERS)
    of_model = trace[trace["model"] == ELECTRA]
    claims = procedure_claims(
        of_model, of_model, costs=costs, patterns=patterns, paper_patterns=patterns
    )
    assert [row["agrees"] for row in claims] == [True] * 6  # held against itself
    claims_table(claims, note="")
    table = patterns_table({ELECTRA: patterns}, note="", name="patterns")
    assert table.frame.iloc[0].tolist()[:5] == [ELECTRA, "warm-up ratio", "9", "3", "9"]
    frame = uncertainty_table(published_uncertainty(judged), note="", name="u").frame
    assert len(frame) == (judged["verdict"] != "no").sum()
    assert frame.iloc[0]["validation minus grid"] == "+1.4 ± 8.3"


def test_figure_1_marks_each_methods_way(trace):
    bare = len(plot_flow(trace.iloc[:0]).lines)
    path = trace.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    ax = plot_flow(path)
    # start; run, overfitting?; outperform?, raisable?, back up twice; reducible?, back twice; end
    assert len(ax.lines) - bare == 1 + 1 + 2 + 2 + 1 + 2 + 1
    counts = [t.get_text() for t in ax.texts if t.get_text().endswith("×")]
    assert sorted(counts) == ["2×", "2×", "3×", "4×"]
    assert len(figure_flow(trace[trace["model"] == ELECTRA]).axes) == 6


def test_rungs_and_curves_are_drawn():
    settings = {"name": ["a", "b"], "epochs": [3, 10], "evaluations_per_epoch": 5}
    settings |= {"warmup_grid": 0.1, "warmup_low": 0.0, "warmup_high": 0.2}
    ax = plot_rungs(rung_times(pd.DataFrame(settings)))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    full = pd.DataFrame({"task": "rte", "warmup_ratio": [0.0, 0.1, 0.2]})
    full["curve"] = [(0.5, 0.6), (0.4, 0.9), (0.3, 0.2)]
    axes = figure_full_curves(full, epochs=3, rungs=(1.0,)).axes
    winner = next(line for line in axes[0].lines if line.get_label() == "the winner")
    assert winner.get_ydata().tolist() == [40, 90]
    assert winner.get_xdata().tolist() == [1.5, 3.0]
