"""The studies of notebook 04: both splits, and grid search on all that the profile has.

On the miniature the original split's test set is at shift 0, and its trials also predict a test
set at each shift.
"""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from repro.chapters.resplit.analysis import SPLITS
from repro.published import counterpart
from repro.results.tables import Results
from repro.study.objective import DataSettings, load_data
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.runs import StudyRun
from repro.study.study import budgeted_runs, enumerate_runs, run_all

SECTION = "04 resplit"  # the notebook's number, and what it is


def split_sizes(profile: Profile) -> pd.DataFrame:
    """Count the examples of each task on both splits, before anything is trained."""
    parts = {
        (split, task): load_data(_data(profile, split, task)).splits
        for split in SPLITS
        for task in profile.resplit.tasks
    }
    sizes = {key: {name: len(part) for name, part in of.items()} for key, of in parts.items()}
    return pd.DataFrame(sizes).T.rename_axis(["split", "task"]).astype("Int64")


def run_both_splits(profile: Profile) -> dict[str, Results]:
    """Carry out what is not on disk yet of random search and its yardstick, grid search.

    Raises:
        ValueError: before any training on a split, if data, models or settings do not fit.
    """
    return {split: run_all(profile, enumerate_split(profile, split)) for split in SPLITS}


def run_grid_search(profile: Profile) -> Results:
    """Carry out grid search on all models and tasks of the profile."""
    grid = [run for run in enumerate_runs(profile) if run.tuning.method == "grid"]
    return run_all(profile, grid)


def stand_ins(profile: Profile) -> list[str]:
    """Name the models that stand for the paper's, ELECTRA-base."""
    return [m.name for m in profile.models if counterpart(m.family) == "electra-base"]


def enumerate_split(profile: Profile, split: str) -> list[StudyRun]:
    """Return the tuning runs on one of the two splits."""
    settings = profile.resplit
    budget = {"budget_gst": settings.budget_gst, "repetitions": settings.repetitions}
    return [
        run
        for name in settings.models or (profile.models[0].name,)
        for task in settings.tasks
        for run in budgeted_runs(
            profile, profile.model(name), _data(profile, split, task), methods=("rs",), **budget
        )
    ]


def _data(profile: Profile, split: str, task: str) -> DataSettings:
    data, settings = profile.data(task), profile.resplit
    if split == "resplit":
        return replace(data, split="resplit", shift=0.0, shifted_tests=())
    own, shifted = profile.split if profile.split != "resplit" else "official", ()
    if profile.source == "mini":
        shifted = tuple((shift, settings.examples) for shift in sorted(set(settings.shifts)))
    return replace(data, split=own, shift=0.0, shifted_tests=shifted)


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield what notebook 04 would run."""
    for split in SPLITS:
        for run in enumerate_split(profile, split):
            yield PlannedRun(run.tuning.context.data.split, run)
