"""Grade a folder of submissions: each by itself, each result kept as soon as it is there.

`<to>/<student>/<assignment>.json` is the result of one submission; the tables are made from these,
so that a killed grading loses the submissions that were running and no others.
"""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pandas as pd
from feedback import render_feedback
from notebook_format import STAMP, is_manual, is_test, name_of, points_of, read, set_hidden_seed
from releasing import SOURCE, data_seed, hidden_seed, list_assignments, version_of
from sandbox import Limits, find_isolation
from tables import write_tables

from repro.paths import ROOT

GRADES = ("student", "assignment", "status", "score", "max_score", "isolation", "handed_in")
GRADES += ("version", "seconds", "peak_gb", "message")
MARKS = ("student", "assignment", "cell", "score", "max_score", "comment")
MANUAL = ("student", "assignment", "cell", "score", "max_score", "answer")
# what the kernel of an assignment that trains may read: the package and its models, no recordings
_PACKAGE = ROOT / "src"
_DATA = ROOT / "data/mini"
_KEY = ["student", "assignment"]
_SECONDS_BETWEEN_TABLES = 5  # of a class of hundreds they take longer than a result


@dataclass(frozen=True)
class Grading:
    """How to grade; `secret` is that of the release, `again` replaces results that are there."""

    limits: Limits = field(default_factory=Limits)
    jobs: int = 1
    isolation: str = "limits"
    secret: str = ""
    again: bool = False


@dataclass(frozen=True)
class Submission:
    """One notebook of one student, or the reason why there is none."""

    student: str
    assignment: str
    notebook: Path | None
    problem: str = ""


def find_submissions(folder: Path, only: str = "") -> list[Submission]:
    """Find <student>/<assignment>/*.ipynb, of one student if `only` names one.

    Raises:
        ValueError: if there is none.
    """
    paths = [p for p in sorted(folder.glob("*/*")) if p.is_dir() and p.name[0] not in "._"]
    found = [_submission(path) for path in paths if only in ("", path.parent.name)]
    if not found:
        raise ValueError(
            "SUBMISSIONS must hold <student>/<assignment>/<assignment>.ipynb, but there is none "
            f"{f'of {only} ' if only else ''}in {folder}; put the notebooks there, collect them "
            "from a zip with `collect`, or name another folder"
        )
    return found


def _submission(path: Path) -> Submission:
    notebooks = [p for p in sorted(path.glob("*.ipynb")) if not p.is_symlink()]
    named = [p for p in notebooks if p.stem == path.name] or notebooks
    problem = ""
    if path.name not in list_assignments():
        problem = f"an assignment must be one of {list_assignments()}, but got {path.name}"
    elif path.is_symlink() or not notebooks:
        problem = f"the folder must hold the file {path.name}.ipynb; hand it in again"
    elif len(named) > 1:
        names = ", ".join(p.name for p in named)
        problem = f"the folder must hold one notebook, but holds {names}; keep the one that counts"
    return Submission(path.parent.name, path.name, None if problem else named[0], problem)


def grade(submissions: list[Submission], to: Path, how: Grading) -> pd.DataFrame:
    """Grade what has no result yet, or was changed since; write tables, feedback, run notebooks.

    The tables follow the results within seconds, and are whole in the end.
    """
    to.mkdir(parents=True, exist_ok=True)
    waiting = [s for s in submissions if how.again or not _is_graded(s, to, how)]
    written = -math.inf
    print(f"{len(waiting)} of {len(submissions)} to grade, {how.jobs} at once")
    with ThreadPoolExecutor(how.jobs) as pool:
        running = {pool.submit(_grade_one, s, to, how): s for s in waiting}
        for number, done in enumerate(as_completed(running), 1):
            row = done.result()
            print(
                f"{number}/{len(waiting)} {row['student']} {row['assignment']}: "
                f"{row['score']:g} of {row['max_score']:g}, {row['status']}",
                flush=True,
            )
            if time.monotonic() - written > _SECONDS_BETWEEN_TABLES:
                write_grades(to)
                written = time.monotonic()
    return write_grades(to)


