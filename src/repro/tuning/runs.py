"""Tuning runs as state machines: what to try next, whom to stop, what was spent.

A `RunState` is one tuning run in progress, a `StudyScheduler` holds all runs of a study. They know
nothing of processes: a recorded trial is replayed without training, and a test can drive one by
hand. `ray_tune` lets Ray train what they propose.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from repro.training.types import Evaluation, Seeds, Segment, TrialResult
from repro.tuning.methods import LISTED, METHODS, make_scheduler, make_searcher
from repro.tuning.spaces import SearchSpace

_MAX_FAILURES_IN_A_ROW = 5  # before the first update, hence free: no budget would end such a run


@dataclass(frozen=True)
class TuningRun:
    """One method under one budget, as it is asked for.

    `grid` are the configurations of a method whose trials are listed. `seeds`, where given, are
    those of all trials, or one by one of the listed trials or the population's members. A budget
    is `budget_gst` times what the tuning run `grid_run_id` spent; in its place there may be a
    number of trials. Listed trials and populations end by themselves. `options` go to the method's
    searcher, `context` goes to the objective as is.
    """

    run_id: str
    method: str
    space: SearchSpace
    seed: int
    grid: tuple[dict, ...] = ()
    seeds: tuple[Seeds, ...] = ()
    grid_run_id: str | None = None
    budget_gst: float = math.nan
    n_trials: int | None = None
    trials_at_once: int = 1
    options: dict = field(default_factory=dict)
    context: object = None
    after: str | None = None  # a run of a smaller budget that must finish first, for its trials

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"`method` must be one of {list(METHODS)}, but got {self.method!r}")
        if self.method in LISTED and not self.grid:
            raise ValueError(f"method {self.method!r} must have configurations, but has no `grid`")
        n = self.options.get("population", len(self.grid))
        if len(self.seeds) > 1 and len(self.seeds) != n:
            raise ValueError(
                "`seeds` must be one or as many as the configurations in `grid` or the members, "
                f"but got {len(self.seeds)} for {n}"
            )
        limited = self.grid_run_id and self.budget_gst > 0
        if not (limited or self.n_trials or self.method in (*LISTED, "pbt")):
            raise ValueError(
                f"method {self.method!r} must have `grid_run_id` and `budget_gst` > 0, or "
                f"`n_trials`, but got {self.grid_run_id!r}, {self.budget_gst} and {self.n_trials}"
            )

    @property
    def has_budget(self) -> bool:
        return self.grid_run_id is not None


@dataclass(frozen=True)
class Request:
    """One trial to be trained; `score_to_beat` is the run's best score when it started."""

    run_id: str
    trial: int
    configuration: dict
    context: object
    score_to_beat: float = -math.inf
    seeds: Seeds | None = None
    segment: Segment | None = None  # where the trial continues another
    may_be_ended: bool = True  # by a scheduler or a budget: somebody must be asked


def cost(reported: Evaluation | TrialResult, unit: str) -> float:
    """Return what a trial has cost, so far or in the end, in the unit of the budget."""
    if unit == "seconds":
        return reported.seconds
    return reported.steps if isinstance(reported, TrialResult) else reported.step


class TrialStore(Protocol):
    """Where results are kept, so that nothing is trained twice."""

    def recall(self, request: Request) -> TrialResult | None: ...
    def record(self, request: Request, result: TrialResult) -> None: ...
    def finish(self, run: TuningRun, *, budget: float, spent: float) -> None: ...


class FailedRunError(RuntimeError):
    """All trials of a tuning run failed, so that it says nothing about hyperparameters."""


def derive_seed(master: int, *key: str | int) -> int:
    """Return a seed below 2**32 that depends on the key only, so that new runs move no others."""
    digest = hashlib.sha256("/".join(map(str, (master, *key))).encode()).digest()
    return int.from_bytes(digest[:4], "big")


