"""The winner's curse: what choosing the best of many trials does to its validation score.

Tuning runs are simulated from the predictions of real trials: a simulated run draws trials, draws a
validation set and a test set from examples that the trials predicted, and chooses as tuning does.
So one set of trained trials serves every shift, size and number of trials.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import TOP, row_correlations

METRICS = ("accuracy", "matthews", "pearson")
SIMULATED = [
    *("shift", "validation_size", "n_trials", "n_draws"),
    *("correlation", "correlation_low", "correlation_high"),
    *("top_correlation", "top_correlation_low", "top_correlation_high"),
    *("negative", "overfits", "optimism"),
]
POOL = "test-shift"  # what the splits of further test sets begin with


def sample_scores(
    predictions: np.ndarray, labels: np.ndarray, *, counts: np.ndarray, metric: str
) -> np.ndarray:
    """Score all trials on samples of the examples.

    Args:
        predictions: shape (n_examples, n_trials); class ids, or numbers in a regression.
        labels: shape (n_examples,).
        counts: shape (n_samples, n_examples), how often a sample holds an example.
        metric: one of METRICS; Matthews of two classes, where it is Pearson's r of the class ids.
    Returns:
        shape (n_samples, n_trials); 0 where a correlation is not defined.
    """
    if metric not in METRICS:
        raise ValueError(f"`metric` must be one of {METRICS}, but got {metric!r}")
    n = counts.sum(axis=1, keepdims=True)
    counts, predictions = counts.astype(float), predictions.astype(float)
    if metric == "accuracy":
        return counts @ (predictions == labels[:, None]) / n
    mean, label_mean = counts @ predictions / n, (counts @ labels)[:, None] / n
    covariance = counts @ (predictions * labels[:, None]) / n - mean * label_mean
    variance = (counts @ predictions**2 / n - mean**2) * (
        (counts @ labels**2)[:, None] / n - label_mean**2
    )
    defined = variance > 1e-12
    return np.where(defined, covariance / np.sqrt(np.where(defined, variance, 1)), 0.0)


def pools(predictions: pd.DataFrame) -> dict[float, pd.DataFrame]:
    """Return shift -> rows of the further test set at this shift.

    Args:
        predictions: split, index, label and a column a trial, of one model and task.
    """
    names = [name for name in predictions["split"].unique() if name.startswith(POOL)]
    return {
        float(name.removeprefix(POOL)): predictions[predictions["split"] == name]
        for name in sorted(names, key=lambda name: float(name.removeprefix(POOL)))
    }


def score_pools(predictions: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """Score every trial on the whole further test set of every shift.

    Returns:
        columns trial_id, shift, pool_score (fraction).
    """
    rows = []
    for shift, pool in pools(predictions).items():
        columns = list(pool.columns[3:])
        whole = np.ones((1, len(pool)))
        scores = sample_scores(
            pool[columns].to_numpy(), pool["label"].to_numpy(), counts=whole, metric=metric
        )
        rows.append(pd.DataFrame({"trial_id": columns, "shift": shift, "pool_score": scores[0]}))
    columns = ["trial_id", "shift", "pool_score"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def simulate_runs(
    predictions: pd.DataFrame,
    *,
    grid: Sequence[str],
    metric: str,
    validation_sizes: Sequence[int],
    trial_counts: Sequence[int],
    draws: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate tuning runs and say what became of validation and test.

    A simulated run draws its trials without replacement; its validation examples, with replacement,
    from the test split; and its test examples, as many as there are, from a further test set. (Two
    halves of one set would not do: what is easy in one half is lacking in the other.)

    Args:
        predictions: as for `pools`, without missing ones; trials of random and of grid search. The
            split test must be of the validation set's distribution, as at shift 0.
        grid: columns of grid search's trials, the yardstick; the others are drawn.
        trial_counts: those that are more than the trials there are, are left out.
    Returns:
        one row a shift, validation_size and n_trials: correlation (mean over draws of Pearson's r
        over the run's trials), top_correlation (of its top four), each with low and high (of 95 %
        of the draws), negative (share of draws with a top correlation below 0), overfits (share
        that beats grid search on validation and loses on test), optimism (mean over draws of the
        incumbent's validation score minus its test score, beyond that of all trials), n_draws. No
        rows without further test sets.
    """
    rng, by_shift = np.random.default_rng(seed), pools(predictions)
    if not by_shift:
        return pd.DataFrame(columns=SIMULATED)
    names = predictions.columns[3:]
    is_grid = names.isin(list(grid))
    places = {"drawn": np.flatnonzero(~is_grid), "grid": np.flatnonzero(is_grid)}
    order = rng.permuted(np.tile(places["drawn"], (draws, 1)), axis=1)
    drawing = {"draws": draws, "metric": metric, "rng": rng}
    tests = {s: _draw_scores(pool, len(pool), **drawing) for s, pool in by_shift.items()}
    population, rows = predictions[predictions["split"] == "test"], []
    for size in validation_sizes:
        validation = _draw_scores(population, size, **drawing)
        for shift, test in tests.items():
            for n in [n for n in trial_counts if n <= order.shape[1]]:
                runs = _Runs(validation, test, order[:, :n], places)
                key = {"shift": shift, "validation_size": size, "n_trials": n}
                rows.append(key | runs.summary())
    return pd.DataFrame(rows, columns=SIMULATED)


