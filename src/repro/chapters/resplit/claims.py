"""The claims of Liu & Wang's A.5 and A.1, and what they leave out, held against what was found."""

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import STATED
from repro.stats.incumbents import best_against_last
from repro.stats.intervals import bootstrap_interval, summarise_differences

_NOTHING = {"here": "no scores", "interval": "", "agrees": None}


def resplit_claims(
    top: pd.DataFrame, over_shifts: pd.DataFrame, grid_trials: pd.DataFrame, *, seed: int = 0
) -> list[dict]:
    """Hold the claims on splits and checkpoints against our studies.

    Args:
        top: correlations of the best four, by split, model, task and repetition.
        over_shifts: correlations over all trials, by shift, model and task; may be empty.
        grid_trials: trials of grid search, for best against last checkpoint.
    Returns:
        rows for `tables.claims_table`.
    Source: Liu & Wang 2021, A.5 and A.1.
    """
    own = next((s for s in top["split"].unique() if s != "resplit"), "official")
    by_split = {s: top.loc[top["split"] == s, "pearson"].dropna() for s in (own, "resplit")}
    keys = ["model", "task", "repetition"]
    pairs = top.pivot_table(index=keys, columns="split", values="pearson")
    gap = (pairs["resplit"] - pairs[own]).dropna() if {own, "resplit"} <= set(pairs) else []
    stated = STATED["resplit"][0] - STATED["origin"][0]
    rows = [
        _r_claim(f"Top four, split {own}: validation and test are not positively correlated "
                 "(A.5)", STATED["origin"][0], by_split[own], sign=-1, seed=seed),
        _r_claim("Top four, resplit: they are positively correlated (A.5)",
                 STATED["resplit"][0], by_split["resplit"], sign=1, seed=seed),
        _r_claim("Top four: r is higher on the resplit, so the split explains overfitting (A.5)",
                 stated, gap, sign=1, seed=seed),
        _shift_claim(over_shifts, seed),
    ]  # fmt: skip
    pairs = best_against_last(grid_trials)
    return rows + [_checkpoint_claim(pairs, split, seed) for split in ("validation", "test")]


def _r_claim(claim: str, paper: float, values, *, sign: int, seed: int) -> dict:
    row = {"claim": claim, "paper": f"{paper:+.2f}"}
    if len(values) < 2:
        return row | _NOTHING
    rng = np.random.default_rng(seed)
    low, high = bootstrap_interval(values, rng=rng)
    mean = float(np.mean(values))
    decided = low > 0 or high < 0
    return row | {
        "here": f"{mean:+.2f} (mean of {len(values)} runs)",
        "interval": f"[{low:+.2f}, {high:+.2f}]",
        "agrees": bool(np.sign(mean) == sign) if decided else None,
    }


def _shift_claim(over_shifts: pd.DataFrame, seed: int) -> dict:
    claim = "The further the test distribution lies, the lower r over all trials (implied by A.5)"
    if over_shifts.empty or over_shifts["shift"].nunique() < 2:
        return {"claim": claim, "paper": "not tested"} | _NOTHING
    table = over_shifts.pivot_table(index=["model", "task"], columns="shift", values="pearson")
    change = (table.iloc[:, -1] - table.iloc[:, 0]).dropna()
    row = _r_claim(claim, 0.0, change, sign=-1, seed=seed) | {"paper": "not tested"}
    return row | {"here": row["here"].replace("runs", "tasks")}


def _checkpoint_claim(pairs: pd.DataFrame, split: str, seed: int) -> dict:
    claim = f"The best checkpoint's {split} score is higher than the last one's (A.1)"
    known = pairs[pairs["split"] == split].dropna(subset="difference").assign(all_tasks="all")
    if known["task"].nunique() < 2:
        return {"claim": claim, "paper": "higher"} | _NOTHING
    found = summarise_differences(known, ["all_tasks"], seed=seed).iloc[0]
    low, high = found["low"], found["high"]
    return {
        "claim": claim,
        "paper": "higher",
        "here": f"{100 * found['difference']:+.2f} points",
        "interval": f"[{100 * low:+.2f}, {100 * high:+.2f}]",
        "agrees": bool(found["difference"] > 0) if low > 0 or high < 0 else None,
    }
