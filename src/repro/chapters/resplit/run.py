"""The studies of notebook 04: both splits, and grid search on all that the profile has."""

import pandas as pd

from repro.chapters.resplit.settings import split_profiles
from repro.results.tables import Results
from repro.study.profile import Profile
from repro.study.study import load_data, run_study


def split_sizes(profile: Profile) -> pd.DataFrame:
    """Count the examples of each task on both splits, before anything is trained."""
    sizes = {
        (split, task): {name: len(part) for name, part in load_data(changed, task).splits.items()}
        for split, changed in split_profiles(profile).items()
        for task in profile.resplit.tasks
    }
    return pd.DataFrame(sizes).T.rename_axis(["split", "task"]).astype("Int64")


def run_both_splits(profile: Profile) -> dict[str, Results]:
    """Carry out what is not on disk yet of random search and its yardstick, grid search.

    Returns:
        split -> results, "original" and "resplit".
    """
    return {split: run_study(changed) for split, changed in split_profiles(profile).items()}


def run_grid_search(profile: Profile) -> Results:
    """Carry out grid search on all models and tasks of the profile."""
    return run_study(profile.model_copy(update={"methods": ("grid",)}))