class RunState:
    """One tuning run in progress: searcher, scheduler, ledger.

    Trials are numbered in the order of starting. With one at a time, what happens depends only on
    the seed and on the results, never on timing, as long as the budget counts steps.

    Steps are counted over all trials together. Seconds are those of a clock on the wall: each of
    the run's slots has a clock of its own, which runs while it trains, and the run has spent what
    the latest shows. So a grid search costs its makespan, and a trial is cut when its slot has
    reached the budget, whether or not there were as many machines.
    """

    def __init__(self, run: TuningRun, *, unit: str, store: TrialStore, searcher=None):
        assert unit in ("steps", "seconds")
        self.run, self.unit, self.store = run, unit, store
        self.budget = math.nan if run.has_budget else math.inf  # NaN: not known yet
        self.running: dict[int, Request] = {}
        self.n_trials = self.n_done = 0
        self._clocks = _Clocks(run.trials_at_once if unit == "seconds" else 1)
        self._best = -math.inf
        self._searcher = searcher or make_searcher(  # a replay answers from recorded trials
            run.method, space=run.space, grid=run.grid, seed=run.seed, **run.options
        )
        self._scheduler = make_scheduler(run.method)
        self._exhausted = False
        self._failures_in_a_row = 0
        self._failure: str | None = ""  # the first trial's; None once a trial has not failed

    @property
    def spent(self) -> float:
        """Cost of the run so far, running trials included, in the budget's unit."""
        return max(self._clocks.shown())

    @property
    def left(self) -> float:
        """How many trials are still to come, at most and as far as is known; NaN: not at all."""
        if n_trials := self.run.n_trials or len(self.run.grid):
            return n_trials - self.n_done
        known = self.spent > 0 and math.isfinite(self.budget)
        return (self.budget - self.spent) / (self.spent / self.n_trials) if known else math.nan

    @property
    def failure(self) -> str:
        """What the first trial failed of, if all that have ended failed."""
        return self._failure or ""

    @property
    def finished(self) -> bool:
        """Whether no trial runs and none will."""
        over_budget = min(self._clocks.shown()) >= self.budget  # False while the budget is NaN
        return not self.running and (self._exhausted or over_budget or self._all_started())

    def next_request(self) -> Request | None:
        """Return the next trial that must be trained, or None when there is none just now.

        Trials found in the store are replayed on the way.
        """
        while self._may_start():
            configuration = self._searcher.suggest(self.n_trials)
            if configuration is None:
                self._exhausted = True
                return None
            request = self._start(configuration)
            result = self.store.recall(request)
            if result is None:
                return request
            for number, evaluation in enumerate(result.evaluations, start=1):
                self.on_evaluation(request.trial, evaluation, number=number)
            self.on_result(request.trial, result, is_new=False)
        return None

    def on_evaluation(self, trial: int, evaluation: Evaluation, *, number: int) -> str | None:
        """Count the cost of evaluation 1, 2, ... of a trial; return why it must end, if it must."""
        shown = self._clocks.note(trial, cost(evaluation, self.unit))
        if self._scheduler and self._scheduler.stops(trial, number, evaluation.score):
            return "stopped"
        return "cut" if shown >= self.budget else None

    def on_result(self, trial: int, result: TrialResult, *, is_new: bool = True) -> None:
        """Close a trial: count its cost, tell the searcher, and record it if it is new."""
        request = self.running.pop(trial)
        result = replace(result, segment=request.segment)
        self._clocks.close(trial, cost(result, self.unit))
        self.n_done += 1
        if self._scheduler:
            self._scheduler.remove(trial)
        self._searcher.tell(trial, result.last_score if request.segment else result.score)
        if result.score > self._best:  # never for NaN
            self._best = result.score
        if result.status != "failed":
            self._failure = None
        elif self.n_done == 1:
            self._failure = result.message
        self._failures_in_a_row = 0 if result.steps else self._failures_in_a_row + 1
        if self._failures_in_a_row == _MAX_FAILURES_IN_A_ROW and self.run.method not in LISTED:
            self._exhausted = True
        if is_new:
            self.store.record(request, result)

    def _all_started(self) -> bool:
        return self.run.n_trials is not None and self.n_trials >= self.run.n_trials

    def _may_start(self) -> bool:
        has_slot = len(self.running) < self.run.trials_at_once
        open_ended = not (self._exhausted or self._all_started() or self._searcher.waiting)
        return has_slot and open_ended and min(self._clocks.free()) < self.budget

    def _start(self, configuration: dict) -> Request:
        run, trial, segment = self.run, self.n_trials, self._searcher.segment(self.n_trials)
        number = segment.member if segment else trial
        request = Request(
            run.run_id,
            trial,
            configuration,
            run.context,
            score_to_beat=self._best,
            seeds=run.seeds[number if len(run.seeds) > 1 else 0] if run.seeds else None,
            segment=segment,
            may_be_ended=run.has_budget or self._scheduler is not None,
        )
        self.running[trial] = request
        self._clocks.start(trial)
        self.n_trials += 1
        if self._scheduler:
            self._scheduler.add(trial)
        return request


