"""When does a tuning run overfit the validation set, and with which hyperparameters?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from repro.records import METRICS
from repro.stats.incumbents import pair_with_grid

VERDICTS = ("overfits", "weak", "no", "unknown")
# Table 1's searched hyperparameters, in the column order of Tables 8 and 9.
SEARCHED = (
    *("learning_rate", "warmup_ratio", "batch_size"),
    *("hidden_dropout", "attention_dropout", "weight_decay"),
)


def judge(scores: pd.DataFrame, *, tolerance: float = 1e-9) -> pd.Series:
    """Judge each row by Liu & Wang's rule.

    "overfits": validation above grid's and test below it; "weak": validation equal, test below
    and validation loss below grid's; "no"; "unknown" where a missing number leaves it open (a
    validation score below grid's is "no" whatever the test score).

    Args:
        scores: columns validation_score, test_score and validation_loss, and the same with
            `grid_` before; any unit, the same in each pair; NaN where missing.
        tolerance: scores closer than this are equal, in the scores' unit.
    Returns:
        shape (n_rows,), one of VERDICTS.
    Source: Liu & Wang 2021, sec. 5.2 (weak overfitting in the example of Table 4).
    """
    validation = scores["validation_score"] - scores["grid_validation_score"]
    test = scores["test_score"] - scores["grid_test_score"]
    loss = scores["validation_loss"] - scores["grid_validation_loss"]
    higher, equal = validation > tolerance, validation.abs() <= tolerance
    lower = test < -tolerance
    cases = [
        (validation.isna() | ((higher | equal) & test.isna()), "unknown"),
        (higher & lower, "overfits"),
        (equal & lower & loss.isna(), "unknown"),
        (equal & lower & (loss < 0), "weak"),
    ]
    conditions, verdicts = zip(*cases, strict=True)
    return pd.Series(np.select(conditions, verdicts, "no"), index=scores.index, dtype="str")


def overfits(incumbents: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Judge every tuning run against grid search on its model and task.

    Args:
        incumbents, grid: rows of `best_trials`: the tuning runs to judge, and grid search's.
    Returns:
        `incumbents` with grid's scores (see `pair_with_grid`), `verdict` (one of VERDICTS), and
        `reason`: what is missing where the verdict is unknown, else empty.
    Raises:
        ValueError: if a run has no grid search to compare with.
    """
    paired = pair_with_grid(incumbents, grid)
    verdict = judge(paired)
    names = ("validation_score", "test_score", "validation_loss")
    names = [n for name in names for n in (name, f"grid_{name}")]
    missing = [", ".join(n for n in names if pd.isna(row[n])) for _, row in paired.iterrows()]
    reason = np.where(verdict == "unknown", "missing: " + pd.Series(missing, dtype="str"), "")
    return paired.assign(verdict=verdict, reason=reason)


def overfitting_hyperparameters(best: pd.DataFrame) -> pd.DataFrame:
    """List the best trials of the overfitting tuning runs under grid search's.

    Runs that overfit weakly are listed too, as in the paper's Table 9 (MRPC, RS, repetition 3).

    Args:
        best: from `best_trials`, grid search among the methods.
    Returns:
        grid search's row and the overfitting runs' rows for each model and task that has any:
        model, task, method, repetition, is_grid, verdict, scores (fractions), hyperparameters,
        and for each of SEARCHED `<name>_against_grid` (see `compare_with_grid`).
    Source: Liu & Wang 2021, A.3, Tables 8 and 9.
    """
    is_grid = best["method"] == "grid"
    judged = overfits(best[~is_grid], best[is_grid])
    judged = judged[judged["verdict"].isin(["overfits", "weak"])].assign(is_grid=False)
    concerned = pd.MultiIndex.from_frame(judged[["model", "task"]])
    grid = best[is_grid & pd.MultiIndex.from_frame(best[["model", "task"]]).isin(concerned)]
    grid = grid.assign(is_grid=True, verdict="")
    scores = [f"{s}_{m}" for s in ("validation", "test") for m in ("score", *METRICS)]
    columns = ["model", "task", "method", "repetition", "is_grid", "verdict", *scores, *SEARCHED]
    columns += best.columns.intersection(["test_source"]).tolist()
    rows = pd.concat([grid[columns], judged[columns]], ignore_index=True)
    rows = rows.sort_values(["model", "task", "is_grid"], ascending=[True, True, False])
    return compare_with_grid(rows.reset_index(drop=True))


def compare_with_grid(rows: pd.DataFrame, hyperparameters: Sequence[str] = SEARCHED):
    """Say for each hyperparameter whether it lies above or below grid search's best trial.

    Args:
        rows: columns model, task, method, repetition, is_grid and the hyperparameters; grid
            search's rows among them. The published Tables 8 and 9 have this shape.
    Returns:
        `rows` with `<name>_against_grid` for each hyperparameter: "higher", "lower" or "equal";
        empty for grid search itself and where either value is missing.
    """
    grid = rows[rows["is_grid"]].set_index(["model", "task"])
    repeated = grid.index.has_duplicates
    if repeated:
        grid = grid.set_index("repetition", append=True)
    keys = ["model", "task", "repetition"] if repeated else ["model", "task"]
    places = pd.MultiIndex.from_frame(rows[keys])
    columns = {}
    for name in hyperparameters:
        # equal up to rounding: 1e-4 read back from a schedule is still 1e-4
        ours, theirs = rows[name].to_numpy(float), grid[name].reindex(places).to_numpy(float)
        same = np.isclose(ours, theirs, rtol=1e-6, atol=0)
        words = np.select([same, ours > theirs, ours < theirs], ["equal", "higher", "lower"], "")
        columns[f"{name}_against_grid"] = np.where(rows["is_grid"], "", words)
    return rows.assign(**columns)
