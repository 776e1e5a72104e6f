"""Thousands of random searches or ASHA runs on recorded trials at once, as arrays.

Each equals what `replay.replay`, which drives the state machine of live runs, makes of it, trial
for trial (a test). Of two things at one time, the one of the trial that started first comes first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from repro.study.pools import DIGITS, Clock, Pool

RUNGS = (1, 4, 16, 64)  # evaluations: Ray's defaults, which Liu & Wang used
MOST = 100  # evaluations, after which Ray's ASHA ends a trial
KEPT = 0.75  # quantile of a rung's scores below which a trial stops
_CHUNK = 2000  # replays at a time, which fit into a cache


@dataclass(frozen=True, eq=False)
class Incumbents:
    """What replays had found at one time, each array of the same shape, such as (n_replays,).

    `place` is the incumbent's row in the pool, -1 where no trial has a score yet.
    """

    n_trials: np.ndarray
    place: np.ndarray
    validation_score: np.ndarray
    validation_loss: np.ndarray
    test_score: np.ndarray

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Incumbents":
        """Change the shape of all arrays."""
        return Incumbents(*map(change, vars(self).values()))


@dataclass(frozen=True, eq=False)
class Replays:
    """Replays on one pool.

    Args:
        order: shape (n_replays, n_most), rows of the pool in the order of starting.
        starts: when they started; infinite if never.
        reached: evaluations until they were stopped or ended, had there been no deadline.
        lasted: shape (n_replays,), when a free worker found no trial left; infinite if never.
    """

    pool: Pool
    clock: Clock
    order: np.ndarray
    starts: np.ndarray
    reached: np.ndarray
    lasted: np.ndarray

    def evaluations(self, time: float | None = None) -> np.ndarray:
        """Return how many evaluations each trial has after `time`, in the end by default.

        Raises:
            ValueError: if a replay had run out of recorded trials by then.
        """
        if time is None:
            return self.reached
        if len(self.lasted) and time > (first := self.lasted.min()):
            raise ValueError(
                f"the recorded trials of {self.pool.name} must be enough for {time:g} "
                f"{self.clock.unit} on {self.clock.workers} workers, but {self.order.shape[1]} of "
                f"them last for {first:g}; record more of them or ask for a smaller budget"
            )
        times, counts = self.pool.times(self.clock), np.zeros(self.order.shape, int)
        whole = self.starts + self.pool.ends(times)[self.order] <= time + 10**-DIGITS
        counts[whole] = self.pool.lengths[self.order[whole]]
        rows, columns = np.nonzero(~whole & (self.starts < time))
        ends = np.round(self.starts[rows, columns, None] + times[self.order[rows, columns]], DIGITS)
        counts[rows, columns] = (ends <= time + 10**-DIGITS).sum(axis=1)
        return np.minimum(counts, self.reached)

    def at(self, time: float | None = None) -> Incumbents:
        """Return the incumbents after `time`, running trials with what they have reached.

        As in a live run the best validation score wins, the earlier trial on a tie.
        """
        counts = self.evaluations(time)
        last, rows = np.maximum(counts, 1) - 1, np.arange(len(counts))
        scores = np.where(
            counts > 0, self.pool.at_best("validation_score")[self.order, last], np.nan
        )
        best = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
        known, place = ~np.isnan(scores[rows, best]), self.order[rows, best]
        found = {
            name: np.where(known, self.pool.at_best(name)[place, last[rows, best]], np.nan)
            for name in ("validation_score", "validation_loss", "test_score")
            if name in self.pool.curves
        }
        found.setdefault("validation_loss", np.full(len(rows), np.nan))
        started = (self.starts < (np.inf if time is None else time)).sum(axis=1)
        return Incumbents(started, np.where(known, place, -1), **found)


def replay_many(
    pool: Pool, orders: np.ndarray, *, clock: Clock, deadline: float, asha: bool
) -> Replays:
    """Replay random searches, or ASHA runs, that take the trials of a pool in the given orders.

    Args:
        orders: shape (n_replays, n_most), rows of the pool; a row that comes twice is another
            trial of the same scores, as in a bootstrap.
        deadline: no trial starts then or later.
    """
    simulation = _Simulation(pool, clock, deadline, rungs=RUNGS if asha else ())
    chunks = [orders[i : i + _CHUNK] for i in range(0, len(orders), _CHUNK)]
    parts = zip(*map(simulation.run, chunks), strict=True)
    return Replays(pool, clock, orders, *map(np.concatenate, parts))


class _Simulation:
    """Many replays at once: each step takes the next rung, or end, of a trial of each replay."""

    def __init__(self, pool: Pool, clock: Clock, deadline: float, *, rungs: Sequence[int]):
        self.clock, self.deadline = clock, deadline
        lengths = np.minimum(pool.lengths, MOST) if rungs else pool.lengths
        stages = [[*(r for r in rungs if r < n), n] for n in lengths]  # evaluations: rungs, end
        most = max(map(len, stages))
        self.number = np.array([s + [s[-1]] * (most - len(s)) for s in stages])
        self.n_stages = np.array([len(s) for s in stages])
        rung = {number: place for place, number in enumerate(rungs)}
        self.rung = np.vectorize(lambda number: rung.get(number, -1))(self.number)
        rows, last = np.arange(len(pool))[:, None], np.maximum(self.number, 1) - 1
        self.score = np.where(self.number > 0, pool.curves["validation_score"][rows, last], np.nan)
        self.time = np.where(self.number > 0, pool.times(clock)[rows, last], 0.0)

    def run(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, most = order.shape
        starts, reached = np.full(order.shape, np.inf), np.zeros(order.shape, int)
        lasted, going = np.full(n, np.inf), np.arange(n)
        rungs = _Rungs(n, most)
        trial = np.full((n, self.clock.workers), most)  # numbers; `most` where there is none
        stage, due = np.zeros_like(trial), np.full(trial.shape, np.inf)
        n_started = np.zeros(n, int)

        def start(rows: np.ndarray, worker: np.ndarray, time: np.ndarray) -> None:
            due[rows, worker] = np.inf
            in_time = time < self.deadline
            none = in_time & (n_started[rows] >= most)
            lasted[rows[none]] = np.minimum(lasted[rows[none]], time[none])
            rows, worker, time = (x[in_time & ~none] for x in (rows, worker, time))
            number = n_started[rows]
            n_started[rows] += 1
            starts[rows, number] = time
            trial[rows, worker], stage[rows, worker] = number, 0
            due[rows, worker] = np.round(time + self.time[order[rows, number], 0], DIGITS)

        for worker in range(self.clock.workers):
            start(going, np.full(n, worker), np.zeros(n))
        while len(going):
            soonest = due[going].min(axis=1)
            on = np.isfinite(soonest) & (soonest <= self.deadline + 10**-DIGITS)
            going, soonest = going[on], soonest[on]
            first = np.where(due[going] == soonest[:, None], trial[going], most + 1)
            worker = first.argmin(axis=1)
            number, at = trial[going, worker], stage[going, worker]
            place = order[going, number]
            stops = rungs.stops(going, self.rung[place, at], self.score[place, at])
            over = stops | (at == self.n_stages[place] - 1)
            reached[going[over], number[over]] = self.number[place, at][over]
            start(going[over], worker[over], soonest[over] + self.clock.decision)
            rows, worker, number, at = (x[~over] for x in (going, worker, number, at + 1))
            stage[rows, worker] = at
            then = starts[rows, number] + self.time[order[rows, number], at]
            due[rows, worker] = np.round(then, DIGITS)
        running = np.isfinite(starts) & (reached == 0)  # to be cut at the deadline
        reached[running] = self.number[order[running], -1]
        return starts, reached, lasted


class _Rungs:
    """The scores at the rungs of many replays: the upper ones, which hold the quantile, sorted."""

    def __init__(self, n_replays: int, n_most: int):
        self.top = np.full((n_replays, len(RUNGS), n_most // 4 + 2), -np.inf)
        self.count = np.zeros((n_replays, len(RUNGS)), int)

    def stops(self, rows: np.ndarray, rung: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Tell who stops, one trial a row, and keep the scores; rung -1 is none."""
        stopped, at = np.zeros(len(rows), bool), (rung >= 0) & ~np.isnan(score)
        rows, rung, score = rows[at], rung[at], score[at]
        n = self.count[rows, rung]
        filled = slice(int(n.max(initial=0)) + 1)  # and one place more
        top = self.top[rows, rung, filled]
        stopped[at] = (n > 0) & (score < _quantile(top, np.maximum(n, 1)))
        places = np.arange(top.shape[1])
        here = (top >= score[:, None]).sum(axis=1)[:, None]
        moved = np.hstack([score[:, None], top[:, :-1]])
        moved = np.where(places == here, score[:, None], moved)
        self.top[rows, rung, filled] = np.where(places < here, top, moved)
        self.count[rows, rung] += 1
        return stopped


def _quantile(top: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return numpy's quantile of n values, to the last bit, from the upper ones, descending."""
    at = KEPT * (n - 1)
    low = np.floor(at).astype(int)
    rows, share = np.arange(len(n)), at - low
    a, b = top[rows, n - 1 - low], top[rows, n - 1 - np.minimum(low + 1, n - 1)]
    with np.errstate(invalid="ignore"):  # of a rung that is still empty
        return np.where(share >= 0.5, b - (b - a) * (1 - share), a + (b - a) * share)
