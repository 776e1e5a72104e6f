"""The finished runs of any results folder, read fast and without what computed them.

A folder may hold runs of several profiles whose names are equal, so a run is called here by its
folder, which is unique: `run_id` is that path, `trial_id` is it with the trial's number.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repro.records import STATUSES, TABLES, check_table, make_table


@dataclass(frozen=True)
class FoundRuns:
    """What was found below a folder: the tables `runs` and `trials` (see `records`).

    Args:
        trials: with the columns profile and split of their runs.
        skipped: a folder that could not be read -> why.
    """

    folder: Path
    runs: pd.DataFrame
    trials: pd.DataFrame
    skipped: dict[str, str]

    def evaluations(self, trial_ids: Iterable[str]) -> pd.DataFrame:
        """Read the evaluations of some trials from the folders of their runs.

        Raises:
            ValueError: if a folder's evaluations are damaged.
        """
        trial_ids = set(trial_ids)
        frames = [make_table("evaluations", [])]
        for run_id in sorted({trial_id.rpartition("/")[0] for trial_id in trial_ids}):
            try:
                table = _read_table(self.folder / run_id, "evaluations")
            except _ERRORS as error:
                raise ValueError(f"evaluations of {run_id}: {_in_words(error)}") from error
            frame = _renamed(check_table("evaluations", table.to_pandas()), run_id)
            frames.append(frame[frame["trial_id"].isin(trial_ids)])
        return pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)


def find_runs(folder: str | Path) -> FoundRuns:
    """Read all finished runs below `folder`; what is damaged or of an old format is skipped."""
    folder, skipped = Path(folder), {}
    found = dict(_try_all(sorted(_finished(folder)), lambda path: _read(folder, path), skipped))
    rows = {run_id: row for run_id, (row, _) in found.items()}
    tables = [table for _, table in found.values()]
    trials = _concatenated(tables) if tables else make_table("trials", [])
    runs = make_table("runs", list(rows.values()))
    of_run = runs.set_index("run_id")
    return FoundRuns(
        folder,
        runs,
        trials.assign(**{c: trials["run_id"].map(of_run[c]) for c in ("profile", "split")}),
        skipped,
    )


_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError)
_INSIDE = ("checkpoints", "states", "tracking", "trials", "wandb")


def _finished(folder: Path) -> Iterator[str]:
    """Yield the folders of finished runs, relative to `folder`; one in progress is left out."""
    for path, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f not in _INSIDE and not f.endswith(".partial")]
        if "run.json" in files or "trials.parquet" in files:
            yield Path(path).relative_to(folder).as_posix()


def _try_all(names: Iterable[str], read: Callable, skipped: dict[str, str]) -> Iterator:
    """Yield name, what `read` returns; what it raises goes to `skipped`, in words."""
    for name in names:
        try:
            yield name, read(name)
        except _ERRORS as error:
            skipped[name] = _in_words(error)


def _read(folder: Path, run_id: str):
    """Return a run's row of `runs` and its arrow table of trials, called by the folder."""
    row = json.loads((folder / run_id / "run.json").read_text(encoding="utf-8"))["run"]
    row = {name: math.nan if value is None else value for name, value in row.items()}
    _check("run.json", "runs", {name: type(value).__name__ for name, value in row.items()})
    ids = {"run_id": run_id, "best_trial_id": _moved(row["best_trial_id"], run_id)}
    table = _read_table(folder / run_id, "trials")
    _check("trials.parquet", "trials", {f.name: str(f.type) for f in table.schema})
    if unknown := set(table["status"].to_pylist()) - set(STATUSES):
        raise ValueError(f"trials.parquet has the status {sorted(unknown)[0]!r}, which is unknown")
    return {c.name: (row | ids)[c.name] for c in TABLES["runs"]}, _with_ids(table, run_id)


def _read_table(path: Path, name: str):
    import pyarrow.parquet as pq

    file = path / f"{name}.parquet"
    if not file.is_file():
        raise FileNotFoundError(2, "missing", str(file))
    try:
        # many small files: pd.read_parquet would take three times as long
        return pq.ParquetFile(file).read(use_threads=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file.name} is damaged: {error}") from error


def _with_ids(table, run_id: str):
    """Call run and trials by the folder; without pandas' notes, so that tables join."""
    import pyarrow as pa

    numbers = table["trial_id"].to_pylist()
    columns = {"run_id": [run_id] * len(numbers)}
    columns["trial_id"] = [_moved(number, run_id) for number in numbers]
    for name, values in columns.items():
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values, pa.large_string()))
    return table.replace_schema_metadata(None)


def _concatenated(tables: list) -> pd.DataFrame:
    import pyarrow as pa

    names = [column.name for column in TABLES["trials"]]
    joined = pa.concat_tables([t.select(names) for t in tables], promote_options="permissive")
    return check_table("trials", joined.to_pandas())


def _renamed(frame: pd.DataFrame, run_id: str) -> pd.DataFrame:
    return frame.assign(trial_id=[_moved(name, run_id) for name in frame["trial_id"]])


def _moved(trial_id: str, run_id: str) -> str:
    return f"{run_id}/{trial_id.rpartition('/')[2]}" if trial_id else ""


def _check(file: str, name: str, types: dict[str, str]) -> None:
    """Check a run's columns: in one table of all runs it could not be told whose are wrong."""
    wanted = {column.name: column.kind for column in TABLES[name]}
    if missing := [c for c in wanted if c not in types]:
        raise ValueError(f"{file} lacks {', '.join(missing)}: of an older format")
    if wrong := [c for c, kind in wanted.items() if types[c] not in _TYPES[kind]]:
        raise ValueError(f"{file} must hold {wanted[wrong[0]]} in {wrong[0]}")


_TYPES = {"text": {"str", "string", "large_string"}, "integer": {"int", "int64"}}
_TYPES["number"] = {"float", "double", *_TYPES["integer"]}


def _in_words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{Path(error.filename or '').name or 'a file'} is missing"
    if isinstance(error, KeyError):
        return f"run.json lacks {error}"
    return " ".join(str(error).split())[:200]
