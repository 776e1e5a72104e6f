"""The ledger as a table and as claims.json, of one notebook and of a profile."""

import json

import jsonschema
import matplotlib.pyplot as plt
import numpy as np
import pytest

from repro.paths import data_directory
from repro.show.ledger import (
    chapter_rows,
    collect_claims,
    in_words,
    ledger_table,
    read_claims,
    summary,
    write_claims,
)
from repro.show.report import Report
from repro.stats.decisions import above
from repro.stats.ledger import Answer, load_claims
from repro.stats.rules import mean

CLAIM = "liu-early-stopping-validation"  # of the chapter initial, in points
GAINS = {"rte": [0.1, 0.2, 0.1, 0.05, 0.15], "mrpc": [0.1, 0.11, 0.1, 0.12, 0.1]}


def answer(gains, evidence="miniature"):
    return Answer(CLAIM, evidence, "toy", mean(gains, above(), tasks="fixed"))


@pytest.fixture
def report(tmp_path):
    return Report("01_study", "mini", figures=tmp_path)


def test_a_chapter_shows_its_claims_with_and_without_an_answer():
    rows = chapter_rows([answer(GAINS)]).set_index("id")
    claims = load_claims()
    assert set(rows.index) == set(claims.index[claims["chapter"] == "initial"])
    # the mean of the tasks' means, .12 and .106, in points
    assert rows.loc[CLAIM, "estimate"] == pytest.approx(11.3)
    assert rows.loc[CLAIM, "verdict"] == "holds"
    assert rows.loc["liu-hpo-often-fails", "verdict"] == "not testable here"
    assert "1 holds" in summary(rows)


def test_the_table_says_verdict_and_estimate():
    frame = ledger_table(chapter_rows([answer(GAINS)])).frame.set_index("claim")
    (row,) = [r for r in frame.to_dict("records") if r["evidence"] == "miniature (toy)"]
    assert row["verdict"] == "✓ holds"
    assert row["estimate"].startswith("+11.30 [+")
    assert row["estimate"].endswith("points")
    assert row["published"] == "+0.19 points"


def test_verdicts_in_words_leave_out_what_is_not_known():
    rows = chapter_rows([answer(GAINS)])
    rows = rows[rows["id"].isin([CLAIM, "liu-hpo-often-fails"])]
    (holds,) = [line for line in in_words(rows).splitlines() if "**Holds** (miniature): " in line]
    assert "+11.30 (95% interval +" in holds and holds.endswith("10 repetitions).")
    (other,) = [line for line in in_words(rows).splitlines() if "**Not testable here**" in line]
    assert other.endswith("grid search. nothing here estimates it.")


def test_too_few_values_say_what_would_decide():
    frame = ledger_table(chapter_rows([answer({"rte": [0.1, np.nan, 0.2]})])).frame
    (row,) = [r for r in frame.to_dict("records") if r["evidence"] == "miniature (toy)"]
    assert row["verdict"] == "? undecided"
    assert row["why"]


def test_a_notebook_s_ledger_and_the_profile_s_follow_the_schema(report, tmp_path, capsys):
    report.claims([answer(GAINS), answer({"rte": [0.1]}, evidence="published")])
    everything = collect_claims(tmp_path / "mini")
    plt.close("all")
    schema = json.loads((data_directory("published") / "claims.schema.json").read_text())
    for folder in (report.folder, tmp_path / "mini"):
        jsonschema.validate(json.loads((folder / "claims.json").read_text()), schema)
    assert list(dict.fromkeys(everything["id"])) == list(load_claims()["id"])
    both = everything[everything["id"] == CLAIM]
    assert both["evidence"].tolist() == ["published", "miniature"]
    assert both["command"].unique() == ["make reproduce PROFILE=mini NOTEBOOK=01_study"]
    assert (report.folder / "claims.csv").is_file()


def test_of_two_notebooks_that_judge_a_claim_the_later_one_stands(tmp_path):
    low = {task: [-gain for gain in gains] for task, gains in GAINS.items()}
    Report("01_study", "mini", figures=tmp_path).claims([answer(GAINS)])
    rows = Report("07_replays", "mini", figures=tmp_path).claims([answer(low)], only_answered=True)
    assert list(rows["id"]) == [CLAIM]
    everything = collect_claims(tmp_path / "mini").set_index("id")
    plt.close("all")
    assert everything.loc[CLAIM, "notebook"] == "07_replays"
    assert everything.loc[CLAIM, "verdict"] == "does not hold"
    assert everything.index.is_unique


def test_what_is_written_is_read(tmp_path):
    rows = chapter_rows([answer(GAINS)])
    write_claims(tmp_path, rows, notebook="01", command="make")
    again = read_claims(tmp_path / "claims.json")
    assert again["estimate"].tolist() == pytest.approx(rows["estimate"].tolist(), nan_ok=True)
    assert (
        ledger_table(again).frame["verdict"].tolist()
        == ledger_table(rows).frame["verdict"].tolist()
    )


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / "claims.json").write_text("[]")
    with pytest.raises(ValueError, match="must be a ledger of claims"):
        read_claims(tmp_path / "claims.json")
