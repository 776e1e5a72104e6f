"""Make the page that a student gets back: points, comments, and the notebook as handed in.

The hidden tests stay hidden: a test cell is shown as in the students' version, comments are of the
course's own wording, and the outputs are those handed in, for code that runs beside the hidden
tests could print them. All text is escaped.
"""

import re
from pathlib import Path

import jinja2
from notebook_format import hide_tests

MOST = 4000  # characters shown of one output
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_STATUS = {  # not what the submission had to say at its end
    "timed out": "A cell, or the whole notebook, ran longer than it may.",
    "out of memory": "It wanted more memory than it may have.",
    "failed": "The notebook could not be run to its end: its kernel died, or its files were gone.",
    "tampered": "The tests were kept from testing.",
}


def render_feedback(row: dict, marks: list[dict], cells: list[dict]) -> str:
    """Return the page as HTML.

    Args:
        row: the submission's row of grades.
        marks: one dictionary a test cell: cell, score, max_score and comment.
        cells: those handed in, with the name and, of a test, the instructor's source.
    """
    said = row["message"] if row["status"] == "unreadable" else _STATUS.get(row["status"], "")
    comments = {mark["cell"]: mark["comment"] for mark in marks}
    shown = [_show(**cell, comment=comments.get(cell["name"], "")) for cell in cells]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True
    )
    environment.filters |= {"words": lambda name: name.replace("_", " "), "points": "{:g}".format}
    template = environment.get_template("feedback.html.jinja")
    return template.render(row=row, said=said, marks=marks, cells=shown)


def _show(cell, name: str, test: str | None, comment: str) -> dict:
    """Return what the page shows of one cell; of a test, what students have seen."""
    if test is not None:
        source, outputs = hide_tests(test), []
    else:
        source, outputs = cell.source, cell.get("outputs", [])
    images = [str(output.get("data", {}).get("image/png", "")) for output in outputs]
    return {
        "kind": "code" if cell.cell_type == "code" else "text",
        "source": source,
        "texts": [text for text in map(_text, outputs) if text],
        "images": [image for image in images if _BASE64.fullmatch(image)],
        "comment": comment,
    }


def _text(output) -> str:
    if output.output_type == "error":
        text = f"{output.ename}: {output.evalue}"
    else:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
    text = _COLOURS.sub("", str(text))
    return text if len(text) <= MOST else f"{text[:MOST]} ... ({len(text)} characters)"
