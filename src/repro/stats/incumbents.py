"""Incumbents, their scores over repetitions, and what the tuning runs cost.

Frames in are `runs`, `trials` and `evaluations` of `repro.records`, of one data split. Scores and
their differences are fractions (1 point = 0.01). No result depends on the order of rows.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.names import check_name
from repro.records import METRICS, RUN_KEY, SETTING, TABLES, check_table
from repro.stats.intervals import bootstrap_interval, summarise_differences

SPLITS = ("validation", "test")
_NUMBERS = [c.name for c in TABLES["trials"] if c.kind == "number" and c.name not in RUN_KEY]


def best_trials(trials: pd.DataFrame, runs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Pick each tuning run's incumbent: the highest validation score, the earlier trial on a tie.

    A diverged trial counts with the best checkpoint it had before, as in `runs.best_trial_id`.

    Args:
        runs: adds the tuning runs that have no trial at all.
    Returns:
        one row a tuning run: its key, n_trials, n_scored, n_failed (failed or diverged), and the
        incumbent's trial_id, status, hyperparameters, scores and, where known, test_source (empty
        text and NaN where no trial has a score).
    Source: Liu & Wang 2021, sec. 3 and A.1 (best checkpoint of the best trial).
    """
    trials = check_table("trials", trials).sort_values(["run_id", "trial"])
    keys = [t[list(RUN_KEY)] for t in (trials, runs) if t is not None]
    keys = pd.concat(keys).drop_duplicates("run_id").sort_values([*SETTING, "repetition"])
    scored = trials.dropna(subset="validation_score")
    best = scored.sort_values("validation_score", ascending=False, kind="stable")
    texts = ["trial_id", "status", *trials.columns.intersection(["test_source"])]
    best = best.drop_duplicates("run_id")[["run_id", *texts, *_NUMBERS]]
    groups = trials.assign(bad=trials["status"].isin(["failed", "diverged"])).groupby("run_id")
    counts = groups.agg(
        n_trials=("trial", "size"), n_scored=("validation_score", "count"), n_failed=("bad", "sum")
    )
    table = keys.merge(counts, how="left", on="run_id").merge(best, how="left")
    table[list(counts)] = table[list(counts)].fillna(0).astype("int64")
    return table.fillna(dict.fromkeys(texts, ""))


def summarise(best: pd.DataFrame) -> pd.DataFrame:
    """Summarise the scores of `best_trials` over the repetitions of each setting.

    Returns:
        one row a setting, split and metric that the task defines ("score" is the optimised one):
        mean, sd (n - 1 in the denominator; NaN for n = 1), minimum, maximum, n (repetitions with
        a score), n_missing (repetitions without).
    """
    columns = [f"{split}_{metric}" for split in SPLITS for metric in ("score", *METRICS)]
    scores = best.melt(list(RUN_KEY), columns, value_name="score")
    scores[["split", "metric"]] = scores["variable"].str.split("_", n=1, expand=True)
    defined = scores.groupby(["task", "metric"])["score"].transform("count") > 0
    scores = scores[defined | (scores["metric"] == "score")]
    groups = scores.groupby([*SETTING, "split", "metric"], dropna=False)["score"]
    table = groups.agg(mean="mean", sd="std", minimum="min", maximum="max", n="count", rows="size")
    return table.assign(n_missing=table["rows"] - table["n"]).drop(columns="rows").reset_index()


def tuned_metrics(best: pd.DataFrame) -> dict[str, str]:
    """Find each task's optimised metric, the one that always equals its score.

    Raises:
        ValueError: if the score of a task is none of them.
    """
    metrics = {}
    for task, rows in best.dropna(subset="validation_score").groupby("task"):
        score = rows["validation_score"]
        equal = [m for m in METRICS if np.allclose(rows[f"validation_{m}"], score)]
        if not equal:
            raise ValueError(
                f"the score of {task} must be one of {METRICS}, but is none; is its table complete?"
            )
        metrics[task] = equal[0]
    return metrics


def is_returned(rows: pd.DataFrame) -> pd.Series:
    """Tell of each row whether its test score came back from the GLUE site."""
    return rows.get("test_source", pd.Series("", rows.index)) == "returned"


def select_model(runs: pd.DataFrame, trials: pd.DataFrame, model: str):
    """Return the runs and trials of one model, whose methods have one space and budget each."""
    check_name("model", model, sorted(set(runs["model"])))
    runs, trials = runs[runs["model"] == model], trials[trials["model"] == model]
    settings = runs[["method", "space", "budget_gst"]].drop_duplicates()
    if settings["method"].duplicated().any():
        raise ValueError(
            "a method must come with one search space and one budget in this table, but got "
            f"{settings.to_dict('records')}; select the runs first"
        )
    return runs, trials


