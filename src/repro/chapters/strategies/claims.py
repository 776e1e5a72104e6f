"""The Weights & Biases article's claims and advice, each held against what was found here.

The article prints no numbers that survive; it ran each strategy once.
"""

import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import BASE, STRATEGY, kind_and_number
from repro.show.claims import claims_in_words as claims_in_words
from repro.show.claims import claims_table as claims_table
from repro.stats.incumbents import SPLITS, paired_differences
from repro.stats.intervals import bootstrap_interval, summarise_differences
from repro.stats.verdicts import Claim, Unit, decide, hold

_NAMES = {"grid": "grid search", "hyperopt_asha": "Bayesian search", "pbt": "PBT"}
# kind of variant -> the claim, whether it is the variant that shall be better, who says so
_ADVICE = {
    "starts": ("More random starts than {} help Bayesian search", False, "yes"),
    "every": ("Perturbing after the article's interval beats every {} epochs", False, "yes"),
    "best-seeds": ("Seeds first, then PBT from the best seeds, beats PBT alone", True, "yes"),
    "known": ("Starting from a known configuration helps Bayesian search", True, "not claimed"),
}


def strategy_claims(
    differences: pd.DataFrame, scores: pd.DataFrame, trials: pd.DataFrame, *, seed: int = 0
) -> list[Claim]:
    """Hold the article's claims against our tuning runs."""
    claims = []
    for (claim, paper), rows in differences.groupby(["claim", "paper"], sort=False):
        n, estimate = rows["difference"].count(), rows[["mean", "low", "high"]].iloc[0]
        claims.append(hold(claim, paper, estimate if n else None, note=f" (n = {n})"))
    claims += [_saves_steps(scores, method, seed) for method in ("hyperopt_asha", "pbt")]
    return [*claims, _hyperparameters_matter(trials, seed)]


def strategy_differences(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Subtract what the article says is worse from what it says is better, where both were run.

    Returns:
        one row a claim and repetition: claim, paper, difference (fraction), and mean, low and high
        of the claim's differences; a single row of NaN where no repetition has both scores.
    """
    claims = [
        (f"PBT beats {_NAMES[other]} on {split}", "yes", ("pbt", BASE), (other, BASE), split)
        for other in ("grid", "hyperopt_asha")
        for split in SPLITS
    ]
    strategies = dict(list(scores.groupby(STRATEGY)))
    for method, variant in strategies:
        kind, number = kind_and_number(variant)
        if kind in _ADVICE:
            claim, is_better, paper = _ADVICE[kind]
            sides = (method, variant), (method, BASE)
            sides = sides if is_better else sides[::-1]
            claims.append((claim.format(number), paper, *sides, "validation"))
    frames, nothing = [], scores.head(0)
    for claim, paper, better, worse, split in claims:
        sides = (strategies.get(side, nothing) for side in (better, worse))
        pairs = paired_differences(*sides, by=["task", "repetition"])
        pairs = pairs[pairs["split"] == split].dropna(subset="difference")
        mean = summarise_differences(pairs, ["task", "split"], seed=seed).reindex([0]).iloc[0]
        columns = {"claim": claim, "paper": paper, "mean": mean["difference"]}
        columns |= {"difference": pairs["difference"].tolist() or [np.nan]}
        frames.append(pd.DataFrame(columns | {"low": mean["low"], "high": mean["high"]}))
    return pd.concat(frames, ignore_index=True)


def _saves_steps(scores: pd.DataFrame, method: str, seed: int) -> Claim:
    rows = scores[(scores["method"] == method) & (scores["variant"] == BASE)]
    saved = rows["saved"].dropna()
    claim = f"{_NAMES[method]} reaches grid search's score with fewer steps"
    here = f"reached in {len(saved)} of {len(rows)} runs"
    if len(saved) < len(rows) or len(saved) < 2:  # a mean over those that did would flatter
        return Claim(claim, "yes", here)
    low, high = bootstrap_interval(saved, rng=np.random.default_rng(seed))
    here = f"{here}, {saved.mean():.0%} of the steps saved"
    return Claim(claim, "yes", here, f"[{low:.0%}, {high:.0%}]", decide(low, high))


def _hyperparameters_matter(trials: pd.DataFrame, seed: int, n_resamples: int = 1000) -> Claim:
    """Compare the grid's spread over configurations with its spread over training seeds."""
    claim = "Hyperparameters move the score more than seeds do", "significant"
    grid = trials[(trials["method"] == "grid") & (trials["status"] == "completed")]
    table = grid.pivot_table(index="trial", columns="repetition", values="validation_score")
    scores = table.dropna().to_numpy()  # (n_configurations, n_seeds)
    if min(scores.shape, default=0) < 2:
        return Claim(*claim, "grid search ran once")
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(scores), size=(n_resamples, len(scores)))
    low, high = np.nanquantile([spread_ratio(scores[draw]) for draw in draws], [0.025, 0.975])
    estimate = {"mean": spread_ratio(scores), "low": low, "high": high}
    return hold(*claim, estimate, unit=Unit(1, ".1f", " times the standard deviation"), null=1)


def spread_ratio(scores: np.ndarray) -> float:
    """Divide the standard deviation between configurations by that between seeds.

    The variance of a configuration's mean holds a share of the seeds' variance, which is taken off.

    Args:
        scores: shape (n_configurations, n_seeds); no NaN.
    """
    within = scores.var(axis=1, ddof=1).mean()
    between = scores.mean(axis=1).var(ddof=1) - within / scores.shape[1]
    return float(np.sqrt(max(between, 0.0) / within)) if within > 0 else float("nan")
