"""Hostile submissions, with limits alone and, where the machine has one, in a sandbox."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict

import psutil
import pytest
import sandbox
from notebook_format import students_version
from tables import write_tables

from submissions import FORBIDDEN, HOSTILE, LINGERS, SOURCE, answer, read_cells

NAME = "asha_by_hand"


@pytest.fixture(scope="module")
def isolations(tmp_path_factory):
    found = sandbox.find_isolation(tmp_path_factory.mktemp("probe"))
    return ("limits", "bwrap") if found == "bwrap" else ("limits",)


def run(folder, code, *, isolation, seconds=400, cell_seconds=120):
    """Run the right answers with this code before the first, as the grader does."""
    import nbformat

    original, _ = read_cells(SOURCE / NAME / f"{NAME}.ipynb")
    submitted = students_version(original, {})
    answers = answer(NAME)
    answers["rungs"] = f"{code}\n{answers['rungs']}"
    for cell in submitted.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    for notebook, path in ((original, "original.ipynb"), (submitted, "submitted.ipynb")):
        nbformat.write(notebook, folder / path)
    (folder / "box").mkdir()
    write_tables(NAME, folder / "box/work", 0)
    limits = sandbox.Limits(cell_seconds=cell_seconds, seconds=seconds, memory_gb=1.0)
    job = {"original": str(folder / "original.ipynb"), "submitted": str(folder / "submitted.ipynb")}
    job |= {"limits": asdict(limits), "isolation": isolation, "readable": [], "variables": {}}
    (folder / "job.json").write_text(json.dumps(job))
    program = SOURCE.parent / "running.py"
    subprocess.run([sys.executable, program, folder / "job.json"], capture_output=True, timeout=400)
    return json.loads((folder / "result.json").read_text())


@pytest.mark.parametrize("student", HOSTILE)
@pytest.mark.parametrize("isolation", sandbox.ISOLATIONS)
def test_hostile_submissions_are_graded_as_such(student, isolation, isolations, tmp_path):
    if isolation not in isolations:
        pytest.skip("this machine has no working bubblewrap")
    if isolation != isolations[-1] and student not in ("lingers", "forks", "shared"):
        pytest.skip("what the sandbox changes nothing about is run there")
    code, status, most = HOSTILE[student]
    # the limit that is waited for is short; then a slow machine may fail other cells too
    slow = {"cell_seconds": 4} if status == "timed out" else {}
    result = run(tmp_path, code, isolation=isolation, **slow)
    _, cells = read_cells(SOURCE / NAME / f"{NAME}.ipynb")
    points = {name: c.metadata.nbgrader.get("points") for name, c in cells.items()}
    score = sum(points[name] for name, passed in result["passed"].items() if passed)
    assert result["status"] == status, result["message"]
    assert score <= most if slow else score == most
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if LINGERS in line]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_sandbox_keeps_from_a_submission(what, isolations, tmp_path):
    if "bwrap" not in isolations:
        pytest.skip("this machine has no working bubblewrap")
    result = run(tmp_path, FORBIDDEN[what], isolation="bwrap")
    assert result["status"] == "graded" and not result["passed"]["rungs_by_hand"]
    assert result["passed"]["asha_decides_right"]
    assert not (SOURCE.parent / "hacked").exists()


def test_a_machine_whose_bubblewrap_does_not_work_has_limits_alone(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("bwrap") == str(tmp_path / "bwrap")
    assert sandbox.find_isolation(tmp_path) == "limits"
