"""Methods of tuning: a searcher that proposes and, for some, a scheduler that stops.

A searcher has `suggest(trial) -> configuration or None` and `tell(trial, score)`; one whose
trials continue each other says so by `segment(trial)`, and by `waiting` that it cannot suggest
before the running ones have ended. A scheduler has
`add(trial)`, `stops(trial, evaluation, score)` and `remove(trial)`; trials are numbered 0, 1, ...
The algorithms are Ray Tune's and Optuna's.
"""

import logging
import math
import warnings
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from repro.training.types import Segment
from repro.tuning.population import PopulationSearcher
from repro.tuning.spaces import (
    Choice,
    LogUniform,
    SearchSpace,
    Uniform,
    WholeNumber,
    sample_configuration,
)


class _Searcher:
    """What a searcher is unless it says otherwise: never waiting, its trials all whole."""

    waiting = False

    def segment(self, trial: int) -> Segment | None:
        return None

    def tell(self, trial: int, score: float) -> None:
        pass

    def tell_other(self, trial: int, configuration: dict, score: float) -> None:
        """Tell of another configuration, which was trained in place of the suggested one."""


class GridSearcher(_Searcher):
    def __init__(self, configurations: Sequence[dict]):
        self._configurations = configurations

    def suggest(self, trial: int) -> dict | None:
        return dict(self._configurations[trial]) if trial < len(self._configurations) else None


class RandomSearcher(_Searcher):
    def __init__(self, space: SearchSpace, seed: int):
        self._space, self._rng = space, np.random.default_rng(seed)

    def suggest(self, trial: int) -> dict:
        return sample_configuration(self._space, self._rng)


class _RaySearcher(_Searcher):
    """One of Ray's searchers, asked directly.

    A trial without a score is told as failed. A trial that was stopped or cut is told with the
    best score it reached, as Ray does.
    """

    def __init__(self, search, fixed: dict):
        self._search, self._fixed = search, fixed

    def suggest(self, trial: int) -> dict:
        return {**self._search.suggest(str(trial)), **self._fixed}

    def tell(self, trial: int, score: float) -> None:
        failed = math.isnan(score)
        result = None if failed else {"score": score, "training_iteration": 1}
        self._search.on_trial_complete(str(trial), result=result, error=failed)


