"""The seed study: trials that differ only in their seeds, all combinations of WI and DO seeds.

One task's trials are one tuning run of the method `seeds`, so that they are skipped, resumed and
kept as those of any other study.
"""

from itertools import product
from pathlib import Path

import pandas as pd

from repro.data.tasks import score_predictions
from repro.paths import RESULTS
from repro.records import make_table, run_key
from repro.results.tables import Results
from repro.study.objective import load_data
from repro.study.profile import Profile
from repro.study.profile_parts import SeedStudy, for_task
from repro.study.study import StudyRun, carry_out, make_run, read_results
from repro.training.types import Seeds
from repro.tuning.runs import TuningRun, derive_seed
from repro.tuning.spaces import default_configuration, search_space


def run_seed_study(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out the trials of a profile's seed study that are not on disk yet; return all of them.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    Source: Dodge et al. 2020, sec. 2.2.
    """
    profile, study = enumerate_seed_runs(profile, results=results)
    return carry_out(profile, study)


def finished_seed_study(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Return the results of a seed study that was carried out before.

    Raises:
        ValueError: if some of its runs are not finished.
    """
    profile, study = enumerate_seed_runs(profile, results=results)
    if missing := sum(not run.folder.finished for run in study):
        raise ValueError(
            f"the seed study of {profile.title} must be finished, but {missing} of {len(study)} "
            "runs are not; run notebook 03_seed_variance first"
        )
    return read_results(profile, study)


def enumerate_seed_runs(
    profile: Profile, *, results: Path = RESULTS
) -> tuple[Profile, list[StudyRun]]:
    """Return the profile as the seed study wants it, and its tuning runs, one a task.

    Raises:
        ValueError: if the profile has no seed study, or its model or data cannot be found.
    """
    study = profile.seed_study
    if study is None:
        raise ValueError(
            f"profile {profile.name} must have a section `seed_study`; profiles/mini.yaml shows one"
        )
    changed = {
        "models": (study,),
        "evaluations_per_epoch": study.evaluations_per_epoch,
        "dropout_after_first_validation": study.dropout_after_first_validation,
    }
    profile = profile.model_copy(update=changed)
    return profile, [_seed_run(profile, task, results) for task in study.tasks]


def _seed_run(profile: Profile, task: str, results: Path) -> StudyRun:
    study = profile.seed_study
    epochs = profile.epochs_for(study.name, task)
    seeds = seed_grid(study, task)
    n_seeds = "x".join(str(for_task(what, getattr(study, what), task)) for what in _COUNTS)
    key = run_key(study.name, task, "seeds", n_seeds, space="fixed")
    tuning = TuningRun(
        run_id=key["run_id"],
        method="seeds",
        space=search_space(study.family, epochs=epochs),
        seed=profile.seed,
        grid=(seed_configuration(study, task),) * len(seeds),
        seeds=seeds,
        trials_at_once=len(seeds),  # nothing is searched: their order does not matter
        context={"task": task, "model": study.name},
    )
    return make_run(profile, tuning, key, results)


_COUNTS = ("n_init_seeds", "n_order_seeds")


def seed_configuration(study: SeedStudy, task: str) -> dict:
    """Return the configuration of all trials of a seed study on `task`."""
    default = default_configuration(study.family, epochs=for_task("epochs", study.epochs, task))
    given = dict(study.configuration)
    if "batch_size" in given:
        given["batch_size"] = int(given["batch_size"])
    return default | given


def seed_grid(study: SeedStudy, task: str) -> tuple[Seeds, ...]:
    """Return the seeds of a study's trials on `task`: WI 1, 2, ... by DO 1, 2, ...

    A dropout seed of a trial's own depends on its other two seeds and on the task.
    """
    init, order = (range(1, for_task(what, getattr(study, what), task) + 1) for what in _COUNTS)
    name = Path(task).stem
    own = study.dropout_seed is None
    return tuple(
        Seeds(i, j, derive_seed(0, "dropout", name, i, j) if own else study.dropout_seed)
        for i, j in product(init, order)
    )


def describe_tasks(profile: Profile) -> pd.DataFrame:
    """Describe the tasks of a profile's seed study, as Table 2 of Dodge et al. 2020 does.

    Returns:
        the table `tasks`.
    """
    rows = [_describe_task(profile, task) for task in profile.seed_study.tasks]
    return make_table("tasks", rows)


def _describe_task(profile: Profile, task: str) -> dict:
    data = load_data(profile, task)
    train, validation = data.splits["train"], data.splits["validation"]
    regression = data.task.labels is None
    guess = train["label"].mean() if regression else train["label"].mode()[0]
    guesses = pd.Series(guess, index=validation.index).to_numpy()
    scores = score_predictions(data.task, guesses, validation["label"].to_numpy())
    pair = {"accuracy", "f1"} <= set(scores)
    return {
        "task": data.task.name,
        "metric": "accuracy_f1_mean" if pair else data.task.metric,
        "majority_baseline": (scores["accuracy"] + scores["f1"]) / 2
        if pair
        else scores[data.task.metric],
        "n_train": len(train),
        "n_validation": len(validation),
    }
