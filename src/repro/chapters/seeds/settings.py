"""The profile's section of notebook 03: trials that differ in nothing but their seeds."""

from typing import Literal

from pydantic import Field, model_validator

from repro.names import check_name
from repro.records import HYPERPARAMETERS, check_hyperparameter
from repro.study.settings import ModelSettings, Number, PerTask, Section, Seed, for_task

_FEWEST = {"n_init_seeds": 2, "n_order_seeds": 2, "evaluations_per_epoch": 10}


class SeedStudy(ModelSettings, Section):
    """One model, whose trials on a task differ only in seeds: all combinations of two kinds."""

    n_init_seeds: PerTask  # seeds 1, 2, ... of the classifier's weights (WI)
    n_order_seeds: PerTask  # seeds 1, 2, ... of the data order (DO)
    dropout_seed: Seed | None = None  # of all trials; None: each trial has its own
    dropout_after_first_validation: bool = True
    precision: Literal["fp32", "bf16", "fp16"] | None = None  # the profile's when None
    optimizer: Literal["adamw", "bertadam"] = "adamw"
    schedule_applied: Literal["once", "twice"] = "once"
    recorded: str | None = None  # recorded trials that the notebook analyses in place of so few
    evaluations_per_epoch: PerTask = Field(default={"default": 10})
    configuration: dict[str, Number] = Field(default={})  # in place of values of the grid's default

    def number(self, what: str, task: str) -> int:
        """Return one of the numbers that may differ by task."""
        return for_task(what, getattr(self, what), task)

    @model_validator(mode="after")
    def _check_numbers(self) -> "SeedStudy":
        for name, value in self.configuration.items():
            check_hyperparameter(check_name("hyperparameter", name, HYPERPARAMETERS), value)
        for task in self.tasks:
            for what, fewest in _FEWEST.items():
                if (n := self.number(what, task)) < fewest:
                    raise ValueError(f"`{what}` must be at least {fewest}, but got {n} for {task}")
        return self


SECTIONS = {"seed_study": SeedStudy}