def write_grades(to: Path) -> pd.DataFrame:
    """Write grades.csv, marks.csv and manual.csv from the results; marks given by hand stay."""
    results = [json.loads(path.read_text("utf-8")) for path in sorted(to.glob("*/*.json"))]
    grades = pd.DataFrame([r["row"] for r in results], columns=list(GRADES))
    marks = pd.DataFrame([m for r in results for m in r["marks"]], columns=list(MARKS))
    manual = pd.DataFrame([m for r in results for m in r["manual"]], columns=list(MANUAL))
    given = to / "manual.csv"
    if given.is_file() and len(manual):
        scores = pd.read_csv(given, dtype={"student": str}).set_index([*_KEY, "cell"])["score"]
        manual["score"] = scores.reindex(pd.MultiIndex.from_frame(manual[[*_KEY, "cell"]])).array
    for name, table in (("grades", grades), ("marks", marks), ("manual", manual)):
        new = to / f".{name}.csv"
        table.sort_values(_KEY, kind="stable").to_csv(new, index=False)
        new.replace(to / f"{name}.csv")
    return grades


def _is_graded(submission: Submission, to: Path, how: Grading) -> bool:
    path = to / submission.student / f"{submission.assignment}.json"
    try:
        return json.loads(path.read_text("utf-8"))["key"] == _key(submission, how)
    except (OSError, ValueError, KeyError):
        return False


def _key(submission: Submission, how: Grading) -> str:
    """Return a digest of all that a result depends on."""
    notebook = submission.notebook
    content = notebook.read_bytes() if notebook else submission.problem.encode()
    version = version_of(submission.assignment) if notebook else ""
    return hashlib.sha256(content + f"{version} {how.secret}".encode()).hexdigest()


def _grade_one(submission: Submission, to: Path, how: Grading) -> dict:
    """Grade one submission and keep its result; whatever goes wrong costs this one alone."""
    folder = to / submission.student
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="grade", ignore_cleanup_errors=True) as workplace:
        try:
            result = _result(submission, Path(workplace), how)
        except Exception as error:
            status, said = "failed", f"the grader: {type(error).__name__}: {error}"
            if isinstance(error, ValueError):
                status, said = "unreadable", str(error)
            result = _empty_result(submission, how, status=status, message=said[:300])
        run = Path(workplace, "run.ipynb")
        if run.is_file():
            shutil.copyfile(run, folder / f"{submission.assignment}.ipynb")
    page = render_feedback(result["row"], result["marks"], _handed_in_cells(submission, result))
    (folder / f"{submission.assignment}.html").write_text(page, "utf-8", errors="replace")
    path = folder / f"{submission.assignment}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(result | {"key": _key(submission, how)}, indent=1), "utf-8")
    new.replace(path)
    return result["row"]


def _handed_in_cells(submission: Submission, result: dict) -> list[dict]:
    """Return the cells as handed in; of what may not be read, none."""
    if submission.notebook is None or result["row"]["status"] == "unreadable":
        return []
    tests = {name_of(c): c.source for c in _original(submission.assignment).cells if is_test(c)}
    return [
        {"cell": cell, "name": name_of(cell), "test": tests.get(name_of(cell))}
        for cell in read(submission.notebook).cells
    ]


def _original(assignment: str) -> nbformat.NotebookNode:
    path = SOURCE / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        return nbformat.v4.new_notebook()
    return nbformat.read(path, as_version=4)


def _empty_result(submission: Submission, how: Grading, *, status: str, message: str) -> dict:
    cells = _original(submission.assignment).cells
    points = points_of(c for c in cells if is_test(c))
    who = {"student": submission.student, "assignment": submission.assignment}
    row = who | {"status": status, "score": 0.0, "max_score": sum(points.values())}
    row |= {"isolation": how.isolation, "handed_in": _handed_in(submission), "version": ""}
    row |= {"seconds": 0.0, "peak_gb": 0.0, "message": message}
    marks = [
        who | {"cell": name, "score": 0.0, "max_score": most, "comment": ""}
        for name, most in points.items()
    ]
    return {"row": row, "marks": marks, "manual": []}


def _handed_in(submission: Submission) -> str:
    if submission.notebook is None:
        return ""
    time = submission.notebook.stat().st_mtime
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")


