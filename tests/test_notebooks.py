"""The notebooks keep the house's contract."""

import ast
import json
import re

import papermill
import pytest

from repro.paths import ROOT

IMPORTS = 1  # number of the code cell that holds them all
PARAMETER = re.compile(r"[a-z][a-z0-9_]*: [^=#]+ = [^=#]+  # [^=]+")


def find_faults(notebook):
    """Return how a notebook breaks the house's rules (STYLE.md), one line for each fault."""
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    n_markdown = sum(cell["cell_type"] == "markdown" for cell in cells)
    sources = ["".join(cell["source"]) for cell in code]
    faults = []
    if not cells or cells[0]["cell_type"] != "markdown":
        faults.append("must open with markdown")
    if any(cell["outputs"] or cell["execution_count"] is not None for cell in code):
        faults.append("must be without outputs")
    if [i for i, cell in enumerate(code) if "parameters" in cell["metadata"].get("tags", [])] != [
        0
    ]:
        faults.append("the first code cell, and no other, must be tagged parameters")
    for line in "".join(sources[:1]).splitlines():
        if not PARAMETER.fullmatch(line):
            faults.append(f"must be `name: type = value  # meaning`: {line}")
    if n_markdown < len(code):
        faults.append(f"{n_markdown} markdown cells must not be fewer than {len(code)} of code")
    for number, source in enumerate(sources):
        faults += _find_faults_in_cell(number, source)
    return faults


def _find_faults_in_cell(number, source):
    where = f"code cell {number}"
    most = 20 if number == IMPORTS else 15
    if len(source.splitlines()) > most:
        yield f"{where} must have at most {most} lines"
    if re.search(r"^\s*[%!]", source, re.M):
        yield f"{where} must have no magic"
        return
    nodes = list(ast.walk(ast.parse(source)))
    if any(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for n in nodes):
        yield f"{where} must define nothing"
    if number != IMPORTS and any(isinstance(n, ast.Import | ast.ImportFrom) for n in nodes):
        yield f"{where} must not import: the second code cell does"
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    if any(re.match(r"[/~]\w|[A-Za-z]:\\|\w+://", text) for text in texts):
        yield f"{where} must have no absolute path or address"


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_the_contract(path):
    assert re.fullmatch(r"\d\d_[a-z0-9_]+|explore|judge", path.stem)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert find_faults(notebook) == []
    parameters = "".join(notebook["cells"][1]["source"]).splitlines()
    # papermill must see them all, or it takes a value for unknown
    assert list(papermill.inspect_notebook(str(path))) == [p.split(":")[0] for p in parameters]


def markdown(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source, *, tags=(), outputs=()):
    cell = {"cell_type": "code", "execution_count": None, "source": source}
    return cell | {"metadata": {"tags": list(tags)}, "outputs": list(outputs)}


PARAMETERS = code('profile: str = "mini"  # what to run', tags=["parameters"])
LOADED = code("import math\n" * 20)
GOOD = [markdown("# A"), PARAMETERS, markdown("b"), LOADED, markdown("c"), code("math.pi")]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (GOOD, None),
        (GOOD[1:], "must open with markdown"),
        ([*GOOD[:5], code("math.pi", outputs=["3.14"])], "must be without outputs"),
        ([*GOOD[:5], code("1", tags=["parameters"])], "and no other, must be tagged"),
        ([markdown("a"), code("seed = 1", tags=["parameters"])], "name: type = value"),
        ([markdown("a"), code("a: int = 1  # b=1", tags=["parameters"])], "name: type = value"),
        ([*GOOD, code("1")], "must not be fewer"),
        ([*GOOD[:5], code("1\n" * 16)], "at most 15 lines"),
        ([*GOOD[:3], code("import math\n" * 21), *GOOD[4:]], "at most 20 lines"),
        ([*GOOD[:5], code("%pip install x")], "no magic"),
        ([*GOOD[:5], code("def f(): pass")], "define nothing"),
        ([*GOOD[:5], code("from os import path")], "must not import"),
        ([*GOOD[:5], code("open('/tmp/x')")], "no absolute path"),
        ([*GOOD[:5], code("get('https://example.org')")], "no absolute path or address"),
    ],
)
def test_faults_of_notebooks_are_found(cells, fault):
    faults = find_faults({"cells": cells})
    assert faults == [] if fault is None else any(fault in found for found in faults)
