"""Notebook 05: three tuning strategies, what the article advises beside them, and a replay.

Each repetition has a training seed of its own, the same for all strategies, so that a difference
between two strategies is taken within a repetition. The column `variant` of the results
is empty for a strategy as the article ran it, else it names what differs.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from repro.chapters.strategies.spaces import article_grid, bayesian_space, population_space
from repro.paths import RESULTS
from repro.records import run_key
from repro.results.tables import Results
from repro.study.objective import encoded, load_data, training_settings
from repro.study.profile import Profile
from repro.study.study import StudyRun, carry_out, make_run
from repro.training.types import Seeds, Segment, TrialResult
from repro.tuning.runs import TuningRun, derive_seed

_SCHEDULED = ("learning_rate", "warmup_steps", "weight_decay", "batch_size", "epochs")


@dataclass(frozen=True)
class _Strategy:
    method: str
    change: str = ""  # from how the article ran the method
    settings: dict = field(default_factory=dict)  # of TuningRun


def compare_strategies(profile: Profile, *, results: Path = RESULTS) -> Results:
    """Carry out what the profile's section `strategies` asks for and is not on disk yet.

    Raises:
        ValueError: before any training, if data, model or settings do not fit.
    """
    study = enumerate_strategies(profile, results=results)
    found = carry_out(profile, study)
    if not profile.strategies.n_seeds:
        return found
    study += _from_best_seeds(profile, found, results)
    return carry_out(profile, study)


def enumerate_strategies(profile: Profile, *, results: Path = RESULTS) -> list[StudyRun]:
    """Return the tuning runs that depend on no other's outcome, the longest first."""
    wanted = profile.strategies
    repetitions = range(1, wanted.repetitions + 1)
    strategies = [_strategies(profile, repetition) for repetition in repetitions]
    return [
        _run(profile, strategy, repetition, results)
        for of_all in zip(*strategies, strict=True)
        for repetition, strategy in zip(repetitions, of_all, strict=True)
    ]


def _strategies(profile: Profile, repetition: int) -> list[_Strategy]:
    wanted, grid = profile.strategies, article_grid(profile.strategies.scale)
    middle = _middle(profile)
    starts, numbers = wanted.random_starts, wanted.other_random_starts
    strategies = [_bayesian(profile, "", random_starts=starts)]
    strategies += [_bayesian(profile, f"starts{n}", random_starts=n) for n in numbers]
    if wanted.known:
        strategies.append(_bayesian(profile, "known", random_starts=starts, known=[middle]))
    strategies.append(_population(profile, "", wanted.interval))
    strategies += [_population(profile, f"every{i:g}", i) for i in wanted.other_intervals]
    strategies.append(_Strategy("grid", "", {"grid": tuple(grid), "trials_at_once": len(grid)}))
    if wanted.n_seeds:
        seeds = [_seeds(profile, repetition, number) for number in range(wanted.n_seeds)]
        listed = {"grid": (middle,) * len(seeds), "seeds": tuple(seeds)}
        strategies.append(_Strategy("seeds_asha", "", listed))
    return strategies


def _middle(profile: Profile) -> dict:
    """Return the configuration in the middle of the grid."""
    grid = article_grid(profile.strategies.scale)
    return grid[len(grid) // 2] | {"weight_decay": 0.0}


def _bayesian(profile: Profile, change: str, **options) -> _Strategy:
    wanted = profile.strategies
    n_train = len(load_data(profile, wanted.task).splits["train"])
    space = bayesian_space(wanted.scale, n_train=n_train)
    settings = {"space": space, "n_trials": wanted.n_trials, "options": options}
    return _Strategy("hyperopt_asha", change, settings)


def _population(profile: Profile, change: str, interval: float, **settings) -> _Strategy:
    n = profile.strategies.population
    settings |= {"options": {"population": n, "interval": interval}, "trials_at_once": n}
    return _Strategy("pbt", change, settings)


def _seeds(profile: Profile, repetition: int, number: int = 0) -> Seeds:
    """Return the seeds of a repetition; the first repetition's are the profile's own."""
    seed = profile.training_seed
    if (repetition, number) != (1, 0):
        seed = derive_seed(seed, "strategies", repetition, number)
    return Seeds(seed, seed, seed)


def _run(profile: Profile, strategy: _Strategy, repetition: int, results: Path) -> StudyRun:
    wanted = profile.strategies
    word = f"article+{strategy.change}" if strategy.change else "article"
    columns = {"space": "article", "variant": strategy.change, "repetition": repetition}
    key = run_key(wanted.model, wanted.task, strategy.method, word, **columns)
    settings = {
        "space": population_space(wanted.scale),
        "seed": derive_seed(profile.seed, key["run_id"]),
        "seeds": (_seeds(profile, repetition),),
        "trials_at_once": profile.trials_at_once_per_run,
        "context": {"task": wanted.task, "model": wanted.model},
    }
    tuning = TuningRun(key["run_id"], strategy.method, **settings | strategy.settings)
    return make_run(profile, tuning, key, results)


def _from_best_seeds(profile: Profile, found: Results, results: Path) -> list[StudyRun]:
    """Return the article's second step: a population that begins with the best seeds."""
    wanted, runs = profile.strategies, []
    for repetition in range(1, wanted.repetitions + 1):
        best = best_seeds(found.trials, repetition=repetition, n=wanted.population)
        if len(best) == wanted.population:  # else too many have failed
            strategy = _population(profile, "best-seeds", wanted.interval, seeds=best)
            runs.append(_run(profile, strategy, repetition, results))
    return runs


def best_seeds(trials: pd.DataFrame, *, repetition: int, n: int) -> tuple[Seeds, ...]:
    """Return the seeds of the `n` best trials that tried seeds, the earlier one on a tie."""
    rows = trials[(trials["method"] == "seeds_asha") & (trials["repetition"] == repetition)]
    rows = rows.dropna(subset="validation_score").sort_values("trial")
    rows = rows.sort_values("validation_score", ascending=False, kind="stable").head(n)
    columns = rows[["init_seed", "order_seed", "dropout_seed"]].itertuples(index=False)
    return tuple(Seeds(*map(int, row)) for row in columns)


def replay_schedule(profile: Profile, schedule: pd.DataFrame) -> list[TrialResult]:
    """Train a schedule of hyperparameters from the start, without its population.

    Args:
        schedule: from `analysis.strategies.lineage`.
    Returns:
        one result a segment; with the same machine and settings, bit for bit the lineage's.
    """
    from repro.training.trial import train_trial

    wanted, results, state = profile.strategies, [], None
    spec, data = encoded(profile, wanted.task, wanted.model)
    with tempfile.TemporaryDirectory(prefix="repro-replay-") as folder:
        for number, row in enumerate(schedule.to_dict("records")):
            saved = Path(folder) / f"{number}.safetensors"
            result = train_trial(
                {name: row[name] for name in _SCHEDULED},
                model=spec,
                data=data,
                settings=training_settings(profile, wanted.task),
                seeds=Seeds(*(int(row[f"{kind}_seed"]) for kind in ("init", "order", "dropout"))),
                segment=Segment(row["start"], row["end"]),
                load_state_from=state,
                save_state_to=saved,
            )
            results.append(result)
            state = saved
    return results
