"""Notebook 06: one factor at a time, a manual grid and an automatic sweep, as a course project did.

Three waves of tuning runs, since each needs the outcome of the one before. The column `stage`
of the results says which; in the stage "final", the column `variant` names the chosen
configurations, trained again with fresh seeds.
"""

from pathlib import Path

import pandas as pd

from repro.chapters.three_stage.spaces import TUNED, Project
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.tables import Results
from repro.study.objective import load_data
from repro.study.profile import Profile
from repro.study.study import StudyRun, carry_out, make_run
from repro.training.types import Seeds
from repro.tuning.runs import TuningRun, derive_seed

CHOSEN = ("manual", "cold", "warm")  # the stages that choose a configuration


def run_three_stages(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out what the profile's section `three_stage` asks for and is not on disk yet.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    """
    study = enumerate_stages(profile, results=results)
    found = carry_out(profile, study)
    study += _warm_sweeps(profile, found.trials, results)
    found = carry_out(profile, study)
    study += _final_runs(profile, found.trials, results)
    return carry_out(profile, study)


def enumerate_stages(profile: Profile, *, results: Path = RESULTS) -> list[StudyRun]:
    """Return the tuning runs that depend on no other's outcome, the longest first."""
    wanted, project = profile.three_stage, project_of(profile)
    repetitions = range(1, wanted.repetitions + 1)
    return [
        *(_sweep(profile, "cold", repetition, results) for repetition in repetitions),
        *(_manual_grid(profile, repetition, results) for repetition in repetitions),
        _seed_run(
            profile,
            "one-factor",
            [project.baseline, *project.variations],
            seeds=_seeds(profile, "one-factor", wanted.n_seeds),
            results=results,
        ),
    ]


def project_of(profile: Profile) -> Project:
    """Return the project's configurations at the profile's scale."""
    wanted = profile.three_stage
    n_train = len(load_data(profile, wanted.task).splits["train"])
    return Project(wanted.scale, n_train, wanted.max_lengths, wanted.epochs)


def _seeds(profile: Profile, part: str, n: int) -> list[Seeds]:
    """Return `n` seeds of one part of the study; no other part has any of them."""
    derived = (derive_seed(profile.training_seed, "three-stage", part, i) for i in range(n))
    return [Seeds(seed, seed, seed) for seed in derived]


def _sweep(profile, stage: str, repetition: int, results: Path, **options) -> StudyRun:
    wanted = profile.three_stage
    settings = {"n_trials": wanted.n_trials, "trials_at_once": profile.trials_at_once_per_run}
    options |= {"random_starts": wanted.random_starts}
    settings |= {"options": options, "seeds": _seed_of(profile, repetition)}
    return _run(profile, ("bo", "project", stage, repetition), results, **settings)


def _manual_grid(profile: Profile, repetition: int, results: Path) -> StudyRun:
    grid = tuple(project_of(profile).manual_grid)
    settings = {"grid": grid, "trials_at_once": len(grid), "seeds": _seed_of(profile, repetition)}
    return _run(profile, ("grid", "grid", "manual", repetition), results, **settings)


def _seed_of(profile: Profile, repetition: int) -> tuple[Seeds, ...]:
    """Return the training seed that grid and sweeps of a repetition share."""
    return tuple(_seeds(profile, "search", repetition)[-1:])


def _seed_run(
    profile, stage, configurations: list[dict], *, seeds, results, variant=""
) -> StudyRun:
    """Train each configuration with each seed: one listed run."""
    pairs = [(c, s) for c in configurations for s in seeds]
    listed = {"grid": tuple(c for c, _ in pairs), "seeds": tuple(s for _, s in pairs)}
    return _run(
        profile, ("seeds", "fixed", stage, 1), results, variant, trials_at_once=len(pairs), **listed
    )


def _run(profile: Profile, what: tuple, results: Path, variant: str = "", **settings) -> StudyRun:
    wanted, (method, space, stage, repetition) = profile.three_stage, what
    word = f"{stage}-{variant}" if variant else stage
    columns = {"space": space, "stage": stage, "variant": variant, "repetition": repetition}
    key = run_key(wanted.model, wanted.task, method, word, **columns)
    tuning = TuningRun(
        key["run_id"],
        method,
        project_of(profile).sweep_space,
        seed=derive_seed(profile.seed, key["run_id"]),
        context={"task": wanted.task, "model": wanted.model},
        **settings,
    )
    return make_run(profile, tuning, key, results)


def _warm_sweeps(profile: Profile, trials: pd.DataFrame, results: Path) -> list[StudyRun]:
    """Return sweeps that are told what the manual grid of their repetition scored."""
    runs = []
    for repetition in range(1, profile.three_stage.repetitions + 1):
        grid = _scored(trials, "manual", repetition)
        if len(grid):  # else all have failed, and there is nothing to tell
            known = {"known": [_tuned(row) for row in grid.to_dict("records")]}
            known["known_scores"] = grid["validation_score"].tolist()
            runs.append(_sweep(profile, "warm", repetition, results, **known))
    return runs


def _final_runs(profile: Profile, trials: pd.DataFrame, results: Path) -> list[StudyRun]:
    """Train the baseline, what each stage chose, and the project's own winners once more."""
    project, chosen = project_of(profile), chosen_configurations(profile, trials)
    printed = {f"printed-{name}": c for name, c in project.printed_winners.items()}
    configurations = {"baseline": project.baseline} | chosen | printed
    seeds = _seeds(profile, "final", profile.three_stage.final_seeds)
    return [
        _seed_run(profile, "final", [configuration], seeds=seeds, results=results, variant=name)
        for name, configuration in configurations.items()
    ]


def chosen_configurations(profile: Profile, trials: pd.DataFrame) -> dict[str, dict]:
    """Return what each stage chose in its first repetition, the earlier trial on a tie."""
    chosen = {}
    for stage in CHOSEN:
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
