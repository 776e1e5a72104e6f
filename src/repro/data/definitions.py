"""What a task is: nine of GLUE, SuperGLUE's RTE, and one's own described in a YAML file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from repro.checked import Checked, one_line, read_yaml
from repro.names import check_name
from repro.records import METRICS

OFFICIAL_SPLITS = ("train", "validation", "test")


def is_test(split: str) -> bool:
    """Tell whether a split is a test set: the task's own, or a further one such as test-ax."""
    return split.split("-")[0] == "test"


@dataclass(frozen=True)
class Task:
    """What is predicted from which texts, and how predictions are scored.

    Raises:
        ValueError: if the parts contradict each other.
    """

    name: str
    text_fields: tuple[str, ...]  # the one or two text columns, as the hub names them
    labels: tuple[str, ...] | None  # classes in the order of their ids; None: a regression
    metric: str  # that tuning optimises, one of `metrics`
    metrics: tuple[str, ...]  # all that are reported, from records.METRICS
    score_range: tuple[float, float] | None = None  # lowest and highest label of a regression
    label_field: str = "label"

    def __post_init__(self) -> None:
        name, labels = self.name, self.labels
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
            raise ValueError(f"`name` must be letters, digits, _ . or -, but got {name!r}")
        if len(self.text_fields) not in (1, 2):
            raise ValueError(
                f"task {name} must have 1 or 2 text columns, but got {list(self.text_fields)}"
            )
        if (labels is None) == (self.score_range is None):
            raise ValueError(f"task {name} must have either labels or a range of scores")
        if labels is not None and not 2 <= len(set(labels)) == len(labels):
            raise ValueError(
                f"task {name} must have two or more different labels, but got {list(labels)}"
            )
        if labels is None and not self.score_range[0] < self.score_range[1]:
            raise ValueError(
                f"task {name} must have its lowest score below its highest, "
                f"but got {list(self.score_range)}"
            )
        for_scores = ("pearson", "spearman")
        known = [m for m in METRICS if (m in for_scores) == (labels is None)]
        for metric in (self.metric, *self.metrics):
            check_name(f"metric for task {name}", metric, known)
        if self.metric not in self.metrics:
            raise ValueError(f"`metrics` must hold {self.metric!r}, but got {list(self.metrics)}")


_Names = Annotated[tuple[str, ...], BeforeValidator(lambda v: v if isinstance(v, list) else [v])]


class Described(Checked):
    """A task as a YAML file describes it, with either `labels` or `regression`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    text: _Names  # one or two columns
    metric: str
    name: str
    label: str = "label"  # the label column
    labels: _Names | None = None  # class names as the files write them, in the order of their ids
    regression: tuple[float, float] | None = None  # the lowest and the highest score
    metrics: _Names | None = None  # if it says none, `metric` alone

    @property
    def task(self) -> Task:
        return Task(
            name=self.name,
            text_fields=self.text,
            labels=self.labels,
            metric=self.metric,
            metrics=(self.metric,) if self.metrics is None else self.metrics,
            score_range=self.regression,
            label_field=self.label,
        )


class BuiltIn(Described):
    """An entry of tasks.yaml."""

    sizes: dict[str, int]
    tokens: int
    official: dict[str, Any]
    submitted: dict[str, str] = Field(default={})


BUILT_IN = {
    name: BuiltIn(name=name, **about)
    for name, about in read_yaml(Path(__file__).with_name("tasks.yaml")).items()
}
TASKS = {name: about.task for name, about in BUILT_IN.items()}
GLUE_SIZES = {name: about.sizes for name, about in BUILT_IN.items()}
GLUE_TOKENS = {name: about.tokens for name, about in BUILT_IN.items()}


def is_yaml(name: str | Path) -> bool:
    """Tell whether `name` names a YAML file rather than a task."""
    return str(name).endswith((".yaml", ".yml"))


class SplitFiles(Checked):
    """The files of a task of one's own: CSV, TSV or JSON lines, relative to its YAML file."""

    train: str
    validation: str
    test: str | None = None


class Description(Described):
    """The YAML file of a task of one's own; if it says no name, the file's is taken."""

    files: SplitFiles
    index: str | None = None  # a column of row numbers


@dataclass(frozen=True)
class OwnTask:
    """A task of one's own and the files that hold its splits."""

    task: Task
    files: dict[str, Path]
    index: str | None  # column of the file's own numbering


def read_own_task(path: Path) -> OwnTask:
    """Read the YAML file that describes a task of one's own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: in one line, if it is no `Description`, or names an unknown metric.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a task's YAML file, but there is none")
    try:
        described = Description(**{"name": path.stem} | read_yaml(path))
        task = described.task
        if task.name in TASKS:
            raise ValueError(f"`name` must not be a built-in task's, but got {task.name!r}")
    except ValidationError as error:
        raise ValueError(f"{path}: {one_line(error, Description)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    files = described.files.model_dump(exclude_none=True)
    paths = {split: path.parent / file for split, file in files.items()}
    return OwnTask(task, paths, described.index)
