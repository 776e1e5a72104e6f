"""The tables of the course project say what they hold."""

import numpy as np
import pandas as pd

from project_stages import EFFECTS, RANKS, study
from repro.chapters.three_stage import analysis, tables
from repro.chapters.three_stage.spaces import Project
from repro.published import load_published

PUBLISHED = load_published("course_project_table01")


def test_printed_numbers_and_their_gaps():
    printed = analysis.printed_accuracies(PUBLISHED)
    assert "347 of 408" in set(tables.printed_table(printed).frame["right"])
    twins = {f"m/mrpc/seeds/final-baseline/rep1/{name}": [0, 1] for name in "ab"}
    predictions = pd.DataFrame(twins | {"split": "validation", "label": 1})
    gaps = analysis.printed_gaps(printed, predictions)
    frame = tables.gaps_table(gaps).frame
    assert frame["compared"].tolist()[0] == "manual with baseline"
    assert frame["more right"].tolist() == ["+3", "+1", "+2"]
    assert "few disagreements (5%)" in frame


def test_the_ranges_and_where_the_best_lie_in_them():
    project = Project("project", 3668, (32, 64, 128))
    frame = tables.spaces_table(project, profile="p").frame.set_index("hyperparameter")
    assert frame.loc["learning rate"].tolist() == ["{1e-5, 2e-5, 5e-5}", "log(1e-5, 5e-5)"]
    trials = analysis.search_trials(study()).assign(learning_rate=5e-5, weight_decay=0.0)
    edges = analysis.search_edges(trials, project.sweep_space)
    frame = tables.edge_table(edges, note="").frame
    assert frame["hyperparameter"].tolist()[:2] == ["learning rate", "weight decay"]
    assert frame["place"].tolist()[:2] == ["1.00", "0.00"]
    assert frame["best tenth"].tolist()[0] == "1.00 to 1.00"


def test_effects_and_ranks():
    frame = tables.effects_table(EFFECTS, RANKS, note="").frame.set_index("candidate")
    assert frame.loc["weight decay", "higher"] == "0.1: +0.0 [+0.0, +0.0] (2 failed)"
    assert frame.loc["weight decay", "lower"] == "–"
    assert frame.loc["warm-up steps", "among the top three"] == "97%"
    assert frame["beyond noise"].tolist() == ["yes", "yes", "no"]


def test_the_final_comparison():
    final = analysis.final_scores(study(final={"warm": (np.nan, 0.9)}))
    frame = tables.final_table(final, PUBLISHED, note="").frame.set_index("configuration")
    assert list(frame.index) == list(analysis.FINAL_LABELS.values())
    row = frame.loc["cold sweep's best"]
    assert (row["when chosen"], row["project, once"]) == ("85.0", "85.294")
    assert frame.loc["warm sweep's best", "validation"] == "90.0 [–, –] (1 failed)"
