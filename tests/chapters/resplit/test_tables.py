"""The tables of the notebook on resplits."""

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import correlations, published_correlations, top_trials
from repro.chapters.resplit.tables import (
    all_correlations,
    simulated_runs,
    table7,
    top_correlations,
    uses_table,
)


def test_table7_has_four_rows_a_task_and_the_paper_s_beneath(trials):
    table = table7(top_trials(trials), note="Made up.")
    assert table.frame["task"].tolist() == ["RTE, m"] * 4 + ["CoLA, m"] * 4 + ["QNLI, paper"] * 4
    paper = table.frame.tail(4)
    assert paper["original: validation"].tolist() == ["93.3", "93.2", "93.2", "93.1"]
    assert paper["original: test rank"].tolist() == ["2", "3", "4", "1"]
    assert paper["resplit: test rank"].tolist() == ["1", "2", "4", "3"]
    assert len(table.data) == 2 * (2 * 3 - 1) * 4  # one run has no scored trial
    ours = table.data[(table.data["task"] == "rte") & (table.data["repetition"] == 1)]
    scores = ours.loc[ours["split"] == "resplit", "test_score"]
    assert table.frame["resplit: test"].tolist()[:4] == [f"{100 * s:.1f}" for s in scores]


def test_table7_marks_returned_scores_and_shows_hidden_ones_as_dashes(trials):
    hidden = table7(top_trials(trials.assign(test_score=np.nan)), note="").frame
    assert set(hidden["original: test rank"].head(8)) == {"–"}
    returned = trials.assign(test_source=np.where(trials["split"] == "original", "returned", ""))
    cells = table7(top_trials(returned), note="").frame.head(8)
    assert cells["original: test"].str.endswith("†").all()
    assert not cells.drop(columns="original: test").map(lambda text: "†" in text).any(axis=None)


def test_correlations_of_the_best_four_stand_above_the_paper_s(trials):
    top = correlations(top_trials(trials), ["split", "model", "task", "repetition"])
    table = top_correlations(top, published_correlations(), note="Made up.")
    assert table.frame["whose"].tolist()[:2] == ["m, repetition 1", "m, repetition 2"]
    last = table.frame.tail(2)
    assert last["whose"].tolist() == ["paper, as stated", "paper, from its Table 7"]
    assert last["original: Pearson (p)"].tolist() == ["-0.14 (.858)", "-0.32 (.684)"]
    assert last["resplit: Pearson (p)"].tolist() == ["+0.66 (.339)", "+0.80 (.199)"]
    assert last["original: Spearman (p)"].iloc[0] == "–"
    assert "original: -" in table.caption and "resplit: " in table.caption


def test_correlations_over_all_trials_have_intervals(trials):
    found = correlations(trials, ["split", "model", "task"])
    table = all_correlations(found, by="split", name="all", what="Made up.")
    assert table.frame["task"].tolist() == ["RTE", "CoLA"]
    assert table.frame["original: Pearson"].str.fullmatch(r"[-+]\d.\d\d \[.*, .*\]").all()
    assert table.to_latex() and table.to_html()
    shifts = found.rename(columns={"split": "shift"}).replace({"original": 0.0, "resplit": 0.5})
    table = all_correlations(shifts, by="shift", name="all", what="Made up.")
    assert table.frame.columns[3:].tolist() == [
        *("shift 0: Pearson", "shift 0: Spearman (p)"),
        *("shift 0.5: Pearson", "shift 0.5: Spearman (p)"),
    ]


def test_tables_without_shifted_test_sets_are_empty(simulated):
    nothing = correlations(pd.DataFrame(columns=["shift", "model", "task"]), ["shift"])
    nothing = nothing.assign(model=[], task=[])
    assert all_correlations(nothing, by="shift", name="all", what="").frame.empty
    table = simulated_runs(simulated.head(0), note="")
    assert table.frame.empty and "no shifted test sets" in table.caption


def test_simulated_runs_are_averaged_over_tasks(simulated):
    both = pd.concat([simulated, simulated.assign(task="cola", overfits=0.0)])
    table = simulated_runs(both, note="Made up.")
    assert len(table.frame) == 2 * 2 * 2 and len(table.data) == len(both)
    first = simulated.sort_values(["n_trials", "validation_size", "shift"]).iloc[0]
    assert table.frame["runs that overfit"].iloc[0] == f"{100 * first['overfits'] / 2:.1f}"


def test_uses_of_test_sets_are_shown():
    row = {"study": "original", "task": "rte", "split": "test", "n_examples": 32.0, "n_runs": 2}
    row |= {"n_trials": 6, "n_scored": 4, "n_returned": 0}
    frame = uses_table(pd.DataFrame([row]), note="Made up.").frame
    assert frame.to_numpy().tolist() == [["original", "RTE", "test", "32", "2", "6", "4"]]
    frame = uses_table(pd.DataFrame([row | {"n_returned": 3}]), note="Made up.").frame
    assert frame["returned scores"].tolist() == ["3"]
