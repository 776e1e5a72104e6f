"""The assignments: released, handed in well and badly, graded; and hostile submissions."""

import hashlib
import html
import re
import subprocess
import sys

import pandas as pd
import psutil
import pytest

import course
from submissions import (
    FOLDER,
    HOSTILE,
    LINGERS,
    SOURCE,
    WRONG,
    answer_wrongly,
    hand_in,
    read_cells,
    read_solutions,
)

pytest.importorskip("nbgrader", reason="needs nbgrader: pip install '.[courses]'")

ASSIGNMENTS = sorted(path.name for path in SOURCE.iterdir() if path.is_dir())
POINTS = dict.fromkeys(ASSIGNMENTS, 15) | {"three_stage_project": 20}
HIDDEN = re.compile("### BEGIN HIDDEN TESTS(.*?)### END HIDDEN TESTS", re.S)


def run_course(*arguments):
    """Run course.py as `make` does; return what it printed."""
    command = [sys.executable, str(FOLDER / "course.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def grade(submissions, to, *more):
    before = digest(submissions) | digest(SOURCE)
    done = run_course("grade", submissions, "--to", to, "--jobs", 3, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    assert digest(submissions) | digest(SOURCE) == before
    grades = pd.read_csv(to / "grades.csv", keep_default_na=False)
    return grades.set_index(["student", "assignment"]), pd.read_csv(to / "marks.csv"), to


def hidden_lines(assignment):
    """Return the lines of hidden tests that tell something."""
    _, cells = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    hidden = "".join(part for cell in cells.values() for part in HIDDEN.findall(cell.source))
    seen = "".join(HIDDEN.sub("", cell.source) for cell in cells.values())
    lines = {line.strip() for line in hidden.splitlines()}
    return {line for line in lines if len(line) > 8 and line not in seen}


def read_page(folder, student, assignment):
    return html.unescape((folder / student / f"{assignment}.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "release"
    done = run_course("release", "--to", folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory):
    root = tmp_path_factory.mktemp("class")
    for assignment in ASSIGNMENTS:
        for student, answers in (
            ("good", read_solutions(assignment)),
            ("idle", {}),
            ("erring", answer_wrongly(assignment)),
        ):
            hand_in(released, root / "in" / student, assignment=assignment, answers=answers)
    return grade(root / "in", root / "out")


@pytest.fixture(scope="module")
def hostile(released, tmp_path_factory):
    root, name = tmp_path_factory.mktemp("hostile"), "asha_by_hand"
    solutions = read_solutions(name)
    for student, (code, _, _) in HOSTILE.items():
        answers = solutions | {"rungs": f"{code}\n{solutions['rungs']}"}
        hand_in(released, root / "in" / student, assignment=name, answers=answers)
    for student, text in (("garbled", "{not json"), ("listed", "[1]"), ("empty", "")):
        (root / "in" / student / name).mkdir(parents=True)
        (root / "in" / student / name / f"{name}.ipynb").write_text(text)
    (root / "in/lost/no_such_assignment").mkdir(parents=True)
    (root / "in/missing" / name).mkdir(parents=True)
    return grade(root / "in", root / "out", "--cell-seconds", 10, "--seconds", 150)


def test_there_are_six_assignments_with_solutions_and_hidden_tests():
    assert len(ASSIGNMENTS) >= 6
    assert set(WRONG) == set(ASSIGNMENTS)
    for name in ASSIGNMENTS:
        text = (SOURCE / name / f"{name}.ipynb").read_text()
        assert text.count("BEGIN SOLUTION") >= 4 and text.count("BEGIN HIDDEN TESTS") >= 4


def test_source_notebooks_are_without_outputs_and_state_their_points():
    for name in ASSIGNMENTS:
        notebook, cells = read_cells(SOURCE / name / f"{name}.ipynb")
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in code)
        points = sum(c.metadata.nbgrader.get("points", 0) for c in cells.values())
        stated = [
            line.split("|")[2] for line in notebook.cells[0].source.splitlines() if "|" in line
        ]
        assert sum(int(number) for number in stated[2:]) == points == POINTS[name]


def test_release_has_neither_solutions_nor_hidden_tests(released):
    assert sorted(path.name for path in released.iterdir()) == ASSIGNMENTS
    for name in ASSIGNMENTS:
        text = (released / name / f"{name}.ipynb").read_text()
        assert "SOLUTION" not in text and "HIDDEN" not in text
        assert "hidden_" not in text.replace("hidden_dropout", "")
        assert "YOUR CODE HERE" in text


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_solutions_get_full_marks(graded, name):
    grades, marks, _ = graded
    short = marks[marks.score.lt(marks.max_score) & marks.student.eq("good")]
    assert short[short.assignment == name].to_dict("records") == []
    assert grades.loc[("good", name), "status"] == "graded"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_untouched_versions_get_nothing(graded, name):
    grades, _, _ = graded
    assert grades.loc[("idle", name), "status"] == "graded"
    assert grades.loc[("idle", name), "score"] == 0


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_wrong_answers_lose_what_they_should(graded, name):
    _, marks, _ = graded
    rows = marks[(marks.student == "erring") & (marks.assignment == name)]
    assert set(rows.loc[rows.score < rows.max_score, "cell"]) == WRONG[name][1]
    assert rows.loc[rows.score < rows.max_score, "score"].eq(0).all()


@pytest.mark.parametrize("student", HOSTILE)
def test_hostile_submissions_are_graded_as_such(hostile, student):
    row = hostile[0].loc[(student, "asha_by_hand")]
    assert (row["status"], row["score"]) == HOSTILE[student][1:], row["message"]
    assert row["seconds"] < 200


@pytest.mark.parametrize(
    ("student", "name", "said"),
    [
        ("garbled", "asha_by_hand", "must be a notebook"),
        ("listed", "asha_by_hand", "must be a notebook"),
        ("empty", "asha_by_hand", "must be a notebook"),
        ("missing", "asha_by_hand", "must hold the file asha_by_hand.ipynb"),
        ("lost", "no_such_assignment", "must be one of"),
    ],
)
def test_what_cannot_be_read_is_named(hostile, student, name, said):
    row = hostile[0].loc[(student, name)]
    assert (row["status"], row["score"]) == ("unreadable", 0) and said in row["message"]


def test_hostile_submissions_leave_nothing_running(hostile):
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if LINGERS in line]


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("student", ["erring", "good", "idle"])
def test_pages_for_students_are_without_hidden_tests(graded, student, name):
    grades, _, folder = graded
    page, lines = read_page(folder, student, name), hidden_lines(name)
    assert len(lines) >= 4 and [line for line in lines if line in page] == []
    score = grades.loc[(student, name), "score"]
    assert f"{score:g} of {POINTS[name]} points" in page
    if student == "erring":  # when graded, its last answer did print them
        _, cells = read_cells(folder / student / f"{name}.ipynb")
        answers = [cell for cell in cells.values() if cell.metadata.nbgrader.solution]
        printed = "".join(output.get("text", "") for output in answers[-1].outputs)
        assert any(line in printed for line in lines)


def test_pages_say_where_a_test_failed(graded):
    _, _, folder = graded
    wrong, idle = (read_page(folder, s, "seeds_and_reporting") for s in ("erring", "idle"))
    assert wrong.count("The tests that you see pass; a further one fails.") == 2  # table, cell
    assert "Line 1 of the tests that you see ended with NotImplementedError" in idle


def test_every_submission_has_a_page(hostile):
    grades, _, folder = hostile
    for (student, name), row in grades.iterrows():
        assert f"points</b>,\n{row['status']}." in read_page(folder, student, name)
    assert "must hold the file" in read_page(folder, "missing", "asha_by_hand")


def test_links_are_not_followed(tmp_path):
    (tmp_path / "in/eve").mkdir(parents=True)
    (tmp_path / "in/eve/asha_by_hand").symlink_to(SOURCE / "asha_by_hand")
    grades = course.grade(tmp_path / "in", tmp_path / "out", limits=course.Limits(), jobs=1)
    assert grades["status"].tolist() == ["unreadable"]
    assert "hidden" not in (tmp_path / "out/eve/asha_by_hand.html").read_text()


def run_here(capsys, *arguments):
    """Run a command that fails early; return its code and message."""
    code = course.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


def test_a_folder_without_submissions_is_refused(tmp_path, capsys):
    code, said = run_here(capsys, "grade", tmp_path, "--to", tmp_path / "out")
    assert code == 2 and "must hold <student>/<assignment>/" in said
    assert len(said.splitlines()) == 1


def test_grades_are_not_overwritten_unasked(tmp_path, capsys):
    code, said = run_here(capsys, "grade", tmp_path, "--to", tmp_path)
    assert code == 2 and "--again" in said


def test_only_earlier_grades_are_replaced(tmp_path, capsys):
    (tmp_path / "in/ann/asha_by_hand").mkdir(parents=True)
    code, said = run_here(capsys, "grade", "--again", tmp_path / "in", "--to", tmp_path)
    assert code == 2 and "only an earlier result is replaced" in said
    assert (tmp_path / "in/ann/asha_by_hand").is_dir()


def test_only_an_earlier_release_is_replaced(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    code, said = run_here(capsys, "release", "--to", tmp_path)
    assert code == 2 and "only an earlier result is replaced" in said
    assert (tmp_path / "mine").is_dir()
