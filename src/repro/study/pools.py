"""Pools of recorded trials as arrays, and the virtual clock that replays run on."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from repro.names import check_name
from repro.results.recorded import TRIAL_KEY, Recorded

UNITS = {"epochs": "epoch", "steps": "step"}  # of a clock -> the column of the evaluations
DIGITS = 5  # of recorded times, so that equal ones are equal


@dataclass(frozen=True)
class Clock:
    """What takes how long in a replay, in `unit`.

    Args:
        workers: trials that run side by side.
        start: from a worker's being free to a trial's first update.
        report: added to each evaluation.
        decision: from a trial's last report until its worker is free.
    """

    workers: int = 4
    unit: str = "epochs"
    start: float = 0.0
    report: float = 0.0
    decision: float = 0.0

    def __post_init__(self):
        check_name("unit of a clock", self.unit, UNITS)
        if self.workers < 1 or min(self.start, self.report, self.decision) < 0:
            raise ValueError(f"a clock must have workers, and no delay below 0, but got {self}")


@dataclass(frozen=True, eq=False)
class Pool:
    """Recorded trials of one model, task and space, each with its whole curve.

    Args:
        trials: one row a trial, with its hyperparameters.
        curves: column of the evaluations -> shape (n_trials, n_evaluations), NaN after the end.
        lengths: shape (n_trials,), evaluations of each trial.
        recorded: what predictions are read from; None where there are none.
        test_part: number and count of the parts of the test examples, of which one counts.
    """

    model: str
    task: str
    space: str
    trials: pd.DataFrame
    curves: dict[str, np.ndarray]
    lengths: np.ndarray
    recorded: Recorded | None = None
    test_part: tuple[int, int] = (0, 1)
    _answers: dict = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def name(self) -> str:
        return f"{self.model}/{self.task}/{self.space}"

    @cached_property
    def best(self) -> np.ndarray:
        """Place of the best validation score so far, the earlier on a tie: a row a trial."""
        scores = self.curves["validation_score"]
        scores = np.where(np.isnan(scores), -np.inf, scores)
        is_new = scores > np.maximum.accumulate(
            np.hstack([np.full((len(scores), 1), -np.inf), scores[:, :-1]]), axis=1
        )
        return np.maximum.accumulate(np.where(is_new, np.arange(scores.shape[1]), 0), axis=1)

    def at_best(self, column: str) -> np.ndarray:
        """Return a column at the best checkpoint so far, of each trial after each evaluation."""
        return np.take_along_axis(self.curves[column], self.best, axis=1)

    def whole(self, column: str) -> np.ndarray:
        """Return a column at the best checkpoint of each trial trained to its end."""
        values = self.at_best(column)[np.arange(len(self)), np.maximum(self.lengths, 1) - 1]
        return np.where(self.lengths > 0, values, np.nan)

    def last(self, column: str) -> np.ndarray:
        """Return a column at the last evaluation of each trial."""
        values = self.curves[column][np.arange(len(self)), np.maximum(self.lengths, 1) - 1]
        return np.where(self.lengths > 0, values, np.nan)

    def times(self, clock: Clock) -> np.ndarray:
        """Return when evaluations end, since a worker took the trial; NaN after the last."""
        times = self.curves[UNITS[clock.unit]]
        number = np.arange(1, times.shape[1] + 1)
        return np.round(clock.start + times + number * clock.report, DIGITS)

    def ends(self, times: np.ndarray) -> np.ndarray:
        """Return when whole trials end; 0 for one that failed before its first evaluation."""
        last = times[np.arange(len(self)), np.maximum(self.lengths, 1) - 1]
        return np.where(self.lengths > 0, last, 0.0)

    def answers(self, split: str) -> np.ndarray:
        """Return the predictions at the best checkpoints: a row a trial, NaN without any.

        Raises:
            FileNotFoundError: if none were kept, see `Recorded.has_predictions`.
        """
        if split not in self._answers:
            cell = {"model": self.model, "task": self.task, "space": self.space}
            table = self.recorded.predictions(split, **cell).reindex(self.trials["trial"])
            self._answers[split] = table.to_numpy(float)
        return self._answers[split][:, self._examples(split)]

    def labels(self, split: str) -> np.ndarray:
        """Return the labels of the examples of `answers`."""
        labels = self.recorded.labels(split, task=self.task, space=self.space)
        return labels.astype(float)[self._examples(split)]

    def _examples(self, split: str) -> slice:
        number, n = self.test_part if split == "test" else (0, 1)
        return slice(number, None, n)

    def part(self, number: int, n: int) -> "Pool":
        """Return one of n parts that have no trial, training seed or test example in common."""
        seeds = self.trials["init_seed"].rank(method="dense").to_numpy(int)
        unit = seeds if seeds.max() > 1 else np.arange(len(self))
        rows = np.flatnonzero(unit % n == number)
        return replace(
            self,
            trials=self.trials.iloc[rows].reset_index(drop=True),
            curves={name: values[rows] for name, values in self.curves.items()},
            lengths=self.lengths[rows],
            test_part=(number, n),
            _answers={},
        )


def read_pools(recorded: Recorded) -> dict[tuple[str, str], dict[str, Pool]]:
    """Return (model, task) -> space -> the recorded trials; those without an evaluation too."""
    key = list(TRIAL_KEY)
    evaluations = recorded.evaluations.sort_values([*key, "step"])
    trials = recorded.trials.sort_values(key).reset_index(drop=True)
    place = pd.Series(np.arange(len(trials)), pd.MultiIndex.from_frame(trials[key]))
    row = place[pd.MultiIndex.from_frame(evaluations[key])].to_numpy()
    number = pd.Series(row).groupby(row).cumcount().to_numpy()
    columns = [c for c in evaluations.select_dtypes("number") if c not in key]
    lengths = np.bincount(row, minlength=len(trials))
    curves = {column: np.full((len(trials), lengths.max()), np.nan) for column in columns}
    for column in columns:
        curves[column][row, number] = evaluations[column]
    pools = {}
    for (model, task, space), rows in trials.groupby(key[:3]):
        at, most = rows.index, lengths[rows.index].max()
        own = {column: values[at, :most] for column, values in curves.items()}
        pool = Pool(model, task, space, rows.reset_index(drop=True), own, lengths[at], recorded)
        pools.setdefault((model, task), {})[space] = pool
    return pools
