"""From an LMS's zip to its table of marks: names, lateness, marks by hand, likeness."""

import zipfile
from datetime import datetime

import collecting
import nbformat
import pandas as pd
import pytest
import releasing
import similarity
import totals

from submissions import answer, hand_in


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Ann Smith_1234567_assignsubmission_file_/asha_by_hand.ipynb", "Ann-Smith_1234567"),
        ("Zoë O'Hara_12_assignsubmission_file_asha (2).ipynb", "Zoë-O-Hara_12"),
        ("smithann_1234_98765_asha_by_hand.ipynb", "smithann_1234"),
        ("smithann_LATE_1234_98765_asha_by_hand-1.ipynb", "smithann_1234"),
        ("week1/Ann_7_assignsubmission_file_/a.ipynb", "Ann_7"),
        ("readme.ipynb", None),
    ],
)
def test_the_names_of_moodle_and_canvas_say_whose_a_file_is(name, student):
    assert collecting.student_of(name) == student


def test_a_zip_is_collected_and_what_is_left_out_is_named(tmp_path):
    path = tmp_path / "moodle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, day in (
            ("Ann_1_assignsubmission_file_/first.ipynb", 3),
            ("Ann_1_assignsubmission_file_/second.ipynb", 5),
            ("../../Eve_2_assignsubmission_file_/a.ipynb", 3),
            ("/etc/Eve_2_assignsubmission_file_/a.ipynb", 3),
            ("Bob_3_assignsubmission_file_/essay.docx", 3),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, day, 12, 0, 0)), name)
    problems = collecting.collect([path], tmp_path / "in", assignment="asha_by_hand")
    files = [p.relative_to(tmp_path / "in") for p in (tmp_path / "in").rglob("*") if p.is_file()]
    assert list(map(str, files)) == ["Ann_1/asha_by_hand/asha_by_hand.ipynb"]
    kept = tmp_path / "in" / files[0]
    assert kept.read_text().endswith("second.ipynb")
    assert datetime.fromtimestamp(kept.stat().st_mtime).day == 5
    assert len(problems) == 4 and sum("leaves the folder" in p for p in problems) == 2
    assert not (tmp_path.parent / "Eve_2_assignsubmission_file_").exists()


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(ValueError, match="must be a zip"):
        collecting.collect([tmp_path / "a.zip"], tmp_path / "in", assignment="asha_by_hand")


def write_grades(folder, manual_score=None):
    row = {"assignment": "asha_by_hand", "status": "graded", "max_score": 15.0}
    grades = [
        row | {"student": "Ann_1", "score": 15.0, "handed_in": "2026-11-30T22:59:00+00:00"},
        row | {"student": "Bob_2", "score": 10.0, "handed_in": "2026-12-02T00:30:00+00:00"},
    ]
    pd.DataFrame(grades).to_csv(folder / "grades.csv", index=False)
    hand = {"student": "Ann_1", "assignment": "asha_by_hand", "cell": "discussion"}
    hand |= {"score": manual_score, "max_score": 3.0, "answer": "..."}
    pd.DataFrame([hand]).to_csv(folder / "manual.csv", index=False)


def test_each_day_that_has_begun_costs_its_share(tmp_path):
    write_grades(tmp_path)
    due = datetime.fromisoformat("2026-12-01T00:00+01:00")  # a minute after Ann
    table = totals.write_totals(tmp_path, totals.Lateness(due, 10.0, 10.0)).set_index("student")
    # Bob is 25.5 hours late: two days have begun, and 20 % of his 10 points go
    assert table["days_late"].to_dict() == {"Ann_1": 0, "Bob_2": 2}
    assert table["score"].to_dict() == {"Ann_1": 15.0, "Bob_2": 8.0}
    assert table["to_mark"].to_dict() == {"Ann_1": 1, "Bob_2": 0}


def test_lateness_has_a_grace_and_an_end():
    late = totals.Lateness(datetime.fromisoformat("2026-12-01T00:00+00:00"), 10.0, 10.0)
    assert late.days("2026-12-01T00:10:00+00:00") == 0
    assert late.days("2026-12-01T00:11:00+00:00") == 1
    assert late.share(3) == pytest.approx(0.7) and late.share(30) == 0
    assert totals.Lateness().days("2026-12-01T00:11:00+00:00") == 0


def test_marks_by_hand_count_once_they_are_given(tmp_path):
    write_grades(tmp_path, manual_score=2.0)
    table = totals.write_totals(tmp_path, totals.Lateness()).set_index("student")
    assert table.loc["Ann_1", ["score", "max_score"]].tolist() == [17, 18]
    assert table.loc["Bob_2", ["score", "max_score"]].tolist() == [10, 15]
    write_grades(tmp_path, manual_score=4.0)
    with pytest.raises(ValueError, match="must not be above max_score"):
        totals.write_totals(tmp_path, totals.Lateness())


@pytest.mark.parametrize(
    "ids", [{"Identifier": ["Participant 1", "Participant 9"]}, {"ID": ["1", "9"]}]
)
def test_an_exported_table_is_filled_by_number(ids, tmp_path):
    write_grades(tmp_path)
    table = totals.write_totals(tmp_path, totals.Lateness())
    exported = tmp_path / "lms.csv"
    pd.DataFrame(ids | {"Grade": ["", "kept"], "Note": ["a", "b"]}).to_csv(exported, index=False)
    filled = pd.read_csv(totals.fill_lms(exported, table, "asha_by_hand", "Grade"), dtype=str)
    assert filled["Grade"].tolist() == ["15", "kept"] and filled["Note"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="must have a column"):
        totals.fill_lms(exported, table, "asha_by_hand", "Mark")
    with pytest.raises(ValueError, match="must be one of"):
        totals.fill_lms(exported, table, "seeds", "Grade")


def test_copies_with_other_names_and_comments_are_alike(tmp_path):
    releasing.release_one("asha_by_hand", tmp_path / "rel/asha_by_hand")
    own = answer("asha_by_hand")
    copied = {name: f"# mine\n{text.replace('scores', 'points')}" for name, text in own.items()}
    other = answer("asha_by_hand", ("rungs", "while lowest <= longest:\n", "if lowest < 3:\n"))
    other["asha"] = "def asha(pool, names, places, factor):\n    return dict.fromkeys(names, 1)"
    other["halving"] = "keep_best = lambda scores, factor: sorted(scores)[:1]"
    for student, answers in (("ann", own), ("bob", copied), ("eve", other), ("idle", {})):
        hand_in(
            tmp_path / "rel", tmp_path / "in" / student, assignment="asha_by_hand", answers=answers
        )
    table = similarity.compare(tmp_path / "in", at_least=0.95)
    assert table[["student", "other", "alike"]].to_numpy().tolist() == [["ann", "bob", 1.0]]


def test_a_student_without_a_readable_notebook_is_passed_over(tmp_path):
    for student in ("ann", "bob"):
        folder = tmp_path / student / "asha_by_hand"
        folder.mkdir(parents=True)
        nbformat.write(nbformat.v4.new_notebook(), folder / "asha_by_hand.ipynb")
    (tmp_path / "bob/asha_by_hand/asha_by_hand.ipynb").write_text("{")
    assert similarity.compare(tmp_path, at_least=0.5).empty
