"""The Weights & Biases article's claims and advice, each held against what was found here.

The article prints no numbers that survive; it ran each strategy once. A claim agrees when our 95 %
interval lies on its side of zero, disagrees on the other, and is undecided when it holds zero.
"""

from string import ascii_lowercase

import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import BASE, paired_differences, strategy_scores
from repro.stats.incumbents import SPLITS
from repro.stats.intervals import bootstrap_interval, summarise_differences

PBT, BAYES, GRID = ("pbt", BASE), ("hyperopt_asha", BASE), ("grid", BASE)
_NAMES = {"grid": "grid search", "hyperopt_asha": "Bayesian search", "pbt": "PBT"}


def strategy_claims(
    runs: pd.DataFrame, trials: pd.DataFrame, saved: pd.DataFrame, *, seed: int = 0
) -> list[dict]:
    """Hold the article's claims against our tuning runs.

    Args:
        saved: from `strategies.cost_to_match_grid`, in steps.
    Returns:
        rows for `tables.claims_table`: claim, paper, here, interval, agrees.
    """
    scores = strategy_scores(runs, trials)
    rows = [_score_claim(scores, *comparison, seed) for comparison in comparisons(scores)]
    rows += [_saved_claim(saved, method, seed) for method in ("hyperopt_asha", "pbt")]
    return [*rows, _hyperparameters_matter(trials, seed)]


def comparisons(scores: pd.DataFrame) -> list[tuple]:
    """List what the article says wins, where both sides were run: (claim, winner, loser, split)."""
    found = [
        (f"PBT beats {_NAMES[other[0]]} on {split}", PBT, other, split)
        for other in (GRID, BAYES)
        for split in SPLITS
    ]
    for other in sorted(set(zip(scores["method"], scores["variant"], strict=True))):
        change = other[1]
        number = change.lstrip(ascii_lowercase)
        if change.startswith("starts"):
            claim = f"More random starts than {number} help Bayesian search"
            found.append((claim, BAYES, other, "validation"))
        elif change.startswith("every"):
            claim = f"Perturbing after the article's interval beats every {number} epochs"
            found.append((claim, PBT, other, "validation"))
        elif change == "best-seeds":
            claim = "Seeds first, then PBT from the best seeds, beats PBT alone"
            found.append((claim, other, PBT, "validation"))
        elif change == "known":
            found.append((_OWN, other, BAYES, "validation"))
    return found


_OWN = "Starting from a known configuration helps Bayesian search"  # ours, not the article's


def difference_frame(scores: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Lay out the differences of `comparisons` for a figure.

    Returns:
        one row a comparison and repetition: name, difference, low, high (of the comparison).
    """
    frames = []
    for claim, first, second, split in comparisons(scores):
        pairs = _pairs(scores, first, second, split)
        if len(pairs):
            found = summarise_differences(pairs, ["task", "split"], seed=seed).iloc[0]
            bounds = {"low": found["low"], "high": found["high"]}
            frames.append(pairs[["difference"]].assign(name=claim, **bounds))
    columns = ["name", "difference", "low", "high"]
    return pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)


def _pairs(scores, first, second, split: str) -> pd.DataFrame:
    pairs = paired_differences(scores, first, second)
    return pairs[pairs["split"] == split].dropna(subset="difference")


def _score_claim(scores, claim: str, first, second, split: str, seed: int) -> dict:
    pairs, paper = _pairs(scores, first, second, split), "yes" if claim != _OWN else "not claimed"
    if pairs.empty:
        nothing = {"here": "no scores", "interval": "", "agrees": None}
        return {"claim": claim, "paper": paper} | nothing
    found = summarise_differences(pairs, ["task", "split"], seed=seed).iloc[0]
    return {
        "claim": claim,
        "paper": paper,
        "here": f"{100 * found['difference']:+.2f} points (n = {found['n']:.0f})",
        "interval": f"[{100 * found['low']:+.2f}, {100 * found['high']:+.2f}]",
        "agrees": _agrees(found["low"], found["high"]),
    }


def _saved_claim(saved: pd.DataFrame, method: str, seed: int) -> dict:
    rows = saved[(saved["method"] == method) & (saved["variant"] == BASE)]
    reached = rows["saved"].dropna()
    name = _NAMES[method]
    row = {"claim": f"{name} reaches grid search's score with fewer steps", "paper": "yes"}
    here = f"reached in {len(reached)} of {len(rows)} runs"
    if len(reached) < len(rows) or len(reached) < 2:  # a mean over those that did would flatter
        return row | {"here": here, "interval": "", "agrees": None}
    low, high = bootstrap_interval(reached, rng=np.random.default_rng(seed))
    return row | {
        "here": f"{here}, {reached.mean():.0%} of the steps saved",
        "interval": f"[{low:.0%}, {high:.0%}]",
        "agrees": _agrees(low, high),
    }


def _hyperparameters_matter(trials: pd.DataFrame, seed: int, n_resamples: int = 1000) -> dict:
    """Compare the grid's spread over configurations with its spread over training seeds."""
    claim = {"claim": "Hyperparameters move the score more than seeds do", "paper": "significant"}
    grid = trials[(trials["method"] == "grid") & (trials["status"] == "completed")]
    table = grid.pivot_table(index="trial", columns="repetition", values="validation_score")
    scores = table.dropna().to_numpy()  # (configurations, seeds)
    if min(scores.shape, default=0) < 2:
        return claim | {"here": "grid search ran once", "interval": "", "agrees": None}
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(scores), size=(n_resamples, len(scores)))
    low, high = np.nanquantile([spread_ratio(scores[draw]) for draw in draws], [0.025, 0.975])
    return claim | {
        "here": f"{spread_ratio(scores):.1f} times the standard deviation",
        "interval": f"[{low:.1f}, {high:.1f}]",
        "agrees": _agrees(low - 1, high - 1),
    }


def spread_ratio(scores: np.ndarray) -> float:
    """Divide the standard deviation between configurations by that between seeds.

    The variance of a configuration's mean holds a share of the seeds' variance, which is taken off.

    Args:
        scores: shape (n_configurations, n_seeds); no NaN.
    """
    within = scores.var(axis=1, ddof=1).mean()
    between = scores.mean(axis=1).var(ddof=1) - within / scores.shape[1]
    return float(np.sqrt(max(between, 0.0) / within)) if within > 0 else float("nan")


def _agrees(low: float, high: float) -> bool | None:
    return True if low > 0 else False if high < 0 else None
