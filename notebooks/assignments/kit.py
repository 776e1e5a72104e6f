"""The kit: all that students need, in one folder, without a solution or a hidden test."""

import shutil
import tempfile
from pathlib import Path

import nbformat
from releasing import SOURCE, check_replaceable, list_homework, release_one

from repro.paths import ROOT

_HERE = Path(__file__).resolve().parent
_PACKAGE = (
    "src/repro",
    "data/mini",
    "pyproject.toml",
    "setup.py",
    "requirements.lock",
    "README.md",
    "LICENSE",
)
_LIGHT = "jupyterlab\nnumpy\npandas\n"


def write_kit(to: Path) -> None:
    """Write `recorded` (numpy and pandas suffice) and `trained` (with this package) to a folder.

    Raises:
        ValueError: if the folder holds what no earlier kit has written.
    """
    check_replaceable(to, "KIT")
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder)
        for assignment in list_homework():
            notebook = nbformat.read(SOURCE / assignment / f"{assignment}.ipynb", as_version=4)
            track = "trained" if notebook.metadata.get("trains") else "recorded"
            release_one(assignment, new / track / assignment)
        (new / "recorded/requirements.txt").write_text(_LIGHT)
        for name in _PACKAGE:
            _copy(ROOT / name, new / "trained/package" / name)
        shutil.copyfile(_HERE / "students.md", new / "README.md")
        (new / "KIT").write_text("made by course.py kit\n")
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(new, to)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copyfile(source, target)
