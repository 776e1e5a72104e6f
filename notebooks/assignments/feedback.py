"""Make the page that a student gets back: points, comments, and the notebook as handed in.

The hidden tests stay hidden. A test cell is shown as in the students' version, and of the grading
run the page gives points and comments of a fixed wording alone: the outputs are those handed in,
for code that runs beside the hidden tests could print them. All text is escaped.
"""

import builtins
import re
from pathlib import Path

import jinja2
import nbformat

MOST = 4000  # characters shown of one output
# as nbgrader finds it: anywhere in a line
_HIDDEN = re.compile(r"[^\n]*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS[^\n]*\n?", re.S)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FAILED_AT = re.compile(r"Cell In\[\d+\], line (\d+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_SAID = {
    "CellTimeoutError": "ran too long",
    "NotImplementedError": "ended with NotImplementedError: something is not answered yet",
}
_STATUS = {  # not what the submission had to say at its end
    "timed out": "A cell, or the whole notebook, ran longer than it may.",
    "out of memory": "A cell wanted more memory than it may have.",
    "failed": "The notebook could not be run to its end: its kernel died, or its files were gone.",
}


def render_feedback(row: dict, marks: list[dict], *, submitted: Path, run: Path) -> str:
    """Return the page as HTML.

    Args:
        row: the submission's row of grades.
        marks: one dictionary a test cell: cell, score, max_score and the instructor's source.
        submitted: the notebook as handed in.
        run: the notebook as graded; the page does without where there is none.
    """
    tests = {mark["cell"]: mark["source"] for mark in marks}
    comments = _comment(run, tests)
    marks = [mark | {"comment": comments.get(mark["cell"], "")} for mark in marks]
    # of what may not be run, nothing is shown either: it may be a link to another file
    handed_in = [] if row["status"] == "unreadable" else _read(submitted)
    cells = [_show(cell, tests, comments) for cell in handed_in]
    said = row["message"] if row["status"] == "unreadable" else _STATUS.get(row["status"], "")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True
    )
    environment.filters |= {"words": lambda name: name.replace("_", " "), "points": "{:g}".format}
    template = environment.get_template("feedback.html.jinja")
    return template.render(row=row, said=said, marks=marks, cells=cells)


def _read(path: Path) -> list:
    """Return a notebook's cells; none if it cannot be read, as `grades.csv` says then."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook.cells
    except Exception:  # whatever a student can put into a file
        return []


def _name(cell) -> str:
    meta = cell.metadata.get("nbgrader")
    return str(meta.get("grade_id", "")) if isinstance(meta, dict) else ""


def _comment(run: Path, tests: dict[str, str]) -> dict[str, str]:
    """Say of each cell with a name what went wrong in grading, in words of ours."""
    found = {}
    for cell in _read(run):
        name, outputs = _name(cell), cell.get("outputs", [])
        errors = [output for output in outputs if output.output_type == "error"]
        if errors and name in tests:
            found[name] = _locate(errors[0], tests[name])
        elif errors and name:
            found[name] = f"When graded, this cell {_say(errors[0].ename)}."
        elif name in tests and any(output.get("name") == "stderr" for output in outputs):
            found[name] = "Something was printed to standard error here."
        elif name in tests and not cell.get("execution_count"):
            found[name] = "The tests were not reached."
    return found


def _locate(error, source: str) -> str:
    """Say whether a test failed that the student sees; the message itself may tell too much."""
    at = _FAILED_AT.search(_COLOURS.sub("", "\n".join(error.traceback)))
    hidden = _HIDDEN.search(source)
    first_hidden = source[: hidden.start()].count("\n") + 1 if hidden else len(source)
    if at is None:
        return f"The test {_say(error.ename)}."
    if int(at.group(1)) >= first_hidden:
        return f"The tests that you see pass; a further one {_say(error.ename)}."
    return f"Line {at.group(1)} of the tests that you see {_say(error.ename)}."


def _say(error: str) -> str:
    if error == "AssertionError":
        return "fails"
    # of errors that a submission may have named itself, not even the name
    known = hasattr(builtins, error)
    return _SAID.get(error, f"ended with {error}" if known else "ended with an error")


def _show(cell, tests: dict[str, str], comments: dict[str, str]) -> dict:
    """Return what the page shows of one cell."""
    name, kind = _name(cell), "code" if cell.cell_type == "code" else "text"
    if name in tests:
        source, outputs = _HIDDEN.sub("", tests[name]), []
    else:
        source, outputs = cell.source, cell.get("outputs", [])
    images = [str(output.get("data", {}).get("image/png", "")) for output in outputs]
    return {
        "kind": kind,
        "source": source,
        "texts": [text for text in map(_text, outputs) if text],
        "images": [image for image in images if _BASE64.fullmatch(image)],
        "comment": comments.get(name, ""),
    }


def _text(output) -> str:
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    else:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
    text = _COLOURS.sub("", str(text))
    return text if len(text) <= MOST else f"{text[:MOST]} ... ({len(text)} characters)"
