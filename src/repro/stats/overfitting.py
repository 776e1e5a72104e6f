"""When does a tuning run overfit the validation set, and with which hyperparameters?"""

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
    names = ("validation_score", "test_score", "validation_loss")
    differences = ((scores[name] - scores[f"grid_{name}"]).to_numpy(float) for name in names)
    verdicts = judge_differences(*differences, tolerance=tolerance)
    return pd.Series(verdicts, index=scores.index, dtype="str")


def judge_differences(
    validation: np.ndarray, test: np.ndarray, loss: np.ndarray, *, tolerance: float = 1e-9
) -> np.ndarray:
    """Judge differences from grid search, each array of the same shape, as `judge` does."""
    higher, equal = validation > tolerance, np.abs(validation) <= tolerance
    lower = test < -tolerance
    unknown = np.isnan(validation) | ((higher | equal) & np.isnan(test))
    unknown |= equal & lower & np.isnan(loss)
    cases = {"unknown": unknown, "overfits": higher & lower, "weak": equal & lower & (loss < 0)}
    return np.select(list(cases.values()), list(cases), "no")


def overfits(best: pd.DataFrame) -> pd.DataFrame:
    """Judge the rows of `pair_with_grid`: one of VERDICTS as `verdict`."""
    paired = pair_with_grid(best)
    return paired.assign(verdict=judge(paired))


def overfitting_hyperparameters(best: pd.DataFrame) -> pd.DataFrame:
    """List the best trials of the overfitting tuning runs under grid search's.

    Runs that overfit weakly are listed too, as in the paper's Table 9 (MRPC, RS, repetition 3).

    Returns:
        grid search's row and the overfitting runs' rows for each model and task that has any:
        model, task, method, repetition, is_grid, verdict, scores (fractions), hyperparameters,
        and for each of SEARCHED `<name>_against_grid` (see `compare_with_grid`).
    Source: Liu & Wang 2021, A.3, Tables 8 and 9.
    """
    judged = overfits(best).query("verdict in ['overfits', 'weak']").assign(is_grid=False)
    grid = best[best["method"] == "grid"].assign(is_grid=True, verdict="")
    grid = grid.merge(judged[["model", "task"]].drop_duplicates())
    scores = [f"{s}_{m}" for s in ("validation", "test") for m in ("score", *METRICS)]
    columns = ["model", "task", "method", "repetition", "is_grid", "verdict", *scores, *SEARCHED]
    columns += best.columns.intersection(["test_source"]).tolist()
    rows = pd.concat([grid[columns], judged[columns]], ignore_index=True)
    rows = rows.sort_values(["model", "task", "is_grid"], ascending=[True, True, False])
    return compare_with_grid(rows.reset_index(drop=True))


def compare_with_grid(rows: pd.DataFrame) -> pd.DataFrame:
    """Say for each hyperparameter whether it lies above or below grid search's best trial.

    Args:
        rows: columns model, task, method, repetition, is_grid and SEARCHED; grid search's rows
            among them. The published Tables 8 and 9 have this shape.
    Returns:
        `rows` with `<name>_against_grid` for each of SEARCHED: "higher", "lower" or "equal";
        empty for grid search itself and where either value is missing.
    """
    keys, grid = ["model", "task"], rows[rows["is_grid"]]
    keys += ["repetition"] if grid.duplicated(keys).any() else []
    grid, places = grid.set_index(keys), pd.MultiIndex.from_frame(rows[keys])
    columns = {}
    for name in SEARCHED:
        # equal up to rounding: 1e-4 read back from a schedule is still 1e-4
        ours, theirs = rows[name].to_numpy(float), grid[name].reindex(places).to_numpy(float)
        same = np.isclose(ours, theirs, rtol=1e-6, atol=0)
        words = np.select([same, ours > theirs, ours < theirs], ["equal", "higher", "lower"], "")
        columns[f"{name}_against_grid"] = np.where(rows["is_grid"], "", words)
    return rows.assign(**columns)
