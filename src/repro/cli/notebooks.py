"""Run notebooks headlessly through papermill and keep what they make.

A notebook runs in build/ and moves beside its tables and figures when it succeeds; when it fails,
what there is of it stays in build/failed/.
"""

import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

from repro.names import suggest_name
from repro.paths import FIGURES, NOTEBOOKS
from repro.study.progress import format_seconds

_TEMPLATE = Path(__file__).with_name("notebook.html.j2")
_SIDE_BY_SIDE = 2  # notebooks: one trains, one is rendered
_POLL = 0.25  # seconds between two looks at them
_KERNEL = {
    "transport_encryption": "auto",
    "shutdown_wait_time": 40,  # seconds; half of them for Ray to end its workers when interrupted
}


class NotebookError(Exception):
    """A cell of a notebook failed; says which, why, and where the evidence is."""


@dataclass(frozen=True)
class Folders:
    """Where notebooks come from and where what they make goes."""

    notebooks: Path = NOTEBOOKS
    build: Path = FIGURES.parent / "build"
    figures: Path = FIGURES


def find_notebooks(names: list[str], folder: Path) -> list[Path]:
    """Return the notebooks with these names, number prefixes or paths; for no names, all numbered.

    Raises:
        FileNotFoundError: if there is none of that name.
    """
    numbered = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not names and not numbered:
        raise FileNotFoundError(f"there must be notebooks NN_name.ipynb in {folder}")
    known = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}  # explore has no number
    found = []
    for name in names:
        path = Path(name)
        fitting = [p for stem, p in known.items() if stem == name or stem.startswith(f"{name}_")]
        if path.suffix == ".ipynb" and path.is_file():
            found.append(path)
        elif len(fitting) == 1:
            found += fitting
        else:
            raise FileNotFoundError(
                f"a notebook must be an .ipynb file or one of {list(known)}, but got {name!r}"
                + suggest_name(name, known)
            )
    return found or numbered


