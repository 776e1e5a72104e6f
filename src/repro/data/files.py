"""Reads the tables in which tasks come: TSV, CSV, JSON lines and parquet, with exact errors.

A reader knows columns and lines, not tasks. TSV is split on tabs with quote marks kept, as GLUE's
files need it (default CSV quoting loses 15 rows of RTE's test set).
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUFFIXES = (".tsv", ".txt", ".csv", ".jsonl", ".json")


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length, and where each row came from."""

    name: str  # the file, or the words for what stands in its place
    columns: dict[str, list]
    lines: Sequence[int]  # line or row number of each row
    unit: str = "line"  # "row": not from a text file, so that a label may be an integer
    class_names: tuple[str, ...] | None = None  # of an integer label, where the source says them

    def where(self, row: int) -> str:
        """Say where the row at position `row` came from."""
        return f"{self.name} {self.unit} {self.lines[row]}"


def rows_table(
    name: str, columns: dict[str, list], class_names: Sequence[str] | None = None
) -> Table:
    """Return a table whose rows count from 0, with the class names of its label if known."""
    n_rows = len(next(iter(columns.values())))
    names = tuple(class_names) if class_names else None
    return Table(name, columns, range(n_rows), unit="row", class_names=names)


def read_table(
    path: Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    header: Sequence[str] | None = None,
    ragged: str = "refuse",
) -> Table:
    """Read some columns of a TSV (.tsv, .txt), CSV or JSON-lines (.jsonl, .json) file.

    Args:
        columns: must be there.
        optional: are read where they are there.
        header: the columns' names where a TSV file has no header.
        ragged: what to do with rows of a wrong number of columns: "refuse" them, "skip short"
            ones, or "cut long" ones.
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is empty, lacks a column, or has a malformed row.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} must end in one of {', '.join(SUFFIXES)}; convert or rename it")
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, but there is none; check the path")
    rows = _READERS[path.suffix](path)
    if header is None:
        _, header = next(rows, (0, None))
    if header is None:
        raise ValueError(f"{path} must have a header and rows, but is empty; get the file again")
    _check_columns(path, columns, header)
    positions = {name: header.index(name) for name in (*columns, *optional) if name in header}
    return _collect(path, rows, positions, n_columns=len(header), ragged=ragged)


def read_parquet(
    paths: Sequence[Path], columns: Sequence[str], *, optional: Sequence[str]
) -> Table:
    """Read some columns of the parquet files of one split, in the order of `paths`.

    Raises:
        ValueError: if a file is not parquet, or lacks a column, or there are no rows.
    """
    import pyarrow  # kept out of the import of tasks: most studies never read parquet
    from pyarrow import parquet

    try:
        whole = pyarrow.concat_tables([parquet.read_table(path) for path in paths])
    except pyarrow.ArrowException as error:
        raise ValueError(
            f"{paths[0]} must be a parquet file, but {str(error).splitlines()[0]}; "
            "download it again (a file of a few lines is a git-lfs pointer)"
        ) from error
    _check_columns(paths[0], columns, whole.column_names)
    names = [name for name in (*columns, *optional) if name in whole.column_names]
    if not whole.num_rows:
        raise ValueError(f"{paths[0]} must hold at least one row, but is empty; download it again")
    columns = {name: whole.column(name).to_pylist() for name in names}
    return rows_table(str(paths[0]), columns, _class_names(whole.schema.metadata or {}))


def _collect(
    path: Path, rows: Iterator, positions: dict[str, int], *, n_columns: int, ragged: str
) -> Table:
    lines: list[int] = []
    values: dict[str, list] = {name: [] for name in positions}
    for line, cells in rows:
        if len(cells) != n_columns:
            if ragged == "skip short" and len(cells) < n_columns:
                continue
            if not (ragged == "cut long" and len(cells) > n_columns):
                raise ValueError(
                    f"{path} line {line} must have {n_columns} columns, but got {len(cells)}; "
                    "mend the line, or get the file again"
                )
        lines.append(line)
        for name, position in positions.items():
            values[name].append(cells[position])
    if not lines:
        raise ValueError(f"{path} must hold at least one row, but has none; get the file again")
    return Table(str(path), values, lines)


def _check_columns(path: Path, columns: Iterable[str], header: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in header]:
        raise ValueError(
            f"{path} must have the columns {missing}, but got {list(header)}; "
            "name other columns, or get the file again"
        )


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    # "utf-8-sig" drops a mark at the file's start and keeps U+FEFF inside text (QNLI);
    # newline="\n" keeps the other line-ending characters that texts contain.
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line := line.removesuffix("\n").removesuffix("\r"):
                    yield number, line
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8, but {error.reason}; convert the file") from error


def _read_tsv(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in _read_lines(path):
        yield number, line.split("\t")


def _read_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8, but {error.reason}; convert the file") from error
    except csv.Error as error:
        raise ValueError(
            f"{path} line {reader.line_num} must be CSV, but {error}; mend the quotes"
        ) from error


def _read_json_lines(path: Path) -> Iterator[tuple[int, list]]:
    """Yield a header, the first row's keys, and then each row's values in that order."""
    header = None
    for number, line in _read_lines(path):
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
        yield number, [_json_cell(row.get(name)) for name in header]


def _json_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _class_names(metadata: dict[bytes, bytes]) -> list[str] | None:
    """Return the names that `datasets` writes beside an integer label."""
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return features.get("label", {}).get("names")


_READERS = {
    ".tsv": _read_tsv,
    ".txt": _read_tsv,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
}
