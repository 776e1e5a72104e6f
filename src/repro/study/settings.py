"""Kinds of values in a profile, the settings of a model, and what a chapter's section is."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from repro.checked import Checked
from repro.data.definitions import TASKS, is_yaml, read_own_task
from repro.models.locate import guess_family
from repro.names import check_name
from repro.tuning.spaces import FAMILIES


def listed(value: Any) -> Any:
    """Take one name for a list of it, as `-p tasks rte` gives."""
    return [value] if isinstance(value, str | dict) else value


def _by_task(value: Any) -> Any:
    return {"default": value} if isinstance(value, int) else value


def _sizes_by_task(value: Any) -> Any:
    if not value or not isinstance(value, dict) or dict in map(type, value.values()):
        return value
    return {"default": value}


def _check_default_or_task(numbers: dict[str, int]) -> dict[str, int]:
    for name in numbers:
        if not is_yaml(name):
            check_name("task", name, ("default", *TASKS))
    return numbers


def _check_task_names(sizes: dict[str, Any]) -> dict[str, Any]:
    for task in sizes:
        check_name("task of `sizes`", task, ("default", *TASKS))
    return sizes


def _check_task(task: str) -> str:
    read_own_task(Path(task)) if is_yaml(task) else check_name("task", task, TASKS)
    return task


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, or raise if one comes twice."""
    counted = Counter(names)
    if twice := [name for name, n in counted.items() if n > 1]:
        raise ValueError(f"names must be distinct, but got {twice[0]!r} twice; drop one")
    return tuple(counted)


# strict: a switch or a text is no number; and no number is beyond what could ever be meant
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]  # torch's largest
Number = Annotated[float, Field(strict=True)]
Amount = Annotated[float, Field(gt=0, le=1_000_000, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Several = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(listed)]
Task = Annotated[str, AfterValidator(_check_task)]  # a name, or the YAML file of one's own
Tasks = Annotated[
    tuple[Task, ...], Field(min_length=1), BeforeValidator(listed), AfterValidator(distinct)
]
# of a tuning run, in costs of the grid search or seconds; with less no trial is ever evaluated
Budget = Annotated[float, Field(ge=0.01, le=1_000_000, strict=True)]
# one number for all tasks, or by task, where "default" is for the others
PerTask = Annotated[
    dict[str, Count], BeforeValidator(_by_task), AfterValidator(_check_default_or_task)
]
# examples of each split, for all tasks or by task; what is not said is as the miniature has it
Sizes = Annotated[
    dict[str, dict[Literal["train", "validation", "test"], Count]],
    BeforeValidator(_sizes_by_task),
    AfterValidator(_check_task_names),
]


def for_task(what: str, numbers: dict[str, int], task: str) -> int:
    """Return the number of a task, or the default's."""
    if task in numbers or "default" in numbers:
        return numbers.get(task, numbers.get("default"))
    raise ValueError(
        f"`{what}` must say a number for {task!r}, but got {sorted(numbers)}; add it or a default"
    )


class Section(Checked):
    """A chapter's part of a profile. Its module names it in `SECTIONS`: key -> class."""

    def check(self, profile: Any) -> None:
        """Raise ValueError if the section does not fit the rest of the profile."""


class ModelSettings(Checked):
    """One model of a study, with its own tasks, since a large model may be pruned to fewer."""

    name: Annotated[str, Field(min_length=1)]  # an embedded name, a hub id or a local directory
    family: str  # whose search space: one of spaces.FAMILIES; guessed where it is plain
    tasks: Tasks
    epochs: PerTask

    def epochs_for(self, task: str) -> int:
        """Return the passes over the training data of `task`."""
        return for_task("epochs", self.epochs, task)

    @model_validator(mode="before")
    @classmethod
    def _guess_family(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values and values.get("family") is None:
            return values | {"family": guess_family(str(values["name"]))}
        return values

    @field_validator("family")
    @classmethod
    def _check_family(cls, family: str) -> str:
        return check_name("family", family, FAMILIES)

    @model_validator(mode="after")
    def _check_epochs(self) -> "ModelSettings":
        for task in self.tasks:
            self.epochs_for(task)
        return self
