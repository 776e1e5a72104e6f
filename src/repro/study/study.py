"""A study: all tuning runs behind a notebook's claims; what is finished is never run again.

A chapter enumerates its runs; `run_all` skips what is on disk, tunes the rest side by side, and
returns tidy tables. A run is found again by its fingerprint: the data, the weights, the space and
every setting that decides its numbers.
"""

import errno
import fcntl
import hashlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from repro.paths import RESULTS
from repro.records import run_key
from repro.results.deferred import read_returned_scores
from repro.results.folders import RunFolder
from repro.results.tables import Results
from repro.study.objective import DataSettings, TrialSettings, fine_tune, load_data, prepare
from repro.study.planning import planned_cost
from repro.study.preflight import check_before_training
from repro.study.profile import Profile
from repro.study.progress import StudyProgress
from repro.study.runs import StudyRun, bind_run, size_of_budget
from repro.study.settings import ModelSettings
from repro.study.tracking import Tracker
from repro.training.types import TrialResult
from repro.tuning.cluster import SESSION_VARIABLE
from repro.tuning.runs import Request, TuningRun, derive_seed, wall_clock
from repro.tuning.spaces import grid_configurations, search_space

_STEPS_IN_PROCESS = 1_000  # of the miniature: trained sooner than workers have started


def enumerate_runs(profile: Profile) -> list[StudyRun]:
    """Return the tuning runs of a profile: models x tasks x methods x repetitions.

    Raises:
        ValueError: if a budget has no grid search.
    """
    if "grid" not in profile.methods:
        raise ValueError(
            "`methods` must include 'grid', whose cost is the unit of budgets, but got "
            f"{profile.methods}"
        )
    return [
        run
        for model in profile.models
        for task in model.tasks
        for run in budgeted_runs(profile, model, profile.data(task))
    ]


def budgeted_runs(
    profile: Profile,
    model: ModelSettings,
    data: DataSettings,
    *,
    methods: Sequence[str] | None = None,
    budget_gst: float | None = None,
    repetitions: int | None = None,
    reduction: str = "full",
) -> list[StudyRun]:
    """Return grid search and the methods whose budgets are multiples of its cost, on one task.

    The seeds of the searches do not depend on the budget, so that a larger one begins with the
    trials of a smaller one.

    Args:
        methods, budget_gst, repetitions: the profile's when None.
        reduction: of the search space (see `spaces.search_space`).
    """
    task, epochs = data.task, model.epochs_for(data.task)
    trials = TrialSettings(model.name, data, profile.training(task), profile.keep_checkpoints)
    grid = StudyRun.of(
        profile,
        run_key(model.name, task, "grid", "1gst", "grid", space="grid", budget_gst=1, repetition=1),
        trials,
        space=search_space(model.family, epochs=epochs),
        grid=tuple(grid_configurations(model.family, epochs=epochs)),
    )
    space = search_space(model.family, epochs=epochs, reduction=reduction)
    gst = float(profile.budget_gst if budget_gst is None else budget_gst)
    methods, runs = methods or profile.methods, [grid]
    if "pbt" in methods:
        raise ValueError(
            "`methods` must have budgets, but a population, pbt, ends by itself; drop it, "
            "notebook 05 has a section of its own for it"
        )
    for method in methods:
        for repetition in range(1, (repetitions or profile.repetitions) + 1):
            if method != "grid":
                columns = {"space": space.name, "budget_gst": gst, "repetition": repetition}
                key = run_key(model.name, task, method, f"{gst:g}gst", space.name, **columns)
                search = {"space": space, "grid_run_id": grid.key["run_id"], "budget_gst": gst}
                search["seed"] = derive_seed(
                    profile.seed, key["task"], model.name, method, repetition
                )
                runs.append(StudyRun.of(profile, key, trials, **search))
    return runs


def run_all(profile: Profile, runs: Sequence[StudyRun], *, results: Path = RESULTS) -> Results:
    """Tune those runs that are not on disk yet, side by side; return all of them.

    Interrupted or killed, it goes on where it stopped when called again. Where another process
    tunes one of them, it waits for that first.

    Args:
        profile: names the runs in tables; says which resources there are, the unit of budgets,
            tracking, and where test scores come from that the data do not hold.
        results: the folder of results, shared by all studies.
    Raises:
        ValueError: before any training, if data, models or settings do not fit.
    """
    study = _bind(profile, runs, results)
    folders = {folder.key["run_id"]: folder for folder in study.folders}
    damaged = _damaged(study)
    unfinished = [folder for folder in study.folders if not folder.finished]
    if not (damaged or unfinished):
        return study
    from repro.tuning.ray_tune import tune_runs

    searches = {_search(folder) for folder in (*damaged, *unfinished)}
    with StudyProgress(n_runs=len(folders)) as progress, _alone(results, searches, progress):
        for folder in _damaged(study) if damaged else ():  # unless another process mended it
            logging.getLogger("repro.study").warning(
                "%s; the run goes on from those of its trials that are whole", folder.damage()
            )
            folder.reopen()
        done = {run_id: folder for run_id, folder in folders.items() if folder.finished}
        progress.begin(n_done=len(done))
        todo = _chained([run.tuning for run in runs if run.key["run_id"] not in done], folders)
        if not todo:  # another process has done it meanwhile
            return study
        prepared = prepare({run.run_id: run.context for run in todo}, folders, results=results)
        check_before_training(profile, todo, prepared, results=results)
        n_workers = tune_runs(
            todo,
            partial(
                fine_tune,
                folders={run.run_id: folders[run.run_id] for run in todo},
                prepared=prepared,
            ),
            store=StudyStore(profile, folders, progress),
            unit=profile.budget_unit,
            known_costs={
                run.run_id: _known_cost(done[run.run_id], run, profile.budget_unit)
                for run in (run.tuning for run in runs)
                if run.run_id in done
            },
            cpus_per_trial=profile.cpus_per_trial,
            gpus_per_trial=profile.gpus_per_trial,
            trials_at_once=profile.trials_at_once,
            in_process=_is_small(profile, todo),
        )
        if SESSION_VARIABLE not in os.environ:  # else other notebooks have their share of them
            progress.n_workers = n_workers
    return study


