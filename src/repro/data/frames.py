"""Turns tables as they were read into checked examples: text_a, text_b, label, index."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from repro.data.definitions import Task, is_test
from repro.data.files import Table


def make_frames(task: Task, tables: Mapping[str, Table]) -> dict[str, pd.DataFrame]:
    """Build the examples of each split; without a label column the labels are hidden.

    Raises:
        ValueError: if a text, label or index is not what the task needs, with its line; or if
            labels are hidden, unless they are all of a test split.
    """
    frames = {}
    for split, table in tables.items():
        texts = zip(("text_a", "text_b"), table.columns.texts, strict=False)
        frame = {name: read_texts(table, column).astype("str") for name, column in texts}
        frame["label"] = read_labels(task, table)
        frame["index"] = pd.Series(np.arange(len(table.rows)), table.rows.index)
        if (column := table.columns.index) in table.rows:
            numbers = table.rows[column].map(_number)
            table.refuse(column, ~numbers.map(float.is_integer), f"`{column}` must be an integer")
            frame["index"] = numbers.astype("int64")
        frames[split] = pd.DataFrame(frame).reset_index(drop=True)
        label = frames[split]["label"]
        hidden = label.isna() if task.labels is None else label == -1
        if hidden.any() and not (is_test(split) and hidden.all()):
            raise ValueError(
                f"every row of the {split} split of {task.name} must have a label, but got none "
                f"for {int(hidden.sum())} of {len(hidden)} rows; mend the data"
            )
    return frames


def read_texts(table: Table, column: str) -> pd.Series:
    """Return a column whose cells are all texts."""
    cells = table.rows[column]
    table.refuse(column, ~cells.map(lambda cell: isinstance(cell, str)), f"`{column}` must be text")
    return cells


def read_labels(task: Task, table: Table) -> pd.Series:
    """Return the labels of a table: int64 class ids or float64 scores; -1 or NaN where hidden."""
    column = table.columns.label
    if task.labels is None:
        if column not in table.rows:
            return pd.Series(np.nan, index=table.rows.index)
        low, high = task.score_range
        scores = table.rows[column].map(_number).astype("float64")
        # the hub writes -1 for a hidden score; text files leave the column out
        hidden = (scores == -1) & (table.unit == "row" and low > -1)
        must = f"label of {task.name} must be a number in [{low}, {high}]"
        table.refuse(column, ~(hidden | scores.between(low, high)), must)
        return scores.mask(hidden)
    if column not in table.rows:
        return pd.Series(-1, index=table.rows.index)
    known = _class_ids(task, table)
    ids = table.rows[column].map(lambda c: known.get(c) if isinstance(c, str | int) else None)
    names = ", ".join(str(label) for label in known if label != -1)
    table.refuse(column, ids.isna(), f"label of {task.name} must be one of {names}")
    return ids.astype("int64")


def _class_ids(task: Task, table: Table) -> dict[Any, int]:
    """Map each way in which the table may write a label to a class id."""
    if table.class_names is not None and tuple(table.class_names) != task.labels:
        raise ValueError(
            f"{table.name} must have the classes {list(task.labels)} in this order, "
            f"but got {list(table.class_names)}; use the hub's own data"
        )
    ids = range(len(task.labels))
    if table.columns.coded:
        return {str(i): i for i in ids}
    names = dict(zip(task.labels, ids, strict=True))
    # text files name the class; elsewhere it may also be an integer
    return names if table.unit == "line" else {-1: -1} | names | {i: i for i in ids}


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")
