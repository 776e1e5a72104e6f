"""What each notebook's section of a profile asks for, counted from the settings alone.

Where steps depend on what comes out of other runs they are the most that they can be.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repro.chapters.resplit.settings import split_profiles
from repro.chapters.seeds.run import enumerate_seed_runs, seed_configuration, seed_grid
from repro.chapters.strategies.run import enumerate_strategies
from repro.chapters.strategies.spaces import LONGEST, article_grid, bayesian_space, population_space
from repro.chapters.three_stage.run import CHOSEN, enumerate_stages
from repro.chapters.three_stage.spaces import Project
from repro.study.objective import load_data
from repro.study.profile import ModelSettings, Profile
from repro.study.profile_parts import for_task
from repro.study.study import StudyRun, enumerate_runs
from repro.tuning.spaces import SearchSpace, ends, grid_configurations

# training and validation examples, from the GLUE paper's Table 1 and the files themselves
GLUE_SIZES = {
    "cola": (8551, 1043), "sst2": (67349, 872), "mrpc": (3668, 408), "stsb": (5749, 1500),
    "qqp": (363846, 40430), "mnli": (392702, 9815), "qnli": (104743, 5463), "rte": (2490, 277),
    "wnli": (635, 71), "superglue_rte": (2490, 277),
}  # fmt: skip
AT_MOST, COUNTED = "at most", "counted in 01"
INITIAL, PROCEDURE, SEEDS, RESPLIT, STRATEGIES, STAGES = (
    *("01 initial study", "02 procedure", "03 seed study", "04 resplit", "05 strategies"),
    "06 three stages",
)
# what other runs decide, so that it cannot be looked for before they are finished
FURTHER, FROM_SEEDS, WARM, FINAL = "further rounds", "pbt from best seeds", "warm", "final"
DEPENDENT = (FURTHER, FROM_SEEDS, WARM, FINAL)


@dataclass(frozen=True)
class Part:
    """Tuning runs of one kind, of one section, model and task (as the profile calls it)."""

    section: str
    part: str
    model: str
    task: str
    runs: int
    trials: int
    steps: int  # optimizer steps
    evaluations: int  # an epoch
    bound: str = ""  # or AT_MOST; or COUNTED: the runs are those of the initial study


def parts_of(profile: Profile) -> Iterator[Part]:
    """Yield all that the notebooks would run with a profile, notebook by notebook."""
    for model in profile.models:
        for task in model.tasks:
            for method in profile.methods:
                n = 1 if method == "grid" else profile.repetitions
                gst = n * (1.0 if method == "grid" else profile.budget_gst)
                yield _budgeted(profile, (INITIAL, method), (model, task), runs=n, gst=gst)
    for model in profile.models:
        yield from _procedure_parts(profile, model)
    for task in profile.seed_study.tasks if profile.seed_study else ():
        yield _seed_part(profile, task)
    for split, own in split_profiles(profile).items():
        n, gst = 1 + own.repetitions, 1 + own.repetitions * own.budget_gst
        for model in own.models:
            for task in model.tasks:
                yield _budgeted(own, (RESPLIT, split), (model, task), runs=n, gst=gst)
    yield from _strategy_parts(profile)
    yield from _stage_parts(profile)


def _budgeted(profile, where, what: tuple[ModelSettings, str], *, runs, gst, bound="") -> Part:
    """Count runs whose budgets sum to `gst` times the cost of grid search."""
    model, task = what
    grid = grid_configurations(model.family, epochs=profile.epochs_for(model.name, task))
    trials, steps = math.ceil(gst * len(grid)), math.ceil(gst * _steps(profile, task, grid))
    evaluations = profile.evaluations_for(task)
    return Part(*where, model.name, task, runs, trials, steps, evaluations, bound)


def _procedure_parts(profile: Profile, model: ModelSettings) -> Iterator[Part]:
    """Count the first round, and the most that can follow: all budgets, then all reductions."""
    settings, n = profile.procedure, profile.repetitions
    spaces, budgets = settings.spaces_for(model.family), settings.budgets_gst
    rounds = len(spaces) + len(budgets) - 2
    gst = n * (sum(budgets[1:]) + (len(spaces) - 1) * budgets[-1])
    is_same = spaces[0] == "full" and budgets[0] == profile.budget_gst
    for task in settings.tasks_for(model.family, model.tasks):
        for method in settings.methods:
            what, bound = (model, task), COUNTED if is_same and method in profile.methods else ""
            first = {"runs": n, "gst": n * budgets[0], "bound": bound}
            yield _budgeted(profile, (PROCEDURE, "first round"), what, **first)
            then = {"runs": n * rounds, "gst": gst, "bound": AT_MOST}
            yield _budgeted(profile, (PROCEDURE, FURTHER), what, **then)


def _seed_part(profile: Profile, task: str) -> Part:
    study = profile.seed_study
    trials = len(seed_grid(study, task))
    steps = trials * _steps(profile, task, [seed_configuration(study, task)])
    evaluations = for_task("evaluations_per_epoch", study.evaluations_per_epoch, task)
    return Part(SEEDS, "seeds", study.name, task, 1, trials, steps, evaluations)


def _strategy_parts(profile: Profile) -> Iterator[Part]:
    wanted, task = profile.strategies, profile.strategies.task
    n, grid = wanted.repetitions, article_grid(wanted.scale)
    n_searches = n * (1 + len(wanted.other_random_starts) + wanted.known)
    search = _longest(bayesian_space(wanted.scale, n_train=_n_train(profile, task)))
    member, best = _longest(population_space(wanted.scale)), wanted.population * n
    intervals = [wanted.interval, *wanted.other_intervals]
    segments = [math.ceil(LONGEST / interval) for interval in intervals]
    # part, runs, full-length trainings, trials, the configuration that they can cost most with
    rows = [
        ("grid", n, n, n * len(grid), grid),
        ("hyperopt_asha", n_searches, n_searches * wanted.n_trials, None, [search]),
        ("pbt", n * len(intervals), best * len(intervals), best * sum(segments), [member]),
    ]
    if wanted.n_seeds:
        rows.append(("seeds_asha", n, n * wanted.n_seeds, None, [grid[len(grid) // 2]]))
        rows.append((FROM_SEEDS, n, best, best * segments[0], [member]))
    for part, runs, times, trials, configurations in rows:
        steps = times * _steps(profile, task, configurations)
        numbers = (runs, trials or times, steps, profile.evaluations_for(task))
        bound = "" if part == "grid" else AT_MOST
        yield Part(STRATEGIES, part, wanted.model, task, *numbers, bound)


def _longest(space: SearchSpace) -> dict:
    """Return what a configuration of a space can cost most with."""
    epochs, sizes = (ends(space.domains[name]) for name in ("epochs", "batch_size"))
    return {"epochs": epochs[1], "batch_size": sizes[0]}


def _stage_parts(profile: Profile) -> Iterator[Part]:
    wanted, task = profile.three_stage, profile.three_stage.task
    project = Project(wanted.scale, _n_train(profile, task), wanted.max_lengths, wanted.epochs)
    a_trial = _steps(profile, task, [project.baseline])  # they differ in nothing that costs steps
    n, n_final = wanted.repetitions, 1 + len(CHOSEN) + len(project.printed_winners)
    rows = [
        ("one-factor", 1, wanted.n_seeds * (1 + len(project.variations)), ""),
        ("manual", n, n * len(project.manual_grid), ""),
        ("cold", n, n * wanted.n_trials, ""),
        (WARM, n, n * wanted.n_trials, AT_MOST),
        (FINAL, n_final, n_final * wanted.final_seeds, AT_MOST),
    ]
    for part, runs, trials, bound in rows:
        numbers = (runs, trials, trials * a_trial, profile.evaluations_for(task))
        yield Part(STAGES, part, wanted.model, task, *numbers, bound)


def _steps(profile: Profile, task: str, configurations: list[dict]) -> int:
    n = _n_train(profile, task)
    return sum(c["epochs"] * math.ceil(n / c["batch_size"]) for c in configurations)


def _n_train(profile: Profile, task: str) -> int:
    if profile.source != "hub" or task not in GLUE_SIZES:
        return len(load_data(profile, task).splits["train"])
    train, validation = GLUE_SIZES[task]  # the plan of a large study needs no download
    if profile.split == "resplit":
        return int(0.8 * (train + validation))
    return train - min(validation, train // 10) if profile.split == "held_out" else train


def runs_of(profile: Profile, results: Path) -> Iterator[tuple[str, str, StudyRun]]:
    """Yield section, part and tuning run, of all runs that do not depend on other runs."""
    settings, study = profile.procedure, {"results": results}
    for run in enumerate_runs(profile, **study):
        yield INITIAL, run.tuning.method, run
    for model in profile.models:
        tasks = settings.tasks_for(model.family, model.tasks)
        part = {"models": (model.model_copy(update={"tasks": tasks}),)}
        part |= {"methods": ("grid", *settings.methods), "budget_gst": settings.budgets_gst[0]}
        space = settings.spaces_for(model.family)[0]
        for run in enumerate_runs(profile.model_copy(update=part), reduction=space, **study):
            if run.tuning.method != "grid":
                yield PROCEDURE, "first round", run
    for run in enumerate_seed_runs(profile, **study)[1] if profile.seed_study else ():
        yield SEEDS, "seeds", run
    for split, own in split_profiles(profile).items():
        for run in enumerate_runs(own, **study):
            yield RESPLIT, split, run
    for run in enumerate_strategies(profile, **study):
        yield STRATEGIES, run.tuning.method, run
    for run in enumerate_stages(profile, **study):
        yield STAGES, run.folder.key["space"], run
