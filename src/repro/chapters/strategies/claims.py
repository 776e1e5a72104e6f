"""The claims of the Weights & Biases article, held against runs of one's own.

The article prints no scores, so that nothing of it can be analysed again. Its task is fixed; what
varies are repetitions, within which all strategies share a training seed, and the examples.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import BASE, STRATEGY
from repro.stats.contrasts import judge_contrast, over_repetitions, score_table
from repro.stats.decisions import Estimate, above, below
from repro.stats.ledger import Answer
from repro.stats.rules import undecidable, withheld
from repro.stats.variance_components import variance_ratio

GRID, BAYES, PBT = ("grid", BASE), ("hyperopt_asha", BASE), ("pbt", BASE)
# a strategy, the one that it is held against, by which score, and what is claimed
COMPARED = {
    "wandb-pbt-beats-grid": (PBT, GRID, "test", above()),
    "wandb-pbt-beats-bayes": (PBT, BAYES, "test", above()),
    "wandb-few-trials-suffice": (PBT, BAYES, "test", above(-0.01)),
    "wandb-random-starts": (BAYES, ("hyperopt_asha", "starts1"), "validation", above()),
    "wandb-frequent-perturbation": (PBT, ("pbt", "every0.5"), "test", above()),
    "wandb-seeds-first": (("pbt", "best-seeds"), PBT, "test", above()),
}
NEGLIGIBLE = 0.01  # of the rest's variance: seeds that explain less make no difference


def own_answers(
    scores: pd.DataFrame,
    trials: pd.DataFrame,
    evaluations: pd.DataFrame,
    *,
    predictions: pd.DataFrame,
    population: int,
    n_trials: int,
    random_starts: int,
    evidence: str,
    scale: str,
) -> list[Answer]:
    """Judge what runs of one model on one task can decide.

    Args:
        scores: from `analysis.strategy_scores`.
        predictions: from `Results.joint_predictions`.
        population, n_trials, random_starts: of population-based training and Bayesian search.
    """
    tables = {
        split: score_table(scores, predictions, columns=STRATEGY, by="repetition", split=split)
        for split in ("validation", "test")
    }
    estimates = {
        claim: _difference(tables[split], first, second, region)
        for claim, (first, second, split, region) in COMPARED.items()
    }
    if population > 8 or n_trials < 60:
        why = f"{population} members and {n_trials} trials, where 8 and 60 are claimed"
        claim = "wandb-few-trials-suffice"
        estimates[claim] = withheld(estimates[claim], why)
    first = estimates["wandb-seeds-first"]
    estimates["wandb-seeds-first"] = _at_more_cost(first, scores)
    estimates["wandb-shortest-time"] = _earlier(scores)
    estimates |= _of_bayes(of_strategy(trials, BAYES), random_starts)
    estimates |= _of_grid(of_strategy(trials, GRID), evaluations)
    return [Answer(claim, evidence, scale, found) for claim, found in estimates.items()]


def of_strategy(frame: pd.DataFrame, strategy: tuple[str, str]) -> pd.DataFrame:
    return frame[(frame["method"] == strategy[0]) & (frame["variant"] == strategy[1])]


def _difference(table: pd.DataFrame, first: tuple, second: tuple, region) -> Estimate:
    if first not in table or second not in table:
        return undecidable("no runs of one of the two", region)
    return judge_contrast(table[first] - table[second], region)


def _at_more_cost(found: Estimate, scores: pd.DataFrame) -> Estimate:
    """Let the two steps fail only: their gain might come of what they spend more."""
    if not found.value > 0:
        return replace(found, p_for=1.0)
    both = scores[(scores["method"] == "seeds_asha") | (scores["variant"] == "best-seeds")]
    times = both["steps_spent"].sum() / of_strategy(scores, PBT)["steps_spent"].sum()
    return withheld(found, f"the two steps spend {times:.1f} times as much as one population")


def _earlier(scores: pd.DataFrame) -> Estimate:
    """Judge how much later than grid search itself a population reaches its score."""
    later = -of_strategy(scores, PBT)["saved"].to_numpy(float)
    if n_never := int(np.isnan(later).sum()):
        reason = f"grid search's score was not reached in {n_never} of {len(later)} repetitions"
        return undecidable(reason, below(), n=len(later), units="repetitions")
    return over_repetitions(later, below())


def _of_bayes(trials: pd.DataFrame, random_starts: int) -> dict[str, Estimate]:
    gains, unspent = [], []
    for _, run in trials.groupby("repetition"):
        proposed = run["trial"] >= random_starts
        values = run["validation_score"]
        means = [values[side].mean(skipna=False) for side in (proposed, ~proposed)]
        gains.append(means[0] - means[1])
        whole = run["steps"] / run["epochs_trained"] * run["epochs"]
        unspent.append(1 - run["steps"].sum() / whole.sum(skipna=False))
    learns = over_repetitions(gains, above())
    if learns.value <= 0:  # stopping is harder on later trials, whatever is proposed
        learns = withheld(learns, "later trials are stopped sooner, which by itself lowers them")
    stops = over_repetitions(unspent, above())
    return {"wandb-bayes-learns": learns, "wandb-stopping-avoids-waste": stops}


def _of_grid(trials: pd.DataFrame, evaluations: pd.DataFrame) -> dict[str, Estimate]:
    """Judge what the grid of configurations and seeds decides; it stops no trial early."""
    table = trials.pivot(index="trial", columns="repetition", values="validation_score").to_numpy()
    rest = {"of": "rows", "to": "columns and rest", "units": "configurations"}
    seeds = {"of": "rows", "to": "rest", "units": "seeds"}
    found = variance_ratio(table.T, above(margin=NEGLIGIBLE), **seeds)
    little = variance_ratio(table.T, above(NEGLIGIBLE), **seeds)
    return {
        "wandb-hyperparameters-matter": variance_ratio(table, above(1), **rest),
        "wandb-seeds-matter": replace(found, p_against=little.p_against),
        "wandb-early-scores-noisy": _early_scores(trials, evaluations),
    }


def _early_scores(trials: pd.DataFrame, evaluations: pd.DataFrame) -> Estimate:
    """Judge whether scores within the first epoch tell less of the last than the next ones do.

    They are those of the first evaluation and of the first one after the first epoch, not the best
    so far.
    """
    rows = evaluations[["trial_id", "epoch", "validation_score"]].sort_values("epoch")
    parts = {"early": rows["epoch"] < 1 - 1e-9, "later": rows["epoch"] > 1 + 1e-9}
    pairs = trials.set_index("trial_id")[["repetition", "last_validation_score"]]
    for name, chosen in parts.items():
        pairs[name] = (
            rows[chosen].drop_duplicates("trial_id").set_index("trial_id")["validation_score"]
        )
    values = []
    for _, group in pairs.groupby("repetition"):
        ranks = group.drop(columns="repetition").rank(na_option="keep")
        r = ranks.corr(min_periods=len(ranks))["last_validation_score"]
        values.append(r["early"] - r["later"])
    return over_repetitions(values, below())