def _known_cost(folder: RunFolder, run: TuningRun, unit: str) -> float:
    """Return what a finished run has spent, in the unit of the budgets that refer to it."""
    if unit == "steps":
        return folder.read_run()["run"]["steps"]
    seconds = folder.read("trials").sort_values("trial")["seconds"]
    return wall_clock(seconds, trials_at_once=run.trials_at_once)


@contextmanager
def _alone(results: Path, searches: set[Path], progress: StudyProgress) -> Iterator:
    """Let no other process tune these searches, whatever their budgets, while the block runs."""
    places = {int(hashlib.sha256(str(path).encode()).hexdigest()[:15], 16) for path in searches}
    results.mkdir(parents=True, exist_ok=True)
    with open(results / ".lock", "a") as file:  # a byte for each search, until it is closed
        for place in sorted(places):
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except BlockingIOError:
                progress.wait("for another process that tunes the same runs")
                fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
                logging.getLogger("repro.study").warning(
                    "%s has no locks (%s): let no other process tune the same runs", results, error
                )
                break
        yield


def _search(folder: RunFolder) -> Path:
    """Return the folder of a run's search, with all its budgets."""
    return folder.path.parent if size_of_budget(folder.path) else folder.path


def _chained(todo: list[TuningRun], folders: dict[str, RunFolder]) -> list[TuningRun]:
    """Let a run wait for the next smaller budget of the same search, and begin with its trials."""
    chained, last = {}, {}
    for run in sorted(todo, key=lambda run: size_of_budget(folders[run.run_id].path)):
        folder, search = folders[run.run_id], _search(folders[run.run_id])
        if smaller := last.get(search):
            places = (folders[smaller].path, *folders[smaller].smaller)
            folders[run.run_id] = replace(folder, smaller=places)
            run = replace(run, after=smaller)
        chained[run.run_id], last[search] = run, run.run_id
    return [chained[run.run_id] for run in todo]


def _is_small(profile: Profile, todo: list[TuningRun]) -> bool:
    """Tell whether to start workers would take longer than to train here, one by one."""
    ready = "ray" in sys.modules and sys.modules["ray"].is_initialized()
    asked = os.environ.get("RAY_ADDRESS") or os.environ.get(SESSION_VARIABLE)
    if ready or asked or profile.gpus_per_trial or profile.source != "mini":
        return False
    return sum(planned_cost(run).steps for run in todo) <= _STEPS_IN_PROCESS


def read_results(profile: Profile, runs: Sequence[StudyRun], *, results: Path = RESULTS) -> Results:
    """Return runs as tables, which are read when asked for, with scores that came late.

    Raises:
        ValueError: if data, models or settings do not fit, a file of test labels or of returned
            scores is not what it must be, or results were damaged.
    """
    study = _bind(profile, runs, results)
    for folder in _damaged(study):
        raise ValueError(
            f"{folder.damage()}; run the study again, which trains what is not whole anew"
        )
    return study


def _damaged(study: Results) -> list[RunFolder]:
    return [folder for folder in study.folders if folder.damage()]


def _bind(profile: Profile, runs: Sequence[StudyRun], results: Path) -> Results:
    folders = tuple(bind_run(profile, run, results=results) for run in runs)
    gold = {}
    for run in runs:
        data = run.tuning.context.data
        if labels := _test_labels(profile, data):
            gold[run.key["task"]] = load_data(data, test_labels=labels)
    file = profile.returned_scores
    returned = read_returned_scores(Path(file)) if file else None
    return Results(folders, profile.title, gold, returned)


def _test_labels(profile: Profile, data: DataSettings) -> str | None:
    """Return the file of gold labels of a test set; other splits have labels."""
    return profile.test_labels.get(data.task) if data.split == "official" else None


class StudyStore:
    """Passes what happens in tuning to the run folders, the trackers and the progress line."""

    def __init__(self, profile: Profile, folders: Mapping[str, RunFolder], progress: StudyProgress):
        self._profile, self._folders, self._progress = profile, folders, progress
        self._tracker = Tracker(profile.tracking)

    def recall(self, request: Request) -> TrialResult | None:
        result = self._folders[request.run_id].recall(request)
        if result is not None and result.status == "failed" and not request.segment:
            return None  # it may go well this time; others went on from what a segment left
        if result is not None:
            self._progress.trial_done(request.run_id, result, is_new=False)
        return result

    def record(self, request: Request, result: TrialResult) -> None:
        folder = self._folders[request.run_id]
        folder.record(request, result)
        self._tracker.trial_done(folder.path, request, result)
        self._progress.trial_done(request.run_id, result)

    def finish(self, run: TuningRun, *, budget: float, spent: float) -> None:
        settings = run.context.data
        data = load_data(settings, test_labels=_test_labels(self._profile, settings))
        ledger = {"budget_unit": self._profile.budget_unit, "budget": budget, "spent": spent}
        examples = {name: frame for name, frame in data.splits.items() if name != "train"}
        self._folders[run.run_id].finish(task=data.task, examples=examples, ledger=ledger)
        self._tracker.run_done(run.run_id)
        self._progress.run_done(run.run_id)
