"""Run one submission: its kernel in a sandbox, the tests and the result outside of it.

As a program, `python running.py JOB` does the job (a JSON file) and writes `result.json` and
`run.ipynb` beside it. It is a process of its own, so that all orphans of a submission are its.
"""

import builtins
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import quick_validation  # noqa: F401  first: it saves nbformat a slow import

# isort: split
import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from notebook_format import is_test, messages_of, name_of, put_together, read
from processes import Watch, become_subreaper, end_descendants
from sandbox import Limits, confined, environment, make_folders

_TIMEOUT = {"ename": "CellTimeoutError", "evalue": "", "traceback": []}
# Each must fail in a kernel that was not tampered with.
_WIRES = (
    "assert 1 + 1 == 3",
    "import math\nassert math.isclose(1.0, 2.0)",
    "import numpy as np\nassert np.allclose([1.0], [2.0])",
    "assert all([False])",
    "assert len([]) == 1 or isinstance('', int) or abs(1) == 2 or set() == {1}",
)
_SAYS = {
    "CellTimeoutError": "It ran too long.",
    "NotImplementedError": "Something is not answered yet.",
    "MemoryError": "It wanted more memory than it may have.",
}


@dataclass
class Outcome:
    """What came of running a submission; of the test cells, `passed` and `comments` by name."""

    status: str = "graded"
    message: str = ""
    passed: dict[str, bool] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    peak_gb: float = 0.0


def run_job(job: dict, folder: Path) -> Outcome:
    """Run the cells of one submission and say what came of it.

    Args:
        job: original, submitted (paths), limits, isolation, readable (paths), variables.
        folder: in which `box`, with the assignment's files in `box/work`, is all that the
            submission may write to.
    """
    limits, box = Limits(**job["limits"]), folder / "box"
    make_folders(box)
    cells = put_together(read(Path(job["original"])), read(Path(job["submitted"])))
    notebook = nbformat.v4.new_notebook(cells=cells)
    kernel = _kernel(box, folder / "kernels", job, limits)
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout_func=lambda cell: cell.metadata.get("seconds", limits.cell_seconds),
        interrupt_on_timeout=True,
        error_on_timeout=_TIMEOUT,
        allow_errors=True,
        startup_timeout=limits.seconds,
        resources={"metadata": {"path": str(box / "work")}},
    )
    run, watch = _Run(client, Outcome()), Watch(box, limits)
    watch.start()
    try:
        with client.setup_kernel(env=environment(box, **job["variables"])):
            run.all_cells()
    except (DeadKernelError, RuntimeError):
        run.stop("failed", "the notebook's kernel died")
    finally:
        watch.stop()
        end_descendants()
        nbformat.write(notebook, folder / "run.ipynb")
    run.outcome.peak_gb = round(watch.peak / 2**30, 2)
    return _judge(run.outcome, watch.reason, limits)


