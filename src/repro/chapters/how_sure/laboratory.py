"""Recorded pools made ready for replays, and replays on them.

What replays say is uncertain in two ways. They are some of infinitely many, which more replays
mend; and the recorded trials, grid search's training seeds and the test examples are few, which
nothing mends but recording more. For the second, everything is done again in `worlds`, in which
all three are resampled; world 0 is as recorded. Validation examples stay as they are: they are what
tuning optimises.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from repro.chapters.how_sure.settings import HowSureSettings
from repro.data.definitions import TASKS
from repro.models.locate import guess_family
from repro.published import counterpart
from repro.results.recorded import read_recorded, recorded_folders
from repro.stats.decisions import MINIMUM
from repro.stats.rules import score_error
from repro.stats.weighted_scores import weighted_scores
from repro.study.pools import Clock, Pool, read_pools
from repro.study.replay_many import Incumbents, replay_many
from repro.tuning.spaces import grid_configurations

SPACES = ("full", "s-wr", "s-wr-hdo", "smin")  # from the largest to the smallest
METHODS = {"rs": False, "asha": True}  # whether it stops trials early
SPACE_BUDGETS = (1.0, 4.0)  # GST, in every space, as in the procedure


@dataclass(frozen=True, eq=False)
class Cell:
    """One model and task: what was recorded of them, and grid search, which sets the budget."""

    pools: Mapping[str, Pool]  # by space
    grid: Pool
    clock: Clock
    settings: HowSureSettings
    _cache: dict = field(default_factory=dict)

    @property
    def model(self) -> str:
        return self.grid.model

    @property
    def task(self) -> str:
        return self.grid.task

    @property
    def paper(self) -> str:
        """The published model that it stands for; empty where there is none."""
        return counterpart(guess_family(self.model))

    @property
    def key(self) -> dict[str, str]:
        return {"model": self.model, "task": self.task}

    @cached_property
    def gst(self) -> float:
        """The time of grid search on the clock's workers, its mean over training seeds."""
        orders = self._grid_orders(200, n_worlds=1)[0]
        done = replay_many(self.grid, orders, clock=self.clock, deadline=np.inf, asha=False)
        ends = done.starts + self.grid.ends(self.grid.times(self.clock))[orders]
        return float(ends.max(axis=1).mean())

    def trainings(self, budget_gst: float) -> float:
        """Return how many whole trainings in the full space a budget is worth."""
        times = self.pools["full"].ends(self.pools["full"].times(self.clock))
        return budget_gst * self.gst * self.clock.workers / float(times.mean())

    @property
    def sizes(self) -> dict[int, int]:
        """Number of worlds -> runs in each: many as recorded, few in the resampled ones."""
        settings = self.settings
        return {1: settings.replays, settings.resamples + 1: settings.replays_of_each}

    def grids(self, *, n_worlds: int = 1) -> tuple[Incumbents, Incumbents]:
        """Draw grid searches, each configuration with one of its recorded training seeds; twice."""
        n_runs = self.sizes[n_worlds]
        orders = self._grid_orders(2 * n_runs, n_worlds=n_worlds)
        flat = orders.reshape(-1, orders.shape[-1])
        done = replay_many(self.grid, flat, clock=self.clock, deadline=np.inf, asha=False)
        both = self._in_worlds(self.grid, done.at(), n_worlds)
        return both.map(lambda x: x[:, :n_runs]), both.map(lambda x: x[:, n_runs:])

    def runs(self, method: str, space: str, *, n_worlds: int = 1) -> dict[float, Incumbents]:
        """Replay a method in a space; a run at a budget begins as that at a larger one.

        Returns:
            budget in GST -> runs, each array of shape (n_worlds, n_runs), without the budgets that
            the recorded trials do not last for.
        """
        if (key := (method, space, n_worlds)) not in self._cache:
            self._cache[key] = self._replay(*key)
        return self._cache[key]

    def _replay(self, method: str, space: str, n_worlds: int) -> dict[float, Incumbents]:
        pool = self.pools[space]
        budgets = sorted({*SPACE_BUDGETS, *(self.settings.budgets_gst if space == "full" else ())})
        rng = self._rng("runs", method, space, str(n_worlds))
        rows = np.repeat(self._resampled(pool, n_worlds), self.sizes[n_worlds], axis=0)
        settings = {"clock": self.clock, "deadline": budgets[-1] * self.gst}
        done = replay_many(pool, rng.permuted(rows, axis=1), asha=METHODS[method], **settings)
        known = [b for b in budgets if b <= done.lasted.min() / self.gst]
        return {b: self._in_worlds(pool, done.at(b * self.gst), n_worlds) for b in known}

    def _in_worlds(self, pool: Pool, found: Incumbents, n_worlds: int) -> Incumbents:
        runs = found.map(lambda x: x.reshape(n_worlds, -1))
        changes = np.take_along_axis(self._test_changes(pool, n_worlds), runs.place, axis=1)
        return replace(runs, test_score=runs.test_score + changes)

    def _rng(self, *what: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32("/".join((self.grid.name, *what)).encode()))

    def _resampled(self, pool: Pool, n_worlds: int) -> np.ndarray:
        """Return the rows of each world's pool: shape (n_worlds, n_trials)."""
        drawn = self._rng("pool", pool.space).integers(len(pool), size=(n_worlds, len(pool)))
        drawn[0] = np.arange(len(pool))
        return drawn

    def _grid_orders(self, n_runs: int, *, n_worlds: int) -> np.ndarray:
        """Return shape (n_worlds, n_runs, n_configurations), rows of grid's pool."""
        numbers, columns = self.grid.trials["configuration"].to_numpy(), []
        seeds, draws = self._rng("seeds"), self._rng("grids", str(n_runs), str(n_worlds))
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            kept = rows[seeds.integers(len(rows), size=(n_worlds, len(rows)))]
            kept[0] = rows
            drawn = draws.integers(len(rows), size=(n_worlds, n_runs))
            columns.append(np.take_along_axis(kept, drawn, axis=1))
        return np.stack(columns, axis=-1)

    def _test_changes(self, pool: Pool, n_worlds: int) -> np.ndarray:
        """Return by how much test scores change in each world: shape (n_worlds, n_trials).

        From predictions at the best checkpoints, the same examples for all trials of a task; else
        as if all trials erred independently, which is careful for differences between them.
        """
        key = "test changes", pool.space, n_worlds
        if key not in self._cache:
            rng = np.random.default_rng(zlib.crc32(f"test examples of {self.task}".encode()))
            changes = np.zeros((n_worlds, len(pool)))
            if n_worlds > 1 and pool.recorded.has_predictions:
                changes[1:] = _rescored(pool, n_worlds - 1, rng)
            elif n_worlds > 1:
                metric = TASKS[self.task].metric
                scores = np.nan_to_num(pool.whole("test_score")).clip(-1, 1)
                errors = [score_error(s, metric=metric, n=_N_TEST) for s in np.abs(scores)]
                changes[1:] = rng.normal(size=(n_worlds - 1, len(pool))) * errors
            self._cache[key] = changes
        return self._cache[key]


