"""Assignments in nbgrader's notebook format: reading, the students' version, putting answers in.

A marked cell has an id and is a solution, a test (graded, locked), given code (locked), or an
answer that a person marks (a solution that is graded).
"""

import ast
import copy
import re
from pathlib import Path

import quick_validation  # noqa: F401  first: it saves nbformat a slow import

# isort: split
import nbformat

MOST_BYTES = 20 * 2**20  # of a notebook
STAMP = "repro_course"  # in a released notebook's metadata: assignment, version, student
_SOLUTION = re.compile(r"([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION", re.S)
_HIDDEN = re.compile(r"[^\n]*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS[^\n]*\n?", re.S)


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook that anybody may have written.

    Raises:
        ValueError: if it is none, or too large.
    """
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"must be a file, but there is no {path.name}; hand it in again")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"a notebook must be below {MOST_BYTES} bytes; clear its outputs")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook
    except Exception as error:  # whatever a student can put into a file
        said = " ".join(str(error).split())[:120]
        raise ValueError(
            f"must be a notebook, but {type(error).__name__}: {said}; save it again"
        ) from None


def marking(cell) -> dict:
    """Return what nbgrader notes about a cell; empty where it notes nothing."""
    meta = cell.metadata.get("nbgrader")
    return meta if isinstance(meta, dict) and meta.get("grade_id") else {}


def name_of(cell) -> str:
    """Return a marked cell's id; empty if it has none."""
    return str(marking(cell).get("grade_id", ""))


def is_test(cell) -> bool:
    """Say whether the machine grades this cell."""
    return bool(marking(cell).get("grade")) and not marking(cell).get("solution")


def is_manual(cell) -> bool:
    """Say whether a person marks this cell."""
    return bool(marking(cell).get("grade")) and bool(marking(cell).get("solution"))


def points_of(cells) -> dict[str, float]:
    """Return the points of the graded cells, manual ones too."""
    return {name_of(c): float(marking(c)["points"]) for c in cells if marking(c).get("grade")}


def messages_of(source: str) -> set[str]:
    """Return the messages of the asserts in a test cell: constants, all of them."""
    tree = ast.parse(source)
    told = (node.msg for node in ast.walk(tree) if isinstance(node, ast.Assert))
    return {node.value for node in told if isinstance(node, ast.Constant)}


def hide_tests(source: str) -> str:
    """Return a test cell as students see it."""
    return _HIDDEN.sub("", source).rstrip()


def hide_solution(source: str) -> str:
    """Return a solution's cell as students get it."""
    return _SOLUTION.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError()", source)


def set_hidden_seed(notebook: nbformat.NotebookNode, seed: int) -> None:
    """Put the seed of the hidden tests' inputs into the tests, and nowhere else."""
    for cell in notebook.cells:
        cell.source = re.sub("HIDDEN_SEED = 0.*", "", cell.source)
        cell.source = cell.source.replace("HIDDEN_SEED", str(seed))


def students_version(notebook: nbformat.NotebookNode, stamp: dict) -> nbformat.NotebookNode:
    """Return the notebook without solutions and hidden tests."""
    released = copy.deepcopy(notebook)
    released.metadata[STAMP] = stamp
    for cell in released.cells:
        if is_manual(cell) and cell.cell_type == "markdown":
            cell.source = "*Your answer here.*"
        elif marking(cell).get("solution"):
            cell.source = hide_solution(cell.source)
        elif marking(cell):
            cell.source = hide_tests(cell.source)
            cell.metadata["deletable"] = cell.metadata["editable"] = False
    return released


def put_together(original: nbformat.NotebookNode, submitted: nbformat.NotebookNode) -> list:
    """Return the code cells to run: the original's, with the answers, in the original's order.

    What was changed or deleted of given code and tests is as in the original; cells that the
    student added run after the marked cell that they stand behind, or else after the first.
    """
    answers, added, anchor = {}, {"": []}, ""
    for cell in submitted.cells:
        if name := name_of(cell):
            anchor = name
            answers.setdefault(name, cell)  # of copies, the first
            added.setdefault(name, [])
        elif cell.cell_type == "code":
            added[anchor].append(cell)
    cells = []
    for cell in original.cells:
        name, cell = name_of(cell), copy.deepcopy(cell)
        if marking(cell).get("solution"):
            answer = answers.get(name)
            cell.source = answer.source if answer else hide_solution(cell.source)
        if cell.cell_type == "code":
            cells.append(cell)
        cells += (added.pop("", []) + added.get(name, [])) if name else []
    return [nbformat.v4.new_code_cell(c.source, metadata=c.metadata) for c in cells]