def _kernel(box: Path, kernels: Path, job: dict, limits: Limits) -> AsyncKernelManager:
    """Make a kernel's manager that talks to it by sockets in its folder, and needs no network."""
    readable = tuple(map(Path, job["readable"]))
    words = confined(box, isolation=job["isolation"], limits=limits, readable=readable)
    # with no parent to watch: in a sandbox its number means another process
    launch = [*words, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    launch.append("--IPKernelApp.parent_handle=0")
    spec = {"argv": launch, "display_name": "submission", "interrupt_mode": "message"}
    (kernels / "submission").mkdir(parents=True)
    (kernels / "submission/kernel.json").write_text(json.dumps(spec))
    return AsyncKernelManager(
        kernel_name="submission",
        kernel_spec_manager=KernelSpecManager(
            kernel_dirs=[str(kernels)], ensure_native_kernel=False
        ),
        transport="ipc",
        ip=str(box / "home/k"),
        connection_file=str(box / "home/kernel.json"),
    )


@dataclass
class _Run:
    """One pass through the cells; `errors` are those of the cell that runs."""

    client: NotebookClient
    outcome: Outcome
    errors: list[dict] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self):
        self.client.on_cell_error = self._note_error

    def _note_error(self, *, execute_reply: dict, **_) -> None:
        self.errors.append(execute_reply["content"])

    def stop(self, status: str, message: str) -> None:
        self.outcome.status, self.outcome.message, self.stopped = status, message, True

    def all_cells(self) -> None:
        """Run the cells in order, and a wire behind each test."""
        for number, cell in enumerate(list(self.client.nb.cells)):
            error = self._execute(cell, number)
            if is_test(cell):
                self.outcome.passed[name_of(cell)] = error is None
                self._trip(_WIRES[:1])
            if error is not None:
                self._comment(cell, error)
            if self.stopped:
                return
        self._trip(_WIRES[1:])

    def _execute(self, cell, number: int) -> dict | None:
        """Run one cell; return the error that it ended with."""
        self.errors = []
        self.client.execute_cell(cell, number, store_history=not is_test(cell))
        told = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        error = (self.errors + told or [None])[0]
        if error is not None and error["ename"] == "CellTimeoutError":
            cell.outputs.append(nbformat.v4.new_output("error", **_TIMEOUT))
            if self._execute_aside("", seconds=20) is not None:
                self.stop("timed out", "a cell ran too long and could not be interrupted")
        return error

    def _execute_aside(self, source: str, *, seconds: int) -> dict | None:
        """Run code that is no cell of the notebook; return its error."""
        cell = nbformat.v4.new_code_cell(source or "pass", metadata={"seconds": seconds})
        self.errors, cells = [], self.client.nb.cells
        self.client.nb.cells = [cell]
        self.client.execute_cell(cell, 0, store_history=False)
        self.client.nb.cells = cells
        return (self.errors or [None])[0]

    def _trip(self, wires: tuple[str, ...]) -> None:
        for wire in wires:
            if not self.stopped and self._execute_aside(wire, seconds=20) is None:
                self.stop("tampered", "a test that must fail did not: look at the notebook")

    def _comment(self, cell, error: dict) -> None:
        """Say what went wrong, in words of ours: its own may come from the submission."""
        kind, name = str(error["ename"]), name_of(cell)
        kind = "MemoryError" if kind.endswith("MemoryError") else kind
        if name:
            ours = messages_of(cell.source) if is_test(cell) else set()
            told = str(error.get("evalue", ""))
            self.outcome.comments[name] = told if told in ours else _say(kind)
        if self.outcome.status == "graded" and kind in ("CellTimeoutError", "MemoryError"):
            self.outcome.status = "timed out" if kind == "CellTimeoutError" else "out of memory"
            self.outcome.message = f"a cell ended with {kind}; the other cells are graded"


def _say(kind: str) -> str:
    known = hasattr(builtins, kind)
    return _SAYS.get(kind, f"It ended with {kind}." if known else "It ended with an error.")


def _judge(outcome: Outcome, reason: str, limits: Limits) -> Outcome:
    """Say why a submission was ended, and how much memory it took if it ran out of time."""
    if reason in ("out of memory", "timed out"):
        outcome.status = reason
        most = f"{limits.memory_gb:g} GB" if reason == "out of memory" else f"{limits.seconds} s"
        outcome.message = f"the notebook took more than {most} and was ended"
    elif reason:
        outcome.status, outcome.message = "failed", f"{reason} and was ended"
    elif outcome.status == "failed" and outcome.peak_gb > 0.9 * limits.memory_gb:
        outcome.status, outcome.message = "out of memory", "the machine ended it for memory"
    if outcome.status == "timed out" and outcome.peak_gb > 0.5 * limits.memory_gb:
        outcome.message += (
            f", while filling memory ({outcome.peak_gb:g} of {limits.memory_gb:g} GB)"
        )
    if outcome.status == "tampered":
        outcome.passed = {}
    return outcome


def main(job_file: str) -> None:
    """Do the job and write its result beside it."""
    become_subreaper()
    path, started = Path(job_file), time.monotonic()
    outcome = run_job(json.loads(path.read_text()), path.parent)
    result = vars(outcome) | {"seconds": round(time.monotonic() - started, 1)}
    path.with_name("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
