"""Compare a run's tables with those that the repository carries, number by number."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repro.labels import in_number
from repro.show.table import Table

FOLDER = "reference"  # of figures/
PROFILE = "mini"  # whose tables and pictures the reference holds
TOLERANCE = 1e-6  # relative and absolute; machines of another kind differ in the last digits
_TIMES = "second|hour|started|worker|busy"  # columns that differ each time


@dataclass(frozen=True)
class Comparison:
    """How many numbers were compared, of how many tables, and those that differ.

    `differences` has one row a difference: notebook, table, row (from 0), column, reference, here;
    a table that is missing, or has other rows or columns, is one row.
    """

    n_numbers: int
    n_tables: int
    differences: pd.DataFrame

    def sentence(self) -> str:
        """Say how the comparison came out in one line."""
        if not self.n_tables:
            return "nothing was compared: the reference holds none of these tables"
        numbers, tables = in_number(self.n_numbers, "number"), in_number(self.n_tables, "table")
        text = f"{numbers} of {tables} compared with the reference: "
        if self.differences.empty:
            return f"{text}all equal within {TOLERANCE:g}"
        return f"{text}{in_number(len(self.differences), 'difference')}, listed on the page"

    def table(self) -> Table:
        """List the differences."""
        columns = {c: c for c in self.differences}
        caption = f"{self.sentence()}. Times are not compared."
        return Table.of(self.differences, name="differences", caption=caption, columns=columns)


def compare(directory: Path, reference: Path) -> Comparison:
    """Compare the CSV files of a run with the reference's, notebook by notebook.

    Args:
        directory: figures/<profile>; notebooks that it does not hold are left out.
    """
    n_numbers, n_tables, rows = 0, 0, []
    for path in sorted(reference.glob("*/*.csv")):
        notebook, ours = path.parent.name, directory / path.parent.name / path.name
        if not ours.parent.is_dir():
            continue
        where = {"notebook": notebook, "table": path.stem, "row": "", "column": ""}
        n_tables += 1
        if not ours.is_file():
            rows.append(where | {"reference": "a table", "here": "no table"})
            continue
        expected, found = (pd.read_csv(p, low_memory=False) for p in (path, ours))
        if list(expected) != list(found) or len(expected) != len(found):
            shapes = [f"{len(f)} rows of {', '.join(f)}" for f in (expected, found)]
            rows.append(where | dict(zip(("reference", "here"), shapes, strict=True)))
            continue
        for column in expected.columns[~expected.columns.str.contains(_TIMES)]:
            unequal, numbers = _unequal(expected[column], found[column])
            n_numbers += numbers
            for row in np.flatnonzero(unequal):
                pair = {"reference": str(expected[column][row]), "here": str(found[column][row])}
                rows.append(where | {"row": str(row), "column": column} | pair)
    columns = ["notebook", "table", "row", "column", "reference", "here"]
    return Comparison(n_numbers, n_tables, pd.DataFrame(rows, columns=columns))


def _unequal(expected: pd.Series, found: pd.Series) -> tuple[np.ndarray, int]:
    """Return which values differ, and how many of them are numbers."""
    if pd.api.types.is_numeric_dtype(expected) and pd.api.types.is_numeric_dtype(found):
        a, b = expected.to_numpy(float), found.to_numpy(float)
        equal = np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        return ~equal, int(np.isfinite(a).sum())
    a, b = (column.fillna("").astype(str) for column in (expected, found))
    return (a != b).to_numpy(), 0


def renew(directory: Path, reference: Path) -> int:
    """Replace the reference by a run's tables (CSV) and pictures (PNG); return how many files.

    Raises:
        FileNotFoundError: if the run has made nothing.
    """
    files = sorted(p for p in directory.glob("*/*") if p.suffix in (".csv", ".png"))
    files += directory.glob("claims.json")
    if not files:
        raise FileNotFoundError(
            f"{directory} must hold tables and figures, but has none; run `make reproduce` first"
        )
    shutil.rmtree(reference, ignore_errors=True)
    for path in files:
        target = reference / path.relative_to(directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return len(files)
