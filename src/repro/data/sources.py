"""Where examples come from: the miniature, the hub, a directory, files of one's own.

Each source gives one data frame a split, with the columns of `tasks.TaskData`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from repro.data.definitions import SPLITS, Task, is_test, read_own_task
from repro.data.files import Table, read_parquet, read_table, rows_table
from repro.data.frames import Columns, make_frame, read_gold_labels


@dataclass(frozen=True)
class Layout:
    """How the official download keeps a task: file names of train, validation and test."""

    folder: str
    columns: Columns
    files: tuple[str, str, str] = ("train.tsv", "dev.tsv", "test.tsv")
    header: tuple[str, ...] | None = None  # of the labelled files where they have none
    gold_header: tuple[str, ...] | None = None  # of the public gold labels where they have none
    ragged: str = "refuse"


_PAIR = ("sentence1", "sentence2")
_JSON_LINES = ("train.jsonl", "val.jsonl", "test.jsonl")
LAYOUTS = {
    "cola": Layout(
        "CoLA",
        Columns(("sentence",), "label", "index", coded=True),
        header=("source", "label", "mark", "sentence"),
    ),
    "sst2": Layout("SST-2", Columns(("sentence",), "label", "index", coded=True)),
    "mrpc": Layout("MRPC", Columns(("#1 String", "#2 String"), "Quality", "index", coded=True)),
    "stsb": Layout(
        "STS-B",
        Columns(_PAIR, "score", "index"),
        gold_header=("genre", "filename", "year", "old_index", "score", *_PAIR),
    ),
    # An early QQP download breaks a few questions over two lines; the hub drops these rows too.
    "qqp": Layout(
        "QQP",
        Columns(("question1", "question2"), "is_duplicate", "id", coded=True),
        ragged="skip short",
    ),
    "mnli": Layout(
        "MNLI",
        Columns(_PAIR, "gold_label", "index"),
        files=("train.tsv", "dev_matched.tsv", "test_matched.tsv"),
    ),
    "qnli": Layout("QNLI", Columns(("question", "sentence"), "label", "index")),
    "rte": Layout("RTE", Columns(_PAIR, "label", "index")),
    "wnli": Layout("WNLI", Columns(_PAIR, "label", "index", coded=True)),
    "superglue_rte": Layout(
        "RTE", Columns(("premise", "hypothesis"), "label", "idx"), files=_JSON_LINES
    ),
}

# MNLI's model is also asked for the other domain's test set and for GLUE's diagnostic set
_FURTHER_FILES = {
    "test-mismatched": ("MNLI/test_mismatched.tsv",),
    "test-ax": ("diagnostic/diagnostic.tsv", "AX/AX.tsv", "MNLI/diagnostic.tsv"),
}


def mini_frames(
    task: Task, *, seed: int, shift: float, sizes: Mapping[str, int] | None
) -> dict[str, pd.DataFrame]:
    """Generate the miniature of a GLUE task.

    Raises:
        ValueError: if the task has no miniature, or the shift or a size is not possible.
    """
    from repro.data.miniature.tasks import SIZES, load_mini_task

    if task.name not in SIZES:
        raise ValueError(
            f"source 'mini' must be asked for one of {', '.join(SIZES)}, but got {task.name}; "
            "use source 'hub' or a directory"
        )
    frames = load_mini_task(task.name, seed=seed, shift=shift, sizes=sizes)
    tables = {
        split: rows_table(f"mini {task.name} {split}", frame.to_dict("list"))
        for split, frame in frames.items()
    }
    return _make_frames(task, tables, _hub_columns(task))


def hub_frames(task: Task) -> dict[str, pd.DataFrame]:
    """Download a task from the Hugging Face hub (or take it from the cache of `datasets`).

    Raises:
        ConnectionError: if it cannot be had.
    """
    import datasets

    repository = "aps/super_glue" if task.name == "superglue_rte" else "nyu-mll/glue"
    try:
        if task.name == "superglue_rte":
            # Its main branch is a script, which `datasets` runs no more; this branch is parquet.
            files = {split: f"rte/{split}/*.parquet" for split in SPLITS}
            splits = datasets.load_dataset(
                repository, data_files=files, revision="refs/convert/parquet"
            )
        else:
            splits = datasets.load_dataset(repository, task.name)
        diagnostics = datasets.load_dataset(repository, "ax") if task.name == "mnli" else None
    except Exception as error:  # the hub's client has no common base for its errors
        raise ConnectionError(
            f"{repository} must be within reach, but {_first_line(error)}; "
            "connect, or give a directory with the data"
        ) from error
    tables = {split: _dataset_table(task, split, splits) for split in SPLITS}
    if diagnostics is not None:
        tables["test-mismatched"] = _dataset_table(task, "test_mismatched", splits)
        tables["test-ax"] = _dataset_table(task, "test", diagnostics)
    return _make_frames(task, tables, _hub_columns(task))


def directory_frames(task: Task, directory: Path) -> dict[str, pd.DataFrame]:
    """Read a task from the official download or from a copy of the hub's repository.

    Raises:
        FileNotFoundError: if the directory holds neither.
        ValueError: if there is no such directory or a file is malformed.
    """
    if not directory.is_dir():
        raise ValueError(
            f"`source` must be 'mini', 'hub' or a directory, but got {str(directory)!r}; "
            "check the path"
        )
    layout = LAYOUTS[task.name]
    if (directory / layout.folder / layout.files[0]).is_file():
        return _official_frames(task, directory / layout.folder, layout)
    for folder in _parquet_folders(task, directory):
        if _shards(folder, "train"):
            return _parquet_frames(task, folder)
    raise FileNotFoundError(
        f"{directory} must hold {layout.folder}/{layout.files[0]} (official download) or "
        f"{_hub_name(task)}/train-*.parquet (copy of the hub's repository), but has "
        f"{sorted(path.name for path in directory.iterdir())[:12]}; check the path"
    )


def own_frames(path: Path) -> dict[str, pd.DataFrame]:
    """Read a task of one's own from the files that its YAML file names.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is malformed.
    """
    own = read_own_task(path)
    columns = Columns(own.task.text_fields, own.task.label_field, own.index)
    tables = {split: _read_split(file, split, columns) for split, file in own.files.items()}
    return _make_frames(own.task, tables, columns)


def with_labels(task: Task, test: pd.DataFrame | None, path: Path) -> pd.DataFrame:
    """Return the test set with the gold labels of a file.

    Raises:
        ValueError: if there is no test set or the file is not its labels.
    """
    if test is None:
        raise ValueError(f"{path} must label a test set, but {task.name} has none; drop the file")
    layout = LAYOUTS.get(task.name, Layout("", Columns(task.text_fields, task.label_field)))
    labels = read_gold_labels(
        task, path, test=test, columns=layout.columns, header=layout.gold_header
    )
    return test.assign(label=labels)


def _official_frames(task: Task, folder: Path, layout: Layout) -> dict[str, pd.DataFrame]:
    tables = {}
    for split, name in zip(SPLITS, layout.files, strict=True):
        if split == "test" and not (folder / name).is_file():
            continue
        header = None if split == "test" else layout.header
        tables[split] = _read_split(
            folder / name, split, layout.columns, header=header, ragged=layout.ragged
        )
    for split, names in _FURTHER_FILES.items() if task.name == "mnli" else ():
        for path in [p for p in map(folder.parent.joinpath, names) if p.is_file()][:1]:
            tables[split] = _read_split(path, split, layout.columns)
    return _make_frames(task, tables, layout.columns)


def _read_split(path: Path, split: str, columns: Columns, **options: Any) -> Table:
    """Read a file that must have labels, unless it is the test set's."""
    required = (*columns.texts, columns.label)[: len(columns.texts) + (not is_test(split))]
    optional = (columns.label, columns.index or "")
    return read_table(path, required, optional=optional, **options)


