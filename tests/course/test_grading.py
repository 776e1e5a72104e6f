"""Grading a class: results that survive, what cannot be read, one submission from end to end."""

import html
import json
import os
import shutil
import subprocess
import sys

import grading
import nbformat
import pandas as pd
import pytest
import releasing
from notebook_format import STAMP, hide_tests, is_test

import course
from repro.paths import ROOT
from submissions import SOURCE, hand_in, read_cells, read_solutions


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "release"
    releasing.release(folder)
    return folder


@pytest.fixture
def graded_by_rule(monkeypatch):
    """Take the running out of grading: the first test passes; `broken` raises."""
    runs = []

    def run(submission, folder, how):
        runs.append((submission.student, submission.assignment))
        if submission.student == "broken":
            raise OSError("the disk is full")
        return {"status": "graded", "message": "", "passed": {"rungs_by_hand": True},
                "comments": {}, "seconds": 1.0, "peak_gb": 0.1}  # fmt: skip

    monkeypatch.setattr(grading, "_run", run)
    return runs


def grade(folder, to, **how):
    return grading.grade(grading.find_submissions(folder), to, grading.Grading(**how))


def run_here(capsys, *arguments):
    code = course.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


def class_of(released, folder, *students):
    for student in students:
        hand_in(released, folder / student, assignment="asha_by_hand", answers={})
    return folder


def test_a_grading_that_was_killed_goes_on_to_the_same_table(released, tmp_path, graded_by_rule):
    everyone = class_of(released, tmp_path / "in", *(f"s{n}" for n in range(6)))
    grade(everyone, tmp_path / "once")
    found = grading.find_submissions(everyone)
    grading.grade(found[:2], tmp_path / "twice", grading.Grading())  # then it was killed
    before = len(graded_by_rule)
    grade(everyone, tmp_path / "twice")
    assert len(graded_by_rule) == before + 4
    once, twice = ((tmp_path / name / "grades.csv").read_text() for name in ("once", "twice"))
    assert once == twice and once.count("\n") == 7


KILLED = """
import sys
from pathlib import Path
import grading
def run(submission, folder, how):
    if len(list(Path(sys.argv[2]).glob("*/*.json"))) >= 40:
        print("forty are done", flush=True)
        sys.stdin.read()  # until it is killed
    return {"status": "graded", "message": "", "passed": {"rungs_by_hand": True}, "comments": {},
            "seconds": 1.0, "peak_gb": 0.1}
grading._run = run
grading.grade(grading.find_submissions(Path(sys.argv[1])), Path(sys.argv[2]), grading.Grading())
"""


def test_of_200_the_40_that_were_graded_before_a_kill_stay(released, tmp_path, graded_by_rule):
    everyone = class_of(released, tmp_path / "in", *(f"s{n:03}" for n in range(200)))
    command = [sys.executable, "-c", KILLED, everyone, tmp_path / "out"]
    paths = {"PYTHONPATH": os.pathsep.join([str(SOURCE.parent), str(ROOT / "src")])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | paths
    ) as grader:
        assert any("forty are done" in line for line in grader.stdout)
        grader.kill()
    assert len(list((tmp_path / "out").glob("*/*.json"))) == 40
    before = (tmp_path / "out/grades.csv").read_text().splitlines()  # may lag behind
    grades = grade(everyone, tmp_path / "out")
    after = (tmp_path / "out/grades.csv").read_text().splitlines()
    assert len(graded_by_rule) == 160 and len(after) == 201 and set(before) <= set(after)
    assert (grades["score"] == 2).all() and grades["student"].is_unique


def test_what_was_handed_in_again_is_graded_again(released, tmp_path, graded_by_rule):
    everyone = class_of(released, tmp_path / "in", "ann", "bob")
    grade(everyone, tmp_path / "out")
    path = everyone / "ann/asha_by_hand/asha_by_hand.ipynb"
    path.write_text(path.read_text().replace("YOUR CODE HERE", "MY CODE HERE"))
    graded_by_rule.clear()
    grade(everyone, tmp_path / "out")
    assert graded_by_rule == [("ann", "asha_by_hand")]


def test_an_unexpected_error_costs_one_row(released, tmp_path, graded_by_rule):
    grades = grade(class_of(released, tmp_path / "in", "ann", "broken"), tmp_path / "out", jobs=2)
    rows = grades.set_index("student")
    assert rows.loc["ann", ["status", "score"]].tolist() == ["graded", 2.0]
    assert rows.loc["broken", "status"] == "failed"
    assert "the disk is full" in rows.loc["broken", "message"]


