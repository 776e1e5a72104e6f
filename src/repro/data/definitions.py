"""What a task is: nine of GLUE, SuperGLUE's RTE, and one's own described in a YAML file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from repro.names import check_name
from repro.records import METRICS

SPLITS = ("train", "validation", "test")
REGRESSION_METRICS = ("pearson", "spearman")


def is_test(split: str) -> bool:
    """Tell whether a split is a test set: the task's own, or a further one such as test-ax."""
    return split.split("-")[0] == "test"


@dataclass(frozen=True)
class Task:
    """What is predicted from which texts, and how predictions are scored.

    Args:
        text_fields: the one or two text columns, as the hub names them.
        labels: class names in the order of their ids, or None for a regression.
        metric: the metric that tuning optimises, one of `metrics`.
        metrics: all that are reported, from records.METRICS.
        score_range: the lowest and highest label of a regression.
    Raises:
        ValueError: if the parts contradict each other.
    """

    name: str
    text_fields: tuple[str, ...]
    labels: tuple[str, ...] | None
    metric: str
    metrics: tuple[str, ...]
    score_range: tuple[float, float] | None = None
    label_field: str = "label"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name):
            raise ValueError(f"`name` must be letters, digits, _ . or -, but got {self.name!r}")
        if len(self.text_fields) not in (1, 2):
            raise ValueError(
                f"task {self.name} must have 1 or 2 text columns, but got {list(self.text_fields)}"
            )
        self._check_labels()
        for metric in (self.metric, *self.metrics):
            self._check_metric(metric)

    def _check_labels(self) -> None:
        if (self.labels is None) == (self.score_range is None):
            raise ValueError(f"task {self.name} must have either labels or a range of scores")
        if self.labels is not None and not 2 <= len(set(self.labels)) == len(self.labels):
            raise ValueError(
                f"task {self.name} must have two or more different labels, "
                f"but got {list(self.labels)}"
            )
        if self.score_range is not None and not self.score_range[0] < self.score_range[1]:
            raise ValueError(
                f"task {self.name} must have its lowest score below its highest, "
                f"but got {list(self.score_range)}"
            )

    def _check_metric(self, metric: str) -> None:
        known = [m for m in METRICS if (m in REGRESSION_METRICS) == (self.labels is None)]
        check_name(f"metric for task {self.name}", metric, known)
        if self.metric not in self.metrics:
            raise ValueError(f"`metrics` must hold {self.metric!r}, but got {list(self.metrics)}")


_PAIR = ("sentence1", "sentence2")
_NLI = ("entailment", "not_entailment")
# Class names, their order and the text columns are those of nyu-mll/glue and aps/super_glue on the
# hub (so WNLI's order is the opposite of RTE's); the metric optimised is that of Liu & Wang 2021.
TASKS = {
    task.name: task
    for task in (
        Task("cola", ("sentence",), ("unacceptable", "acceptable"), "matthews", ("matthews",)),
        Task("sst2", ("sentence",), ("negative", "positive"), "accuracy", ("accuracy",)),
        Task("mrpc", _PAIR, ("not_equivalent", "equivalent"), "accuracy", ("accuracy", "f1")),
        Task("stsb", _PAIR, None, "pearson", ("pearson", "spearman"), (0.0, 5.0)),
        Task(
            "qqp",
            ("question1", "question2"),
            ("not_duplicate", "duplicate"),
            "accuracy",
            ("accuracy", "f1"),
        ),
        Task(
            "mnli",
            ("premise", "hypothesis"),
            ("entailment", "neutral", "contradiction"),
            "accuracy",
            ("accuracy",),
        ),
        Task("qnli", ("question", "sentence"), _NLI, "accuracy", ("accuracy",)),
        Task("rte", _PAIR, _NLI, "accuracy", ("accuracy",)),
        Task("wnli", _PAIR, _NLI[::-1], "accuracy", ("accuracy",)),
        Task("superglue_rte", ("premise", "hypothesis"), _NLI, "accuracy", ("accuracy",)),
    )
}


@dataclass(frozen=True)
class OwnTask:
    """A task of one's own and the files that hold its splits."""

    task: Task
    files: dict[str, Path]
    index: str | None  # column of the file's own numbering


def is_yaml(name: str | Path) -> bool:
    """Tell whether `name` names a YAML file rather than a task."""
    return str(name).endswith((".yaml", ".yml"))


def read_own_task(path: Path) -> OwnTask:
    """Read the description of a task of one's own.

    A mapping with the keys `files` (train, validation and, if there is one, test: CSV, TSV or JSON
    lines, relative to the YAML file), `text` (one or two columns), `metric`, and either `labels`
    (class names as the files write them, in the order of their ids) or `regression: [low, high]`.
    Optional: `name` (else the file's), `label` (the label column, else "label"), `metrics` (else
    `metric` alone), `index` (a column of row numbers).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not such a mapping, or names an unknown metric.
    """
    content = _read_mapping(path)
    labels, scores = content.get("labels"), content.get("regression")
    metric = str(content["metric"])
    task = Task(
        name=str(content.get("name", path.stem)),
        text_fields=_names(path, "text", content["text"]),
        labels=None if labels is None else _names(path, "labels", labels),
        metric=metric,
        metrics=_names(path, "metrics", content.get("metrics", metric)),
        score_range=None if scores is None else _score_range(path, scores),
        label_field=str(content.get("label", "label")),
    )
    if task.name in TASKS:
        raise ValueError(f"{path}: `name` must not be a built-in task's, but got {task.name!r}")
    return OwnTask(task, _split_files(path, content["files"]), content.get("index"))


_REQUIRED = ("files", "text", "metric")
_OPTIONAL = ("name", "label", "labels", "regression", "metrics", "index")


def _read_mapping(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a task's YAML file, but there is none")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} must be YAML, but {reason}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} must be a mapping with {', '.join(_REQUIRED)}, but got {content}")
    for key in content:
        check_name(f"key in {path}", str(key), (*_REQUIRED, *_OPTIONAL))
    if missing := [key for key in _REQUIRED if key not in content]:
        raise ValueError(f"{path} must have the keys {', '.join(_REQUIRED)}, but lacks {missing}")
    return dict(content)


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    for name in values:
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise ValueError(
                f"{path}: `{key}` must be names, but got {name!r}; put it in quotes "
                "(YAML reads a bare yes, no, on, off as true or false)"
            )
    return tuple(str(name) for name in values)


def _score_range(path: Path, value: Any) -> tuple[float, float]:
    try:
        low, high = value
        return float(low), float(high)
    except (TypeError, ValueError):
        raise ValueError(f"{path}: `regression` must be [low, high], but got {value!r}") from None


def _split_files(path: Path, value: Any) -> dict[str, Path]:
    if not isinstance(value, Mapping) or not {"train", "validation"} <= set(value) <= set(SPLITS):
        raise ValueError(
            f"{path}: `files` must name a file for train, validation and, if there is one, test, "
            f"but got {value!r}"
        )
    return {split: path.parent / str(value[split]) for split in SPLITS if split in value}
