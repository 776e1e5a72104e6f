"""The initial study's claims, each held against what was found here."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from repro.chapters.initial.analysis import ModelStudy, published_differences, verdict_counts
from repro.published import load_published
from repro.show.claims import claims_in_words as claims_in_words
from repro.stats.incumbents import SPLITS, best_against_last
from repro.stats.intervals import summarise_differences
from repro.stats.verdicts import TIMES, Claim, hold

# overfitting runs and all runs, as Liu & Wang's A.3 counts them (its Table 9 lists 13 rows)
PUBLISHED_OVERFITTING = {"electra-base": (9, 72), "roberta-base": (11, 45)}
_EARLY_STOPPING = ("asha", "bo_asha")


def initial_study_claims(study: ModelStudy, *, seed: int = 0) -> list[Claim]:
    """Hold the claims of the initial study on one model against our tuning runs.

    Args:
        seed: of the bootstrap over tasks and runs.
    Returns:
        none where the model stands for no published one.
    Source: Liu & Wang 2021, sec. 4.1, A.1, A.2 and A.3.
    """
    if not study.paper:
        return []
    ours, paper = study.differences, published_differences(study.paper)
    sides = [(s, ours[ours["split"] == s], paper[paper["split"] == s]) for s in SPLITS]
    return [
        *(_hpo_against_grid(*side, seed) for side in sides),
        _overfitting_share(study),
        _more_trials(study, seed),
        *(_against_random(*side, seed) for side in sides),
        *(_best_against_last(study.best, split, seed) for split in SPLITS),
    ]


def _hpo_against_grid(split: str, ours: pd.DataFrame, paper: pd.DataFrame, seed: int) -> Claim:
    mean = _mean_over_tasks(paper)
    claim = (
        f"At 1 GST, HPO's {split} score lies on average {'above' if mean > 0 else 'below'} "
        "grid search's (sec. 4.1)"
    )
    return hold(claim, f"{100 * mean:+.2f} points", _over_tasks(ours, seed), sign=np.sign(mean))


def _overfitting_share(study: ModelStudy) -> Claim:
    counts = verdict_counts(study.best)
    n_over, n = int(counts["overfits"]), int(counts.sum())
    k_paper, n_paper = PUBLISHED_OVERFITTING[study.paper]
    claim = "A share of the tuning runs overfits the validation set (A.3)"
    paper = f"{k_paper} of {n_paper} ({k_paper / n_paper:.0%})"
    if counts["unknown"] or not n:  # to leave them out would count only those that cannot overfit
        here = f"{n_over} of {n}, {counts['unknown']} without the scores to tell"
        return Claim(claim, paper, here)
    low, high = binomtest(n_over, n).proportion_ci(method="wilson")
    here, interval = f"{n_over} of {n} ({n_over / n:.0%})", f"[{low:.0%}, {high:.0%}]"
    return Claim(claim, paper, here, interval, bool(low <= k_paper / n_paper <= high))


def _more_trials(study: ModelStudy, seed: int) -> Claim:
    n_trials = study.trials.groupby(["task", "method", "repetition"], as_index=False).size()
    n_random = n_trials[n_trials["method"] == "rs"].groupby("task")["size"].mean()
    ratios = n_trials[n_trials["method"].isin(_EARLY_STOPPING)]
    ratios = ratios.assign(difference=ratios["size"] / ratios["task"].map(n_random))
    printed = load_published("liu_wang_2021_table06").query("model == @study.paper")
    paper = printed.pivot(index="task", columns="method", values="n_trials")
    text = "not reported"
    if len(paper):
        ratio = (paper[list(_EARLY_STOPPING)].mean(axis=1) / paper["rs"]).mean()
        text = f"{ratio:.1f} times as many"
    claim = "In the same budget, early stopping starts more trials than random search (A.2)"
    return hold(claim, text, _over_tasks(ratios, seed), unit=TIMES, null=1)


def _against_random(split: str, ours: pd.DataFrame, paper: pd.DataFrame, seed: int) -> Claim:
    where = {"validation": "slightly above", "test": "often below"}[split]
    claim = f"Early stopping's {split} score lies {where} random search's (sec. 4.1)"
    sign = 1 if split == "validation" else -1
    printed = f"{100 * _mean_over_tasks(_minus_random(paper)):+.2f} points"
    return hold(claim, printed, _over_tasks(_minus_random(ours), seed), sign=sign)


def _minus_random(differences: pd.DataFrame) -> pd.DataFrame:
    """Subtract random search's mean on the task; grid search's score cancels."""
    is_random = differences["method"] == "rs"
    random = differences[is_random].groupby("task")["difference"].mean()
    others = differences[~is_random]
    return others.assign(difference=others["difference"] - others["task"].map(random))


def _best_against_last(best: pd.DataFrame, split: str, seed: int) -> Claim:
    pairs = best_against_last(best)
    claim = f"The best checkpoint's {split} score is higher than the last one's (A.1)"
    return hold(claim, "higher", _over_tasks(pairs[pairs["split"] == split], seed))


def _mean_over_tasks(differences: pd.DataFrame) -> float:
    return float(differences.groupby("task")["difference"].mean().mean())


def _over_tasks(differences: pd.DataFrame, seed: int) -> pd.Series | None:
    """Return difference, low and high over tasks and runs, or None where nothing is known."""
    known = differences.dropna(subset="difference").assign(all_tasks="all")
    return summarise_differences(known, ["all_tasks"], seed=seed).iloc[0] if len(known) else None
