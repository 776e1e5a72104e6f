"""The initial study's claims, each held against what was found here.

A claim about a difference agrees when our 95 % interval lies on the paper's side of zero,
disagrees when it lies on the other side, and is undecided (None) when it holds zero.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from repro.stats.incumbents import (
    best_against_last,
    best_trials,
    differences_from_grid,
    published_differences,
)
from repro.stats.intervals import summarise_differences
from repro.stats.overfitting import overfits

# overfitting runs and all runs, as Liu & Wang's A.3 counts them (its Table 9 lists 13 rows)
PUBLISHED_OVERFITTING = {"electra-base": (9, 72), "roberta-base": (11, 45)}
_EARLY_STOPPING = ("asha", "bo_asha")


def initial_study_claims(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    model: str,
    published_model: str,
    published_scores: pd.DataFrame,
    published_counts: pd.DataFrame,
    seed: int = 0,
) -> list[dict]:
    """Hold the claims of the initial study on one model against our tuning runs.

    Args:
        runs, trials: as in records; only those of `model` count.
        published_model: the paper's model that `model` stands for.
        published_scores: Table 3, one metric a task (`published_scores(..., tuned_only=True)`).
        published_counts: Table 6.
    Returns:
        rows for `tables.claims_table`: claim, paper, here, interval, agrees.
    Source: Liu & Wang 2021, sec. 4.1, A.1, A.2 and A.3.
    """
    runs, trials = runs[runs["model"] == model], trials[trials["model"] == model]
    best = best_trials(trials, runs)
    ours = differences_from_grid(best)
    paper = published_differences(published_scores)
    counts = published_counts[published_counts["model"] == published_model]
    return [
        *(_hpo_against_grid(ours, paper, split, seed) for split in ("validation", "test")),
        _overfitting_share(best, published_model),
        _more_trials(trials, counts, seed),
        *(_against_random(ours, paper, split, seed) for split in ("validation", "test")),
        *(_best_against_last(best, split, seed) for split in ("validation", "test")),
    ]


def _hpo_against_grid(ours, paper, split: str, seed: int) -> dict:
    paper_mean = _mean_over_tasks(paper[paper["split"] == split])
    found = _over_tasks(ours[ours["split"] == split], seed)
    side = "above" if paper_mean > 0 else "below"
    claim = f"At 1 GST, HPO's {split} score lies on average {side} grid search's (sec. 4.1)"
    return difference_claim(claim, f"{100 * paper_mean:+.2f} points", found, np.sign(paper_mean))


def _overfitting_share(best: pd.DataFrame, published_model: str) -> dict:
    is_grid = best["method"] == "grid"
    judged = overfits(best[~is_grid], best[is_grid])
    n_over, n = int((judged["verdict"] == "overfits").sum()), len(judged)
    n_unknown = int((judged["verdict"] == "unknown").sum())
    k_paper, n_paper = PUBLISHED_OVERFITTING[published_model]
    claim = "A share of the tuning runs overfits the validation set (A.3)"
    row = {"claim": claim, "paper": f"{k_paper} of {n_paper} ({k_paper / n_paper:.0%})"}
    if n_unknown or not n:  # to leave them out would count only those that cannot overfit
        here = f"{n_over} of {n}, {n_unknown} without the scores to tell"
        return row | {"here": here, "interval": "", "agrees": None}
    low, high = binomtest(n_over, n).proportion_ci(method="wilson")
    return row | {
        "here": f"{n_over} of {n} ({n_over / n:.0%})",
        "interval": f"[{low:.0%}, {high:.0%}]",
        "agrees": bool(low <= k_paper / n_paper <= high),
    }


def _more_trials(trials: pd.DataFrame, counts: pd.DataFrame, seed: int) -> dict:
    n_trials = trials.groupby(["task", "method", "repetition"], as_index=False).size()
    n_random = n_trials[n_trials["method"] == "rs"].groupby("task")["size"].mean()
    asha = n_trials[n_trials["method"].isin(_EARLY_STOPPING)]
    ratios = asha.assign(difference=asha["size"] / asha["task"].map(n_random) - 1)
    found = _over_tasks(ratios, seed)
    paper = counts.pivot(index="task", columns="method", values="n_trials")
    text = "not reported"
    if len(paper):
        ratio = (paper[list(_EARLY_STOPPING)].mean(axis=1) / paper["rs"]).mean()
        text = f"{ratio:.1f} times as many"
    claim = "In the same budget, early stopping starts more trials than random search (A.2)"
    return difference_claim(claim, text, found, 1, form=_as_ratio)


def _against_random(ours, paper, split: str, seed: int) -> dict:
    column = {"validation": "slightly above", "test": "often below"}[split]
    claim = f"Early stopping's {split} score lies {column} random search's (sec. 4.1)"
    paper_mean = _mean_over_tasks(_minus_random(paper[paper["split"] == split]))
    found = _over_tasks(_minus_random(ours[ours["split"] == split]), seed)
    sign = 1 if split == "validation" else -1
    return difference_claim(claim, f"{100 * paper_mean:+.2f} points", found, sign)


def _minus_random(differences: pd.DataFrame) -> pd.DataFrame:
    """Subtract random search's mean on the task; grid search's score cancels."""
    is_random = differences["method"] == "rs"
    random = differences[is_random].groupby("task")["difference"].mean()
    others = differences[~is_random]
    return others.assign(difference=others["difference"] - others["task"].map(random))


def _best_against_last(best: pd.DataFrame, split: str, seed: int) -> dict:
    pairs = best_against_last(best)
    claim = f"The best checkpoint's {split} score is higher than the last one's (A.1)"
    found = _over_tasks(pairs[pairs["split"] == split], seed)
    return difference_claim(claim, "higher", found, 1)


def _mean_over_tasks(differences: pd.DataFrame) -> float:
    return float(differences.groupby("task")["difference"].mean().mean())


def _over_tasks(differences: pd.DataFrame, seed: int) -> pd.Series | None:
    """Return difference, low and high over tasks and runs, or None where nothing is known."""
    known = differences.dropna(subset="difference").assign(all_tasks="all")
    return summarise_differences(known, ["all_tasks"], seed=seed).iloc[0] if len(known) else None


def _as_points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _as_ratio(value: float) -> str:
    return f"{1 + value:.1f}"


_UNITS = {_as_points: "points", _as_ratio: "times as many"}


def difference_claim(
    claim: str, paper: str, found, sign: float, *, form: Callable[[float], str] = _as_points
) -> dict:
    """Hold a claim that a difference has a sign against what was found.

    Args:
        found: difference, low and high (fractions); None where nothing is known.
    """
    if found is None:
        nothing = {"here": "no scores", "interval": "", "agrees": None}
        return {"claim": claim, "paper": paper} | nothing
    low, high = found["low"], found["high"]
    decided = low > 0 or high < 0
    return {
        "claim": claim,
        "paper": paper,
        "here": f"{form(found['difference'])} {_UNITS[form]}",
        "interval": f"[{form(low)}, {form(high)}]",
        "agrees": bool(np.sign(found["difference"]) == sign) if decided else None,
    }


def claims_in_words(claims: list[dict], *, model: str, profile: str) -> str:
    """Say in Markdown which claims hold, which do not, and which these data leave open."""
    verdicts = {True: "holds", False: "does **not** hold", None: "is left open"}
    lines = [f"With {model}, profile {profile}:", ""]
    for row in claims:
        found = f"{row['here']} {row['interval']}".strip()
        lines.append(f"- {row['claim']}: {verdicts[row['agrees']]} here ({found}).")
    return "\n".join(lines)
