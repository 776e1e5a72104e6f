"""The finished runs of any results folder, read fast and whatever profiles asked for them.

A folder may hold runs of several profiles whose names are equal, so a run is called here by its
folder, which is unique: `run_id` is that path, `trial_id` is it with the trial's number.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from repro.records import STATUSES, TABLES, make_table

_INSIDE = ("checkpoints", "states", "tracking", "trials", "wandb")
_KINDS = {"text": pa.large_string(), "integer": pa.int64(), "number": pa.float64()}


@dataclass(frozen=True)
class FoundRuns:
    """What was found below a folder.

    Args:
        trials: the table (see `records`), with the columns profile and split of their runs.
        skipped: a folder that could not be read -> why.
    """

    folder: Path
    trials: pd.DataFrame
    skipped: dict[str, str]

    def evaluations(self, trial_ids: Iterable[str]) -> pd.DataFrame:
        """Read the evaluations of some trials from the folders of their runs.

        Raises:
            ValueError: if a folder's evaluations are damaged.
        """
        trial_ids, frames = set(trial_ids), [make_table("evaluations", [])]
        for run_id in sorted({trial_id.rpartition("/")[0] for trial_id in trial_ids}):
            frame = _read_table(self.folder / run_id, "evaluations").to_pandas()
            frame["trial_id"] = f"{run_id}/" + frame["trial_id"].str.split("/").str[-1]
            frames.append(frame[frame["trial_id"].isin(trial_ids)])
        return pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)


def find_runs(folder: str | Path) -> FoundRuns:
    """Read all finished runs below `folder`; what is damaged or of an old format is skipped."""
    folder, tables, about, skipped = Path(folder), [], [], {}
    for run_id in sorted(_finished(folder)):
        try:
            table = _read_table(folder / run_id, "trials")
            with _naming(folder / run_id / "run.json") as path:
                run = json.loads(path.read_text(encoding="utf-8"))["run"]
                row = {"run_id": run_id, "profile": str(run["profile"]), "split": str(run["split"])}
        except ValueError as error:
            skipped[run_id] = " ".join(str(error).split())[:200]
            continue
        tables.append(table)
        about += [row] * len(table)
    if not tables:
        return FoundRuns(folder, make_table("trials", []).assign(profile="", split=""), skipped)
    trials = pa.concat_tables(tables).to_pandas().assign(**pd.DataFrame(about, dtype="str"))
    trials["trial_id"] = trials["run_id"] + "/" + trials["trial_id"].str.split("/").str[-1]
    return FoundRuns(folder, trials, skipped)


def _finished(folder: Path) -> Iterator[str]:
    """Yield the folders of finished runs, relative to `folder`; one in progress is left out."""
    for path, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f not in _INSIDE and not f.endswith(".partial")]
        if "run.json" in files or "trials.parquet" in files:
            yield Path(path).relative_to(folder).as_posix()


def _read_table(path: Path, name: str) -> pa.Table:
    """Read a table as `records` has it; many small files take pandas three times as long."""
    schema = pa.schema([(column.name, _KINDS[column.kind]) for column in TABLES[name]])
    with _naming(path / f"{name}.parquet") as file:
        table = pq.ParquetFile(file).read(use_threads=False)
        table = table.select(schema.names).cast(schema).replace_schema_metadata(None)
        if name == "trials" and (unknown := {*table["status"].to_pylist()} - {*STATUSES}):
            raise ValueError(f"unknown status {sorted(unknown)[0]!r}")
    return table


@contextmanager
def _naming(path: Path) -> Iterator[Path]:
    """Turn what goes wrong with a file into a ValueError that names it and its folder."""
    try:
        yield path
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        where, what = f"{path.parent.name}/{path.name}", type(error).__name__
        raise ValueError(f"{where} cannot be read: {what}: {error}") from error
