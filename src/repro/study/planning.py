"""What a notebook would run, and what a tuning run costs before it is run."""

import math
from dataclasses import dataclass

from repro.study.objective import count_training_examples
from repro.study.runs import StudyRun
from repro.tuning.methods import LISTED, METHODS
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import ends, grid_configurations


@dataclass(frozen=True)
class PlannedRun:
    """A tuning run of a notebook; its chapter's `run.planned_runs(profile)` yields them."""

    part: str  # of the notebook's section
    run: StudyRun
    depends: bool = False  # on what comes out of other runs: there are at most these
    counted: bool = False  # among the runs of the initial study


@dataclass(frozen=True)
class Cost:
    """What a tuning run costs in full-length trials."""

    trials: int
    steps: int  # optimizer steps
    exact: bool  # else at most this, since the searcher or the scheduler decides


def planned_cost(run: TuningRun) -> Cost:
    """Count the trials of a tuning run and their steps from its settings alone."""
    n = count_training_examples(run.context.data)

    def steps(*configurations: dict) -> int:
        return sum(c["epochs"] * math.ceil(n / c["batch_size"]) for c in configurations)

    if run.method in LISTED:
        return Cost(len(run.grid), steps(*run.grid), exact=METHODS[run.method][1] is None)
    if run.has_budget:
        grid = grid_configurations(run.space.family, epochs=run.space.fixed["epochs"])
        trials, gst = math.ceil(run.budget_gst * len(grid)), steps(*grid)
        return Cost(trials, math.ceil(run.budget_gst * gst), exact=True)
    (fewest, most), (smallest, largest) = (_ends(run, name) for name in ("epochs", "batch_size"))
    longest = steps({"epochs": most, "batch_size": smallest})
    if run.method == "pbt":
        members, segments = run.options["population"], math.ceil(most / run.options["interval"])
        return Cost(members * segments, members * longest, exact=False)
    exact = METHODS[run.method][1] is None and fewest == most and smallest == largest
    return Cost(run.n_trials, run.n_trials * longest, exact)


def _ends(run: TuningRun, name: str) -> tuple:
    value = run.space.fixed.get(name)
    return ends(run.space.domains[name]) if value is None else (value, value)
