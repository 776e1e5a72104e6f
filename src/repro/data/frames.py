"""Turns a table as it was read into checked examples: text_a, text_b, label, index."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from repro.data.definitions import Task
from repro.data.files import Table, read_table


@dataclass(frozen=True)
class Columns:
    """What a source calls the columns of a task's examples."""

    texts: tuple[str, ...]
    label: str
    index: str | None = None  # None: the row's position
    coded: bool = False  # labels are written as class ids, not as names


def make_frame(task: Task, table: Table, columns: Columns) -> pd.DataFrame:
    """Build the examples of one split; without a label column the labels are hidden.

    Raises:
        ValueError: if a text, label or index is not what the task needs, with its line.
    """
    frame = {}
    for name, column in zip(("text_a", "text_b"), columns.texts, strict=False):
        frame[name] = pd.Series(_check_texts(table, column), dtype="str")
    frame["label"] = read_labels(task, table, columns)
    frame["index"] = _read_index(table, columns.index)
    return pd.DataFrame(frame)


def read_labels(task: Task, table: Table, columns: Columns) -> np.ndarray:
    """Return the labels of a table: int64 class ids or float64 scores; -1 or NaN where hidden."""
    cells = table.columns.get(columns.label)
    if cells is None:
        return hidden_labels(task, len(table.lines))
    if task.labels is None:
        return _read_scores(task, table, cells)
    return _read_classes(task, table, cells, class_ids=_class_ids(task, table, coded=columns.coded))


def hidden_labels(task: Task, n: int) -> np.ndarray:
    """Return `n` labels of `task` that say that they are hidden: NaN, or -1 for classes."""
    return np.full(n, np.nan) if task.labels is None else np.full(n, -1, dtype=np.int64)


def read_gold_labels(
    task: Task, path: Path, *, test: pd.DataFrame, columns: Columns, header: tuple | None = None
) -> np.ndarray:
    """Read the test set's labels from a file whose row i belongs to row i of `test`.

    Raises:
        ValueError: if the numbers of rows or, where the file has texts, the texts differ.
    """
    table = read_table(
        path, [columns.label], optional=columns.texts, header=header, ragged="cut long"
    )
    if len(table.lines) != len(test):
        raise ValueError(
            f"{path} must have {len(test)} rows as the test set has, but got {len(table.lines)}; "
            "name the labels of this very test set"
        )
    for name, column in zip(("text_a", "text_b"), columns.texts, strict=False):
        for row, text in enumerate(table.columns.get(column, ())):
            if text.split() != test[name].iloc[row].split():
                raise ValueError(
                    f"{table.where(row)} must have the text of the test set's row {row}, "
                    f"but got {_short(text)}; name the labels of this very test set"
                )
    return read_labels(task, table, columns)


def _check_texts(table: Table, column: str) -> list[str]:
    texts = table.columns[column]
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"{table.where(row)}: `{column}` must be text, but got {_short(text)}; fill it in"
            )
    return texts


def _class_ids(task: Task, table: Table, *, coded: bool) -> dict[Any, int]:
    """Map each way in which the table may write a label to a class id."""
    if table.class_names is not None and table.class_names != task.labels:
        raise ValueError(
            f"{table.name} must have the classes {list(task.labels)} in this order, "
            f"but got {list(table.class_names)}; use the hub's own data"
        )
    ids = range(len(task.labels))
    if coded:
        return {str(i): i for i in ids}
    if table.unit == "line":  # text files name the class; elsewhere it may also be an integer
        return dict(zip(task.labels, ids, strict=True))
    return {-1: -1} | dict(zip(task.labels, ids, strict=True)) | {i: i for i in ids}


def _read_classes(
    task: Task, table: Table, cells: Iterable, *, class_ids: dict[Any, int]
) -> np.ndarray:
    known = ", ".join(str(label) for label in class_ids if label != -1)
    labels = []
    for row, cell in enumerate(cells):
        label = class_ids.get(cell) if isinstance(cell, str | int) else None
        if label is None:
            raise ValueError(
                f"{table.where(row)}: label of {task.name} must be one of {known}, "
                f"but got {_short(cell)}; mend it"
            )
        labels.append(label)
    return np.array(labels, dtype=np.int64)


def _read_scores(task: Task, table: Table, cells: Iterable) -> np.ndarray:
    low, high = task.score_range
    scores = []
    for row, cell in enumerate(cells):
        score = _number(cell)
        # the hub writes -1 for a hidden score; text files leave the column out
        hidden = table.unit == "row" and score == -1 and low > -1
        if not (hidden or low <= score <= high):
            raise ValueError(
                f"{table.where(row)}: label of {task.name} must be a number in [{low}, {high}], "
                f"but got {_short(cell)}; mend it"
            )
        scores.append(np.nan if hidden else score)
    return np.array(scores, dtype=np.float64)


def _read_index(table: Table, column: str | None) -> np.ndarray:
    if column is None or column not in table.columns:
        return np.arange(len(table.lines), dtype=np.int64)
    index = []
    for row, cell in enumerate(table.columns[column]):
        number = _number(cell)
        if not number.is_integer():
            raise ValueError(
                f"{table.where(row)}: `{column}` must be an integer, "
                f"but got {_short(cell)}; mend it"
            )
        index.append(int(number))
    return np.array(index, dtype=np.int64)


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else text[:57] + "..."
