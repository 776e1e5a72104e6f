"""What each tuning run gains over grid search, with standard errors over the examples."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from repro.chapters.initial.analysis import ModelStudy
from repro.data.definitions import GLUE_SIZES
from repro.published import published_rounds
from repro.stats.incumbents import SPLITS, pair_with_grid, tuned_metrics
from repro.stats.rules import score_error

_KEYS = ["model", "task", "method", "repetition"]


def unpaired_error(score: float, *, metric: str, n: int) -> float:
    """Return the error of a difference of two like scores that have nothing else in common."""
    return math.sqrt(2) * score_error(score, metric=metric, n=n)


class TuningRuns:
    """One model's tuning runs, with the errors over examples of what is compared.

    Args:
        predictions: run_id -> split, checkpoint, index, prediction, label.
    """

    def __init__(self, study: ModelStudy, predictions: Callable[[str], pd.DataFrame]):
        self.study, self.tasks = study, sorted(set(study.best["task"]))
        self._predictions, self._right = predictions, {}
        self._best, self._metrics = study.best.set_index("run_id"), tuned_metrics(study.best)

    def table(self, task: str, column: str) -> pd.DataFrame:
        """Return a column of the best trials: a row a repetition, a column a method."""
        best = self.study.best
        return best[best["task"] == task].pivot(index="repetition", columns="method", values=column)

    def contrast(
        self, task: str, split: str, methods: Sequence[str] = (), other: str = "grid"
    ) -> tuple[np.ndarray, float]:
        """Subtract a method's score from those of others, all but grid search by default.

        Returns:
            shape (n_values,): one value a tuning run where grid search is subtracted, which has no
            repetitions of its own, else one a repetition; and the standard error over examples of
            their mean, NaN where predictions are missing.
        """
        scores, runs = (self.table(task, name) for name in (f"{split}_score", "run_id"))
        methods = [m for m in methods or scores.columns.drop("grid") if m in scores]
        if not methods or other not in scores:
            return np.zeros(0), math.nan
        base = scores[other]
        if other == "grid" and runs["grid"].count() == 1:
            base = pd.Series(base[runs[other].first_valid_index()], base.index)
        rows = runs[methods].notna().any(axis=1)
        values = scores.loc[rows, methods].sub(base[rows], axis=0)
        error = self.error(task, split, runs[methods].stack().tolist(), runs[other].dropna())
        if other == "grid":
            return values.to_numpy().ravel(), error
        return values.mean(axis=1, skipna=False).to_numpy(), error

    def error(self, task: str, split: str, first: Sequence[str], second: Sequence[str]) -> float:
        """Return the standard error over examples of a difference of runs' mean scores.

        Where the score is no share of right answers, or labels are kept back, it is that of two
        scores that have nothing in common; NaN without predictions.
        """
        sides = []
        for run_ids in (first, second):
            right = [self.right_answers(run_id, split) for run_id in run_ids]
            sides.append(pd.concat(right, axis=1).mean(axis=1, skipna=False))
        examples, n = (sides[0] - sides[1]).to_numpy(), len(sides[1])
        if n < 2:
            return math.nan
        if self._metrics.get(task) == "accuracy" and np.isfinite(examples).all():
            return examples.std(ddof=1) / math.sqrt(n)
        score = float(self._best.loc[list(second), f"{split}_score"].mean())
        return self.unpaired_error(task, score, n)

    def unpaired_error(self, task: str, score: float, n: int) -> float:
        return unpaired_error(score, metric=self._metrics.get(task, ""), n=n)

    def right_answers(self, run_id: str, split: str) -> pd.Series:
        """Return 1 for each example that a run's best trial answers right; NaN without a label."""
        if run_id not in self._right:
            rows = pd.DataFrame(columns=["split", "index", "right"])
            if self._best.loc[run_id, "trial_id"]:
                rows = self._predictions(run_id).query("checkpoint == 'best'")
                right = (rows["prediction"] == rows["label"]).astype(float)
                rows = rows.assign(right=right.where(rows["label"] >= 0))
            self._right[run_id] = {
                split: rows[rows["split"] == split].set_index("index")["right"].astype(float)
                for split in SPLITS
            }
        return self._right[run_id][split]

    def gains(self) -> pd.DataFrame:
        """Give every tuning run its gains, paired by example where that can be: `own_gains`."""
        grid = self.study.best.query("method == 'grid'").groupby("task")["run_id"].agg(list)
        rows, columns = pair_with_grid(self.study.best), {}
        for split in SPLITS:
            columns[f"{split}_error"] = [
                self.error(task, split, [run_id], grid[task])
                for task, run_id in zip(rows["task"], rows["run_id"], strict=True)
            ]
            columns[f"{split}_n"] = [len(self.right_answers(i, split)) for i in rows["run_id"]]
        return _gains(rows, source="here", **columns)


def own_gains(
    studies: Sequence[ModelStudy], predictions: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """Give every tuning run its gains over grid search, as `printed_gains`.

    The source is "here"; an error is NaN without predictions.
    """
    return pd.concat(
        [TuningRuns(study, predictions).gains() for study in studies], ignore_index=True
    )


def printed_gains() -> pd.DataFrame:
    """Give every repetition that Liu & Wang print its gains and their errors over examples.

    Predictions are not published: the errors are of two scores that have nothing in common.

    Returns:
        one row a repetition and round, in fractions: model, task, method, repetition, source
        ("paper"), and of each split gain, error and n (examples), such as test_gain.
    Source: Liu & Wang 2021, Tables 10 and 11.
    """
    rows, columns = pair_with_grid(published_rounds()), {}
    for split in SPLITS:
        sizes = [GLUE_SIZES[task][split] for task in rows["task"]]
        cells = zip(rows[f"grid_{split}_score"], rows["metric"], sizes, strict=True)
        columns |= {f"{split}_n": sizes}
        columns[f"{split}_error"] = [unpaired_error(s, metric=m, n=n) for s, m, n in cells]
    return _gains(rows, source="paper", **columns)


def _gains(rows: pd.DataFrame, **columns) -> pd.DataFrame:
    gains = {f"{s}_gain": rows[f"{s}_score"] - rows[f"grid_{s}_score"] for s in SPLITS}
    return rows[_KEYS].assign(**gains, **columns).reset_index(drop=True)


def describe_gains(gains: pd.DataFrame) -> str:
    """Say how many runs overfit, and in how many of them both signs are beyond their errors."""
    parts = []
    for source, whose in (("paper", "printed repetitions"), ("here", "tuning runs here")):
        rows = gains[gains["source"] == source]
        if rows.empty:
            continue
        over = rows[(rows["validation_gain"] > 1e-9) & (rows["test_gain"] < -1e-9)]
        n_sure = int((over["validation_gain"] > over["validation_error"]).sum())
        n_lost = int((over["test_gain"] < -1.96 * over["test_error"]).sum())
        means = "" if parts else ", that is, beat grid search on validation and lose to it on test"
        parts.append(
            f"{len(over)} of {len(rows)} {whose} overfit{means}; of these {n_sure or 'none'} "
            "gained more than one standard error on validation and "
            f"{n_lost or 'none'} lost more than 1.96 on test"
        )
    if not parts:
        return "No tuning run has a score on both splits."
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "."
