"""What methods, budgets and spaces do to scores and to overfitting, over thousands of replays.

Each quantity has two errors: that of the replays, and that of the recorded pool, of grid search's
training seeds and of the test examples (see `laboratory`). Its interval holds both.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from repro.chapters.how_sure.laboratory import METHODS, Cell, Laboratory
from repro.stats.decisions import LEVEL
from repro.study.replay_many import Incumbents

SETTING = ["model", "task", "method", "space", "budget_gst"]
SHARES = ("beats", "overfits", "low_warmup", "low_dropout")  # of runs
ESTIMATE = ["value", "error", "replay_error", "pool_error", "low", "high"]


def world_means(lab: Laboratory) -> pd.DataFrame:
    """Average replays in each world, for each cell, method, space and budget.

    Returns:
        one row a batch of replays: SETTING, trainings (whole ones that the budget is worth), world
        (0: as recorded), batch, and the means of n_trials; validation and test,
        minus those of a grid search drawn for the run;
        best_of_three repetitions on validation, minus it; score, on test; gap, validation minus
        test; and whether the run beats grid search on validation, overfits (beats it and is below
        it on test), and overfits with a warm-up, or a hidden dropout, below grid search's.
        Method "grid" is another grid search against it: what chance gives.
    """
    parts = []
    for cell in lab.cells:
        for n_worlds in cell.sizes:
            grid, other = cell.grids(n_worlds=n_worlds)
            settings = {("grid", "grid", 1.0): other}
            for space, method in product(cell.pools, METHODS):
                budgets = cell.runs(method, space, n_worlds=n_worlds)
                settings |= {(method, space, budget): runs for budget, runs in budgets.items()}
            for (method, space, budget), runs in settings.items():
                where = cell.key | {"method": method, "space": space, "budget_gst": budget}
                where["trainings"] = cell.trainings(budget)
                parts.append(_in_batches(_quantities(cell, space, runs, grid)).assign(**where))
    means = pd.concat(parts, ignore_index=True)
    everywhere = means.groupby(SETTING)["world"].transform("nunique") > lab.settings.resamples
    return means[everywhere].reset_index(drop=True)  # the pools of some worlds may not last


def _quantities(
    cell: Cell, space: str, runs: Incumbents, grid: Incumbents
) -> dict[str, np.ndarray]:
    validation = runs.validation_score - grid.validation_score
    test = runs.test_score - grid.test_score
    three = np.max([np.roll(runs.validation_score, k, axis=1) for k in range(3)], axis=0)
    overfits = (validation > 0) & (test < 0)
    low = {}
    for short, name in {"warmup": "warmup_ratio", "dropout": "hidden_dropout"}.items():
        pool = cell.grid if space == "grid" else cell.pools[space]
        usual = cell.grid.trials[name].iloc[0] * (1 - 1e-6)
        low[f"low_{short}"] = overfits & (pool.trials[name].to_numpy() < usual)[runs.place]
    return {
        "n_trials": runs.n_trials,
        "validation": validation,
        "test": test,
        "best_of_three": three - grid.validation_score,
        "score": runs.test_score,
        "gap": runs.validation_score - runs.test_score,
        "beats": validation > 0,
        "overfits": overfits,
    } | low


def _in_batches(quantities: dict[str, np.ndarray]) -> pd.DataFrame:
    batches = {name: in_batches(values) for name, values in quantities.items()}
    world, batch = np.indices(batches["test"].shape).reshape(2, -1)
    columns = {name: values.ravel() for name, values in batches.items()}
    table = pd.DataFrame({"world": world, "batch": batch} | columns)
    return table[table["world"] > 0] if world.any() else table  # 0 is there, of more runs


def in_batches(runs: np.ndarray) -> np.ndarray:
    """Average runs, of shape (n_worlds, n_runs), in batches: two a world, ten where it is one."""
    n_worlds, n_runs = runs.shape
    n = min(10 if n_worlds == 1 else 2, n_runs)
    return runs[:, : n_runs - n_runs % n].reshape(n_worlds, n, -1).mean(axis=2)


def contrast(means: pd.DataFrame, quantity: str) -> dict:
    """Estimate a weighted sum of means, with both of its errors.

    Args:
        means: from `world_means`, with `weight`: for a mean over cells weights sum to 1, for a
            difference to 0.
    Returns:
        ESTIMATE: value, error (both), replay_error, pool_error, low, high.
    """
    sums = (means["weight"] * means[quantity]).groupby([means["world"], means["batch"]]).sum()
    own, worlds = sums.xs(0, level="world"), sums.drop(0, level="world").unstack("batch")
    return with_errors(own.to_numpy(), worlds.to_numpy())


def with_errors(own: np.ndarray, worlds: np.ndarray) -> dict:
    """Tell apart the two errors of a mean: what batches of a world share is the pool's.

    The pool's variance is the covariance of two batches over worlds and, to be careful, the error
    of that estimate: where replays spread much more than pools do, it may come out as 0.

    Args:
        own: shape (n_batches,), of the pool as recorded.
        worlds: shape (n_worlds, 2).
    """
    value, n = float(own.mean()), len(worlds)
    replay = float(own.std(ddof=1) / np.sqrt(len(own)))
    (first, shared), (_, second) = np.cov(worlds.T)
    careful = np.sqrt((first * second + shared**2) / (n - 1))
    pool = float(np.sqrt(max(0.0, shared) + careful))
    error = float(np.hypot(pool, replay))
    half = stdtrit(min(n, len(own)) - 1, 1 - LEVEL / 2) * error
    known = {"value": value, "error": error, "replay_error": replay, "pool_error": pool}
    return known | {"low": value - half, "high": value + half}


def effects(means: pd.DataFrame, quantity: str, *, by: Sequence[str] = SETTING) -> pd.DataFrame:
    """Estimate a quantity for each setting, averaged over what is not in `by`, cells alike.

    Returns:
        one row a setting: `by`, trainings, n_cells, and the columns of `contrast`.
    """
    rows = []
    for key, group in means.groupby(list(by), sort=False):
        n = group[SETTING].drop_duplicates().shape[0]
        row = dict(zip(by, key, strict=True)) | {"trainings": group["trainings"].mean()}
        rows.append(row | {"n_cells": n} | contrast(group.assign(weight=1 / n), quantity))
    table = pd.DataFrame(rows, columns=[*by, "trainings", "n_cells", *ESTIMATE])
    if quantity in SHARES:
        table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
    return table


def complete(means: pd.DataFrame) -> pd.DataFrame:
    """Leave out budgets that the pools of some cell of a model do not last for.

    A mean over tasks would else be over other tasks at each budget.
    """
    same = ["model", "method", "space", "budget_gst"]
    n_tasks = means.groupby(same)["task"].transform("nunique")
    return means[n_tasks == means.groupby(["model", "space"])["task"].transform("nunique")]


def difference(
    means: pd.DataFrame, quantity: str, first: dict, second: dict, *, each: str = "model"
) -> pd.DataFrame:
    """Estimate the difference of two settings, over whatever has both, all else being alike.

    Args:
        first, second: column of SETTING -> value, such as {"method": "asha", "budget_gst": 4}.
        each: a row for each value of this column.
    Returns:
        `each`, n_pairs, and the columns of `contrast`.
    """
    rows, others = [], [name for name in SETTING if name not in first]
    for key, group in means.groupby(each, sort=False):
        ours, theirs = (
            group[(group[list(side)] == pd.Series(side)).all(axis=1)].set_index(others)
            for side in (first, second)
        )
        both = ours.index.intersection(theirs.index).unique()
        if n := len(both):
            signed = [side.assign(weight=w / n) for side, w in ((ours, 1), (theirs, -1))]
            pairs = pd.concat([side[side.index.isin(both)] for side in signed])
            rows.append({each: key, "n_pairs": n} | contrast(pairs, quantity))
    return pd.DataFrame(rows, columns=[each, "n_pairs", *ESTIMATE])


def slopes(means: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Estimate how much a quantity changes each time the budget doubles, in the full space.

    Returns:
        one row a model and method: n_cells, budgets, and the columns of `contrast`.
    """
    rows, full = [], complete(means[means["space"] == "full"])
    for (model, method), group in full.groupby(["model", "method"], sort=False):
        at = np.log2(np.sort(group["budget_gst"].unique()))
        if len(at) < 2:
            continue
        n, doublings = group["task"].nunique(), np.log2(group["budget_gst"]) - at.mean()
        weighted = group.assign(weight=doublings / ((at - at.mean()) ** 2).sum() / n)
        about = {"model": model, "method": method, "n_cells": n, "budgets": len(at)}
        rows.append(about | {"most_gst": 2 ** at[-1]} | contrast(weighted, quantity))
    names = ["model", "method", "n_cells", "budgets", "most_gst", *ESTIMATE]
    return pd.DataFrame(rows, columns=names)
