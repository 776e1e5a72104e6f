"""Pairs of submissions whose answers are alike, to be looked at by a person."""

import ast
import difflib
from itertools import combinations
from pathlib import Path

import pandas as pd
from grading import find_submissions
from notebook_format import marking, name_of, read
from releasing import SOURCE


def compare(submissions: Path, *, at_least: float) -> pd.DataFrame:
    """List the pairs of each assignment whose code has the same shape, most alike first.

    Names, constants, comments and layout are left out of the comparison, and what was given too.

    Args:
        at_least: share of the shape, 0 to 1.
    """
    found = [s for s in find_submissions(submissions) if s.notebook]
    rows = []
    for assignment in sorted({s.assignment for s in found}):
        shapes = {s.student: _shape(s.notebook) for s in found if s.assignment == assignment}
        given = len(_shape(SOURCE / assignment / f"{assignment}.ipynb"))
        for one, other in combinations(shapes, 2):
            if min(len(shapes[one]), len(shapes[other])) < given / 10:
                continue  # next to nothing was answered
            match = difflib.SequenceMatcher(None, shapes[one], shapes[other], autojunk=False)
            if match.real_quick_ratio() >= at_least and match.ratio() >= at_least:
                rows.append((assignment, one, other, round(match.ratio(), 3)))
    table = pd.DataFrame(rows, columns=["assignment", "student", "other", "alike"])
    return table.sort_values("alike", ascending=False, kind="stable")


def _shape(path: Path) -> list[str]:
    """Return the kinds of the syntax nodes of all answers, in order."""
    try:
        cells = read(path).cells
    except ValueError:
        return []
    kinds = []
    for cell in cells:
        is_own = marking(cell).get("solution") or not name_of(cell)
        if cell.cell_type == "code" and is_own:
            try:
                kinds += [type(node).__name__ for node in ast.walk(ast.parse(cell.source))]
            except (SyntaxError, ValueError):
                kinds += cell.source.split()
    return kinds
