"""The winner's curse: what choosing the best of many trials does to its validation score.

Tuning runs are simulated from the predictions of real trials: a simulated run draws trials, a
validation set and a test set from examples that the trials predicted, and chooses as tuning does.
So one set of trained trials serves every shift, size and number of trials.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import best_by_validation
from repro.data.tasks import resolve_task
from repro.results.tables import Results
from repro.stats.correlation import row_correlations
from repro.stats.weighted_scores import weighted_scores

_POOL = "test-shift"  # what the splits of further test sets begin with
_SIZES = ["n_trials", "validation_size", "shift"]
_AVERAGED = ["correlation", "top_correlation", "negative", "overfits", "optimism"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What all trials on one model and task predict."""

    model: str
    task: str
    metric: str
    table: pd.DataFrame  # split, index, label and a column a trial, none missing
    grid: Collection[str]  # grid search's trials, the yardstick; the others may be drawn

    def pools(self) -> dict[float, pd.DataFrame]:
        """Return shift -> rows of the further test set at this shift."""
        cut = self.table.groupby("split")
        pools = {float(s.removeprefix(_POOL)): rows for s, rows in cut if s.startswith(_POOL)}
        return dict(sorted(pools.items()))

    def score(self, pool: pd.DataFrame, counts: np.ndarray) -> np.ndarray:
        """Score all trials on samples, a row each: `counts` says how often they hold an example."""
        predictions, labels = pool.iloc[:, 3:].to_numpy(), pool["label"].to_numpy()
        return weighted_scores(predictions, labels, counts, metric=self.metric)

    def draw(self, pool: pd.DataFrame, size: int, *, draws: int, rng) -> np.ndarray:
        """Score all trials on `draws` samples of `size` examples, drawn with replacement."""
        shares = np.full(len(pool), 1 / len(pool))
        return self.score(pool, rng.multinomial(size, shares, size=draws))


def read_predictions(results: Results, tasks: Sequence[str]) -> list[Predictions]:
    """Return what all trials predict, one entry a model and task; `tasks` may be YAML files."""
    metrics = {Path(task).stem: resolve_task(task).metric for task in tasks}
    trials = results.trials
    grid = set(trials.loc[trials["method"] == "grid", "trial_id"])
    return [
        Predictions(model, task, metrics[task], results.joint_predictions(model, task), grid)
        for model, task in trials[["model", "task"]].drop_duplicates().itertuples(index=False)
    ]


