"""The profile's section of notebook 05: three tuning strategies side by side."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from repro.chapters.strategies.spaces import LONGEST
from repro.study.settings import Count, Number, Section, Task

Interval = Annotated[Number, Field(gt=0, lt=LONGEST)]  # epochs between perturbations


class StrategySettings(Section):
    """Grid search, Bayesian search and population-based training as the article ran them.

    The defaults are the article's numbers.
    """

    model: Annotated[str, Field(min_length=1)] = "tiny-bert"
    task: Task = "rte"
    scale: Literal["article", "article-mini"] = "article-mini"  # of learning rates and warm-up
    adam_epsilon: Annotated[Number, Field(gt=0)] | None = None  # the profile's when None
    repetitions: Count = 3  # each with seeds of its own, for searching and for training
    n_trials: Count = 60  # of Bayesian search
    random_starts: Count = 15  # of these, drawn at random before the first proposal
    population: Annotated[Count, Field(ge=2)] = 8  # one has nobody to copy from
    interval: Interval = 1.0
    # What the article advises is tried beside it:
    other_random_starts: tuple[Count, ...] = (1,)
    other_intervals: tuple[Interval, ...] = (0.5,)
    known: bool = True  # Bayesian search that begins with the grid's middle configuration
    # tried before a population; 0: none
    n_seeds: Annotated[int, Field(ge=0, le=1000, strict=True)] = 16

    @model_validator(mode="after")
    def _check_numbers(self) -> "StrategySettings":
        starts = max(self.random_starts, *self.other_random_starts, 0)
        if starts > self.n_trials:
            raise ValueError(
                f"random starts must be at most `n_trials`, {self.n_trials}, but got {starts}"
            )
        if 0 < self.n_seeds < self.population:
            raise ValueError(
                f"`n_seeds` must be at least `population`, {self.population}, or 0 to leave them "
                f"out, but got {self.n_seeds}"
            )
        return self


SECTIONS = {"strategies": StrategySettings}