def test_marks_given_by_hand_stay_when_graded_again(released, tmp_path, graded_by_rule):
    everyone = class_of(released, tmp_path / "in", "ann")
    grade(everyone, tmp_path / "out")
    path = tmp_path / "out/manual.csv"
    pd.read_csv(path).assign(score=2.5).to_csv(path, index=False)
    grade(everyone, tmp_path / "out", again=True)
    assert pd.read_csv(path)["score"].tolist() == [2.5]


def test_only_one_student_can_be_graded_again(released, tmp_path):
    everyone = class_of(released, tmp_path / "in", "ann", "bob")
    assert [s.student for s in grading.find_submissions(everyone, "bob")] == ["bob"]
    with pytest.raises(ValueError, match="there is none of eve"):
        grading.find_submissions(everyone, "eve")


def unreadable(released, folder):
    """Hand in what cannot be graded; return student -> what is said of it."""
    name = "asha_by_hand"
    said = {}
    for student, text in (("garbled", "{not json"), ("listed", "[1]"), ("empty", "")):
        (folder / student / name).mkdir(parents=True)
        (folder / student / name / f"{name}.ipynb").write_text(text)
        said[student] = "must be a notebook"
    for student, change, why in (
        ("old", {STAMP: {"assignment": name, "version": "0"}}, "in version 0; grade it with"),
        ("other", {STAMP: {"assignment": "grid_against_random"}}, "but is grid_against_random"),
        ("r", {"kernelspec": {"language": "R", "name": "ir", "display_name": "R"}}, "one of R"),
    ):
        hand_in(released, folder / student, assignment=name, answers={})
        path = folder / student / name / f"{name}.ipynb"
        notebook = nbformat.read(path, 4)
        notebook.metadata |= change
        nbformat.write(notebook, path)
        said[student] = why
    hand_in(released, folder / "twice", assignment=name, answers={})
    twice = folder / "twice" / name
    (twice / f"{name}.ipynb").rename(twice / "asha (1).ipynb")
    shutil.copyfile(twice / "asha (1).ipynb", twice / "asha (2).ipynb")
    (folder / "lost/no_such_assignment").mkdir(parents=True)
    (folder / "missing" / name).mkdir(parents=True)
    (folder / "linked").mkdir()
    (folder / "linked" / name).symlink_to(SOURCE / name)
    return said | {"twice": "must hold one notebook, but holds asha (1)", "lost": "must be one of",
                   "missing": "must hold the file", "linked": "must hold the file"}  # fmt: skip


def test_what_cannot_be_read_is_a_row_that_says_why(released, tmp_path, graded_by_rule):
    said = unreadable(released, tmp_path / "in")
    rows = grade(tmp_path / "in", tmp_path / "out").set_index("student")
    assert set(rows["status"]) == {"unreadable"} and rows["score"].sum() == 0
    for student, why in said.items():
        assert why in rows.loc[student, "message"]
        assignment = rows.loc[student, "assignment"]
        page = html.unescape((tmp_path / f"out/{student}/{assignment}.html").read_text())
        assert why in page and "hidden" not in page


def test_a_notebook_under_a_browsers_name_is_graded(released, tmp_path, graded_by_rule):
    folder = class_of(released, tmp_path / "in", "ann") / "ann/asha_by_hand"
    (folder / "asha_by_hand.ipynb").rename(folder / "asha_by_hand (1).ipynb")
    assert grade(tmp_path / "in", tmp_path / "out")["status"].tolist() == ["graded"]


def test_another_students_notebook_is_noted(tmp_path, graded_by_rule):
    releasing.release(tmp_path / "rel", secret="x", students=("ann", "bob"))
    hand_in(tmp_path / "rel/ann", tmp_path / "in/bob", assignment="asha_by_hand", answers={})
    grades = grade(tmp_path / "in", tmp_path / "out", secret="x")
    assert grades["message"].tolist() == ["the notebook was released to ann"]


def test_students_with_a_secret_have_tables_of_their_own(tmp_path):
    releasing.release(tmp_path / "rel", secret="x", students=("ann", "bob"))
    for table in ("asha_by_hand/curves.csv", "seeds_and_reporting/seeds.csv"):
        one, other = ((tmp_path / "rel" / s / table).read_bytes() for s in ("ann", "bob"))
        assert one != other != (SOURCE / table).read_bytes()


