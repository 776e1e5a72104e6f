"""A study: all tuning runs behind a notebook's claims; what is finished is never run again.

`run_study` enumerates task x model x method x repetition, skips what is on disk, tunes the rest
side by side, and returns tidy tables. A run is found again by its fingerprint: the data, the
weights, the space and every setting that decides its numbers.
"""

import hashlib
import json
import math
import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from repro.models.locate import check_length, find_model, read_config, weights_fingerprint
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.deferred import read_returned_scores
from repro.results.folders import FORMAT, RunFolder
from repro.results.tables import Results
from repro.study.objective import fine_tune, load_blind, load_data, training_settings
from repro.study.profile import Profile
from repro.study.progress import StudyProgress
from repro.study.tracking import Tracker
from repro.training.types import Seeds, TrialResult
from repro.tuning.methods import LISTED
from repro.tuning.runs import Request, TuningRun, derive_seed
from repro.tuning.spaces import ends, grid_configurations, search_space

__all__ = [
    *("RESULTS", "StudyRun", "carry_out", "enumerate_runs", "load_data", "run_study"),
    "training_settings",
]
_VERSIONS = ("torch", "transformers", "ray", "optuna", "numpy")


@dataclass(frozen=True)
class StudyRun:
    """One tuning run of a study: what to do, and the folder that holds or awaits its results."""

    task: str
    tuning: TuningRun
    folder: RunFolder


def run_study(
    profile: Profile,
    *,
    reduction: str = "full",
    results: Path = RESULTS,
) -> Results:
    """Carry out the tuning runs of a profile that are not on disk yet; return all of them.

    Interrupted or killed, it goes on where it stopped when called again.

    Args:
        reduction: of the search spaces (see `spaces.REDUCTIONS`).
        results: the folder of results, shared by all studies.
    Raises:
        ValueError: before any training, if data, models or settings do not fit.
    """
    study = enumerate_runs(profile, reduction=reduction, results=results)
    return carry_out(profile, study)


def carry_out(profile: Profile, study: list[StudyRun]) -> Results:
    """Tune those runs that are not on disk yet, side by side; return all of them."""
    read_results(profile, [])  # so that bad files are refused before anything is trained
    todo = [run for run in study if not run.folder.finished]
    if todo:
        _tune(profile, study, todo)
    return read_results(profile, study)


def read_results(profile: Profile, study: list[StudyRun]) -> Results:
    """Return finished runs, with the test scores that the profile's files add.

    Raises:
        ValueError: if a file of test labels or of returned scores is not what it must be.
    """
    gold = {Path(task).stem: load_data(profile, task) for task in profile.test_labels}
    file = profile.returned_scores
    returned = read_returned_scores(Path(file)) if file else None
    return Results(tuple(run.folder for run in study), profile.title, gold, returned)


def enumerate_runs(
    profile: Profile, *, reduction: str = "full", results: Path = RESULTS
) -> list[StudyRun]:
    """Return the tuning runs of a profile, grid search before what is budgeted by it.

    Raises:
        ValueError: if a model or a task's data cannot be found, or a budget has no grid search.
    """
    methods = profile.methods
    if "grid" not in methods and len(methods):
        raise ValueError(
            f"`methods` must include 'grid', whose cost is the unit of budgets, but got {methods}"
        )
    return [
        _study_run(profile, model, task, method, repetition, reduction, results)
        for model in profile.models
        for task in model.tasks
        for method in sorted(methods, key=lambda method: method != "grid")
        for repetition in range(1, 2 if method == "grid" else profile.repetitions + 1)
    ]


def _study_run(profile, model, task, method, repetition, reduction, results) -> StudyRun:
    epochs = profile.epochs_for(model.name, task)
    space = search_space(model.family, epochs=epochs, reduction=reduction)
    is_grid = method == "grid"
    of_grid = _budgeted_key(model.name, task, "grid", space="grid", budget_gst=1)
    name, budget = space.name, profile.budget_gst
    key = (
        of_grid
        if is_grid
        else _budgeted_key(
            model.name, task, method, space=name, budget_gst=budget, repetition=repetition
        )
    )
    tuning = TuningRun(
        run_id=key["run_id"],
        method=method,
        space=space,
        seed=derive_seed(profile.seed, key["task"], model.name, method, repetition),
        grid=tuple(grid_configurations(model.family, epochs=epochs)) if is_grid else (),
        grid_run_id=None if is_grid else of_grid["run_id"],
        budget_gst=math.nan if is_grid else float(profile.budget_gst),
        trials_at_once=profile.trials_at_once_per_run,
        context={"task": task, "model": model.name},
    )
    return make_run(profile, tuning, key, results)


def make_run(profile: Profile, tuning: TuningRun, key: dict, results: Path = RESULTS) -> StudyRun:
    """Join a tuning run with its folder, which the fingerprint of its question names.

    Raises:
        ValueError: if the model cannot take the longest of its texts.
    """
    _check_length(profile, tuning)
    question = _question(profile, tuning)
    path = results / f"{key['run_id']}-{_fingerprint(question)}"
    folder = RunFolder(path, key, _about(profile, tuning, question))
    return StudyRun(tuning.context["task"], tuning, folder)


