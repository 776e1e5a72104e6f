"""The page for the student: no hidden test on it, and no script that a submission brings along."""

import re

import nbformat
import pytest
from feedback import MOST, render_feedback

SCRIPT = "<script>alert(1)</script>"
TEST = "assert x\n ### BEGIN HIDDEN TESTS \nassert secret\n### END HIDDEN TESTS"


def render(*cells, status="graded", comment=""):
    row = {"student": "<b>Eve</b>", "assignment": "a_b", "score": 0.5, "max_score": 1.0}
    row |= {"status": status, "message": SCRIPT}
    mark = {"cell": "the_test", "score": 0.0, "max_score": 1.0, "comment": comment}
    shown = [{"cell": c, "name": c.metadata.get("name", ""), "test": None} for c in cells]
    for cell in shown:
        cell["test"] = TEST if cell["name"] == "the_test" else None
    return render_feedback(row, [mark], shown)


@pytest.mark.parametrize(
    "output",
    [
        nbformat.v4.new_output("stream", text=SCRIPT),
        nbformat.v4.new_output("error", ename=SCRIPT, evalue=SCRIPT, traceback=[SCRIPT]),
        nbformat.v4.new_output(
            "display_data",
            data={
                "text/html": SCRIPT,
                "text/markdown": SCRIPT,
                "image/svg+xml": f"<svg>{SCRIPT}</svg>",
                "application/javascript": "alert(1)",
                "text/plain": SCRIPT,
                "image/png": f'"/>{SCRIPT}',
            },
        ),
    ],
    ids=lambda output: output.output_type,
)
def test_pages_run_no_script_of_a_submission(output):
    code = nbformat.v4.new_code_cell(SCRIPT, outputs=[output])
    page = render(code, nbformat.v4.new_markdown_cell(SCRIPT), status="unreadable", comment=SCRIPT)
    assert "&lt;b&gt;Eve&lt;/b&gt;" in page and "&lt;script&gt;" in page
    assert re.findall("<(?:script|svg|b>Eve|img)", page) == []
    assert "default-src 'none'" in page


def test_pages_show_figures_and_cut_long_outputs():
    figure = nbformat.v4.new_output("display_data", data={"image/png": "aGVsbG8=\n"})
    long = nbformat.v4.new_output("stream", text="x" * (MOST + 1))
    page = render(nbformat.v4.new_code_cell("1", outputs=[figure, long]))
    assert 'src="data:image/png;base64,aGVsbG8=' in page
    assert "x" * MOST in page and "x" * (MOST + 1) not in page


def test_pages_show_a_test_as_students_know_it_and_say_why_it_failed():
    output = nbformat.v4.new_output("stream", text="secret")
    cell = nbformat.v4.new_code_cell("assert secret", metadata={"name": "the_test"})
    cell.outputs = [output]
    page = render(cell, comment="Divide by n - 1.")
    assert "assert x" in page and "secret" not in page
    assert page.count("Divide by n - 1.") == 2  # in the table, and behind the cell
