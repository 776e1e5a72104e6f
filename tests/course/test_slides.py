"""The slides of the course: they run, render, and follow the plan."""

import re

import nbformat
import pytest
from IPython.display import HTML
from nbconvert import SlidesExporter

from repro.paths import ROOT

NOTEBOOK = ROOT / "notebooks/assignments/slides.ipynb"


@pytest.fixture(scope="module")
def slides():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_every_day_of_the_plan_has_slides_that_render(slides):
    plan = (ROOT / "docs/course.md").read_text("utf-8")
    days = re.findall(r"^\| (\d) \|", plan.partition("## Rubric")[0], re.M)
    page, _ = SlidesExporter().from_notebook_node(slides)
    assert len(days) == 8 and re.findall(r"Day (\d)\. ", page) == days
    assert page.count("<section>") > 16 and 'class="reveal"' in page


def test_slides_say_where_they_stand_and_carry_no_output(slides):
    kinds = {cell.metadata["slideshow"]["slide_type"] for cell in slides.cells}
    assert kinds == {"slide", "subslide", "fragment", "skip", "notes"}
    code = [cell for cell in slides.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert max(len(cell.source.splitlines()) for cell in code) <= 15


def test_slides_run_and_every_picture_has_words(slides):
    """What a cell ends with is what it shows: a picture with an alternative, or a table."""
    space, pictures = {}, []
    for cell in slides.cells:
        if cell.cell_type != "code":
            continue
        before, _, last = cell.source.rpartition("\n")
        if "image_tag" not in last or "import" in last:
            exec(cell.source, space)
            continue
        exec(before, space)
        shown = eval(last, space)
        assert isinstance(shown, HTML)
        pictures.append(re.match(r'<img alt="([^"]+)"', shown.data)[1])
    assert len(pictures) == 9 and min(map(len, pictures)) > 30
    assert len(set(pictures)) == 9
