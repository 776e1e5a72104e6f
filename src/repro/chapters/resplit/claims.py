"""The claims of Liu & Wang's A.5 and A.1, and what they leave out, held against what was found."""

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import STATED
from repro.show.claims import claims_in_words, claims_table
from repro.stats.incumbents import best_against_last
from repro.stats.intervals import bootstrap_mean, summarise_differences
from repro.stats.verdicts import CORRELATION, Claim, hold

__all__ = ["claims_in_words", "claims_table", "resplit_claims"]


def resplit_claims(
    top: pd.DataFrame, over_shifts: pd.DataFrame, grid_trials: pd.DataFrame, *, seed: int = 0
) -> list[Claim]:
    """Hold the claims on splits and checkpoints against our studies.

    Args:
        top: correlations of the best four, by split, model, task and repetition.
        over_shifts: correlations over all trials, by shift, model and task; may be empty.
        grid_trials: trials of grid search, for best against last checkpoint.
    Source: Liu & Wang 2021, A.5 and A.1.
    """
    keys = ["model", "task", "repetition"]
    r = top.pivot(index=keys, columns="split", values="pearson").reindex(columns=list(STATED))
    stated = {split: r for split, (r, _) in STATED.items()}
    gap = stated["resplit"] - stated["original"]
    claims = [
        _r_claim("Top four, original split: validation and test are not positively correlated "
                 "(A.5)", f"{stated['original']:+.2f}", r["original"], sign=-1, seed=seed),
        _r_claim("Top four, resplit: they are positively correlated (A.5)",
                 f"{stated['resplit']:+.2f}", r["resplit"], sign=1, seed=seed),
        _r_claim("Top four: r is higher on the resplit, so the split explains overfitting (A.5)",
                 f"{gap:+.2f}", r["resplit"] - r["original"], sign=1, seed=seed),
    ]  # fmt: skip
    r = over_shifts.pivot(index=["model", "task"], columns="shift", values="pearson")
    change = r.iloc[:, -1] - r.iloc[:, 0] if r.shape[1] >= 2 else pd.Series(dtype=float)
    claim = "The further the test distribution lies, the lower r over all trials (implied by A.5)"
    claims.append(_r_claim(claim, "not tested", change, sign=-1, seed=seed, unit="tasks"))
    for split, pairs in best_against_last(grid_trials).groupby("split", sort=False):
        known = pairs.dropna(subset="difference").assign(all_tasks="all")
        estimate = None
        if known["task"].nunique() >= 2:
            estimate = summarise_differences(known, ["all_tasks"], seed=seed).iloc[0]
        claim = f"The best checkpoint's {split} score is higher than the last one's (A.1)"
        claims.append(hold(claim, "higher", estimate))
    return claims


def _r_claim(
    claim: str, paper: str, r: pd.Series, *, sign: int, seed: int, unit: str = "runs"
) -> Claim:
    r = r.dropna()
    estimate = bootstrap_mean(r, rng=np.random.default_rng(seed)) if len(r) >= 2 else None
    note = f" (mean of {len(r)} {unit})"
    return hold(claim, paper, estimate, sign=sign, unit=CORRELATION, note=note)
