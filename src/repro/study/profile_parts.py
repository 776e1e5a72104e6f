"""What profiles are made of: kinds of values, and the settings of one model.

A notebook that needs settings of its own takes them from a section of the profile, which is a
class here.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from repro.data.definitions import TASKS, is_yaml, read_own_task
from repro.models.locate import guess_family
from repro.names import check_name
from repro.records import HYPERPARAMETERS
from repro.tuning.spaces import FAMILIES

Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, strict=True)]
Several = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(lambda v: listed(v))]
# one number for all tasks, or by task, where "default" is for the others
PerTask = Annotated[dict[str, Count], BeforeValidator(lambda v: _by_task(v))]


class Checked(BaseModel):
    """A part of a profile: its keys are all known, and it does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelSettings(Checked):
    """One model of a study, with its own tasks, since a large model may be pruned to fewer."""

    name: Annotated[str, Field(min_length=1)]  # an embedded name, a hub id or a local directory
    family: str  # whose search space: one of spaces.FAMILIES; guessed where it is plain
    tasks: Several
    epochs: PerTask

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

    @field_validator("tasks")
    @classmethod
    def _check_tasks(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        for task in tasks:
            read_own_task(Path(task)) if is_yaml(task) else check_name("task", task, TASKS)
        return distinct(tasks)

    @model_validator(mode="after")
    def _check_epochs(self) -> "ModelSettings":
        for task in self.tasks:
            for_task("epochs", self.epochs, task)
        return self


class SeedStudy(ModelSettings):
    """One model, whose trials on a task differ only in seeds: all combinations of two kinds."""

    n_init_seeds: PerTask  # seeds 1, 2, ... of the classifier's weights (WI)
    n_order_seeds: PerTask  # seeds 1, 2, ... of the data order (DO)
    dropout_seed: Seed | None = None  # of all trials; None: each trial has its own
    dropout_after_first_validation: bool = True
    evaluations_per_epoch: PerTask = Field(default={"default": 10})
    configuration: dict[str, float] = Field(default={})  # in place of values of the grid's default

    @model_validator(mode="after")
    def _check_numbers(self) -> "SeedStudy":
        for name in self.configuration:
            check_name("hyperparameter", name, HYPERPARAMETERS)
        for task in self.tasks:
            for what, fewest in _FEWEST.items():
                if (n := for_task(what, getattr(self, what), task)) < fewest:
                    raise ValueError(f"`{what}` must be at least {fewest}, but got {n} for {task}")
        return self


_FEWEST = {"n_init_seeds": 2, "n_order_seeds": 2, "evaluations_per_epoch": 10}


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names, or raise if one comes twice."""
    counted = Counter(names)
    if twice := [name for name, n in counted.items() if n > 1]:
        raise ValueError(f"names must be distinct, but got {twice[0]!r} twice; drop one")
    return tuple(counted)


def _by_task(value: Any) -> Any:
    return {"default": value} if isinstance(value, int) else value


def for_task(what: str, numbers: dict[str, int], task: str) -> int:
    """Return the number of a task, or the default's."""
    if task in numbers or "default" in numbers:
        return numbers.get(task, numbers.get("default"))
    raise ValueError(
        f"`{what}` must say a number for {task!r}, but got {sorted(numbers)}; add it or a default"
    )


def listed(value: Any) -> Any:
    """Take one name for a list of it, as `-p tasks rte` gives."""
    return [value] if isinstance(value, str | dict) else value


def check_label_files(profile: Any) -> None:
    """Check that a profile's files of test labels and scores are there and can have an effect."""
    labels, tasks = profile.test_labels, {t for model in profile.models for t in model.tasks}
    for task in labels:
        check_name("task of `test_labels`", task, sorted(tasks))
    if labels and (profile.source == "mini" or profile.split != "official"):
        raise ValueError(
            "`test_labels` must go with hidden test labels, but `source` is "
            f"{profile.source} and `split` {profile.split}; drop it or use split 'official'"
        )
    for file in filter(None, (*labels.values(), profile.returned_scores)):
        if not Path(file).is_file():
            raise ValueError(f"{file} must be a file, but there is none; mend its path")