def _hub_name(task: Task) -> str:
    return "rte" if task.name == "superglue_rte" else task.name


def _hub_columns(task: Task) -> Columns:
    return Columns(task.text_fields, task.label_field, "idx")


def _hub_split(split: str, available: Iterable[str]) -> str:
    """Return MNLI's matched split where there is no split of the plain name."""
    available = set(available)
    return (
        f"{split}_matched" if split not in available and f"{split}_matched" in available else split
    )


def _dataset_table(task: Task, split: str, dataset: Any) -> Table:
    rows = dataset[_hub_split(split, dataset)]
    label = rows.features[task.label_field]
    return rows_table(
        f"{task.name} {split} from the hub",
        {name: list(rows[name]) for name in rows.column_names},
        getattr(label, "names", None),
    )


def _parquet_folders(task: Task, directory: Path) -> list[Path]:
    name = _hub_name(task)
    places = (name, f"{name}/data", f"data/{name}", "data", ".")
    return [directory / place for place in places]


def _shards(folder: Path, split: str) -> list[Path]:
    for name in (split, f"{split}_matched"):
        for pattern in (f"{name}-*.parquet", f"{name}.parquet", f"{name}/*.parquet"):
            if shards := sorted(folder.glob(pattern)):
                return shards
    return []


def _parquet_frames(task: Task, folder: Path) -> dict[str, pd.DataFrame]:
    columns, tables = _hub_columns(task), {}
    for split in SPLITS:
        shards = _shards(folder, split)
        if not shards and split == "validation":
            raise FileNotFoundError(
                f"{folder} must hold validation-*.parquet beside the training data, but has "
                f"{sorted(path.name for path in folder.iterdir())[:12]}; copy it too"
            )
        if shards:
            required = (*columns.texts, columns.label)
            tables[split] = read_parquet(shards, required, optional=("idx",))
    further = {
        "test-mismatched": (folder, "test_mismatched"),
        "test-ax": (folder / "../ax", "test"),
    }
    for split, place in further.items() if task.name == "mnli" else ():
        if shards := _shards(*place):
            tables[split] = read_parquet(shards, columns.texts, optional=(columns.label, "idx"))
    return _make_frames(task, tables, columns)


def _make_frames(
    task: Task, tables: Mapping[str, Table], columns: Columns
) -> dict[str, pd.DataFrame]:
    """Build each split; only a test split may have hidden labels, and then all of them."""
    frames = {split: make_frame(task, table, columns) for split, table in tables.items()}
    for split, frame in frames.items():
        label = frame["label"]
        hidden = label.isna() if label.dtype == "float64" else label == -1
        if hidden.any() and not (is_test(split) and hidden.all()):
            raise ValueError(
                f"every row of the {split} split of {task.name} must have a label, but got none "
                f"for {int(hidden.sum())} of {len(frame)} rows; mend the data"
            )
    return frames


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