class _Clocks:
    """What the slots of a run have spent; a single one is shared by all trials that run."""

    def __init__(self, n_slots: int):
        self._closed = [0.0] * n_slots
        self._running: dict[int, tuple[int, float]] = {}  # trial -> its slot, its cost so far

    def shown(self) -> list[float]:
        """Return what each slot has spent, running trials included."""
        return [self._shown(slot) for slot in range(len(self._closed))]

    def free(self) -> list[float]:
        """Return what those slots have spent that can take a trial."""
        return [self._shown(slot) for slot in self._free()]

    def start(self, trial: int) -> None:
        """Give a trial to the free slot that has spent least."""
        self._running[trial] = min(self._free(), key=self._shown), 0.0

    def note(self, trial: int, spent: float) -> float:
        """Note what a trial has spent so far; return what its slot has."""
        slot = self._running[trial][0]
        self._running[trial] = slot, spent
        return self._shown(slot)

    def close(self, trial: int, spent: float) -> None:
        """Set the slot of a trial free, that has spent so much in the end."""
        slot, _ = self._running.pop(trial)
        self._closed[slot] += spent

    def _free(self) -> list[int]:
        busy = {slot for slot, _ in self._running.values()} if len(self._closed) > 1 else set()
        return [slot for slot in range(len(self._closed)) if slot not in busy]

    def _shown(self, slot: int) -> float:
        costs = (spent for other, spent in self._running.values() if other == slot)
        return math.fsum([self._closed[slot], *costs])


def wall_clock(seconds: Iterable[float], *, trials_at_once: int) -> float:
    """Return how long trials take that start in this order, so many at once."""
    clocks = _Clocks(trials_at_once)
    for trial, spent in enumerate(seconds):
        clocks.start(trial)
        clocks.close(trial, spent)
    return max(clocks.shown())


class StudyScheduler:
    """All tuning runs of a study: which trial is next, and which runs are done.

    A run waits until the grid search that its budget refers to has finished, and the run whose
    trials it begins with.
    """

    def __init__(
        self, runs: list[TuningRun], *, unit: str, store: TrialStore, known_costs: dict[str, float]
    ):
        self.costs = dict(known_costs)
        self.runs = {run.run_id: RunState(run, unit=unit, store=store) for run in runs}
        self._open = list(self.runs.values())
        self._store = store
        for run in runs:
            if run.grid_run_id and run.grid_run_id not in self.runs | self.costs:
                raise ValueError(
                    f"the budget of {run.run_id} refers to {run.grid_run_id}, "
                    "which is not among the runs; add method 'grid'"
                )

    @property
    def finished(self) -> bool:
        return not self._open

    def next_request(self, *, at_once: int = 1) -> Request | None:
        """Return the next trial that can start; close finished runs.

        The runs are served in their order, but for one that would outlast all others together
        if it had to wait.

        Args:
            at_once: how many trials are trained side by side.
        """
        n_open = None
        while n_open != len(self._open):  # a grid search that has just closed sets others free
            n_open = len(self._open)
            for state in self._in_order(at_once):
                if math.isnan(state.budget) and state.run.grid_run_id in self.costs:
                    state.budget = state.run.budget_gst * self.costs[state.run.grid_run_id]
                if state.run.after in self.runs and state.run.after not in self.costs:
                    continue
                if request := state.next_request():
                    return request
                self._close_if_finished(state)
        return None

    def _in_order(self, at_once: int) -> list[RunState]:
        """Return the open runs, first of all one that has more than its share of all to do."""
        left = [state.left for state in self._open]
        begun = zip(left, (state.n_done for state in self._open), strict=True)
        longest = max((n + n_done for n, n_done in begun if not math.isnan(n)), default=1)
        left = [longest if math.isnan(n) else n for n in left]  # nobody knows better
        most = max(left, default=0)
        if not left or at_once <= 1 or most * at_once < math.fsum(left):
            return list(self._open)
        first = self._open[left.index(most)]
        return [first, *(state for state in self._open if state is not first)]

    def on_result(self, request: Request, result: TrialResult) -> None:
        state = self.runs[request.run_id]
        state.on_result(request.trial, result)
        self._close_if_finished(state)

    def _close_if_finished(self, state: RunState) -> None:
        if state.finished:
            if state.failure:
                raise FailedRunError(
                    f"a trial must train, but all {state.n_done} of {state.run.run_id} failed, the "
                    f"first with: {state.failure}; mend that and run it again"
                )
            self.costs[state.run.run_id] = state.spent
            self._open.remove(state)
            self._store.finish(state.run, budget=state.budget, spent=state.spent)
