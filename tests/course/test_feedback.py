"""The page for the student: no hidden test on it, and no script that a submission brings along."""

import re

import nbformat
import pytest
from feedback import MOST, render_feedback


@pytest.fixture
def render(tmp_path):
    def render(*cells, status="graded", run=()):
        paths = [tmp_path / "submitted.ipynb", tmp_path / "run.ipynb"]
        for path, content in zip(paths, (cells, run), strict=True):
            nbformat.write(nbformat.v4.new_notebook(cells=list(content)), path)
        row = {"student": "<b>Eve</b>", "assignment": "a_b", "score": 0.5, "max_score": 1.0}
        row |= {"status": status, "message": "<script>alert(1)</script>"}
        source = "assert x\n ### BEGIN HIDDEN TESTS \nassert secret\n### END HIDDEN TESTS"
        mark = {"cell": "the_test", "score": 0.0, "max_score": 1.0, "source": source}
        return render_feedback(row, [mark], submitted=paths[0], run=paths[1])

    return render


SCRIPT = "<script>alert(1)</script>"


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
def test_pages_run_no_script_of_a_submission(render, output):
    code = nbformat.v4.new_code_cell(SCRIPT, outputs=[output])
    page = render(code, nbformat.v4.new_markdown_cell(SCRIPT), status="unreadable")
    assert "&lt;b&gt;Eve&lt;/b&gt;" in page and "&lt;script&gt;" in page
    page += render(code, nbformat.v4.new_markdown_cell(SCRIPT))
    assert re.findall("<(?:script|svg|b>Eve|img)", page) == []
    assert "default-src 'none'" in page


def test_pages_show_figures_and_cut_long_outputs(render):
    figure = nbformat.v4.new_output("display_data", data={"image/png": "aGVsbG8=\n"})
    long = nbformat.v4.new_output("stream", text="x" * (MOST + 1))
    page = render(nbformat.v4.new_code_cell("1", outputs=[figure, long]))
    assert 'src="data:image/png;base64,aGVsbG8=' in page
    assert "x" * MOST in page and "x" * (MOST + 1) not in page


@pytest.mark.parametrize(
    ("line", "ename", "said"),
    [
        (1, "AssertionError", "Line 1 of the tests that you see fails."),
        (3, "AssertionError", "The tests that you see pass; a further one fails."),
        (3, "assert secret", "a further one ended with an error."),
        (1, "CellTimeoutError", "Line 1 of the tests that you see ran too long."),
    ],
)
def test_pages_say_of_a_failed_test_no_more_than_they_may(render, line, ename, said):
    traceback = [f"Cell \x1b[32mIn[3]\x1b[39m, line {line}", "assert secret"]
    error = nbformat.v4.new_output("error", ename=ename, evalue="secret", traceback=traceback)
    meta = {"nbgrader": {"grade_id": "the_test"}}
    cell = nbformat.v4.new_code_cell("assert secret", metadata=meta, outputs=[error])
    page = render(cell, run=[cell])
    assert said in page and "assert x" in page and "secret" not in page
