"""Run notebooks headlessly through papermill and keep what they make.

A notebook runs in build/ and moves beside its tables and figures when it succeeds; when it fails,
what there is of it stays in build/failed/.
"""

import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

from repro.names import suggest_name
from repro.paths import FIGURES, NOTEBOOKS, ROOT
from repro.study.progress import PROGRESS_VARIABLE, format_seconds

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
    build: Path = ROOT / "build"
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
) -> list[Path]:
    """Run notebooks one after another; return the files they made, each notebook itself included.

    Args:
        profile: name of the folder under `folders.figures`.
        parameters: for each notebook, name -> value.
        out: the terminal, or what stands for it.
    Raises:
        NotebookError: at the first cell that fails; what succeeded before it stays.
    """
    made = []
    for path, values in zip(notebooks, parameters, strict=True):
        target = folders.figures / profile / path.stem
        started = time.time()
        with show_progress(path.stem, out):
            executed = _execute(path, values, build=folders.build)
        html = _export_html(executed, items=target)
        target.mkdir(parents=True, exist_ok=True)
        for file in (executed, html):
            shutil.move(file, target / file.name)
        executed.parent.rmdir()
        made += [p for p in sorted(target.iterdir()) if p.stat().st_mtime >= started - 1]
        print(f"{path.stem}: done in {format_seconds(time.time() - started)}", file=out, flush=True)
    return made


def _execute(path: Path, values: dict[str, Any], *, build: Path) -> Path:
    """Run a notebook in a folder of its own under `build`; return the executed copy."""
    import nbclient
    import papermill
    from traitlets.config import Config

    logging.getLogger("papermill").addHandler(logging.NullHandler())  # what matters is raised
    build.mkdir(parents=True, exist_ok=True)
    executed = Path(tempfile.mkdtemp(prefix=f"{path.stem}-", dir=build)) / path.name
    try:
        with _kernel_environment():
            papermill.execute_notebook(
                str(path),
                str(executed),
                values,
                kernel_name="python3",
                progress_bar=False,
                start_timeout=300,  # seconds; a busy machine takes long to import
                config=Config(KernelManager=_KERNEL),
                extra_arguments=["--log-level=CRITICAL"],
            )
    except (
        papermill.PapermillExecutionError,
        nbclient.exceptions.DeadKernelError,
        RuntimeError,
    ) as error:
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
        # an interrupt leaves the cell's task behind, whose end asyncio would report at length
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
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
    lines = [item["finding"] for item in read_items(items) if item["kind"] == "headline"]
    if lines:
        text = "**What came out.** " + " ".join(lines)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(text, id="what-came-out"))
    nbformat.write(notebook, executed)
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # else: images without alternative text
    html = executed.with_suffix(".html")
    page, _ = HTMLExporter(raw_template=_HTML).from_notebook_node(notebook)
    html.write_text(page, encoding="utf-8")
    return html


# no script from elsewhere: a notebook's page has no formulas, and works without the network
_HTML = """{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock html_head_js -%}
{%- block html_head_js_mathjax -%}{%- endblock html_head_js_mathjax -%}
{%- block html_head_js_mermaidjs -%}{%- endblock html_head_js_mermaidjs -%}
{%- block html_head_css -%}<style>
main { max-width: 62em; margin: auto; } summary { color: #0b5394; cursor: pointer; }
.jp-RenderedImage img { height: auto; }
</style>{%- endblock html_head_css -%}
{%- block input_group -%}
<details><summary>code</summary>{{ super() }}</details>
{%- endblock input_group -%}
"""


@contextmanager
def show_progress(
    name: str, out: TextIO, *, poll: float = 0.5, every: float = 15
) -> Iterator[Path]:
    """Draw the line that a study in a notebook's kernel keeps in a file, while the block runs.

    On a terminal one line is drawn again and again; elsewhere a line is written when it changed.

    Args:
        poll: seconds between two looks at the file.
        every: seconds between two lines, at least, where it is no terminal.
    Yields:
        the file; its name is in the environment, which the kernel inherits.
    """
    with tempfile.TemporaryDirectory(prefix="repro-") as folder:
        file, done = Path(folder) / "progress", threading.Event()
        before = os.environ.get(PROGRESS_VARIABLE)
        os.environ[PROGRESS_VARIABLE] = str(file)
        lines = _lines(file, done, poll)
        draw, options = (_draw_over, {}) if out.isatty() else (_write_seldom, {"every": every})
        thread = threading.Thread(target=draw, args=(name, lines, out), kwargs=options)
        thread.start()
        try:
            yield file
        finally:
            done.set()
            thread.join()
            os.environ.pop(PROGRESS_VARIABLE)
            if before is not None:
                os.environ[PROGRESS_VARIABLE] = before


def _lines(file: Path, done: threading.Event, poll: float) -> Iterator[str]:
    """Yield what the file holds in one line, empty before it is there, until all is done."""
    while not done.wait(poll):
        yield " ".join(file.read_text(encoding="utf-8").split()) if file.exists() else ""


def _draw_over(name: str, lines: Iterator[str], out: TextIO) -> None:
    started = time.monotonic()
    for line in lines:
        line = f"{name} {format_seconds(time.monotonic() - started)}  {line}"
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end="", file=out, flush=True)
    print("\r" + " " * (shutil.get_terminal_size().columns - 1), end="\r", file=out, flush=True)


def _write_seldom(name: str, lines: Iterator[str], out: TextIO, *, every: float) -> None:
    print(f"{name}: running", file=out, flush=True)
    shown, at = "", float("-inf")
    for line in lines:
        if line not in ("", shown) and time.monotonic() - at >= every:
            print(f"{name}: {line}", file=out, flush=True)
            shown, at = line, time.monotonic()


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
