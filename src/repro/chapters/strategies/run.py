"""Three tuning strategies, what the article advises beside them, and a replay.

Each repetition has a training seed of its own, the same for all strategies, so that a difference
between two strategies is taken within a repetition. The column `variant` of the results is empty
for a strategy as the article ran it, else it names what differs.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from repro.chapters.strategies.settings import StrategySettings
from repro.chapters.strategies.spaces import article_grid, bayesian_space, population_space
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.tables import Results
from repro.study.objective import TrialSettings, count_training_examples, encoded
from repro.study.planning import PlannedRun
from repro.study.profile import Profile
from repro.study.runs import StudyRun
from repro.study.study import run_all
from repro.training.types import Seeds, Segment, TrialResult
from repro.tuning.runs import derive_seed

SECTION = "05 strategies"  # the notebook's number, and what it is

_SCHEDULED = ("learning_rate", "warmup_steps", "weight_decay", "batch_size", "epochs")


def compare_strategies(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out what the profile's section `strategies` asks for and is not on disk yet.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    """
    runs = enumerate_strategies(profile)
    study = run_all(profile, runs, results=results)
    second_step = runs_from_best_seeds(profile, study.trials)
    return run_all(profile, runs + second_step, results=results)


def enumerate_strategies(profile: Profile) -> list[StudyRun]:
    """Return the tuning runs that depend on no other's outcome, the longest first."""
    return [
        _run(profile, method, repetition, variant=variant, **search)
        for method, variant, search in _strategies(profile)
        for repetition in range(1, profile.strategies.repetitions + 1)
    ]


def _strategies(profile: Profile) -> Iterator[tuple[str, str, dict]]:
    """Yield method, variant and arguments of TuningRun."""
    settings = profile.strategies
    grid, starts = article_grid(settings.scale), {"random_starts": settings.random_starts}
    middle = grid[len(grid) // 2] | {"weight_decay": 0.0}
    n_train = count_training_examples(profile.data(settings.task))
    bayes = {"space": bayesian_space(settings.scale, n_train=n_train)}
    bayes["n_trials"] = settings.n_trials
    yield "hyperopt_asha", "", bayes | {"options": starts}
    for n in settings.other_random_starts:
        yield "hyperopt_asha", f"starts{n}", bayes | {"options": {"random_starts": n}}
    if settings.known:
        yield "hyperopt_asha", "known", bayes | {"options": starts | {"known": [middle]}}
    yield "pbt", "", _population(settings, settings.interval)
    for interval in settings.other_intervals:
        yield "pbt", f"every{interval:g}", _population(settings, interval)
    yield "grid", "", {"grid": tuple(grid), "trials_at_once": len(grid)}
    if settings.n_seeds:
        yield "seeds_asha", "", {"grid": (middle,) * settings.n_seeds}


def _population(settings: StrategySettings, interval: float) -> dict:
    options = {"population": settings.population, "interval": interval}
    return {"options": options, "trials_at_once": settings.population}


def _run(profile: Profile, method: str, repetition: int, *, variant: str, **search) -> StudyRun:
    settings = profile.strategies
    word = f"article+{variant}" if variant else "article"
    columns = {"space": "article", "variant": variant, "repetition": repetition}
    key = run_key(settings.model, settings.task, method, word, **columns)
    n_seeds = settings.n_seeds if method == "seeds_asha" else 1
    seeds = tuple(_seeds(profile, repetition, number) for number in range(n_seeds))
    search = {"space": population_space(settings.scale), "seeds": seeds} | search
    return StudyRun.of(profile, key, _trials(profile), **search)


def _trials(profile: Profile) -> TrialSettings:
    settings = profile.strategies
    trials = profile.trials(settings.model, settings.task)
    epsilon = settings.adam_epsilon or trials.training.adam_epsilon
    return replace(trials, training=replace(trials.training, adam_epsilon=epsilon))


def _seeds(profile: Profile, repetition: int, number: int) -> Seeds:
    """Return seeds of a repetition; the first of the first repetition are the profile's own."""
    if (repetition, number) == (1, 0):
        return profile.seeds
    return Seeds(*[derive_seed(profile.training_seed, "strategies", repetition, number)] * 3)


def runs_from_best_seeds(profile: Profile, trials: pd.DataFrame) -> list[StudyRun]:
    """Return the article's second step: a population that begins with the best seeds."""
    settings, runs = profile.strategies, []
    for repetition in range(1, settings.repetitions + 1):
        best = best_seeds(trials, repetition=repetition, n=settings.population)
        if len(best) == settings.population:  # else too many have failed, or none were tried
            runs.append(_second_step(profile, repetition, seeds=best))
    return runs


def _second_step(profile: Profile, repetition: int, **seeds) -> StudyRun:
    population = _population(profile.strategies, profile.strategies.interval)
    return _run(profile, "pbt", repetition, variant="best-seeds", **population, **seeds)


def best_seeds(trials: pd.DataFrame, *, repetition: int, n: int) -> tuple[Seeds, ...]:
    """Return the seeds of the `n` best trials that tried seeds, the earlier one on a tie."""
    rows = trials[(trials["method"] == "seeds_asha") & (trials["repetition"] == repetition)]
    rows = rows.dropna(subset="validation_score")
    rows = rows.sort_values(["validation_score", "trial"], ascending=[False, True]).head(n)
    columns = rows[["init_seed", "order_seed", "dropout_seed"]].itertuples(index=False)
    return tuple(Seeds(*map(int, row)) for row in columns)


def planned_runs(profile: Profile) -> Iterator[PlannedRun]:
    """Yield what notebook 05 would run."""
    settings = profile.strategies
    for run in enumerate_strategies(profile):
        yield PlannedRun(run.tuning.method, run)
    for repetition in range(1, settings.repetitions + 1) if settings.n_seeds else ():
        yield PlannedRun("pbt from best seeds", _second_step(profile, repetition), depends=True)


def replay_schedule(profile: Profile, schedule: pd.DataFrame) -> list[TrialResult]:
    """Train the schedule of a `lineage` from the start, without its population.

    Returns:
        one result a segment; with the same machine and settings, bit for bit the lineage's.
    """
    from repro.training.trial import train_trial

    trials, results, state = _trials(profile), [], None
    spec, data = encoded(trials.model, trials.data, max_length=trials.training.max_length)
    with tempfile.TemporaryDirectory(prefix="repro-replay-") as folder:
        for number, row in enumerate(schedule.to_dict("records")):
            saved = Path(folder) / f"{number}.safetensors"
            result = train_trial(
                {name: row[name] for name in _SCHEDULED},
                model=spec,
                data=data,
                settings=trials.training,
                seeds=Seeds(*(int(row[f"{kind}_seed"]) for kind in ("init", "order", "dropout"))),
                segment=Segment(row["start"], row["end"]),
                load_state_from=state,
                save_state_to=saved,
            )
            results.append(result)
            state = saved
    return results


STUDY = {
    "strategies": compare_strategies
}  # section of the profile -> what `make record` carries out
