"""The profile's section of notebook 04: random search on two splits."""

from typing import Annotated

from pydantic import Field, model_validator

from repro.study.settings import Budget, Count, Section, Several, Share, Tasks

FourOrMore = Annotated[Count, Field(ge=4)]


class ResplitSettings(Section):
    """Random search on the original split and on a resplit, and what is simulated from it."""

    models: Several | None = None  # the profile's first one when None
    tasks: Tasks = ("qnli",)  # the paper's
    budget_gst: Budget = 4.0  # for several trials more than four
    repetitions: Count = 3
    shifts: tuple[Share, ...] = (0.0, 0.5, 1.0)  # of further test sets; mini only
    examples: FourOrMore = 600  # in each of them
    # of simulated tuning runs
    validation_sizes: Annotated[tuple[Count, ...], Field(min_length=1)] = (50, 100, 200, 400)
    trial_counts: Annotated[tuple[FourOrMore, ...], Field(min_length=1)] = (4, 8, 16, 24)
    draws: Count = 400

    @model_validator(mode="after")
    def _check_together(self) -> "ResplitSettings":
        if 0.0 not in self.shifts:
            raise ValueError(
                "`shifts` must hold 0, the distribution of the validation set, "
                f"but got {self.shifts}; add it"
            )
        if (largest := max(self.validation_sizes)) > self.examples:
            raise ValueError(
                f"`validation_sizes` must be at most `examples`, {self.examples}, of which they "
                f"are drawn, but got {largest}; drop it"
            )
        return self


SECTIONS = {"resplit": ResplitSettings}
