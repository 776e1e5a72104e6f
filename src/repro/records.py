"""The tidy tables that join the two halves of the package, and the check that guards them.

Training and tuning write these tables; analysis, tables and plots read them; they share nothing
else. Scores are fractions (Matthews, Pearson and Spearman correlations lie in [-1, 1]), larger is
better; printing turns them into percent.
"""

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


_RUN_KEY = (
    Column("run_id", "text", "", "the tuning run, in words"),
    Column("task", "text", "", "task name"),
    Column("model", "text", "", "model name"),
    Column("method", "text", "", "searcher and scheduler by one name"),
    Column("space", "text", "", "search space: full, the name of a reduction, grid or fixed"),
    Column("variant", "text", "", "what differs from the method as its source ran it; or empty"),
    Column("stage", "text", "", "of a study in stages; else empty"),
    Column("budget_gst", "number", "GST", "multiples of grid search's own cost; NaN: none"),
    Column("repetition", "integer", "", "1, 2, ...; the same run with another search seed"),
)
RUN_KEY = tuple(column.name for column in _RUN_KEY)
# a tuning run without its repetition
SETTING = ("model", "task", "method", "space", "stage", "variant", "budget_gst")

RUNS = (
    *_RUN_KEY,
    Column("profile", "text", "", "the profile that asked for the run"),
    Column("split", "text", "", "official, resplit or held_out"),
    Column("budget_unit", "text", "", "steps or seconds"),
    Column("budget", "number", "budget_unit", "what might be spent; NaN for grid search"),
    Column("spent", "number", "budget_unit", "what was spent: steps of all trials, or wall clock"),
    Column("overshoot", "number", "budget_unit", "spent beyond the budget; 0 for grid search"),
    Column("steps", "integer", "optimizer steps", "summed over the trials"),
    Column("epochs_trained", "number", "epochs", "summed over the trials"),
    Column("seconds", "number", "s", "summed over the trials"),
    Column("gpu_seconds", "number", "s", "seconds times GPUs a trial, summed over the trials"),
    Column("n_trials", "integer", "", "trials started, failed ones included"),
    Column("n_failed", "integer", "", "trials that failed or diverged"),
    Column("best_trial_id", "text", "", "the incumbent; empty when no trial has a score"),
)

TRIALS = (
    *_RUN_KEY,
    Column("trial_id", "text", "", "run_id/trial0017"),
    Column("trial", "integer", "", "0, 1, ... in the order of starting"),
    Column("status", "text", "", "one of STATUSES: stopped by the scheduler, cut by the budget"),
    Column("message", "text", "", "why it failed or diverged; else empty"),
    *(Column(name, "number", "", "hyperparameter as read back") for name in HYPERPARAMETERS),
    Column("init_seed", "integer", "", "seed of the classifier's weights (WI)"),
    Column("order_seed", "integer", "", "seed of the data order (DO)"),
    Column("dropout_seed", "integer", "", "seed of the dropout masks"),
    Column("steps", "integer", "optimizer steps", "updates done"),
    Column("epochs_trained", "number", "epochs", "passes over the training data done"),
    Column("seconds", "number", "s", "wall time of the trial, set-up and scoring included"),
    Column("training_seconds", "number", "s", "of these: updates"),
    Column("evaluation_seconds", "number", "s", "of these: evaluations and test predictions"),
    Column("started_at", "number", "s", "start, in seconds since 1970-01-01 UTC"),
    Column("worker", "text", "", "host and process that trained it"),
    Column("best_step", "number", "optimizer steps", "step of the best checkpoint"),
    Column("validation_score", "number", "score", "at the best checkpoint"),
    Column("validation_loss", "number", "loss", "at the best checkpoint"),
    Column("test_score", "number", "score", "at the best checkpoint; NaN when labels are hidden"),
    Column("last_validation_score", "number", "score", "at the last evaluation"),
    Column("last_validation_loss", "number", "loss", "at the last evaluation"),
    Column("last_test_score", "number", "score", "at the last evaluation"),
    *(Column(f"validation_{m}", "number", "score", f"{m} at the best checkpoint") for m in METRICS),
    *(Column(f"test_{m}", "number", "score", f"{m} at the best checkpoint") for m in METRICS),
)

EVALUATIONS = (
    Column("trial_id", "text", "", "run_id/trial0017"),
    Column("step", "integer", "optimizer steps", "updates before this evaluation"),
    Column("epoch", "number", "epochs", "passes over the training data before this evaluation"),
    Column("seconds", "number", "s", "since the start of the trial"),
    Column("validation_score", "number", "score", "the task's optimised metric"),
    Column("validation_loss", "number", "loss", "mean over the validation examples"),
    *(Column(m, "number", "score", f"validation {m}; NaN where not defined") for m in METRICS),
)

LOSSES = (
    Column("trial_id", "text", "", "run_id/trial0017"),
    Column("step", "integer", "optimizer steps", "1, 2, ..."),
    Column("loss", "number", "loss", "training loss of this update's batch"),
)

SEGMENTS = (
    Column("run_id", "text", "", "the tuning run, in words"),
    Column("trial_id", "text", "", "run_id/trial0017: the trial that is this segment"),
    Column("member", "integer", "", "0, 1, ...: of the population"),
    Column("generation", "integer", "", "1, 2, ...: of the population"),
    Column("start", "number", "epochs", "passes over the training data before it, by its lineage"),
    Column("end", "number", "epochs", "passes when it ended"),
    Column("parent", "text", "", "the trial whose checkpoint it continues; empty: from the start"),
    Column("copied_from", "number", "", "the member that it copied just before; else NaN"),
    Column("operations", "text", "", "what exploring did to the copied configuration"),
    Column("exchange_seconds", "number", "s", "loading and saving checkpoints"),
)

TASKS = (
    Column("task", "text", "", "task name"),
    Column("metric", "text", "", "the score's metric; accuracy_f1_mean: the mean of these two"),
    Column("majority_baseline", "number", "score", "always the most frequent class, validation"),
    Column("n_train", "integer", "examples", "training examples"),
    Column("n_validation", "integer", "examples", "validation examples"),
)

TABLES = {
    "runs": RUNS,
    "trials": TRIALS,
    "evaluations": EVALUATIONS,
    "losses": LOSSES,
    "segments": SEGMENTS,
    "tasks": TASKS,
}


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