def check_parameters(notebooks: list[Path], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values for each notebook: those that its parameters cell knows.

    papermill itself only warns of a misspelt parameter.

    Raises:
        ValueError: if no notebook knows one of the values.
    """
    import papermill

    known = [set(papermill.inspect_notebook(str(path))) for path in notebooks]
    everywhere = sorted(set().union(*known))
    if unknown := [name for name in values if name not in everywhere]:
        stems = ", ".join(path.stem for path in notebooks)
        raise ValueError(
            f"unknown parameter {unknown[0]!r}{suggest_name(unknown[0], everywhere)}; "
            f"known to {stems}: {', '.join(everywhere)}"
        )
    return [{name: values[name] for name in values if name in names} for names in known]


def run_notebooks(
    notebooks: list[Path],
    *,
    profile: str,
    parameters: list[dict[str, Any]],
    folders: Folders,
    out: TextIO = sys.stdout,
    **workers: float,
) -> list[Path]:
    """Run notebooks; return the files they made, each notebook itself included.

    They start in their order. While one trains, the one before it is rendered; what they train is
    trained by the same workers.

    Args:
        profile: name of the folder under `folders.figures`.
        parameters: for each notebook, name -> value.
        out: the terminal, or what stands for it.
        workers: `cpus_per_trial` and `gpus_per_trial`.
    Raises:
        NotebookError: when a cell has failed; no other notebook is begun then, and what succeeds
            stays.
    """
    from repro.cli.session import Session

    logging.getLogger("papermill").addHandler(logging.NullHandler())  # what matters is raised
    with (
        _kernel_environment(),
        Session(out, **workers) as session,
        ThreadPoolExecutor(_SIDE_BY_SIDE) as threads,
    ):
        tasks = [
            threads.submit(_run, path, values, session, folders, folders.figures / profile)
            for path, values in zip(notebooks, parameters, strict=True)
        ]
        try:
            running = set(tasks)
            while running:
                done, running = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
                if any(not task.cancelled() and task.exception() for task in done):
                    session.say("a notebook has failed: no other one is begun")
                    for task in running:  # but for one that has begun, and may succeed
                        task.cancel()
                session.look()
        except BaseException:
            for task in tasks:
                task.cancel()
            while wait(tasks, timeout=1).not_done:
                session.stop()
            raise
        for failed in filter(None, (t.exception() for t in tasks if not t.cancelled())):
            raise failed
    return [file for task in tasks for file in task.result()]


def _run(path: Path, values: dict[str, Any], session, folders: Folders, figures: Path):
    """Run a notebook, put it with its page beside what it made, and return all of it."""
    if session.stopping:
        return []
    target, started = figures / path.stem, time.time()
    session.begin(path.stem)
    try:
        executed = _execute(path, values, session=session, build=folders.build)
        html = _export_html(executed, items=target)
    finally:
        session.end(path.stem)
    target.mkdir(parents=True, exist_ok=True)
    for file in (executed, html):
        shutil.move(file, target / file.name)
    executed.parent.rmdir()
    session.say(f"{path.stem}: done in {format_seconds(time.time() - started)}")
    return [p for p in sorted(target.iterdir()) if p.stat().st_mtime >= started - 1]


def _execute(path: Path, values: dict[str, Any], *, session, build: Path) -> Path:
    """Run a notebook in a folder of its own under `build`; return the executed copy."""
    import nbclient
    import papermill
    from traitlets.config import Config

    build.mkdir(parents=True, exist_ok=True)
    executed = Path(tempfile.mkdtemp(prefix=f"{path.stem}-", dir=build)) / path.name
    try:
        papermill.execute_notebook(
            str(path),
            str(executed),
            values,
            kernel_name="python3",
            progress_bar=False,
            start_timeout=300,  # seconds; a busy machine takes long to import
            config=Config(KernelManager=_KERNEL),
            extra_arguments=["--log-level=CRITICAL"],
            engine_name=session.engine,
            run=partial(session.execute, name=path.stem),
        )
    except (
        papermill.PapermillExecutionError,
        nbclient.exceptions.DeadKernelError,
        RuntimeError,
    ) as error:
        if session.stopping:  # another one has failed, or all were interrupted
            shutil.rmtree(executed.parent)
            raise
        kept = build / "failed" / executed.name
        kept.parent.mkdir(exist_ok=True)
        if executed.exists():
            os.replace(executed, kept)
        shutil.rmtree(executed.parent)
        why = f"{error}"
        if isinstance(error, papermill.PapermillExecutionError):
            why = f"cell [{error.exec_count}] failed: {error.ename}: {error.evalue}"
        raise NotebookError(f"{path.stem}: {why}\nwhat ran of it: {_relative(kept)}") from error
    except BaseException:
        shutil.rmtree(executed.parent)
        raise
    return executed


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Let the kernel be this Python's own, whatever kernels the user has installed elsewhere."""
    kernels = str(Path(sys.prefix) / "share" / "jupyter")
    before = dict(os.environ)
    os.environ["JUPYTER_PATH"] = os.pathsep.join(
        filter(None, [kernels, os.environ.get("JUPYTER_PATH")])
    )
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # or it warns when workers are forked
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _export_html(executed: Path, *, items: Path) -> Path:
    """Write the notebook as a web page beside it, free of where it ran and of the network.

    What came out stands at its head, and code is folded.

    Args:
        items: the folder of what the notebook has shown.
    """
    import nbformat
    from nbconvert import HTMLExporter

    from repro.show.report import read_items

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.get("papermill", {}).update(
        input_path=executed.name, output_path=executed.name
    )
    notebook.metadata.pop("widgets", None)  # their page would load a script from elsewhere
    lines = [item["finding"] for item in read_items(items) if item["kind"] == "headline"]
    if lines:
        text = "**What came out.** " + " ".join(lines)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(text, id="what-came-out"))
    nbformat.write(notebook, executed)
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # else: images without alternative text
    html, template = executed.with_suffix(".html"), _TEMPLATE.read_text(encoding="utf-8")
    page, _ = HTMLExporter(raw_template=template).from_notebook_node(notebook)
    html.write_text(page, encoding="utf-8")
    return html


def describe_files(files: list[Path]) -> str:
    """List files by folder, those that differ in their endings alone in one line."""
    lines = []
    for folder, inside in groupby(sorted(files), key=lambda p: p.parent):
        lines.append(f"{_relative(folder)}/")
        for stem, same in groupby(sorted(inside, key=lambda p: p.stem), key=lambda p: p.stem):
            lines.append(f"  {stem}  {' '.join(sorted(p.suffix for p in same))}")
    return "\n".join(lines)


def _relative(path: Path) -> Path:
    """Name a path from the current directory where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
