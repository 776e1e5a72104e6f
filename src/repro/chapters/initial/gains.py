"""What each tuning run gains over grid search on validation and on test, with standard errors."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from repro.chapters.initial.analysis import ModelStudy
from repro.chapters.initial.claims import TuningRuns
from repro.data.definitions import GLUE_SIZES
from repro.published import published_rounds
from repro.stats.incumbents import SPLITS, pair_with_grid
from repro.stats.rules import score_error

_KEYS = ["model", "task", "method", "repetition"]


def printed_gains() -> pd.DataFrame:
    """Give every repetition that Liu & Wang print its gains and their errors over examples.

    Predictions are not published: the errors are of two scores that have nothing in common.

    Returns:
        one row a repetition and round, in fractions: model, task, method, repetition, and gain and
        error of each split, such as test_gain; source is "paper".
    Source: Liu & Wang 2021, Tables 10 and 11.
    """
    rows = pair_with_grid(published_rounds())
    columns = {}
    for split in SPLITS:
        columns[f"{split}_gain"] = rows[f"{split}_score"] - rows[f"grid_{split}_score"]
        columns[f"{split}_error"] = [
            math.sqrt(2) * score_error(grid, metric=metric, n=GLUE_SIZES[task][split])
            for task, metric, grid in rows[["task", "metric", f"grid_{split}_score"]].itertuples(
                index=False
            )
        ]
    return rows[_KEYS].assign(source="paper", **columns).reset_index(drop=True)


def own_gains(
    studies: Sequence[ModelStudy], predictions: Callable[[str], pd.DataFrame]
) -> pd.DataFrame:
    """Give every tuning run its gains over grid search, paired by example where that can be.

    Args:
        predictions: run_id -> split, checkpoint, index, prediction, label.
    Returns:
        as `printed_gains`, with source "here"; an error is NaN without predictions.
    """
    parts = []
    for study in studies:
        runs, grid = TuningRuns(study, predictions), study.best.query("method == 'grid'")
        grid = grid.groupby("task")["run_id"].agg(list)
        rows = pair_with_grid(study.best)
        columns = {}
        for split in SPLITS:
            columns[f"{split}_gain"] = rows[f"{split}_score"] - rows[f"grid_{split}_score"]
            columns[f"{split}_error"] = [
                runs.error(task, split, [run_id], grid[task])
                for task, run_id in rows[["task", "run_id"]].itertuples(index=False)
            ]
        parts.append(rows[_KEYS].assign(source="here", **columns))
    return pd.concat(parts, ignore_index=True)


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
    return ". ".join(part[0].upper() + part[1:] for part in parts) + "." if parts else NO_SCORES


NO_SCORES = "No tuning run has a score on both splits."