def _check_length(profile: Profile, tuning: TuningRun) -> None:
    model, default = tuning.context["model"], profile.max_length
    lengths = {configuration.get("max_length", default) for configuration in tuning.grid}
    if tuning.method not in LISTED:
        domain = tuning.space.domains.get("max_length")
        lengths = ends(domain) if domain else {tuning.space.fixed.get("max_length", default)}
    if config := read_config(find_model(model)):
        for length in sorted(lengths):
            check_length(model, config, length)


def _budgeted_key(model, task, method, *, space, budget_gst, repetition=1) -> dict:
    columns = {"space": space, "budget_gst": budget_gst, "repetition": repetition}
    return run_key(model, task, method, f"{budget_gst:g}gst", space, **columns)


def _question(profile: Profile, tuning: TuningRun) -> dict:
    """Everything that decides a run's numbers, for its fingerprint and for `run.json`."""
    task, model = tuning.context["task"], tuning.context["model"]
    searches = tuning.method not in LISTED
    question = {
        "format": FORMAT,
        "data": load_blind(profile, task).fingerprint(),
        "weights": weights_fingerprint(find_model(model)),
        "method": tuning.method,
        "space": repr(tuning.space) if searches else "",
        "grid": tuning.grid,
        "search_seed": tuning.seed if searches else None,
        "budget_gst": profile.budget_gst if searches else None,
        "budget_unit": profile.budget_unit if searches else None,
        "trials_at_once_per_run": profile.trials_at_once_per_run,
        "training_seed": profile.training_seed,
        "evaluations_per_epoch": profile.evaluations_for(task),
        "precision": profile.precision,
        "max_length": profile.max_length,
        "adam_epsilon": profile.adam_epsilon,
    }
    # What came later is asked only where it is not as it was, so that older results still answer.
    later = {
        "n_trials": tuning.n_trials,
        "options": tuning.options,
        "seeds": [vars(seeds) for seeds in tuning.seeds],
    }
    if not profile.dropout_after_first_validation:
        question["dropout_after_first_validation"] = False
    return question | {name: value for name, value in later.items() if value}


def _fingerprint(question: dict) -> str:
    text = json.dumps(question, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _about(profile: Profile, tuning: TuningRun, question: dict) -> dict:
    seeds = [s.columns() for s in tuning.seeds or [Seeds(*[profile.training_seed] * 3)]]
    seeds = seeds[0] if len(seeds) == 1 else seeds
    return {
        "question": question,
        "profile": profile.title,
        "split": profile.split,
        "seeds": seeds,
        "gpus_per_trial": profile.gpus_per_trial,
        "versions": {name: version(name) for name in _VERSIONS}
        | {"python": platform.python_version()},
    }


class StudyStore:
    """Passes what happens in tuning to the run folders and to the progress line."""

    def __init__(self, profile: Profile, runs: list[StudyRun], progress: StudyProgress):
        self._profile, self._progress = profile, progress
        self._tracker = Tracker(profile.tracking)
        self._runs = {run.tuning.run_id: run for run in runs}

    def recall(self, request: Request) -> TrialResult | None:
        result = self._runs[request.run_id].folder.recall(request)
        if result is not None:
            self._progress.trial_done(request.run_id, result)
        return result

    def record(self, request: Request, result: TrialResult) -> None:
        folder = self._runs[request.run_id].folder
        folder.record(request, result)
        self._tracker.trial_done(folder.path, request, result)
        self._progress.trial_done(request.run_id, result)

    def finish(self, run: TuningRun, *, budget: float, spent: float) -> None:
        study_run = self._runs[run.run_id]
        data = load_data(self._profile, study_run.task)
        ledger = {"budget_unit": self._profile.budget_unit, "budget": budget, "spent": spent}
        examples = {name: frame for name, frame in data.splits.items() if name != "train"}
        study_run.folder.finish(task=data.task, examples=examples, ledger=ledger)
        self._tracker.run_done(run.run_id)
        self._progress.run_done(run.run_id)


def _tune(profile: Profile, study: list[StudyRun], todo: list[StudyRun]) -> None:
    from repro.tuning.ray_tune import tune_runs

    done = [run for run in study if run.folder.finished]
    costs = {run.tuning.run_id: run.folder.read_run()["run"][profile.budget_unit] for run in done}
    with StudyProgress(n_runs=len(study), n_done=len(done)) as progress:
        tune_runs(
            [run.tuning for run in todo],
            partial(fine_tune, profile=profile, folders={r.tuning.run_id: r.folder for r in todo}),
            store=StudyStore(profile, todo, progress),
            unit=profile.budget_unit,
            known_costs=costs,
            cpus_per_trial=profile.cpus_per_trial,
            gpus_per_trial=profile.gpus_per_trial,
            trials_at_once=profile.trials_at_once,
        )
