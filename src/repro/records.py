"""The tidy tables that join the two halves of the package, and the check that guards them.

Training and tuning write these tables; analysis, tables and plots read them; they share nothing
else. Scores are fractions (Matthews, Pearson and Spearman correlations lie in [-1, 1]), larger is
better; printing turns them into percent.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repro.names import check_name

HYPERPARAMETERS = (
    "learning_rate",
    "warmup_ratio",
    "warmup_steps",
    "attention_dropout",
    "hidden_dropout",
    "weight_decay",
    "batch_size",
    "epochs",
    "adam_epsilon",
    "max_grad_norm",
    "max_length",
)
_WHOLE = ("batch_size", "warmup_steps", "max_length")
_POSITIVE = ("learning_rate", "batch_size", "epochs", "adam_epsilon", "max_grad_norm", "max_length")
_AT_MOST = dict.fromkeys(("warmup_ratio", "attention_dropout", "hidden_dropout"), 1.0)
_AT_MOST |= {"batch_size": 1e6, "epochs": 1e6, "max_length": 1e6}
METRICS = ("accuracy", "f1", "matthews", "pearson", "spearman")
STATUSES = ("completed", "stopped", "cut", "diverged", "failed")


def check_hyperparameter(name: str, value: float) -> float:
    """Return the value, as a whole number where it must be one.

    Raises:
        ValueError: if the hyperparameter cannot have this value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ValueError(f"`{name}` must be a number, but got {value!r}")
    low_ok = value > 0 if name in _POSITIVE else value >= 0
    finite = math.isfinite(value) or name == "max_grad_norm"
    if not (low_ok and finite and value <= _AT_MOST.get(name, math.inf)):
        low = "more than 0" if name in _POSITIVE else "at least 0"
        high = f" and at most {_AT_MOST[name]:g}" if name in _AT_MOST else " and finite"
        raise ValueError(f"`{name}` must be {low}{high}, but got {value}")
    if name not in _WHOLE:
        return float(value)
    if value != int(value):
        raise ValueError(f"`{name}` must be a whole number, but got {value}")
    return int(value)


@dataclass(frozen=True)
class Column:
    """One column of a tidy table: its name, pandas kind, unit and meaning."""

    name: str
    kind: str  # "text", "integer" or "number"; a number may be NaN
    unit: str
    meaning: str


def _read_schema() -> dict[str, tuple[Column, ...]]:
    """Read `records.csv`, whose table `key` begins both `runs` and `trials`."""
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = [(row.pop("table"), Column(**row)) for row in csv.DictReader(file)]
    tables: dict[str, tuple[Column, ...]] = {}
    for name, column in rows:
        tables[name] = (*tables.get(name, ()), column)
    return tables | {name: tables["key"] + tables[name] for name in ("runs", "trials")}


TABLES = _read_schema()
RUN_KEY = tuple(column.name for column in TABLES.pop("key"))
# a tuning run without its repetition
SETTING = ("model", "task", "method", "space", "stage", "variant", "budget_gst")


def run_key(
    model: str,
    task: str,
    method: str,
    *words: str,
    space: str,
    variant: str = "",
    stage: str = "",
    budget_gst: float = math.nan,
    repetition: int | None = None,
) -> dict:
    """Name a tuning run: the columns that its rows in `runs` and `trials` share.

    The run's id is made of words: tiny-electra/mrpc/asha/1gst/full/rep2.

    Args:
        task: a name, or the path of a task's own file.
        words: of the id, after the method.
        repetition: None where there is nothing but the first, which the id does not name then.
    """
    task, place = Path(task).stem, model.strip("/").replace("/", "--")
    last = () if repetition is None else (f"rep{repetition}",)
    values = ("/".join((place, task, method, *words, *last)), task, model, method)
    values += (space, variant, stage, float(budget_gst), repetition or 1)
    return dict(zip(RUN_KEY, values, strict=True))


def make_table(name: str, rows: list[dict]) -> pd.DataFrame:
    """Build the table `name` from one dictionary a row; a missing number is NaN.

    Raises:
        ValueError: if a row has an unknown column or lacks a text or an integer.
    """
    kinds = {column.name: _DTYPES[column.kind] for column in TABLES[name]}
    for column in set().union(*rows):
        check_name(f"column of `{name}`", column, kinds)
    return check_table(name, pd.DataFrame(rows, columns=list(kinds)).astype(kinds))


def check_table(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` if it has the columns of the table `name` with their kinds.

    Further columns are allowed, so that an analysis can carry its own along.

    Raises:
        ValueError: if a column is missing or of another kind, or a status is unknown.
    """
    if missing := [c.name for c in TABLES[name] if c.name not in frame]:
        raise ValueError(f"table `{name}` must have the columns {missing}; make it with make_table")
    for column in TABLES[name]:
        if not _IS_KIND[column.kind](frame[column.name]):
            raise ValueError(
                f"column `{column.name}` of `{name}` must hold {column.kind}, "
                f"but got {frame[column.name].dtype}"
            )
    if name == "trials" and not set(frame["status"]) <= set(STATUSES):
        raise ValueError(f"`status` must be one of {STATUSES}, but got {set(frame['status'])}")
    return frame


_DTYPES = {"text": "str", "integer": "int64", "number": "float64"}
_IS_KIND = {
    "text": pd.api.types.is_string_dtype,
    "integer": pd.api.types.is_integer_dtype,
    "number": pd.api.types.is_numeric_dtype,
}
