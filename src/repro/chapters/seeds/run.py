"""The seed study: trials that differ only in their seeds, all combinations of WI and DO seeds.

One task's trials are one tuning run of the method `seeds`, so that they are skipped, resumed and
kept as those of any other study.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from repro.chapters.seeds.release import Release
from repro.chapters.seeds.settings import SeedStudy
from repro.data.metrics import score_predictions
from repro.paths import RESULTS
from repro.records import make_table, run_key
from repro.results.recorded import Recorded
from repro.results.tables import Results
from repro.study.objective import DataSettings, load_data
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.recording import train_planned
from repro.study.recording_plan import planned_trials, read_plan
from repro.study.runs import StudyRun
from repro.study.study import read_results, run_all
from repro.training.types import Seeds
from repro.tuning.runs import derive_seed
from repro.tuning.spaces import default_configuration, search_space

SECTION = "03 seed study"  # the notebook's number, and what it is


def run_seed_study(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out the trials of a profile's seed study that are not on disk yet; return all of them.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    Source: Dodge et al. 2020, sec. 2.2.
    """
    return run_all(profile, enumerate_seed_runs(profile), results=results)


def finished_seed_study(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Return the results of a seed study that was carried out before.

    Raises:
        ValueError: if some of its runs are not finished.
    """
    study = read_results(profile, enumerate_seed_runs(profile), results=results)
    if missing := sum(not folder.finished for folder in study.folders):
        raise ValueError(
            f"the seed study of {profile.title} must be finished, but {missing} of "
            f"{len(study.folders)} runs are not; run notebook 03_seed_variance first"
        )
    return study


def enumerate_seed_runs(profile: Profile) -> list[StudyRun]:
    """Return the tuning runs of the seed study, one a task.

    Raises:
        ValueError: if the profile has no seed study.
    """
    study = _study(profile)
    return [_seed_run(profile, study, task) for task in study.tasks]


def _study(profile: Profile) -> SeedStudy:
    if profile.seed_study is None:
        raise ValueError(
            f"profile {profile.name} must have a section `seed_study`; profiles/mini.yaml shows one"
        )
    return profile.seed_study


def _seed_run(profile: Profile, study: SeedStudy, task: str) -> StudyRun:
    seeds = seed_grid(study, task)
    trials = profile.trials(study.name, task)
    training = replace(
        trials.training,
        evaluations_per_epoch=study.number("evaluations_per_epoch", task),
        dropout_after_first_validation=study.dropout_after_first_validation,
        precision=study.precision or trials.training.precision,
        optimizer=study.optimizer,
        schedule_applied=study.schedule_applied,
    )
    n_seeds = "x".join(str(study.number(what, task)) for what in _COUNTS)
    return StudyRun.of(
        profile,
        run_key(study.name, task, "seeds", n_seeds, space="fixed"),
        replace(trials, training=training),
        space=search_space(study.family, epochs=study.epochs_for(task)),
        grid=(seed_configuration(study, task),) * len(seeds),
        seeds=seeds,
        trials_at_once=len(seeds),  # nothing is searched: their order does not matter
    )


_COUNTS = ("n_init_seeds", "n_order_seeds")


def seed_configuration(study: SeedStudy, task: str) -> dict:
    """Return the configuration of all trials of a seed study on `task`."""
    given = dict(study.configuration)
    if "batch_size" in given:
        given["batch_size"] = int(given["batch_size"])
    return default_configuration(study.family, epochs=study.epochs_for(task)) | given


def seed_grid(study: SeedStudy, task: str) -> tuple[Seeds, ...]:
    """Return the seeds of a study's trials on `task`: WI 1, 2, ... by DO 1, 2, ...

    A dropout seed of a trial's own depends on its other two seeds and on the task.
    """
    init, order = (range(1, study.number(what, task) + 1) for what in _COUNTS)
    name, shared = Path(task).stem, study.dropout_seed
    return tuple(
        Seeds(i, j, derive_seed(0, "dropout", name, i, j) if shared is None else shared)
        for i, j in product(init, order)
    )


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield what notebook 03 would run."""
    for run in enumerate_seed_runs(profile) if profile.seed_study else ():
        yield PlannedRun("seeds", run)


def describe_tasks(profile: Profile) -> pd.DataFrame:
    """Describe the tasks of a profile's seed study, as Table 2 of Dodge et al. 2020 does.

    Returns:
        the table `tasks`.
    """
    return _describe([profile.data(task) for task in _study(profile).tasks])


def _describe(settings: Iterable[DataSettings], *, by_task_metric: bool = False) -> pd.DataFrame:
    """Describe data; by the task's own metric, or the paper's, which has a mean for MRPC."""
    rows = []
    for data in map(load_data, settings):
        train, validation = (data.splits[name]["label"] for name in ("train", "validation"))
        guess = train.mean() if data.task.labels is None else train.mode()[0]
        scores = score_predictions(
            data.task, np.full(len(validation), guess), validation.to_numpy()
        )
        pair = {"accuracy", "f1"} <= set(scores) and not by_task_metric
        mean = (scores["accuracy"] + scores["f1"]) / 2 if pair else scores[data.task.metric]
        rows.append(
            {
                "task": data.task.name,
                "metric": "accuracy_f1_mean" if pair else data.task.metric,
                "majority_baseline": mean,
                "n_train": len(train),
                "n_validation": len(validation),
            }
        )
    return make_table("tasks", rows)


RECORDED_SPACE = "init-x-order"


def recorded_release(recorded: Recorded) -> Release:
    """Give the recorded trials over WI and DO seeds the form of a release.

    Only the task's own metric was recorded, so that MRPC's score is its accuracy.

    Raises:
        ValueError: if there are no such trials among the recorded ones.
    """
    trials = recorded.trials.query("space == @RECORDED_SPACE")
    if trials.empty:
        raise ValueError(
            f"{recorded.folder} must hold trials of the space {RECORDED_SPACE!r}, but has none"
        )
    key = trials["task"] + "/" + trials["trial"].astype(str)
    of_them = recorded.evaluations.query("space == @RECORDED_SPACE")
    evaluations = of_them.assign(trial_id=of_them["task"] + "/" + of_them["trial"].astype(str))
    plan = read_plan(recorded.folder)
    part = next(part for part in plan.parts if part.space == RECORDED_SPACE)
    data = [
        planned_trials(plan, part, model, task)[0].data
        for (model, task), _ in trials.groupby(["model", "task"], sort=False)
    ]
    runs = pd.DataFrame({"profile": [f"recorded trials `{recorded.folder.name}`"]})
    tasks = _describe(data, by_task_metric=True)
    return Release(runs, trials.assign(trial_id=key), evaluations, make_table("losses", []), tasks)


def trace_gradients(recorded: Recorded, trials: pd.DataFrame) -> pd.DataFrame:
    """Train recorded trials again, and say how large the gradient was in each part of the model.

    Args:
        trials: way, trial and failed, from `failures.ended_runs`; of one model and task.
    Returns:
        one row a trial, part (embeddings, layer 1, ..., head) and update: way, trial, failed, part,
        step, norm (Euclidean, before clipping); and same: whether its curve came back bit for bit.
    """
    plan = read_plan(recorded.folder)
    parts = {part.space: part for part in plan.parts}
    frames = []
    for row in trials.itertuples():
        part = parts[row.way]
        (model,), (task,) = part.models, part.sizes
        planned = planned_trials(plan, part, model, task)[row.trial]
        result = train_planned(planned, trace_gradients=True)
        before = recorded.evaluations.query("space == @row.way and trial == @row.trial")
        scores = np.array([e.score for e in result.evaluations], np.float32)
        same = np.array_equal(before.sort_values("step")["validation_score"], scores)
        known = {"way": row.way, "trial": row.trial, "failed": row.failed, "same": same}
        frames.append(_by_part(result.gradient_norms).assign(**known))
    return pd.concat(frames, ignore_index=True)


def _by_part(norms: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Join the norms of a part's tensors to one: the root of the sum of their squares."""
    squares = pd.DataFrame({name: values.astype(float) ** 2 for name, values in norms.items()})
    sums = squares.T.groupby(_part_of, sort=False).sum().T
    long = np.sqrt(sums).rename_axis("step").reset_index().melt("step", var_name="part")
    return long.rename(columns={"value": "norm"}).assign(step=long["step"] + 1)


def _part_of(tensor: str) -> str:
    if layer := re.search(r"\.layers?\.(\d+)\.", tensor):
        return f"layer {int(layer[1]) + 1}"
    return "embeddings" if "embeddings" in tensor else "head"
