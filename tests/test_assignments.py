"""The assignments: released, handed in well and badly, graded; and hostile submissions."""

import hashlib
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

pytest.importorskip("nbgrader", reason="needs nbgrader: pip install '.[courses]'")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks/assignments"
SOURCE = FOLDER / "source"
ASSIGNMENTS = sorted(path.name for path in SOURCE.iterdir() if path.is_dir())

# Typical wrong answers: (cell, right, wrong), ..., and the test cells that they must cost.
WRONG = {
    "learning_rate_and_warmup": (
        (
            ("schedule", "return (n_steps - step) / (n_steps - n_warmup)", "return 1.0"),
            ("range", "np.geomspace", "np.linspace"),
            ("warmup", "max(learning_rates)", "min(learning_rates)"),
        ),
        {"schedule_by_hand", "schedule_everywhere", "range_is_geometric", "warmup_alone_differs"},
    ),
    "grid_against_random": (
        (
            ("space", "LogUniform(1e-4, 1e-2)", "Uniform(1e-4, 1e-2)"),
            ("random", "default_rng(seed)", "default_rng()"),
        ),
        {
            "space_is_stated",
            "draws_come_from_space",
            "draws_follow_seed",
            "trials_lie_in_stated_space",
        },
    ),
    "asha_by_hand": (
        (
            (
                "asha",
                "score_after(trial, rung)",
                "(score_after(trial, 6), table.loc[trial, rung])[1]",
            ),
            ("losses", "saved = 1 - ", "saved = "),
        ),
        {"asha_never_looks_ahead", "saving_is_counted"},
    ),
    "seeds_and_reporting": (
        (
            ("spread", "values.std(ddof=1)", "values.std()"),
            ("reporting", '"mean": values.mean()', '"mean": values.max()'),
        ),
        {"spread_is_of_sample", "report_gives_means"},
    ),
    "overfitting_validation": (
        (("decision", 'choose(trials, "validation")', 'max(trials["trial"], key=look_at_test)'),),
        {"decided_by_more_examples", "one_look_at_the_decision", "no_further_look"},
    ),
}

# Put before the first answer of `asha_by_hand`, the rest of it being right; status and points:
# two are for what does without that answer.
LINGERS = "98765"
HOSTILE = {
    "loops": ("while True:\n    pass", "timed out", 2),
    "stubborn": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
        "timed out",
        0,
    ),
    "hungry": ("hog = [bytearray(2**26) for _ in range(10**6)]", "out of memory", 2),
    "deletes": (
        "import pathlib, shutil\n"
        "shutil.rmtree(pathlib.Path.cwd().parents[2], ignore_errors=True)\n"
        "shutil.rmtree(pathlib.Path.home(), ignore_errors=True)",
        "failed",
        0,
    ),
    "dies": ("import os\nos._exit(0)", "failed", 0),
    "lingers": (
        f"import subprocess\nsubprocess.Popen(['sleep', '{LINGERS}'], start_new_session=True)",
        "graded",
        15,
    ),
    "mistyped": ("def unfinished(:", "graded", 2),
}


def run_course(*arguments):
    """Run course.py as `make` does; return what it printed."""
    command = [sys.executable, str(FOLDER / "course.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def read_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook, {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }


def read_solutions(assignment):
    """Return the instructor's answers, cell by cell."""
    _, cells = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    return {name: c.source for name, c in cells.items() if c.metadata.nbgrader.solution}


def hand_in(released, to, *, assignment, answers):
    """Write a submission: the students' version with these answers."""
    notebook, cells = read_cells(released / assignment / f"{assignment}.ipynb")
    for name, answer in answers.items():
        cells[name].source = answer
    (to / assignment).mkdir(parents=True)
    nbformat.write(notebook, to / assignment / f"{assignment}.ipynb")


def answer_wrongly(assignment):
    answers = read_solutions(assignment)
    for cell, right, wrong in WRONG[assignment][0]:
        assert right in answers[cell]
        answers[cell] = answers[cell].replace(right, wrong)
    return answers


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def grade(submissions, to, *more):
    before = digest(submissions) | digest(SOURCE)
    done = run_course("grade", submissions, "--to", to, "--jobs", 2, *more)
    assert done.returncode == 0, done.stderr[-3000:]
    assert digest(submissions) | digest(SOURCE) == before
    grades = pd.read_csv(to / "grades.csv", keep_default_na=False)
    return grades.set_index(["student", "assignment"]), pd.read_csv(to / "marks.csv")


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
            ("wrong", answer_wrongly(assignment)),
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
    hand_in(released, root / "in" / "victim", assignment=name, answers=solutions)
    for student, text in (("garbled", "{not json"), ("listed", "[1]"), ("empty", "")):
        (root / "in" / student / name).mkdir(parents=True)
        (root / "in" / student / name / f"{name}.ipynb").write_text(text)
    (root / "in/lost/no_such_assignment").mkdir(parents=True)
    (root / "in/missing" / name).mkdir(parents=True)
    return grade(root / "in", root / "out", "--cell-seconds", 30, "--seconds", 150)


def test_there_are_five_assignments_with_solutions_and_hidden_tests():
    assert len(ASSIGNMENTS) >= 5
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
        assert sum(int(number) for number in stated[2:]) == points == 15


def test_release_has_neither_solutions_nor_hidden_tests(released):
    assert sorted(path.name for path in released.iterdir()) == ASSIGNMENTS
    for name in ASSIGNMENTS:
        text = (released / name / f"{name}.ipynb").read_text()
        assert "SOLUTION" not in text and "HIDDEN" not in text
        assert "hidden_" not in text.replace("hidden_dropout", "")
        assert "YOUR CODE HERE" in text


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_solutions_get_full_marks(graded, name):
    grades, marks = graded
    short = marks[marks.score.lt(marks.max_score) & marks.student.eq("good")]
    assert short[short.assignment == name].to_dict("records") == []
    assert grades.loc[("good", name), "status"] == "graded"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_untouched_versions_get_nothing(graded, name):
    grades, _ = graded
    assert grades.loc[("idle", name), "status"] == "graded"
    assert grades.loc[("idle", name), "score"] == 0


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_wrong_answers_lose_what_they_should(graded, name):
    _, marks = graded
    rows = marks[(marks.student == "wrong") & (marks.assignment == name)]
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


def test_hostile_submissions_harm_nobody(hostile):
    grades, _ = hostile
    assert grades.loc[("victim", "asha_by_hand"), ["status", "score"]].tolist() == ["graded", 15]
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if LINGERS in line]


def test_a_folder_without_submissions_is_refused(tmp_path):
    done = run_course("grade", tmp_path, "--to", tmp_path / "out")
    assert done.returncode == 2 and "must hold <student>/<assignment>/" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_grades_are_not_overwritten_unasked(tmp_path):
    done = run_course("grade", tmp_path, "--to", tmp_path)
    assert done.returncode == 2 and "--again" in done.stderr


@pytest.mark.parametrize("command", [["release"], ["grade", "--again"]])
def test_only_earlier_results_are_replaced(tmp_path, command):
    (tmp_path / "in/ann/asha_by_hand").mkdir(parents=True)
    inputs = [tmp_path / "in"] if command[0] == "grade" else []
    done = run_course(*command, *inputs, "--to", tmp_path)
    assert done.returncode == 2 and "only an earlier result is replaced" in done.stderr
    assert (tmp_path / "in/ann/asha_by_hand").is_dir()
