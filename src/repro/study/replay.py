"""One tuning run replayed on recorded trials: the state machine of live runs, without training.

Of two things at one time, the one of the trial that started first comes first. Populations exchange
weights, and cannot be replayed.
"""

import heapq
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from repro.study.pools import DIGITS, Clock, Pool
from repro.study.replay_many import Replays
from repro.training.types import Evaluation, TrialResult
from repro.tuning.methods import METHODS, make_searcher
from repro.tuning.runs import Request, RunState, TuningRun
from repro.tuning.spaces import SearchSpace


def replay(
    run: TuningRun,
    pool: Pool,
    *,
    clock: Clock,
    deadline: float = math.inf,
    searcher: "Searcher | None" = None,
    budget: float | None = None,
) -> Replays:
    """Replay one tuning run by driving the state machine of live runs.

    What the searcher suggests is answered by the nearest recorded configuration that is not used
    yet, itself where it was recorded, and the searcher learns the score of what answered.

    Args:
        run: its `trials_at_once` gives way to the clock's workers.
        searcher: in place of the run's own.
        budget: in optimizer steps, summed over the trials, as live runs count it.
    Raises:
        ValueError: if the run's space is not the recorded one.
    """
    searcher = searcher or Nearest(run, pool)
    run = replace(run, trials_at_once=clock.workers)
    state = RunState(run, unit="steps", store=_Forget(), searcher=searcher)
    state.budget = math.inf if budget is None else budget
    times, starts, reached, events = pool.times(clock), [], [], []
    lasted = math.inf

    def begin(time: float) -> None:
        nonlocal lasted
        while time < deadline and (request := state.next_request()):
            row = searcher.rows[request.trial]
            starts.append(time)
            reached.append(0)
            number = min(1, pool.lengths[row])
            first = _then(time, times[row, 0]) if number else time
            heapq.heappush(events, (first, request.trial, number))
        if time < deadline and searcher.is_empty:
            lasted = min(lasted, time)

    begin(0.0)
    while events and events[0][0] <= deadline + 10**-DIGITS:
        time, trial, number = heapq.heappop(events)
        row, verdict = searcher.rows[trial], None
        if number:
            verdict = state.on_evaluation(trial, _evaluation(pool, row, number), number=number)
        reached[trial] = number
        if verdict or number == pool.lengths[row]:
            status = verdict or pool.trials["status"].iloc[row]
            state.on_result(trial, _result(pool, row, number, status))
            begin(time + clock.decision)
        else:
            then = _then(starts[trial], times[row, number])
            heapq.heappush(events, (then, trial, number + 1))
    rows = np.array([searcher.rows[: len(starts)]], int)
    return Replays(pool, clock, rows, np.array([starts]), np.array([reached]), np.array([lasted]))


def _then(start: float, duration: float) -> float:
    return float(np.round(start + duration, DIGITS))


def _evaluation(pool: Pool, row: int, number: int) -> Evaluation:
    values = {name: float(curve[row, number - 1]) for name, curve in pool.curves.items()}
    return Evaluation(
        step=int(values["step"]),
        epoch=values["epoch"],
        seconds=math.nan,
        loss=values.get("validation_loss", math.nan),
        score=values["validation_score"],
        metrics={},
    )


def _result(pool: Pool, row: int, n_evaluations: int, status: str) -> TrialResult:
    evaluations = tuple(_evaluation(pool, row, n + 1) for n in range(n_evaluations))
    steps = evaluations[-1].step if evaluations else 0
    return TrialResult(status, evaluations=evaluations, steps=steps)


class _Forget:
    """A store of trials that keeps nothing."""

    def recall(self, request: Request) -> None: ...
    def record(self, request: Request, result: TrialResult) -> None: ...
    def finish(self, run: TuningRun, **spent: float) -> None: ...


class Searcher:
    """What a replay asks for trials: rows of the pool, in the order of suggesting them."""

    waiting = is_empty = False

    def __init__(self):
        self.rows: list[int] = []

    def segment(self, trial: int) -> None: ...
    def tell(self, trial: int, score: float) -> None: ...


class Nearest(Searcher):
    """Answers the suggestions of a run's searcher by the nearest recorded configuration left."""

    def __init__(self, run: TuningRun, pool: Pool):
        super().__init__()
        if METHODS[run.method][0] not in ("random", "tpe"):
            raise ValueError(
                f"a replay must be of random search or TPE, but got {run.method!r}; "
                "use the recorded repetitions of the others"
            )
        self._searcher = make_searcher(run.method, space=run.space, seed=run.seed, grid=run.grid)
        self._space, self._is_exact = run.space, []
        recorded = _in_space(pool, run.space)
        self._configurations = recorded.to_dict("records")
        self._positions = _positions(recorded, run.space)
        self._unused = np.ones(len(pool), bool)

    def suggest(self, trial: int) -> dict | None:
        self.is_empty = not self._unused.any()
        if self.is_empty:
            return None
        suggested = self._searcher.suggest(trial)
        at = _positions({name: [value] for name, value in suggested.items()}, self._space)
        distance = ((self._positions - at) ** 2).sum(axis=1)
        row = int(np.where(self._unused, distance, np.inf).argmin())
        self._unused[row] = False
        self.rows.append(row)
        self._is_exact.append(distance[row] == 0)
        return suggested

    def tell(self, trial: int, score: float) -> None:
        if self._is_exact[trial]:
            self._searcher.tell(trial, score)
        else:
            self._searcher.tell_other(trial, self._configurations[self.rows[trial]], score)


def _in_space(pool: Pool, space: SearchSpace) -> pd.DataFrame:
    """Return the recorded values of what is searched, as plain Python numbers."""
    if missing := sorted(set(space.domains) - set(pool.trials)):
        raise ValueError(
            f"the trials of {pool.name} must say what {space.name} searches, but lack {missing}; "
            "replay in the space that they were recorded in"
        )
    table = pool.trials[list(space.domains)].astype(object)
    for name, domain in space.domains.items():
        outside = [value for value in table[name] if not domain.contains(value)]
        if outside:
            raise ValueError(
                f"the {name} of {pool.name} must lie in {domain}, but one is {outside[0]}; "
                "replay in the space that they were recorded in"
            )
    return table


def _positions(configurations: Mapping, space: SearchSpace) -> np.ndarray:
    """Return where configurations lie in the space, from 0 to 1: shape (n, n_searched)."""
    columns = [
        domain.position(np.asarray(configurations[name], float))
        for name, domain in space.domains.items()
    ]
    return np.column_stack(columns)