def _rescored(pool: Pool, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return by how much test scores change with the examples: shape (n_samples, n_trials)."""
    answers, labels = pool.answers("test"), pool.labels("test")
    known, n = ~np.isnan(answers).any(axis=1), len(labels)
    weights = np.vstack([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), n_samples)])
    metric = TASKS[pool.task].metric
    scores = weighted_scores(answers[known].T, labels, weights, metric=metric)
    changes = np.zeros((n_samples, len(pool)))
    changes[:, known] = scores[1:] - scores[0]
    return changes


_N_TEST = 500  # test examples, where predictions were not kept: those of the pilot


@dataclass(frozen=True)
class Laboratory:
    """All that was recorded and can be replayed, and what cannot, with the reason."""

    cells: Sequence[Cell]
    others: Mapping[str, Pool]  # real recorded curves, without a grid search: by model
    left_out: Sequence[str]
    settings: HowSureSettings
    fingerprints: Sequence[str] = ()  # of the recorded trials

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(cell.model for cell in self.cells))


def open_laboratory(settings: HowSureSettings) -> Laboratory:
    """Read what is recorded; pools that are missing or too small are left out and named.

    Raises:
        ValueError: if no model and task is left.
    """
    cells, others, left_out, fingerprints, known = [], {}, [], [], recorded_folders()
    for name in settings.recorded:
        if name not in known and "/" not in name:
            left_out.append(f"{name} (not recorded yet)")
            continue
        recorded = read_recorded(name)
        fingerprints.append(recorded.fingerprint)
        for (model, task), pools in read_pools(recorded).items():
            of_cell = {space: pools[space] for space in SPACES if space in pools}
            enough = {s: p for s, p in of_cell.items() if len(p) >= settings.fewest}
            left_out += [
                f"{pool.name} ({len(pool)} trials, fewer than {settings.fewest})"
                for space, pool in of_cell.items()
                if space not in enough
            ]
            if "full" in enough and "grid" in pools and _is_whole(pools["grid"]):
                cells.append(Cell(enough, pools["grid"], Clock(settings.workers), settings))
            elif "published" in pools:
                others[model] = pools["published"]
            elif "full" in enough:
                left_out.append(f"{model}/{task} (too little of grid search recorded)")
    if not cells:
        raise ValueError(
            f"`how_sure.recorded` must name trials of the full space (at least {settings.fewest}) "
            f"and of grid search, but of {list(settings.recorded)} nothing can be replayed: "
            f"{'; '.join(left_out) or 'no grid search'}; record more, or name 'mini'"
        )
    return Laboratory(cells, others, left_out, settings, fingerprints)


def _is_whole(grid: Pool) -> bool:
    """Tell whether grid search's every configuration was trained with several training seeds."""
    epochs = int(grid.trials["epochs"].iloc[0])
    n = len(grid_configurations(guess_family(grid.model), epochs=epochs))
    counts = grid.trials["configuration"].value_counts()
    return len(counts) == n and counts.min() >= MINIMUM


def pool_sizes(lab: Laboratory) -> pd.DataFrame:
    """Count what is recorded: a row a model and task, a column a space (trials), and grid's."""
    rows = []
    for cell in lab.cells:
        numbers = cell.grid.trials["configuration"]
        row = cell.key | {space: len(pool) for space, pool in cell.pools.items()}
        row |= {"grid_configurations": numbers.nunique()}
        rows.append(row | {"grid_seeds": int(numbers.value_counts().min()), "gst": cell.gst})
    rows += [{"model": m, "task": pool.task, "full": len(pool)} for m, pool in lab.others.items()]
    names = ["model", "task", *SPACES, "grid_configurations", "grid_seeds", "gst"]
    return pd.DataFrame(rows, columns=names)