class TPESearcher(_RaySearcher):
    """Ray's OptunaSearch with the univariate TPE of 2021 (ray_facts).

    Args:
        random_starts: trials drawn at random before the first proposal; 10 is Optuna's default.
        known: configurations to try before these.
        known_scores: what they scored elsewhere; given, they are told and not tried, and count
            among the random starts.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        random_starts: int = 10,
        known: Sequence[dict] = (),
        known_scores: Sequence[float] = (),
    ):
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        if known_scores and (
            len(known_scores) != len(known) or not all(map(math.isfinite, known_scores))
        ):
            raise ValueError(
                f"`known_scores` must be {len(known)} finite numbers, one a known configuration, "
                f"but got {list(known_scores)}; leave out those without a score"
            )
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=random_starts, multivariate=False, constant_liar=False
        )
        search = OptunaSearch(
            space=OptunaSearch.convert_search_space(_as_in_ray(space)),
            metric="score",
            mode="max",
            sampler=sampler,
            points_to_evaluate=[{n: c[n] for n in space.domains} for c in known] or None,
            evaluated_rewards=list(known_scores) or None,
        )
        super().__init__(search, space.fixed)
        self._names = list(space.domains)

    def tell_other(self, trial: int, configuration: dict, score: float) -> None:
        self.tell(trial, math.nan)  # the suggested one was not trained
        if not math.isnan(score):
            values = {name: configuration[name] for name in self._names}
            self._search.add_evaluated_point(values, score)


class HyperoptSearcher(_RaySearcher):
    """Ray's HyperOptSearch: hyperopt's TPE.

    Args:
        random_starts: as in `TPESearcher`; 20 is Ray's default, 15 the article's.
        known: as there.
    """

    def __init__(
        self, space: SearchSpace, seed: int, *, random_starts: int = 20, known: Sequence[dict] = ()
    ):
        with warnings.catch_warnings():  # of its own imports, which we cannot mend
            warnings.simplefilter("ignore")
            from ray.tune.search.hyperopt import HyperOptSearch

        logging.getLogger("hyperopt").setLevel(logging.WARNING)
        search = HyperOptSearch(
            space=HyperOptSearch.convert_search_space(_as_in_ray(space)),
            metric="score",
            mode="max",
            points_to_evaluate=[{n: c[n] for n in space.domains} for c in known] or None,
            n_initial_points=random_starts,
            random_state_seed=seed,
        )
        super().__init__(search, space.fixed)


def _as_in_ray(space: SearchSpace) -> dict:
    from ray import tune

    domains = {}
    for name, domain in space.domains.items():
        match domain:
            case Uniform():
                domains[name] = tune.uniform(domain.low, domain.high)
            case LogUniform():
                domains[name] = tune.loguniform(domain.low, domain.high)
            case WholeNumber():
                domains[name] = tune.randint(domain.low, domain.high + 1)  # without its end
            case Choice():
                domains[name] = tune.choice(list(domain.values))
    return domains


class Asha:
    """Ray's ASHA, asked directly; a fidelity is the number of evaluations so far.

    With Ray's defaults, which the paper used: rungs after 1, 4, 16, 64 evaluations. It compares
    the scores at a rung, not the best so far, as the paper's version did.
    """

    def __init__(self):
        from ray.tune.schedulers import ASHAScheduler

        self._scheduler = ASHAScheduler(
            time_attr="evaluation",
            metric="score",
            mode="max",
            max_t=100,
            grace_period=1,
            reduction_factor=4,
            brackets=1,
        )

    def add(self, trial: int) -> None:
        self._scheduler.on_trial_add(None, SimpleNamespace(trial_id=trial))

    def stops(self, trial: int, evaluation: int, score: float) -> bool:
        result = {"evaluation": evaluation, "score": score}
        told = self._scheduler.on_trial_result(None, SimpleNamespace(trial_id=trial), result)
        return told == "STOP"

    def remove(self, trial: int) -> None:
        self._scheduler.on_trial_remove(None, SimpleNamespace(trial_id=trial))


METHODS = {  # name: (searcher, scheduler)
    "grid": ("grid", None),
    "rs": ("random", None),
    "asha": ("random", "asha"),
    "bo_asha": ("tpe", "asha"),
    "bo": ("tpe", None),
    "hyperopt_asha": ("hyperopt", "asha"),
    "pbt": ("population", None),
    "seeds": ("grid", None),
    "seeds_asha": ("grid", "asha"),
}
LISTED = ("grid", "seeds", "seeds_asha")  # trials given one by one, and no budget ends them
_SEARCHERS = {
    "random": RandomSearcher,
    "tpe": TPESearcher,
    "hyperopt": HyperoptSearcher,
    "population": PopulationSearcher,
}


def depends_on_order(method: str) -> bool:
    """Tell whether it matters which of several trials at once ends first.

    A population waits for all of a generation; what is listed or drawn waits for nobody.
    """
    searcher, scheduler = METHODS[method]
    return scheduler is not None or searcher in ("tpe", "hyperopt")


def make_searcher(method: str, *, space: SearchSpace, grid: tuple[dict, ...], seed: int, **options):
    """Return the searcher of `method`; all but listed trials are drawn from `space` with `seed`.

    Args:
        options: of that searcher's class, such as `random_starts`.
    """
    if method in LISTED:
        return GridSearcher(grid)
    return _SEARCHERS[METHODS[method][0]](space, seed, **options)


def make_scheduler(method: str) -> Asha | None:
    """Return the scheduler of `method`, or None when it trains every trial to the end."""
    return Asha() if METHODS[method][1] == "asha" else None
