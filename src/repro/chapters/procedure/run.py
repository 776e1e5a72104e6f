"""Liu & Wang's troubleshooting procedure, run for real.

Every path (model x task x method) asks for the round it needs next; the rounds of all paths that
still run are one study, tuned side by side. What is on disk is not repeated, so a procedure that
was killed goes on where it stopped, and gives the same trace.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repro.chapters.procedure.patterns import choose_hyperparameter, hyperparameter_patterns
from repro.chapters.procedure.rules import PATH, Ladder, Rule, Setting, judge_rounds, trace_round
from repro.chapters.procedure.settings import ALL
from repro.names import check_name
from repro.paths import RESULTS
from repro.results.tables import Results
from repro.stats.incumbents import best_trials
from repro.stats.overfitting import overfits, overfitting_hyperparameters
from repro.study.profile import ModelSettings, Profile
from repro.study.study import StudyRun, carry_out, enumerate_runs, read_results
from repro.tuning.spaces import search_space


@dataclass(frozen=True)
class Procedure:
    """What a procedure did.

    Args:
        results: all tuning runs of all rounds, grid search among them.
        rounds: from `judge_rounds`: one row a repetition, with run_id, space and budget_gst.
        trace: one row a round, with what it cost (n_trials, steps, seconds).
        ladders: the spaces and budgets of each model, as they were used.
        patterns: of the first round's overfitting runs, by model (see `hyperparameter_patterns`).
    """

    results: Results
    rounds: pd.DataFrame
    trace: pd.DataFrame
    ladders: dict[str, Ladder]
    patterns: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class _Place:
    """Where a path stands before its next round, and what led there."""

    setting: Setting
    action: str = "start"


def run_procedure(profile: Profile, *, results: Path = RESULTS) -> Procedure:
    """Run the procedure on the tasks, models and methods that the profile's section names.

    The search seeds do not depend on the budget: a round of larger budget begins with the trials
    of the one before it, and goes on from there. A reduced space draws anew.

    Args:
        results: the folder of results, shared by all studies.
    Raises:
        ValueError: before any training, if settings do not fit; or naming the repetition whose
            score is missing.
    """
    settings, cells = profile.procedure, _cells(profile)
    rule = Rule(weak=settings.weak, outperforms=settings.outperforms)
    ladders = {m.name: _ladder(profile, m) for m in profile.models}
    places = {path: _Place(ladders[path[0]].start) for path in cells}
    runs, rounds, trace, patterns = {}, [], [], {}
    while places:
        wave = _enumerate(profile, cells, places, results)
        runs |= {run.tuning.run_id: run for run in wave}
        found = carry_out(profile, wave)
        judged = judge_rounds(_tell_rounds(found, places, number=len(rounds)), rule)
        if not rounds:
            patterns = {m.name: _patterns(m, found) for m in profile.models}
            if settings.fix == "mined":
                ladders = {m.name: _mined(m, ladders, patterns) for m in profile.models}
        rows, places = _decide(judged, places, ladders, rule)
        rounds.append(judged)
        trace += rows
    everything = read_results(profile, list(runs.values()))
    table = pd.concat(rounds, ignore_index=True)
    return Procedure(everything, table, _with_costs(trace, table, everything), ladders, patterns)


def _cells(profile: Profile) -> dict[tuple, tuple[ModelSettings, str, str]]:
    """Return path -> what the profile calls its model, task and method."""
    settings = profile.procedure
    known = {task for model in profile.models for task in model.tasks}
    for task in {task for tasks in settings.tasks.values() for task in tasks} - {ALL}:
        check_name("task of the procedure", task, sorted(known))
    return {
        (model.name, Path(task).stem, method): (model, task, method)
        for model in profile.models
        for task in settings.tasks_for(model.family, model.tasks)
        for method in settings.methods
    }


def _ladder(profile: Profile, model: ModelSettings) -> Ladder:
    settings = profile.procedure
    return Ladder(settings.spaces_for(model.family), settings.budgets_gst)


def _enumerate(profile: Profile, cells, places, results: Path) -> list[StudyRun]:
    """Return the tuning runs of one round of each path, grid search before all others."""
    runs = {}
    for path, place in places.items():
        model, task, method = cells[path]
        part = profile.model_copy(
            update={
                "models": (model.model_copy(update={"tasks": (task,)}),),
                "methods": ("grid", method),
                "budget_gst": place.setting.budget_gst,
            }
        )
        asked = enumerate_runs(part, reduction=place.setting.space, results=results)
        runs |= {run.tuning.run_id: run for run in asked}
    return sorted(runs.values(), key=lambda run: run.tuning.method != "grid")


def _tell_rounds(found: Results, places, *, number: int) -> pd.DataFrame:
    """Lay out the incumbents of one wave as rounds."""
    best = best_trials(found.trials, found.runs)
    paths = list(best[list(PATH)].itertuples(index=False, name=None))
    actions = [places[path].action if path in places else "" for path in paths]
    return best.assign(round=number, action=actions)


def _decide(judged, places, ladders, rule) -> tuple[list[dict], dict]:
    rows, following = [], {}
    for path, place in places.items():
        scores = judged[(judged[list(PATH)] == list(path)).all(axis=1)]
        row, decision = trace_round(scores, place.setting, ladder=ladders[path[0]], rule=rule)
        rows.append(row)
        if decision.next:
            following[path] = _Place(decision.next, decision.action)
    return rows, following


def _patterns(model: ModelSettings, found: Results) -> pd.DataFrame:
    best = best_trials(found.trials, found.runs)
    best = best[best["model"] == model.name]
    is_grid = best["method"] == "grid"
    judged = overfits(best[~is_grid], best[is_grid])
    rows, space = overfitting_hyperparameters(best), search_space(model.family, epochs=1)
    return hyperparameter_patterns(rows, space.domains, incumbents=judged)


def _mined(model: ModelSettings, ladders, patterns) -> Ladder:
    """Put what the patterns point to in the place of the spaces between largest and smallest."""
    ladder, found = ladders[model.name], patterns[model.name]
    first, last = ladder.spaces[0], ladder.spaces[-1]
    if not found["n_runs"].any():  # nothing overfits, and so nothing is ever reduced
        return ladder
    largest, least = (search_space(model.family, epochs=1, reduction=r) for r in (first, last))
    candidates = [name for name in largest.domains if name not in least.domains]
    fixed = choose_hyperparameter(found, candidates)["hyperparameter"]
    mined = search_space(model.family, epochs=1, reduction=f"fixed-{fixed}").name
    return Ladder(tuple(dict.fromkeys((first, mined, last))), ladder.budgets)


def _with_costs(trace: list[dict], rounds: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Add what the runs of each round cost, summed over its repetitions."""
    costs = results.runs.set_index("run_id")[["n_trials", "steps", "seconds"]]
    spent = rounds[[*PATH, "round", "run_id"]].join(costs, on="run_id")
    sums = spent.groupby([*PATH, "round"])[list(costs)].sum()
    frame = pd.DataFrame(trace).join(sums, on=[*PATH, "round"])
    frame["path"] = frame.groupby(list(PATH), sort=False).ngroup()
    return frame.sort_values(["path", "round"]).drop(columns="path").reset_index(drop=True)