def test_grades_are_not_mixed_with_other_things(released, tmp_path, capsys):
    class_of(released, tmp_path / "in", "ann")
    code, said = run_here(capsys, "grade", tmp_path / "in", "--to", tmp_path)
    assert code == 2 and "has no grades.csv" in said
    (tmp_path / "out").mkdir()
    (tmp_path / "out/grades.csv").write_text("")
    code, said = run_here(capsys, "grade", tmp_path / "in", "--to", tmp_path / "out")
    assert code == 2 and "--resume" in said and len(said.splitlines()) == 1


def test_a_folder_without_submissions_is_refused(tmp_path, capsys):
    code, said = run_here(capsys, "grade", tmp_path, "--to", tmp_path / "out")
    assert code == 2 and "must hold <student>/<assignment>/" in said


def test_without_a_sandbox_it_is_said_aloud_or_refused(monkeypatch, capsys):
    monkeypatch.setattr(grading, "find_isolation", lambda folder: "limits")
    assert grading.choose_isolation(required=False) == "limits"
    assert "NO SANDBOX" in capsys.readouterr().err
    with pytest.raises(ValueError, match="--require-sandbox needs bubblewrap"):
        grading.choose_isolation(required=True)


def test_only_an_earlier_release_is_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="only an earlier result is replaced"):
        releasing.release(tmp_path)
    assert (tmp_path / "mine").is_dir()


def test_an_exam_is_handed_out_only_by_its_name(released, tmp_path):
    assert "exam" in releasing.list_assignments() and not (released / "exam").exists()
    code = course.main(["release", "--to", str(tmp_path / "rel"), "--assignment", "exam"])
    assert code == 0 and os.listdir(tmp_path / "rel/exam").count("exam.ipynb") == 1
    assert {path.name for path in (tmp_path / "rel").iterdir()} == {"exam", "RELEASE"}


def test_release_has_neither_solutions_nor_hidden_tests(tmp_path):
    for name in releasing.list_assignments():
        releasing.release_one(name, tmp_path / name)
        text = (tmp_path / name / f"{name}.ipynb").read_text()
        assert "SOLUTION" not in text and "HIDDEN" not in text and "YOUR CODE HERE" in text
        assert "hidden_" not in text.replace("hidden_dropout", "")


def test_source_notebooks_state_their_points_and_have_no_outputs():
    for name in releasing.list_assignments():
        notebook, cells = read_cells(SOURCE / name / f"{name}.ipynb")
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in code)
        points = sum(c.metadata.nbgrader.get("points", 0) for c in cells.values())
        lines = [line.split("|") for line in notebook.cells[0].source.splitlines() if "|" in line]
        assert sum(int(line[2]) for line in lines[2:]) == points


def test_one_submission_from_end_to_end(released, tmp_path):
    """A good one with a cell of its own; the last answer prints all cells, hidden tests and all."""
    answers = read_solutions("seeds_and_reporting")
    answers["spread"] = answers["spread"].replace("ddof=1", "ddof=0")
    answers["reporting"] += "\nprint(*In)"
    hand_in(released, tmp_path / "in/ann", assignment="seeds_and_reporting", answers=answers)
    isolation = grading.choose_isolation(required=False)
    row = grade(tmp_path / "in", tmp_path / "out", isolation=isolation).iloc[0]
    assert (row["status"], row["score"]) == ("graded", 13), row["message"]
    assert row["isolation"] == isolation
    page = html.unescape((tmp_path / "out/ann/seeds_and_reporting.html").read_text())
    assert "13 of 15 points" in page and "of a sample it is n - 1" in page
    _, cells = read_cells(SOURCE / "seeds_and_reporting/seeds_and_reporting.ipynb")
    told = json.loads((tmp_path / "out/ann/seeds_and_reporting.json").read_text())
    messages = {mark["comment"] for mark in told["marks"]}
    for cell in filter(is_test, cells.values()):
        shown = hide_tests(cell.source)
        for line in cell.source.splitlines():
            if len(line.strip()) > 12 and line not in shown and "HIDDEN" not in line:
                assert line not in page or any(line.strip().strip('"') in m for m in messages)
    assert os.listdir(tmp_path / "in/ann/seeds_and_reporting") == ["seeds_and_reporting.ipynb"]
