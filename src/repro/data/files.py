"""Reads the tables in which tasks come: TSV, CSV, JSON lines and parquet, with exact errors.

A reader knows columns and lines, not tasks. TSV is split on tabs with quote marks kept, as GLUE's
files need it (default CSV quoting loses 15 rows of RTE's test set), and not by `pandas.read_csv`,
which fills a short row up in silence.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pandas as pd


@dataclass(frozen=True)
class Columns:
    """What a source calls the columns of a task's examples."""

    texts: Sequence[str]
    label: str = "label"
    index: str | None = "index"  # None: the row's position
    coded: bool = False  # labels are written as class ids, not as names

    def among(self, header: Sequence[str], required: Sequence[str], *, path: Path) -> list[str]:
        """Return those of the columns that a file has, or raise if it lacks a required one."""
        if missing := [name for name in required if name not in header]:
            raise ValueError(
                f"{path} must have the columns {missing}, but got {list(header)}; "
                "name other columns, or get the file again"
            )
        names = dict.fromkeys((*self.texts, self.label, self.index))
        return [name for name in names if name in header]


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a split as they were read."""

    name: str  # the file, or the words for what stands in its place
    rows: pd.DataFrame  # of objects; its index is the line or row number
    columns: Columns
    unit: str = "line"  # "row": not from a text file, so that a label may be an integer
    class_names: Sequence[str] | None = None  # of an integer label, where the source says them

    def refuse(self, column: str, bad: pd.Series, must: str, *, remedy: str = "mend it") -> None:
        """Raise a ValueError that shows the first bad cell of a column, if there is one."""
        if bad.any():
            row = bad.idxmax()
            raise ValueError(
                f"{self.name} {self.unit} {row}: {must}, "
                f"but got {self.rows.at[row, column]!r:.60}; {remedy}"
            )


def read_table(
    path: Path,
    columns: Columns,
    *,
    required: Sequence[str],
    header: Sequence[str] | None = None,
    ragged: str = "refuse",
) -> Table:
    """Read a TSV (.tsv, .txt), CSV or JSON-lines (.jsonl, .json) file.

    Args:
        required: those of the columns that must be there.
        header: the columns' names where a TSV file has no header.
        ragged: what to do with rows of a wrong number of columns: "refuse" them, "skip short"
            ones, or "cut long" ones.
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is empty, lacks a column, or has a malformed row.
    """
    if path.suffix not in _READERS:
        raise ValueError(f"{path} must end in one of {', '.join(_READERS)}; convert or rename it")
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, but there is none; check the path")
    lines = []
    try:
        # "utf-8-sig" drops a mark at the file's start and keeps U+FEFF inside text (QNLI);
        # newline="\n" keeps the other line-ending characters that texts contain
        newline = "" if path.suffix == ".csv" else "\n"
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            rows = _READERS[path.suffix](path, file)
            header = header or next(rows, (0, None))[1]
            if header is None:
                raise ValueError(
                    f"{path} must have a header and rows, but is empty; get the file again"
                )
            cells = {name: [] for name in columns.among(header, required, path=path)}
            positions = [header.index(name) for name in cells]
            for line, row in rows:
                n_missing = len(header) - len(row)
                if n_missing > 0 and ragged == "skip short":
                    continue
                if n_missing > 0 or (n_missing < 0 and ragged != "cut long"):
                    raise ValueError(
                        f"{path} line {line} must have {len(header)} columns, but got {len(row)}; "
                        "mend the line, or get the file again"
                    )
                lines.append(line)
                for column, position in zip(cells.values(), positions, strict=True):
                    column.append(row[position])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8, but {error.reason}; convert the file") from error
    if not lines:
        raise ValueError(f"{path} must hold at least one row, but has none; get the file again")
    return Table(str(path), pd.DataFrame(cells, index=lines, dtype=object), columns)


def read_parquet(paths: Sequence[Path], columns: Columns, *, required: Sequence[str]) -> Table:
    """Read the parquet files of one split, in the order of `paths`.

    Raises:
        ValueError: if a file is not parquet, or lacks a column, or there are no rows.
    """
    import pyarrow  # kept out of the import of tasks: most studies never read parquet
    from pyarrow import parquet

    path = paths[0]
    try:
        whole = pyarrow.concat_tables([parquet.read_table(path) for path in paths])
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{path} must be a parquet file, but {str(error).splitlines()[0]}; "
            "download it again (a file of a few lines is a git-lfs pointer)"
        ) from error
    names = columns.among(whole.column_names, required, path=path)
    if not whole.num_rows:
        raise ValueError(f"{path} must hold at least one row, but is empty; download it again")
    # `datasets` writes the names of an integer label beside the table
    written = json.loads((whole.schema.metadata or {}).get(b"huggingface", b"{}"))
    label = written.get("info", {}).get("features", {}).get("label", {})
    rows = pd.DataFrame(whole.select(names).to_pydict(), dtype=object)
    return Table(str(path), rows, columns, unit="row", class_names=label.get("names"))


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file, start=1):
        if line := line.removesuffix("\n").removesuffix("\r"):
            yield number, line


def _read_tsv(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    return ((number, line.split("\t")) for number, line in _lines(file))


def _read_csv(path: Path, file: TextIO) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise ValueError(
            f"{path} line {reader.line_num} must be CSV, but {error}; mend the quotes"
        ) from error


def _read_json_lines(path: Path, file: TextIO) -> Iterator[tuple[int, list]]:
    """Yield a header, the first row's keys, and then each row's values in that order."""
    header = None
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path} line {number} must be JSON, but {error.msg}; write one object a line"
            ) from error
        if not isinstance(row, dict):
            raise ValueError(f"{path} line {number} must be a JSON object, but got {line[:40]}")
        if header is None:
            header = list(row)
            yield 0, header
        cells = [row.get(name) for name in header]
        yield number, [json.dumps(c) if isinstance(c, int | float) else c for c in cells]


_READERS = {
    ".tsv": _read_tsv,
    ".txt": _read_tsv,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
}