def _result(submission: Submission, folder: Path, how: Grading) -> dict:
    """Run a submission and score its tests.

    Raises:
        ValueError: if it is not a notebook of this assignment's current version.
    """
    if submission.notebook is None:
        raise ValueError(submission.problem)
    submitted = read(submission.notebook)
    note = _check_stamp(submitted, submission)
    result = _empty_result(submission, how, status="graded", message="")
    outcome = _run(submission, folder, how)
    row, passed, told = result["row"], outcome["passed"], outcome["comments"]
    for mark in result["marks"]:
        name = mark["cell"]
        mark["score"] = mark["max_score"] if passed.get(name) else 0.0
        mark["comment"] = told.get(name, "" if name in passed else "It was not reached.")
    row |= {name: outcome[name] for name in ("status", "seconds", "peak_gb")}
    row["message"] = "; ".join(filter(None, (outcome["message"], note)))
    row["version"] = version_of(submission.assignment)
    row["score"] = sum(mark["score"] for mark in result["marks"])
    result["manual"] = _manual(submission, submitted)
    return result


def _check_stamp(submitted: nbformat.NotebookNode, submission: Submission) -> str:
    """Return what is to be said about where a notebook comes from.

    Raises:
        ValueError: if it is of another version, or not of Python.
    """
    language = submitted.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise ValueError(f"must be a notebook of Python, but is one of {language}")
    stamp = submitted.metadata.get(STAMP)
    if not isinstance(stamp, dict):
        return "without the release's stamp"
    version = version_of(submission.assignment)
    if stamp.get("assignment") != submission.assignment or stamp.get("version") != version:
        raise ValueError(
            f"must be {submission.assignment} as released in version {version}, but is "
            f"{stamp.get('assignment')} in version {stamp.get('version')}; grade it with the "
            "repository that it was released from"
        )
    owner = stamp.get("student") or submission.student
    return "" if owner == submission.student else f"the notebook was released to {owner}"


def _manual(submission: Submission, submitted: nbformat.NotebookNode) -> list[dict]:
    asked = {name_of(c): c for c in _original(submission.assignment).cells if is_manual(c)}
    points = points_of(asked.values())
    answers = {name_of(cell): cell.source for cell in reversed(submitted.cells)}
    who = {"student": submission.student, "assignment": submission.assignment, "score": None}
    return [
        who | {"cell": name, "max_score": points[name], "answer": answers.get(name, "")[:5000]}
        for name in asked
    ]


def _run(submission: Submission, folder: Path, how: Grading) -> dict:
    """Run a submission in a process of its own, and return what that says."""
    box = folder / "box"
    box.mkdir()
    write_tables(submission.assignment, box / "work", data_seed(how.secret, submission.student))
    original = _original(submission.assignment)
    set_hidden_seed(original, hidden_seed(how.secret))
    nbformat.write(original, folder / "original.ipynb")
    shutil.copyfile(submission.notebook, folder / "submitted.ipynb")
    trains = original.metadata.get("trains", False)
    job = {"original": str(folder / "original.ipynb"), "submitted": str(folder / "submitted.ipynb")}
    job |= {"limits": asdict(how.limits), "isolation": how.isolation}
    job |= {"readable": [str(_PACKAGE), str(_DATA)] if trains else []}
    variables = {"PYTHONPATH": str(_PACKAGE), "REPRO_DATA": str(_DATA.parent)}
    job |= {"variables": variables if trains else {}}
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, str(Path(__file__).with_name("running.py")), f"{folder}/job.json"]
    with (folder / "log.txt").open("w") as log:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            timeout=how.limits.seconds + 120,
            check=False,
        )
    path = folder / "result.json"
    if not path.is_file():
        lines = (folder / "log.txt").read_text(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if "Error" in line), "it left no result")
        raise RuntimeError(f"the run ended without a result: {said[:150]}")
    return json.loads(path.read_text())


def choose_isolation(*, required: bool) -> str:
    """Say aloud and return what protects the machine from submissions.

    Raises:
        ValueError: if a sandbox is required and this machine has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        isolation = find_isolation(Path(folder))
    if isolation == "limits":
        if required:
            raise ValueError(
                "--require-sandbox needs bubblewrap (`bwrap`) that may make user namespaces, but "
                "this machine has none; install it, or grade on another machine"
            )
        print(
            "NO SANDBOX: this machine has no working bubblewrap (`bwrap`). Submissions run with "
            "limits of time, memory, processes and disk only; they may read what you may read and "
            "use the network.",
            file=sys.stderr,
        )
    return isolation


def usual_jobs(memory_gb: float) -> int:
    """Return how many submissions at once the machine has cores and free memory for."""
    import psutil

    free = psutil.virtual_memory().available / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, int(free / memory_gb)))
