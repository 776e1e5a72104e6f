"""Run one submission by itself: a folder of its own, limited time and memory, nothing left behind.

As a program, `python isolation.py ASSIGNMENT CELL_SECONDS ...` limits itself and autogrades the
course in the current folder. These limits keep accidents and pranks from the other submissions;
they do not stop an attacker, who may do whatever this account may (see README.md).
"""

import contextlib
import os
import resource
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import psutil

# The grammar that it builds on import takes longer than most notebooks. `jsonschema`, for nbformat,
# does without it: it is for checking international addresses, which notebooks have not.
sys.modules.setdefault("rfc3987_syntax", None)

_PACKAGE = Path(__file__).resolve().parents[2] / "src"
STUDENT = "student"  # of every course, which has only one
_MARK = "REPRO_GRADING"  # in the environment of all processes that a submission starts
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell_seconds: int = 120
    seconds: int = 600  # the whole notebook, start included
    memory_gb: float = 4.0  # of each process
    file_gb: float = 0.5  # of each file


def autograde(course: Path, assignment: str, limits: Limits) -> tuple[str, str]:
    """Run nbgrader on the one submission in `course`; end all that it has started.

    Returns:
        status, "graded", "timed out" or "failed", and the last line of what nbgrader said.
    """
    mark = uuid.uuid4().hex
    numbers = (limits.cell_seconds, limits.seconds, limits.memory_gb, limits.file_gb)
    command = [sys.executable, str(Path(__file__).resolve()), assignment, *map(str, numbers)]
    log = course / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=course,
            env=_environment(course, mark),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=limits.seconds)
        except subprocess.TimeoutExpired:
            return "timed out", f"the notebook ran longer than {limits.seconds} s and was ended"
        finally:
            _end_all(mark)
            process.wait()
    return ("graded", "") if code == 0 else _judge(_last_line(log, code))


def _judge(said: str) -> tuple[str, str]:
    """Return status and message of a submission of which nbgrader made nothing."""
    if "CellTimeoutError" in said or "UnresponsiveKernelError" in said:
        return "timed out", "a cell ran too long and could not be interrupted"
    return "failed", said


def _environment(course: Path, mark: str) -> dict[str, str]:
    """Return an environment whose home and temporary files lie in `course`."""
    home = course / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {name: str(home) for name in ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR")}
    fixed = {"PYTHONPATH": str(_PACKAGE), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return kept | own | fixed | {_MARK: mark}


def _end_all(mark: str) -> None:
    """Kill whatever carries the mark, kernels and daemons too, until nothing new appears."""
    for _ in range(20):
        marked = [process for process in psutil.process_iter() if _mark_of(process) == mark]
        for process in marked:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not marked:
            return
        psutil.wait_procs(marked, timeout=1)


def _mark_of(process: psutil.Process) -> str | None:
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process.environ().get(_MARK) if alive else None
    except (psutil.Error, OSError):
        return None


def _last_line(log: Path, code: int) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if "Error" in line] or said
    return (errors[-1] if errors else f"nbgrader ended with code {code}")[:200]


def _limit(kind: int, most: float) -> None:
    """Lower a limit of this process and its children, as far as it is not lower already."""
    hard = resource.getrlimit(kind)[1]
    wanted = int(most) if hard == resource.RLIM_INFINITY else min(int(most), hard)
    resource.setrlimit(kind, (wanted, wanted))


def main(assignment: str, cell_seconds: str, seconds: str, memory_gb: str, file_gb: str) -> None:
    """Limit this process and autograde the course in the current folder."""
    _limit(resource.RLIMIT_CPU, float(seconds))
    _limit(resource.RLIMIT_DATA, float(memory_gb) * 2**30)
    _limit(resource.RLIMIT_FSIZE, float(file_gb) * 2**30)
    _limit(resource.RLIMIT_CORE, 0)
    from nbgrader.apps import NbGraderApp

    options = {
        "CourseDirectory.root": os.getcwd(),
        "CourseDirectory.student_id": STUDENT,
        "Execute.timeout": cell_seconds,
        "Execute.shutdown_kernel": "immediate",  # it will be ended with all that it has started
        "OverwriteCells.add_missing_cells": "True",
        "Application.log_level": "WARN",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    NbGraderApp.launch_instance(["autograde", assignment, *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
