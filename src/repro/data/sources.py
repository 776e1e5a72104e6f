"""Where examples come from: the miniature, the hub, a directory, files of one's own.

Each source gives one table a split. Their errors are those of `tasks.load_task`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from repro.data.definitions import BUILT_IN, OFFICIAL_SPLITS, OwnTask, Task, is_test
from repro.data.files import Columns, Table, read_parquet, read_table
from repro.data.frames import read_labels, read_texts
from repro.data.hub import fetch
from repro.data.miniature.tasks import load_mini_task


@dataclass(frozen=True)
class Layout:
    """How the official download keeps a task: file names of train, validation and test."""

    folder: str
    columns: Columns
    files: Sequence[str] = ("train.tsv", "dev.tsv", "test.tsv")
    header: Sequence[str] | None = None  # of the labelled files where they have none
    gold_header: Sequence[str] | None = None  # of the public gold labels where they have none
    further: Mapping[str, Sequence[str]] = field(default_factory=dict)  # split -> where it may be
    ragged: str = "refuse"


LAYOUTS = {
    name: Layout(**about.official | {"columns": Columns(**about.official["columns"])})
    for name, about in BUILT_IN.items()
}


def mini_tables(
    task: Task,
    *,
    seed: int,
    shift: float,
    sizes: Mapping[str, int],
    shifted_tests: Mapping[float, int],
) -> dict[str, Table]:
    """Generate the miniature of a GLUE task, with the hub's columns."""
    frames = load_mini_task(task.name, seed=seed, shift=shift, sizes=sizes)
    for further, size in shifted_tests.items():
        more = {**sizes, "test": size}
        shifted = load_mini_task(task.name, seed=seed, shift=further, sizes=more)
        frames[f"test-shift{further:g}"] = shifted["test"]
    columns = Columns(task.text_fields, index="idx")
    return {
        split: Table(f"mini {task.name} {split}", frame.astype(object), columns, unit="row")
        for split, frame in frames.items()
    }


def hub_tables(task: Task) -> dict[str, Table]:
    """Read a task from the Hugging Face hub, or from what was downloaded of it before."""
    repository, folders = "nyu-mll/glue", (task.name, "ax") if task.name == "mnli" else (task.name,)
    if task.name == "superglue_rte":
        repository, folders = "aps/super_glue", ("rte",)
    files = tuple(f"{folder}/*.parquet" for folder in folders)
    return directory_tables(task, fetch(repository, kind="dataset", files=files))


def directory_tables(task: Task, directory: Path) -> dict[str, Table]:
    """Read a task from the official download or from a copy of the hub's repository."""
    if not directory.is_dir():
        raise ValueError(
            f"`source` must be 'mini', 'hub' or a directory, but got {str(directory)!r}; "
            "check the path"
        )
    layout = LAYOUTS[task.name]
    if (directory / layout.folder / layout.files[0]).is_file():
        return _official_tables(task, directory / layout.folder)
    name = "rte" if task.name == "superglue_rte" else task.name
    for place in (name, f"{name}/data", f"data/{name}", "data", "."):
        if _shards(directory / place, "train"):
            return _parquet_tables(task, directory / place)
    raise FileNotFoundError(
        f"{directory} must hold {layout.folder}/{layout.files[0]} (official download) or "
        f"{name}/train-*.parquet (copy of the hub's repository), but has "
        f"{sorted(path.name for path in directory.iterdir())[:12]}; check the path"
    )


def own_tables(own: OwnTask) -> dict[str, Table]:
    """Read the files that a task of one's own names."""
    columns = Columns(own.task.text_fields, own.task.label_field, own.index)
    return {
        split: read_table(path, columns, required=_required(split, columns))
        for split, path in own.files.items()
    }


def with_labels(task: Task, test: pd.DataFrame | None, path: Path) -> pd.DataFrame:
    """Return the test set with the gold labels of a file whose row i belongs to its row i.

    Raises:
        ValueError: if there is no test set, or the numbers of rows or, where the file has texts,
            the texts differ.
    """
    if test is None:
        raise ValueError(f"{path} must label a test set, but {task.name} has none; drop the file")
    layout = LAYOUTS.get(task.name, Layout("", Columns(task.text_fields, task.label_field)))
    columns = layout.columns
    table = read_table(
        path, columns, required=[columns.label], header=layout.gold_header, ragged="cut long"
    )
    remedy = "name the labels of this very test set"
    if len(table.rows) != len(test):
        raise ValueError(
            f"{path} must have {len(test)} rows as the test set has, but got {len(table.rows)}; "
            f"{remedy}"
        )
    for name, column in zip(("text_a", "text_b"), columns.texts, strict=False):
        if column in table.rows:
            words = read_texts(table, column).map(str.split)
            others = pd.Series(test[name].map(str.split).to_list(), index=words.index)
            must = f"`{column}` must be the text in the same row of the test set"
            table.refuse(column, words != others, must, remedy=remedy)
    return test.assign(label=read_labels(task, table).to_numpy())


def _required(split: str, columns: Columns) -> tuple[str, ...]:
    """Say which columns a split must have: its labels too, unless it is a test set."""
    return columns.texts if is_test(split) else (*columns.texts, columns.label)


def _official_tables(task: Task, folder: Path) -> dict[str, Table]:
    layout = LAYOUTS[task.name]
    columns, tables = layout.columns, {}
    for split, name in zip(OFFICIAL_SPLITS, layout.files, strict=True):
        if split != "test" or (folder / name).is_file():
            tables[split] = read_table(
                folder / name,
                columns,
                required=_required(split, columns),
                header=None if split == "test" else layout.header,
                ragged=layout.ragged,
            )
    for split, names in layout.further.items():
        for path in [p for p in map(folder.parent.joinpath, names) if p.is_file()][:1]:
            tables[split] = read_table(path, columns, required=columns.texts)
    return tables


def _parquet_tables(task: Task, folder: Path) -> dict[str, Table]:
    columns, tables = Columns(task.text_fields, index="idx"), {}
    places = {split: (folder, split) for split in OFFICIAL_SPLITS}
    if task.name == "mnli":
        places["test-mismatched"] = (folder, "test_mismatched")
        places["test-ax"] = (folder / "../ax", "test")
    for split, place in places.items():
        if shards := _shards(*place):
            tables[split] = read_parquet(shards, columns, required=_required(split, columns))
        elif split == "validation":
            raise FileNotFoundError(
                f"{folder} must hold validation-*.parquet beside the training data, but has "
                f"{sorted(path.name for path in folder.iterdir())[:12]}; copy it too"
            )
    return tables


def _shards(folder: Path, split: str) -> list[Path]:
    names = (split, f"{split}_matched")
    suffixes = ("-*.parquet", ".parquet", "/*.parquet")
    shards = (sorted(folder.glob(name + suffix)) for name in names for suffix in suffixes)
    return next(filter(None, shards), [])