def score_pools(studies: Sequence[Predictions]) -> pd.DataFrame:
    """Score every trial on the whole further test set of every shift: `pool_score`, a fraction."""
    parts = [pd.DataFrame(columns=["trial_id", "shift", "pool_score"])]
    for study in studies:
        for shift, pool in study.pools().items():
            scores = study.score(pool, np.ones((1, len(pool))))[0]
            columns = {"trial_id": pool.columns[3:], "shift": shift, "pool_score": scores}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def simulate_runs(
    studies: Sequence[Predictions],
    *,
    validation_sizes: Sequence[int],
    trial_counts: Sequence[int],
    draws: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate tuning runs and say what became of validation and test.

    A simulated run draws its trials without replacement; its validation examples, with replacement,
    from the further test set at shift 0; and its test examples, as many as there are, from that of
    each shift. So at shift 0 both are of one distribution exactly; at another, two finite sets of
    examples also differ by chance, which adds a little to what the shift does.

    Args:
        trial_counts: those that are more than the trials there are, are left out.
    Returns:
        one row a model, task, shift, validation_size and n_trials, with what `summarise_runs`
        gives; no rows without a further test set at shift 0.
    """
    rows = []
    for study in studies:
        rng, is_grid = np.random.default_rng(seed), study.table.columns[3:].isin(list(study.grid))
        grid, others = np.flatnonzero(is_grid), np.flatnonzero(~is_grid)
        trials = rng.permuted(np.tile(others, (draws, 1)), axis=1)
        draw = partial(study.draw, draws=draws, rng=rng)
        pools = study.pools()
        tests = {shift: draw(pool, len(pool)) for shift, pool in pools.items()}
        for size in validation_sizes if 0.0 in pools else ():
            validation = draw(pools[0.0], size)
            for shift, test in tests.items():
                key = {"model": study.model, "task": study.task, "shift": shift}
                for n in [n for n in trial_counts if n <= len(others)]:
                    summary = summarise_runs(validation, test, trials=trials[:, :n], grid=grid)
                    rows.append(key | {"validation_size": size, "n_trials": n} | summary)
    nothing = pd.DataFrame(columns=["model", "task", *_SIZES, *_AVERAGED])
    return pd.DataFrame(rows) if rows else nothing


def summarise_runs(
    validation: np.ndarray, test: np.ndarray, *, trials: np.ndarray, grid: np.ndarray
) -> dict[str, float]:
    """Say what became of validation and test in simulated runs of one size.

    Args:
        validation, test: shape (n_runs, n_columns), scores of all trials.
        trials: shape (n_runs, n_trials), the columns that a run draws.
        grid: the columns of grid search.
    Returns:
        correlation (mean of Pearson's r over a run's trials) and top_correlation (over its best
        four), each with low and high (of 95 % of the runs), negative (share of runs with a top
        correlation below 0), overfits (share better than grid search on validation and worse on
        test), optimism (mean of the incumbent's validation score minus its test score, beyond that
        of all trials), n_draws; NaN where not defined.
    Source: Liu & Wang 2021, sec. 5.2, without ties (overfits).
    """
    all_gaps = np.delete(validation - test, grid, axis=1).mean(axis=1)
    own = [np.take_along_axis(scores, trials, axis=1) for scores in (validation, test)]
    top, row = best_by_validation(*own), {}
    for name, pair in (("correlation", own), ("top_correlation", top)):
        r = pd.Series(row_correlations(*pair)).dropna()
        low, high = r.quantile([0.025, 0.975])
        row |= {name: r.mean(), f"{name}_low": low, f"{name}_high": high}
    row |= {"negative": (r < 0).mean(), "overfits": np.nan}
    best, best_test = (scores[:, 0] for scores in top)
    if len(grid):
        rivals = best_by_validation(validation[:, grid], test[:, grid], n=1)
        rival, rival_test = (scores[:, 0] for scores in rivals)
        row["overfits"] = ((best > rival + 1e-9) & (best_test < rival_test - 1e-9)).mean()
    return row | {"optimism": (best - best_test - all_gaps).mean(), "n_draws": len(best)}


def average_runs(simulated: pd.DataFrame) -> pd.DataFrame:
    """Average over models and tasks the runs with the fewest and the most trials that all have."""
    counts = _common_counts(simulated)
    rows = simulated[simulated["n_trials"].isin(counts[:1] + counts[-1:])]
    return rows.groupby(_SIZES, as_index=False)[_AVERAGED].mean()


def largest_runs(simulated: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the most trials that all models and tasks have."""
    return simulated[simulated["n_trials"].isin(_common_counts(simulated)[-1:])]


def _common_counts(simulated: pd.DataFrame) -> list[int]:
    studies = simulated["model"] + "/" + simulated["task"]
    n_studies = studies.groupby(simulated["n_trials"]).nunique()
    return n_studies.index[n_studies == studies.nunique()].tolist()


def observed_optimism(trials: pd.DataFrame, pool_scores: pd.DataFrame) -> pd.DataFrame:
    """Follow the incumbents of real tuning runs: validation score minus score on fresh examples.

    The mean of that difference over all trials on the model and task is subtracted: by so much the
    validation set is easier than the fresh examples, whoever is chosen.

    Args:
        trials: of random search, on the original split.
        pool_scores: from `score_pools`; those at shift 0 count.
    Returns:
        one row a run and number of trials so far: model, task, repetition, n_trials, optimism
        (fraction; a trial's best checkpoint was chosen on its validation score as well).
    """
    fresh = pool_scores[pool_scores["shift"] == 0]
    rows = trials.merge(fresh[["trial_id", "pool_score"]], on="trial_id")
    rows = rows.dropna(subset="validation_score").sort_values(["run_id", "trial"])
    gaps = (rows["validation_score"] - rows["pool_score"]).astype(float)
    gaps -= gaps.groupby([rows["model"], rows["task"]]).transform("mean")
    runs = rows.groupby("run_id")["validation_score"]
    is_incumbent = ~(rows["validation_score"] <= runs.cummax().groupby(rows["run_id"]).shift())
    optimism = gaps.where(is_incumbent).groupby(rows["run_id"]).ffill()
    rows = rows.assign(n_trials=runs.cumcount() + 1, optimism=optimism)
    return rows[["model", "task", "repetition", "n_trials", "optimism"]].reset_index(drop=True)
