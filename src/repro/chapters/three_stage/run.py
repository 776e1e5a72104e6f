"""Notebook 06: one factor at a time, a manual grid and an automatic sweep, as a course project did.

Three waves of tuning runs, since each needs the outcome of the one before. The column `stage`
of the results says which; in the stage "final", the column `variant` names the chosen
configurations, trained again with fresh seeds.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from repro.chapters.three_stage.analysis import SEARCHES
from repro.chapters.three_stage.spaces import TUNED, Project
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.tables import Results
from repro.study.objective import count_training_examples
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.runs import StudyRun
from repro.study.study import run_all
from repro.training.types import Seeds
from repro.tuning.runs import derive_seed

SECTION = "06 three stages"  # the notebook's number, and what it is


def run_three_stages(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out what the profile's section `three_stage` asks for and is not on disk yet.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    """
    runs = enumerate_stages(profile)
    study = run_all(profile, runs, results=results)
    runs += warm_sweeps(profile, study.trials)
    study = run_all(profile, runs, results=results)
    runs += final_runs(profile, chosen_configurations(profile, study.trials))
    return run_all(profile, runs, results=results)


def project_of(profile: Profile) -> Project:
    """Return the project's configurations at the profile's scale."""
    settings = profile.three_stage
    n_train = count_training_examples(profile.data(settings.task))
    return Project(settings.scale, n_train, settings.max_lengths, settings.epochs)


def enumerate_stages(profile: Profile) -> list[StudyRun]:
    """Return the tuning runs that depend on no other's outcome, the longest first."""
    settings, project = profile.three_stage, project_of(profile)
    repetitions, grid = range(1, settings.repetitions + 1), tuple(project.manual_grid)
    manual = {"method": "grid", "space": "grid", "grid": grid, "trials_at_once": len(grid)}
    factors = [project.baseline, *project.variations]
    return [
        *(_sweep(profile, "cold", repetition) for repetition in repetitions),
        *(_run(profile, "manual", repetition, **manual) for repetition in repetitions),
        _seed_run(profile, "one-factor", factors, n=settings.n_seeds),
    ]


def _sweep(profile: Profile, stage: str, repetition: int, **options) -> StudyRun:
    settings = profile.three_stage
    options["random_starts"] = settings.random_starts
    search = {"n_trials": settings.n_trials, "options": options}
    return _run(profile, stage, repetition, method="bo", space="project", **search)


def _seed_run(profile: Profile, stage: str, configurations, *, n: int, variant="") -> StudyRun:
    """Train each configuration with each of the stage's `n` seeds: one listed run."""
    seeds = _seeds(profile, stage, n)
    grid, seeds = zip(*((c, seed) for c in configurations for seed in seeds), strict=True)
    listed = {"grid": grid, "seeds": seeds, "trials_at_once": len(grid)}
    return _run(profile, stage, 1, method="seeds", space="fixed", variant=variant, **listed)


def _run(profile: Profile, stage: str, repetition: int, *, method, space, variant="", **search):
    settings = profile.three_stage
    word = f"{stage}-{variant}" if variant else stage
    columns = {"space": space, "stage": stage, "variant": variant, "repetition": repetition}
    key = run_key(settings.model, settings.task, method, word, **columns)
    # grid and sweeps of a repetition share their training seed
    defaults = {"seeds": (_seeds(profile, "search", repetition)[-1],)}
    search = defaults | {"space": project_of(profile).sweep_space} | search
    return StudyRun.of(profile, key, profile.trials(settings.model, settings.task), **search)


def _seeds(profile: Profile, part: str, n: int) -> list[Seeds]:
    """Return `n` seeds of one part of the study; no other part has any of them."""
    derived = (derive_seed(profile.training_seed, "three-stage", part, i) for i in range(n))
    return [Seeds(seed, seed, seed) for seed in derived]


def warm_sweeps(profile: Profile, trials: pd.DataFrame) -> list[StudyRun]:
    """Return sweeps that are told what the manual grid of their repetition scored."""
    runs = []
    for repetition in range(1, profile.three_stage.repetitions + 1):
        grid = _scored(trials, "manual", repetition)
        if len(grid):  # else all have failed, and there is nothing to tell
            known = [_tuned(row) for row in grid.to_dict("records")]
            scores = grid["validation_score"].tolist()
            runs.append(_sweep(profile, "warm", repetition, known=known, known_scores=scores))
    return runs


def final_runs(profile: Profile, chosen: dict[str, dict]) -> list[StudyRun]:
    """Train the baseline, what each stage chose, and the project's own winners once more."""
    project = project_of(profile)
    printed = {f"printed-{name}": c for name, c in project.printed_winners.items()}
    return [
        _seed_run(profile, "final", [c], n=profile.three_stage.final_seeds, variant=name)
        for name, c in ({"baseline": project.baseline} | chosen | printed).items()
    ]


def chosen_configurations(profile: Profile, trials: pd.DataFrame) -> dict[str, dict]:
    """Return what each stage chose in its first repetition, the earlier trial on a tie."""
    chosen = {}
    for stage in SEARCHES:
        rows = _scored(trials, stage, 1)
        if len(rows):
            best = rows.sort_values("validation_score", ascending=False, kind="stable").iloc[0]
            chosen[stage] = project_of(profile).baseline | _tuned(best)
    return chosen


def _scored(trials: pd.DataFrame, stage: str, repetition: int) -> pd.DataFrame:
    rows = trials[(trials["stage"] == stage) & (trials["repetition"] == repetition)]
    return rows.dropna(subset="validation_score").sort_values("trial")


def _tuned(row) -> dict:
    values = {name: float(row[name]) for name in TUNED}
    return values | {"warmup_steps": int(row["warmup_steps"])}


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield what notebook 06 would run."""
    baseline = project_of(profile).baseline
    for run in enumerate_stages(profile):
        yield PlannedRun(run.key["stage"], run)
    for repetition in range(1, profile.three_stage.repetitions + 1):
        yield PlannedRun("warm", _sweep(profile, "warm", repetition), depends=True)
    for run in final_runs(profile, dict.fromkeys(SEARCHES, baseline)):
        yield PlannedRun("final", run, depends=True)


STUDY = {
    "three_stage": run_three_stages
}  # section of the profile -> what `make record` carries out
