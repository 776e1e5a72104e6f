"""Release the assignments: what students get, without solutions and hidden tests."""

import hashlib
import shutil
import tempfile
from pathlib import Path

import nbformat
from notebook_format import students_version
from tables import write_tables

SOURCE = Path(__file__).resolve().parent / "source"


def list_assignments() -> list[str]:
    """Name the assignments: the folders of `source`."""
    return sorted(path.parent.name for path in SOURCE.glob("*/*.ipynb"))


def list_homework() -> list[str]:
    """Name the assignments that are handed out together: all but an exam."""
    return [name for name in list_assignments() if not _source(name).metadata.get("exam")]


def _source(assignment: str) -> nbformat.NotebookNode:
    return nbformat.read(SOURCE / assignment / f"{assignment}.ipynb", as_version=4)


def version_of(assignment: str) -> str:
    """Return a digest of an assignment, hidden tests and data included."""
    files = sorted(p for p in (SOURCE / assignment).iterdir() if p.suffix in (".ipynb", ".csv"))
    content = b"".join(p.name.encode() + p.read_bytes() for p in files)
    return hashlib.sha256(content).hexdigest()[:12]


def data_seed(secret: str, student: str) -> int:
    """Return the seed of a student's tables: 0, the same for all, where there is no secret."""
    return _derive(f"data {secret} {student}") if secret else 0


def hidden_seed(secret: str) -> int:
    """Return the seed of the hidden tests' inputs: 0 where there is no secret."""
    return _derive(f"hidden {secret}") if secret else 0


def _derive(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") or 1


def release(
    to: Path,
    *,
    secret: str = "",
    students: tuple[str, ...] = (),
    assignments: tuple[str, ...] = (),
) -> None:
    """Write the students' versions; with `students`, a folder for each, with tables of its own.

    Args:
        assignments: all but an exam where none is named.
    Raises:
        ValueError: if `to` holds what no earlier release has written.
    """
    check_replaceable(to, "RELEASE")
    with tempfile.TemporaryDirectory() as folder:
        for student in students or ("",):
            for assignment in assignments or list_homework():
                place = Path(folder, student, assignment)
                release_one(assignment, place, secret=secret, student=student)
        Path(folder, "RELEASE").write_text("made by course.py release\n")
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(folder, to)


def release_one(assignment: str, to: Path, *, secret: str = "", student: str = "") -> None:
    """Write one assignment as one student gets it, with its tables."""
    stamp = {"assignment": assignment, "version": version_of(assignment), "student": student}
    write_tables(assignment, to, data_seed(secret, student))
    nbformat.write(students_version(_source(assignment), stamp), to / f"{assignment}.ipynb")


def check_replaceable(folder: Path, mark: str) -> None:
    """Refuse to replace what no earlier run has written: it must hold the file `mark`."""
    if folder.exists() and not (folder / mark).is_file():
        raise ValueError(f"only an earlier result is replaced, but {folder} has no file {mark}")
