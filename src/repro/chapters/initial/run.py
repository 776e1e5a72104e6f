"""The initial study, run for real: every model x task x method x repetition of a profile."""

from collections.abc import Iterator

from repro.chapters.initial.analysis import ModelStudy, by_model
from repro.results.tables import Results
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.study import enumerate_runs, run_all

SECTION = "01 initial study"  # the notebook's number, and what it is


def run_initial_study(profile: Profile) -> tuple[Results, list[ModelStudy]]:
    """Carry out the tuning runs that are not on disk yet; return all of them, and model by model.

    Raises:
        ValueError: before any training, if there is nothing to compare with grid search.
    """
    if "grid" not in profile.methods or len(profile.methods) < 2:
        raise ValueError(
            "`methods` must be grid, with which all others are compared, and at least one other, "
            f"but got {', '.join(profile.methods)}"
        )
    study = run_all(profile, enumerate_runs(profile))
    return study, by_model(study, profile)


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield what notebook 01 would run."""
    for run in enumerate_runs(profile):
        yield PlannedRun(run.tuning.method, run)
