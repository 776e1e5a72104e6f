"""Release the assignments to students, and grade what they hand in, with nbgrader.

python course.py release [--to FOLDER]
python course.py grade SUBMISSIONS [--to FOLDER] [--again]

SUBMISSIONS holds <student>/<assignment>/<assignment>.ipynb. See README.md.
"""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import isolation  # first: it saves nbformat's imports from a slow one
import nbformat
import pandas as pd
from feedback import render_feedback
from isolation import STUDENT, Limits

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
MOST_BYTES = 20 * 2**20  # of a notebook
GRADES = ("student", "assignment", "status", "score", "max_score", "seconds", "message")
MARKS = ("student", "assignment", "cell", "score", "max_score")
# what the submission's own outputs say, in this order; the names of the errors
_SIGNS = {"CellTimeoutError": "timed out", "MemoryError": "out of memory"}


def list_assignments() -> list[str]:
    """Name the assignments: the folders of `source`."""
    return sorted(path.parent.name for path in SOURCE.glob("*/*.ipynb"))


def release(to: Path) -> None:
    """Write the students' version of every assignment, without solutions and hidden tests."""
    _check_replaceable(to, mark=f"{list_assignments()[0]}/{list_assignments()[0]}.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        _generate(Path(folder), list_assignments())
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(Path(folder, "release"), to)
    print(f"released {', '.join(list_assignments())} to {to}")


def _check_replaceable(folder: Path, *, mark: str) -> None:
    """Refuse to replace what no earlier run has written: it must hold the file `mark`."""
    if folder.exists() and not (folder / mark).is_file():
        raise ValueError(f"only an earlier result is replaced, but {folder} has no {mark}")


def _generate(course: Path, assignments: list[str]) -> None:
    """Make the students' versions and the gradebook of a course in an empty folder."""
    import nbgrader.api
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    # asks a slow program for the layout of a gradebook that nobody will bring up to date
    nbgrader.api.get_alembic_version = lambda: "unknown"
    shutil.copytree(SOURCE, course / "source", ignore=shutil.ignore_patterns(".*"))
    config = Config()
    config.CourseDirectory.root = str(course)
    api = NbGraderAPI(config=config)
    for name in assignments:
        done = api.generate_assignment(name)
        if not done["success"]:
            raise RuntimeError(f"nbgrader must accept `{name}`, but said:\n{done['log']}")


def grade(submissions: Path, to: Path, *, limits: Limits, jobs: int) -> pd.DataFrame:
    """Grade all submissions, each by itself; write tables, run notebooks and feedback.

    The tables are grades.csv and marks.csv, the feedback is one page a submission.

    Raises:
        ValueError: if there is no submission, or the results are there already.
    """
    found = _find_submissions(submissions)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        _generate(Path(folder), sorted({path.name for path in found} & set(list_assignments())))
        to.mkdir(parents=True)

        def work(path: Path) -> tuple[dict, list[dict]]:
            return _grade_one(path, Path(folder), to=to, limits=limits)

        rows, marks = zip(*pool.map(work, found), strict=True)
    grades = pd.DataFrame(rows, columns=GRADES)
    grades.to_csv(to / "grades.csv", index=False)
    table = pd.DataFrame([mark for cells in marks for mark in cells], columns=MARKS)
    table.to_csv(to / "marks.csv", index=False)
    return grades


def _find_submissions(submissions: Path) -> list[Path]:
    found = sorted(path for path in submissions.glob("*/*") if path.is_dir())
    if not found:
        raise ValueError(
            "SUBMISSIONS must hold <student>/<assignment>/<assignment>.ipynb, but there is none "
            f"in {submissions}; put the notebooks there or name another folder"
        )
    return found


def _grade_one(path: Path, base: Path, *, to: Path, limits: Limits) -> tuple[dict, list[dict]]:
    """Grade one submission in a folder of its own; return its row of grades and its marks."""
    started, who = time.monotonic(), {"student": path.parent.name, "assignment": path.name}
    tests = _tests(path.name)
    points = {name: float(cell.metadata.nbgrader.points) for name, cell in tests.items()}
    status, message = _check(path)
    scores = dict.fromkeys(points, 0.0)
    if not status:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            course = _make_course(path, base, Path(folder, "course"))
            status, message = isolation.autograde(course, path.name, limits)
            if status == "graded":
                status, message, scores = _read_scores(course, path.name, points)
                _keep(course, path.name, to / path.parent.name)
    row = who | {"status": status, "score": sum(scores.values()), "message": message}
    row |= {"max_score": sum(points.values()), "seconds": round(time.monotonic() - started, 1)}
    print(
        f"{row['student']} {row['assignment']}: {row['score']:g} of {row['max_score']:g}, {status}"
    )
    marks = [{"cell": c, "score": scores[c], "max_score": points[c]} for c in points]
    with_tests = [mark | {"source": tests[mark["cell"]].source} for mark in marks]
    _write_feedback(row, with_tests, path, to)
    return row, [who | mark for mark in marks]


def _write_feedback(row: dict, marks: list[dict], path: Path, to: Path) -> None:
    """Write the page for the student beside the run notebook, which is not for the student."""
    submitted, kept = path / f"{path.name}.ipynb", to / path.parent.name / f"{path.name}.ipynb"
    kept.parent.mkdir(parents=True, exist_ok=True)
    page = render_feedback(row, marks, submitted=submitted, run=kept)
    kept.with_suffix(".html").write_text(page, encoding="utf-8", errors="replace")


def _tests(assignment: str) -> dict:
    """Return the test cells of the instructor's version by name."""
    path = SOURCE / assignment / f"{assignment}.ipynb"
    cells = nbformat.read(path, as_version=4).cells if path.is_file() else []
    marked = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {cell.metadata.nbgrader.grade_id: cell for cell in marked}


def _check(path: Path) -> tuple[str, str]:
    """Return status and message of a submission that cannot be run; empty if it can."""
    notebook = path / f"{path.name}.ipynb"
    if path.name not in list_assignments():
        return "unreadable", f"an assignment must be one of {list_assignments()}: {path.name}"
    if not notebook.is_file() or notebook.is_symlink() or path.is_symlink():
        return "unreadable", f"the folder must hold the file {notebook.name}; hand it in again"
    if notebook.stat().st_size > MOST_BYTES:
        return "unreadable", f"a notebook must be below {MOST_BYTES} bytes; clear its outputs"
    try:
        nbformat.validate(nbformat.read(notebook, as_version=4))
    except Exception as error:  # whatever a student can put into a file
        said = " ".join(str(error).split())[:120]
        return "unreadable", f"must be a notebook, but {type(error).__name__}: {said}; save again"
    return "", ""


def _make_course(path: Path, base: Path, course: Path) -> Path:
    """Make a course of one submission: its notebook, the assignment's files, an own gradebook."""
    submitted = course / "submitted" / STUDENT / path.name
    submitted.mkdir(parents=True)
    shutil.copyfile(path / f"{path.name}.ipynb", submitted / f"{path.name}.ipynb")
    shutil.copyfile(base / "gradebook.db", course / "gradebook.db")
    # the files that come with the assignment, but not the instructor's notebook
    without_notebooks = shutil.ignore_patterns("*.ipynb")
    shutil.copytree(SOURCE / path.name, course / "source" / path.name, ignore=without_notebooks)
    return course


def _run_notebook(course: Path, assignment: str) -> Path:
    return course / "autograded" / STUDENT / assignment / f"{assignment}.ipynb"


def _read_scores(course: Path, assignment: str, points: dict[str, float]):
    """Return status, message and scores of what nbgrader has left."""
    from nbgrader.utils import determine_grade, is_grade

    scores = dict.fromkeys(points, 0.0)
    try:
        cells = nbformat.read(_run_notebook(course, assignment), as_version=4).cells
        errors = {o.ename for c in cells for o in c.get("outputs", []) if o.output_type == "error"}
        for cell in filter(is_grade, cells):
            name = cell.metadata.nbgrader.grade_id
            if name in points and cell.get("execution_count"):
                scores[name] = min(float(determine_grade(cell)[0] or 0.0), points[name])
    except Exception as error:  # the submission may have changed whatever lies in its folder
        return "failed", f"no result: {type(error).__name__}: {str(error)[:120]}", scores
    for name, status in _SIGNS.items():
        if name in errors:
            return status, f"a cell ended with {name}; the other cells are graded", scores
    return "graded", "", scores


def _keep(course: Path, assignment: str, to: Path) -> None:
    """Keep the run notebook, with the outputs of the hidden tests."""
    notebook = _run_notebook(course, assignment)
    if notebook.is_file() and not notebook.is_symlink():
        to.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, to / f"{assignment}.ipynb")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    releasing = commands.add_parser("release", help="write the students' version")
    releasing.add_argument("--to", type=Path, default=HERE / "release")
    grading = commands.add_parser("grade", help="grade a folder of submissions")
    grading.add_argument("submissions", type=Path)
    grading.add_argument("--to", type=Path, default=HERE / "grades", help="a folder to make")
    grading.add_argument("--again", action="store_true", help="replace the folder")
    grading.add_argument("--jobs", type=int, default=1, help="submissions at once")
    for name, value in vars(Limits()).items():
        option = f"--{name.replace('_', '-')}"
        grading.add_argument(option, type=type(value), default=value, help=f"default {value}")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; errors of use are one line."""
    options = _parse(arguments)
    try:
        if options.command == "release":
            release(options.to)
        else:
            _grade(options)
    except (ImportError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _grade(options: argparse.Namespace) -> None:
    if options.to.exists() and not options.again:
        raise ValueError(
            f"the grades must go to a new folder, but got {options.to}; name another with --to, "
            "or replace it with --again"
        )
    limits = Limits(**{name: getattr(options, name) for name in vars(Limits())})
    _find_submissions(options.submissions)  # before anything is replaced
    _check_replaceable(options.to, mark="grades.csv")
    shutil.rmtree(options.to, ignore_errors=True)
    grade(options.submissions, options.to, limits=limits, jobs=options.jobs)
    print(f"see {options.to / 'grades.csv'}")


if __name__ == "__main__":
    sys.exit(main())