def _draw_scores(pool: pd.DataFrame, size: int, *, draws: int, metric: str, rng) -> np.ndarray:
    """Score all trials on `draws` samples of `size` examples, drawn with replacement."""
    counts = rng.multinomial(size, np.full(len(pool), 1 / len(pool)), size=draws)
    values = pool[pool.columns[3:]].to_numpy()
    return sample_scores(values, pool["label"].to_numpy(), counts=counts, metric=metric)


class _Runs:
    """Simulated runs of one size.

    Args:
        validation, test: shape (n_runs, n_columns), scores of all trials.
        trials: shape (n_runs, n_trials), the columns that a run draws.
        places: the columns of random search ("drawn") and of grid search ("grid").
    """

    def __init__(self, validation, test, trials, places: Mapping[str, np.ndarray]) -> None:
        grid, drawn = places["grid"], places["drawn"]
        self.usual_gap = (validation - test)[:, drawn].mean(axis=1)
        self.validation = np.take_along_axis(validation, trials, axis=1)
        self.test = np.take_along_axis(test, trials, axis=1)
        self.grid_validation, self.grid_test = validation[:, grid], test[:, grid]

    def summary(self) -> dict[str, float]:
        ranks = np.argsort(-self.validation, axis=1, kind="stable")[:, :TOP]
        top = [np.take_along_axis(scores, ranks, axis=1) for scores in (self.validation, self.test)]
        row = {}
        for name, found in (
            ("correlation", row_correlations(self.validation, self.test)),
            ("top_correlation", row_correlations(*top)),
        ):
            known = found[~np.isnan(found)]
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
            mean = known.mean() if len(known) else np.nan
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        best, best_test = top[0][:, 0], top[1][:, 0]
        row["negative"] = float(np.mean(known < 0)) if len(known) else np.nan
        row["overfits"] = self._overfits(best, best_test)
        row["optimism"] = float(np.mean(best - best_test - self.usual_gap))
        return row | {"n_draws": len(best)}

    def _overfits(self, best: np.ndarray, best_test: np.ndarray) -> float:
        """Return the share of runs that overfit (Liu & Wang 2021, sec. 5.2, without ties)."""
        if not self.grid_validation.shape[1]:
            return float("nan")
        place = self.grid_validation.argmax(axis=1)[:, None]
        grid = np.take_along_axis(self.grid_validation, place, axis=1)[:, 0]
        grid_test = np.take_along_axis(self.grid_test, place, axis=1)[:, 0]
        return float(np.mean((best > grid + 1e-9) & (best_test < grid_test - 1e-9)))


def observed_optimism(trials: pd.DataFrame, pool_scores: pd.DataFrame) -> pd.DataFrame:
    """Follow the incumbents of real tuning runs: validation score minus score on fresh examples.

    The mean of that difference over all trials on the model and task is subtracted: by so much the
    validation set is easier than the fresh examples, whoever is chosen.

    Args:
        trials: of random search, as in records.
        pool_scores: trial_id and pool_score, at shift 0.
    Returns:
        one row a run and number of trials so far: model, task, repetition, n_trials, difference
        (fraction; a trial's best checkpoint was chosen on its validation score as well).
    """
    table = trials.merge(pool_scores[["trial_id", "pool_score"]], on="trial_id")
    table = table.dropna(subset="validation_score").sort_values(["run_id", "trial"])
    table["gap"] = table["validation_score"] - table["pool_score"]
    table["gap"] -= table.groupby(["model", "task"])["gap"].transform("mean")
    rows = []
    for _, run in table.groupby("run_id"):
        best = run["validation_score"].expanding().apply(np.argmax, raw=True).astype(int)
        gap = run["gap"].to_numpy()[best]
        keys = run[["model", "task", "repetition"]]
        rows.append(keys.assign(n_trials=np.arange(1, len(run) + 1), difference=gap))
    columns = ["model", "task", "repetition", "n_trials", "difference"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