def pair_with_grid(best: pd.DataFrame) -> pd.DataFrame:
    """Put grid search's scores beside those of the other methods, by model and task.

    Where grid search ran once, as in the paper, every repetition is held against that run;
    where it was repeated, repetition i is held against grid's repetition i.

    Args:
        best: from `best_trials`, grid search among the methods.
    Returns:
        the rows of the others with grid search's scores, loss and test_source as grid_... .
    """
    names = ["validation_score", "test_score", "validation_loss"]
    names += best.columns.intersection(["test_source"]).tolist()
    values, cell = [f"grid_{name}" for name in names], ["model", "task"]
    is_grid = best["method"] == "grid"
    grid = best[is_grid].rename(columns=dict(zip(names, values, strict=True)))
    again = grid[grid.duplicated([*cell, "repetition"])]
    if len(again):
        raise ValueError(
            "grid search must be there once a model, task and repetition, but "
            f"{again['run_id'].iloc[0]} is a second one; analyse one data split at a time"
        )
    repeated = grid.duplicated(cell, keep=False)
    rows = best[~is_grid].reset_index(drop=True).reset_index(names="row")
    once = rows.merge(grid.loc[~repeated, [*cell, *values]], on=cell)
    cell = [*cell, "repetition"]
    each = rows.merge(grid.loc[repeated, [*cell, *values]], on=cell)
    paired = pd.concat([p for p in (once, each) if len(p)] or [once])
    missing = rows[~rows["row"].isin(paired["row"])]
    if len(missing):
        raise ValueError(
            f"{missing['model'].iloc[0]}/{missing['task'].iloc[0]} must have a grid search to "
            "compare with, but has none; add method 'grid'"
        )
    return paired.sort_values("row").drop(columns="row").reset_index(drop=True)


def differences_from_grid(best: pd.DataFrame) -> pd.DataFrame:
    """Subtract grid search's score from each repetition's, paired as in `pair_with_grid`.

    Returns:
        one row a tuning run and split: the run's key, split, score, grid_score, difference
        (fractions; NaN where either is missing).
    """
    pairs = pair_with_grid(best)
    return _by_split(pairs, RUN_KEY, score="{}_score", grid_score="grid_{}_score")


def best_against_last(best: pd.DataFrame) -> pd.DataFrame:
    """Subtract the last checkpoint's score from the best checkpoint's, in each run's best trial.

    On validation this cannot be negative: the best checkpoint is chosen there. On test it can.

    Returns:
        one row a tuning run and split: the run's key, split, best, last, difference (fractions).
    Source: Liu & Wang 2021, A.1, which compares them for ELECTRA's grid search on three tasks.
    """
    return _by_split(best, RUN_KEY, best="{}_score", last="last_{}_score")


def paired_differences(
    first: pd.DataFrame, second: pd.DataFrame, *, by: Sequence[str]
) -> pd.DataFrame:
    """Subtract the scores of `second` from those of `first`, pair by pair, on validation and test.

    Args:
        by: the columns that tell a pair.
    Returns:
        one row a pair and split: `by`, split, difference (fraction; NaN where either is missing).
    """
    pairs = first.merge(second, on=list(by), suffixes=("", "_other"), validate="one_to_one")
    table = _by_split(pairs, by, first="{}_score", second="{}_score_other")
    return table.drop(columns=["first", "second"])


def _by_split(table: pd.DataFrame, keys: Sequence[str], **columns: str) -> pd.DataFrame:
    """Lay the splits below one another: keys, the two columns of each split, their difference."""
    parts = []
    for split in SPLITS:
        first, second = (table[column.format(split)] for column in columns.values())
        values = dict(zip(columns, (first, second), strict=True))
        values |= {"difference": first - second}
        parts.append(table[list(keys)].assign(split=split, **values))
    return pd.concat(parts, ignore_index=True)


