"""Liu & Wang's troubleshooting procedure, run for real.

Every path (model x task x method) asks for the round it needs next; the rounds of all paths that
still run are one study, tuned side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.runs import StudyRun
from repro.study.settings import ModelSettings
from repro.study.study import budgeted_runs, read_results, run_all
from repro.tuning.spaces import search_space

SECTION = "02 procedure"  # the notebook's number, and what it is


@dataclass(frozen=True)
class Procedure:
    """What a procedure did: all its runs and rounds, a row of the trace a round, with its cost.

    The patterns are of the first round's overfitting runs; the ladders are those that were used.
    """

    results: Results
    rounds: pd.DataFrame
    trace: pd.DataFrame
    ladders: dict[str, Ladder]
    patterns: dict[str, pd.DataFrame]


@dataclass(frozen=True)
class _Path:
    """One model, task (as the profile calls it) and method, at the round that it needs next."""

    model: ModelSettings
    task: str
    method: str
    setting: Setting
    action: str = "start"  # what led there

    @property
    def key(self) -> tuple[str, str, str]:
        """The path's values of the columns PATH."""
        return self.model.name, Path(self.task).stem, self.method

    def runs(self, profile: Profile) -> list[StudyRun]:
        """Return grid search and the tuning runs of the next round."""
        return budgeted_runs(
            profile,
            self.model,
            profile.data(self.task),
            methods=(self.method,),
            budget_gst=self.setting.budget_gst,
            reduction=self.setting.space,
        )


def run_procedure(profile: Profile, *, results: Path = RESULTS) -> Procedure:
    """Run the procedure on the tasks, models and methods that the profile's section names.

    The search seeds do not depend on the budget: a round of larger budget begins with the trials
    of the one before it, and goes on from there. A reduced space draws anew.

    Raises:
        ValueError: before any training, if settings do not fit; or naming the repetition whose
            score is missing.
    """
    settings, ladders, paths = profile.procedure, _ladders(profile), _paths(profile)
    rule = Rule(weak=settings.weak, outperforms=settings.outperforms)
    runs, rounds, trace, patterns = {}, [], [], {}
    while paths:
        wave = {run.key["run_id"]: run for path in paths for run in path.runs(profile)}
        grid_first = sorted(wave.values(), key=lambda run: run.tuning.method != "grid")
        study = run_all(profile, grid_first, results=results)
        best = best_trials(study.trials, study.runs)
        actions = {path.key: path.action for path in paths}
        keys = best[list(PATH)].itertuples(index=False, name=None)
        best = best.assign(round=len(rounds), action=[actions.get(key, "") for key in keys])
        for model in () if rounds else profile.models:
            found = _patterns(model, best[best["model"] == model.name])
            patterns[model.name] = found
            if settings.fix == "mined":
                ladders[model.name] = _mined(model, ladders[model.name], found)
        judged, following = judge_rounds(best, rule), []
        for path in paths:
            scores = judged[(judged[list(PATH)] == list(path.key)).all(axis=1)]
            ladder = ladders[path.model.name]
            row, decision = trace_round(scores, path.setting, ladder=ladder, rule=rule)
            trace.append(row)
            if decision.next:
                following.append(replace(path, setting=decision.next, action=decision.action))
        paths, runs = following, runs | wave
        rounds.append(judged)
    everything = read_results(profile, list(runs.values()), results=results)
    table = pd.concat(rounds, ignore_index=True)
    return Procedure(everything, table, _with_costs(trace, table, everything), ladders, patterns)


def _ladders(profile: Profile) -> dict[str, Ladder]:
    settings = profile.procedure
    budgets = settings.budgets_gst
    return {m.name: Ladder(settings.spaces_for(m.family), budgets) for m in profile.models}


def _paths(profile: Profile) -> list[_Path]:
    """Return all paths at their start."""
    settings, ladders = profile.procedure, _ladders(profile)
    known = {task for model in profile.models for task in model.tasks}
    for task in {task for tasks in settings.tasks.values() for task in tasks} - {ALL}:
        check_name("task of the procedure", task, sorted(known))
    return [
        _Path(model, task, method, ladders[model.name].start)
        for model in profile.models
        for task in settings.tasks_for(model.family, model.tasks)
        for method in settings.methods
    ]


def _patterns(model: ModelSettings, best: pd.DataFrame) -> pd.DataFrame:
    rows, space = overfitting_hyperparameters(best), search_space(model.family, epochs=1)
    return hyperparameter_patterns(rows, space.domains, incumbents=overfits(best))


def _mined(model: ModelSettings, ladder: Ladder, patterns: pd.DataFrame) -> Ladder:
    """Put what the patterns point to in the place of the spaces between largest and smallest."""
    if not patterns["n_runs"].any():  # nothing overfits, and so nothing is ever reduced
        return ladder
    ends = ladder.spaces[0], ladder.spaces[-1]
    largest, least = (search_space(model.family, epochs=1, reduction=r) for r in ends)
    candidates = [name for name in largest.domains if name not in least.domains]
    fixed = choose_hyperparameter(patterns, candidates)["hyperparameter"]
    mined = search_space(model.family, epochs=1, reduction=f"fixed-{fixed}").name
    return Ladder(tuple(dict.fromkeys((ends[0], mined, ends[1]))), ladder.budgets)


def _with_costs(trace: list[dict], rounds: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Add what the runs of each round cost, summed over its repetitions; path after path."""
    costs = results.runs.set_index("run_id")[["n_trials", "steps", "seconds"]]
    spent = rounds[[*PATH, "round", "run_id"]].join(costs, on="run_id")
    sums = spent.groupby([*PATH, "round"])[list(costs)].sum()
    frame = pd.DataFrame(trace).join(sums, on=[*PATH, "round"])
    place = frame.groupby(list(PATH), sort=False).ngroup()
    return frame.iloc[place.argsort(kind="stable")].reset_index(drop=True)


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield the first round and the most that can follow: all budgets, then all reductions."""
    initial = Setting("full", profile.budget_gst)
    for path in _paths(profile):
        start, ladder = path.setting, _ladders(profile)[path.model.name]
        counted = start == initial and path.method in profile.methods
        for run in path.runs(profile)[1:]:
            yield PlannedRun("first round", run, counted=counted)
        further = [Setting(start.space, budget) for budget in ladder.budgets[1:]]
        further += [Setting(space, ladder.budgets[-1]) for space in ladder.spaces[1:]]
        for run in (r for s in further for r in replace(path, setting=s).runs(profile)[1:]):
            yield PlannedRun("further rounds", run, depends=True)
