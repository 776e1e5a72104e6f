"""The section `how_sure` of a profile: what notebook 07 replays, and how often."""

from typing import Annotated

from pydantic import Field

from repro.study.settings import Budget, Count, Section, Several


class HowSureSettings(Section):
    """Replays on recorded trials, of which a sample is trained again."""

    recorded: Several = ("mini", "deberta")  # folders of data/recorded, or paths
    fewest: Count = 40  # trials in a pool; a smaller one is left out, and named
    workers: Count = 4  # the paper's GPUs
    budgets_gst: tuple[Budget, ...] = (0.5, 1, 2, 4, 8, 16)
    replays: Annotated[Count, Field(ge=2)] = 600  # of each method in each space
    resamples: Annotated[Count, Field(ge=3)] = 80  # of pool, grid's seeds and test examples
    replays_of_each: Annotated[Count, Field(ge=2)] = 8  # on each of these resamples
    tpe_replays: Annotated[int, Field(ge=0, le=10_000, strict=True)] = (
        3  # of BO+ASHA, each as dear as a thousand
    )
    studies: Count = 4000  # of so many repetitions each:
    repetitions: tuple[Count, ...] = (1, 2, 3, 5, 10, 20, 30)
    paths: Count = 1000  # of the procedure, for each model, task and method
    trained_again: Count = 10  # recorded trials of each folder that this package recorded


SECTIONS = {"how_sure": HowSureSettings}