def checkpoint_gains(pairs: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Average the best checkpoint's gain over the last, on each task and over all tasks.

    Args:
        pairs: from `best_against_last`, of one model.
    Returns:
        one row a task, and "all", where tasks count alike, and split: best and last (means of
        the pairs with both) and the columns of `summarise_differences`.
    """
    means = pairs.dropna(subset="difference").groupby(["task", "split"])[["best", "last"]].mean()
    overall = means.groupby("split").mean()
    per_task = summarise_differences(pairs, ["task", "split"], seed=seed)
    over_tasks = summarise_differences(pairs, ["split"], seed=seed).assign(task="all")
    rows = [per_task.join(means, on=["task", "split"]), over_tasks.join(overall, on="split")]
    return pd.concat(rows)


def incumbent_curves(
    trials: pd.DataFrame, evaluations: pd.DataFrame | None = None, *, cost: str = "steps"
) -> pd.DataFrame:
    """Follow the best validation score so far over what a tuning run has spent.

    Trials are laid end to end in the order of starting, as on one worker; where several ran at
    once this is the order of spending only roughly.

    Args:
        evaluations: without them each trial's best and last stand in, for the cost "steps": an
            incumbent rises at the same steps and to the same scores, but for what it gained
            within a trial before that trial's best.
        cost: one of COSTS; the seconds of a trial are all, set-up and test predictions included.
    Returns:
        one row an evaluation (over "trials": a trial), in the order of spending: the run's key,
        trial_id, trial, spent (in `cost`, this one included), validation_score, incumbent_score
        (NaN before the first score).
    """
    check_name("cost", cost, COSTS)
    trials = trials.sort_values(["run_id", "trial"])
    if cost == "trials":
        table = trials.assign(spent=trials["trial"] + 1)
    else:
        whole, within = COSTS[cost]
        before = trials.groupby("run_id")[whole].cumsum() - trials[whole]
        keys = trials[[*RUN_KEY, "trial_id", "trial", "epochs_trained"]].assign(before=before)
        if evaluations is None:
            best = {"best_step": "step", "validation_score": "validation_score"}
            last = {"steps": "step", "last_validation_score": "validation_score"}
            ends = (trials[["trial_id", *n]].rename(columns=n) for n in (best, last))
            evaluations = pd.concat(ends).dropna(subset="step")
            evaluations = evaluations.drop_duplicates(["trial_id", "step"])
        table = evaluations.merge(keys, on="trial_id").sort_values(["run_id", "trial", "step"])
        spent = table[within]
        if cost == "epochs":  # a segment of a population counts from the start of its lineage
            last = table.groupby("trial_id")["epoch"].transform("max")
            spent = spent - (last - table["epochs_trained"])
        table["spent"] = table["before"] + spent
    so_far = table.groupby("run_id")["validation_score"].cummax()
    table["incumbent_score"] = so_far.groupby(table["run_id"]).ffill()
    columns = [*RUN_KEY, "trial_id", "trial", "spent", "validation_score", "incumbent_score"]
    return table[columns].reset_index(drop=True)


# cost -> what trials say that they spent, and what evaluations say, within their trial
COSTS = {
    "steps": ("steps", "step"),
    "epochs": ("epochs_trained", "epoch"),
    "seconds": ("seconds", "seconds"),
    "trials": ("", ""),
}


def incumbent_bands(
    curves: pd.DataFrame,
    *,
    by: Sequence[str] = ("method", "variant", "stage"),
    n_points: int = 80,
    seed: int = 0,
) -> pd.DataFrame:
    """Average incumbents' curves over the repetitions of each strategy.

    A strategy's band begins where its slowest repetition has its first score and ends where its
    shortest has spent all.

    Args:
        curves: from `incumbent_curves`, of one model and task.
        by: the columns that tell strategies apart.
    Returns:
        one row a strategy and point: `by`, spent, mean, low, high (bootstrap over repetitions, the
        same ones drawn at each point, so that the band is smooth), n (repetitions).
    """
    rows, curves = [], curves.dropna(subset="incumbent_score")
    for key, strategy in curves.groupby(list(by)):
        runs = [run.sort_values("spent", kind="stable") for _, run in strategy.groupby("run_id")]
        first = max(run["spent"].min() for run in runs)
        last = min(run["spent"].max() for run in runs)
        at = np.linspace(first, max(first, last), n_points)
        scores = []  # (n_repetitions, n_points): the last incumbent at or before each point
        for run in runs:
            places = np.searchsorted(run["spent"], at * (1 + 1e-12), side="right") - 1
            scores.append(run["incumbent_score"].to_numpy()[np.clip(places, 0, None)])
        band = [
            bootstrap_interval(values, rng=np.random.default_rng(seed), n_resamples=500)
            for values in np.transpose(scores)
        ]
        low, high = np.transpose(band)
        table = {"spent": at, "mean": np.mean(scores, axis=0), "low": low, "high": high}
        rows.append(pd.DataFrame(dict(zip(by, key, strict=True)) | table | {"n": len(runs)}))
    return pd.concat(rows, ignore_index=True)
