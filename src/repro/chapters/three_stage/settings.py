"""The profile's section of notebook 06: the course project's three stages of tuning."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from repro.study.settings import Count, Section, Task

Several = Annotated[Count, Field(ge=2)]  # one seed cannot tell an effect from noise


class ThreeStageSettings(Section):
    """One factor at a time, a manual grid and an automatic sweep, as a course project ran them.

    The project ran each configuration once, and its sweep, of 20 trials, once and cold.
    """

    model: Annotated[str, Field(min_length=1)] = "tiny-bert"
    stands_for: str = "DistilBERT"  # the project's model, where `model` is another; else empty
    task: Task = "mrpc"
    scale: Literal["project", "project-mini"] = "project-mini"  # of learning rates and warm-up
    epochs: Count = 3
    max_lengths: tuple[Count, Count, Count] = (22, 48, 64)  # lower, baseline, higher
    n_seeds: Several = 8  # of the first stage, the same for all its configurations
    repetitions: Count = 4  # of manual grid and sweeps, each with a training seed of its own
    n_trials: Count = 20  # of a sweep
    random_starts: Count = 10  # of these, before the first proposal; Optuna's default
    final_seeds: Several = 16  # with which the chosen configurations are trained again

    @field_validator("max_lengths")
    @classmethod
    def _check_lengths(cls, lengths: tuple[int, int, int]) -> tuple[int, int, int]:
        lower, baseline, higher = lengths
        if not 4 <= lower < baseline < higher:
            raise ValueError(
                "must be three lengths from 4 on, each longer than the one before, "
                f"but got {list(lengths)}"
            )
        return lengths


SECTIONS = {"three_stage": ThreeStageSettings}
