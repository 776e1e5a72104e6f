"""The course project's claims, held against what it prints and against runs of one's own.

Its task is fixed; what varies are seeds and repetitions, and the examples that all share.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from repro.chapters.three_stage.analysis import (
    N_VALIDATION,
    PRINTED,
    SEARCHES,
    printed_accuracies,
)
from repro.chapters.three_stage.one_factor import seed_table
from repro.chapters.three_stage.spaces import CANDIDATES, TUNED
from repro.published import load_published
from repro.stats.contrasts import (
    RUNS,
    examples_error,
    judge_contrast,
    over_repetitions,
    part_of,
    score_table,
)
from repro.stats.decisions import Estimate, above, below, within
from repro.stats.interactions import interactions, variation_parts
from repro.stats.ledger import Answer
from repro.stats.rules import (
    careful,
    correlation,
    every,
    from_error,
    mean,
    recount,
    score_error,
    some,
    undecidable,
    withheld,
)

THREE = ("learning rate", "warm-up steps", "weight decay")  # the project's most important
EXTRA = ("Adam epsilon", "maximum length", "gradient clipping")
N_PARAPHRASES = 279  # of MRPC's N_VALIDATION examples
SMALL = 0.01  # a change of the score of less than a point is as good as none
# claim -> two configurations that were trained again, as our stages and as the project calls them
COMPARED = {
    "course-manual-beats-baseline": ("manual", "baseline"),
    "course-sweep-beats-baseline": ("cold", "baseline"),
    "course-manual-beats-sweep": ("manual", "cold"),
}


def published_answers() -> list[Answer]:
    """Judge the printed accuracies, and count MRPC's classes.

    Each configuration was run once, so that seeds could only add to the error over examples; of
    two scores it is that of unrelated samples, since which answers were right is not printed.
    """
    printed = printed_accuracies(load_published("course_project_table01"))
    scores = printed.set_index("method")["accuracy"]
    estimates = {}
    for claim, (first, second) in COMPARED.items():
        a, b = scores[PRINTED[first]], scores[PRINTED[second]]
        error = math.sqrt(2) * score_error(b, metric="accuracy", n=N_VALIDATION)
        estimates[claim] = from_error(a - b, error, above(), n=N_VALIDATION, units="examples")
    share = N_PARAPHRASES / N_VALIDATION
    estimates["course-balanced"] = recount(share, below(0.6), n=N_VALIDATION, units="examples")
    return [Answer(claim, "published", "full", found) for claim, found in estimates.items()]


def own_answers(
    trials: pd.DataFrame,
    *,
    predictions: pd.DataFrame,
    baseline: dict,
    random_starts: int,
    longest_warmup: int,
    evidence: str,
    scale: str,
) -> list[Answer]:
    """Judge what runs of one model on one task can decide.

    Args:
        predictions: from `Results.joint_predictions`.
        longest_warmup: steps, the end of the sweep's range.
    """
    first_stage = trials[trials["stage"] == "one-factor"]
    estimates = _of_factors(seed_table(first_stage, predictions, baseline=baseline))
    estimates |= _of_sweeps(trials[trials["stage"] == "cold"], random_starts, longest_warmup)
    estimates |= _of_interactions(trials[trials["stage"].isin(SEARCHES)])
    estimates |= _of_final(trials, predictions)
    estimates["course-warm-start"] = _warm_start(trials, predictions)
    return [Answer(claim, evidence, scale, found) for claim, found in estimates.items()]


def _of_factors(table: pd.DataFrame) -> dict[str, Estimate]:
    """Judge changes of one factor, of which `table` has a column each, from the baseline."""

    def change(candidate: str, direction: str) -> pd.Series:
        known = (candidate, direction) in table
        return table[candidate, direction] if known else pd.Series(dtype=float)

    def changes(candidates: Sequence[str]) -> list[pd.Series]:
        return [change(c, d) for c in candidates for d in ("lower", "higher")]

    rates = changes(THREE[:1])
    rates.append(0 * rates[0])  # the baseline's own
    ranges = [judge_contrast(a - b, above(SMALL)) for a in rates for b in rates if a is not b]
    others = [name for name in CANDIDATES if name not in THREE]
    fewer, more = changes(["warm-up steps"])
    none, decayed = changes(["weight decay"])
    three = [_larger(changes([name]), changes(others)) for name in THREE]
    three.sort(key=lambda case: case.value)
    return {
        "course-extra-parameters": _some_change(changes(EXTRA)),
        "course-learning-rate-most": _ours(
            _larger(rates[:2], changes([name for name in CANDIDATES if name != THREE[0]]))
        ),
        "course-top-three": _ours(every(three)),
        "course-learning-rate-range": some(ranges),
        "course-warmup": judge_contrast(fewer / 2 - more, above()),
        "course-weight-decay": judge_contrast(decayed - none / 2, above()),
    }


def _some_change(changes: Sequence[pd.Series]) -> Estimate:
    """Judge whether one of them is not 0; against it, that all are smaller than SMALL."""
    cases = [judge_contrast(s * change, above()) for change in changes for s in (1, -1)]
    alike = every([judge_contrast(change, within(-SMALL, SMALL)) for change in changes])
    found = some(cases)
    return replace(found, p_against=alike.p_for)


def _larger(changes: Sequence[pd.Series], others: Sequence[pd.Series]) -> Estimate:
    """Judge whether one of the changes is larger, in whichever direction, than each of others."""
    changes, others = ([s * c for c in group for s in (1, -1)] for group in (changes, others))
    found = some([every([judge_contrast(a - b, above()) for b in others]) for a in changes])
    largest, other = (max(group, key=_mean_change) for group in (changes, others))
    return careful(judge_contrast(largest - other, above()), found)


def _mean_change(change: pd.Series) -> float:
    scores = part_of(change, RUNS)
    return scores.mean() if len(scores) and np.isfinite(scores).all() else -math.inf


def _ours(found: Estimate) -> Estimate:
    """Let a claim about impacts only hold: how far the others are moved is not the project's."""
    if found.p_against < found.p_for:
        return withheld(found, "others change the score more by steps that are ours")
    return found


def _of_sweeps(
    trials: pd.DataFrame, random_starts: int, longest_warmup: int
) -> dict[str, Estimate]:
    later, low_warmup = [], []
    for _, run in trials.groupby("repetition"):
        is_late = run["trial"] >= run["trial"].median()
        is_low = run["warmup_steps"] <= longest_warmup / 10
        for values, chosen in ((later, is_late), (low_warmup, is_low)):
            sides = (run.loc[side, "validation_score"] for side in (chosen, ~chosen))
            values.append(np.subtract(*(side.mean(skipna=False) for side in sides)))
    drawn = trials[trials["trial"] < random_starts]  # independent of each other
    metrics = drawn["validation_accuracy"], drawn["validation_f1"]
    return {
        "course-sweep-improves": over_repetitions(later, above()),
        "course-low-warmup-works": over_repetitions(low_warmup, above()),
        "course-accuracy-enough": correlation(*metrics, above(0.9), units="trials"),
    }


def _of_interactions(searches: pd.DataFrame) -> dict[str, Estimate]:
    """Judge interactions within repetitions, and in the manual grids, where they are crossed."""
    options = {"names": TUNED, "n_shuffles": 1}
    apart = [
        variation_parts(run, **options).set_index("part")["share"][
            "interactions minus main effects"
        ]
        for _, run in searches.groupby("repetition")
    ]
    grids = searches[searches["stage"] == "manual"]
    centre = grids.groupby("repetition")["validation_score"].transform("mean")
    grids = grids.assign(centred=grids["validation_score"] - centre)
    pairs = interactions(grids, names=TUNED, score="centred").set_index(["first", "second"])
    row = pairs.loc[TUNED[:2]]
    known = {"value": float(row["share"]), "n": int(row["n"]), "units": "trials"}
    found = undecidable("too few trials, or nothing is left to explain", above(), **known)
    if not math.isnan(row["p"]):  # that it explains nothing at all cannot be shown
        found = replace(found, reason="", p_for=float(row["p"]))
    return {
        "course-interactions": over_repetitions(apart, above()),
        "course-decay-depends-on-rate": found,
    }


def _of_final(trials: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, Estimate]:
    """Judge configurations that were trained again, on test where its labels are known."""
    final = trials[trials["stage"] == "final"]
    options = {"split": "test" if final["test_score"].notna().any() else "validation"}
    table = score_table(final, predictions, columns=["variant"], by="init_seed", **options)
    tuned = final.groupby("variant")[list(TUNED)].first()
    estimates = {}
    for claim, (first, second) in COMPARED.items():
        if first not in table or second not in table:
            estimates[claim] = undecidable("no runs of one of the two", above())
            continue
        found = judge_contrast(table[first] - table[second], above())
        if tuned.loc[first].equals(tuned.loc[second]):
            found = withheld(found, "the same configuration was chosen, which is no difference")
        estimates[claim] = found
    grids = trials[trials["stage"] == "manual"]
    estimates["course-low-warmup-moderate-decay"] = _printed_best(
        final, grids, predictions, options
    )
    return estimates


def _printed_best(final, grids, predictions, options: dict) -> Estimate:
    """Judge the project's best of its sweep against the manual grid's mean, by Welch's test."""
    best = final[final["variant"] == "printed-automatic"]
    if best.empty or grids.empty:
        return undecidable("no runs", above())
    column = f"{options['split']}_score"
    again = best[column].to_numpy()
    usual = grids.groupby("repetition")[column].agg(lambda scores: scores.mean(skipna=False))
    trained = pd.concat([best.assign(stage="final"), grids]).reset_index(drop=True)
    trained["run"] = trained.index
    table = score_table(trained, predictions, columns=["stage"], by="run", **options)
    error = examples_error(table["final"] - table["manual"])
    shared = "unknown" if math.isnan(error) else {"best": 2 * error, "grid": 0.0}
    groups = {"best": 2 * again, "grid": -2 * usual.to_numpy()}  # whose mean is the difference
    found = mean(groups, above(), tasks="fixed", shared=shared)
    printed = load_published("course_project_table01").set_index("method")
    if not np.allclose(best["learning_rate"], printed["learning_rate"]["automatic"], rtol=1e-3):
        return withheld(found, "its learning rate stands for the project's by a factor of ours")
    return found


def _warm_start(trials: pd.DataFrame, predictions: pd.DataFrame) -> Estimate:
    """Judge a manual grid and as many warm trials as make up the cold sweep's number.

    Of both, what the best trial on validation scores on test where its labels are known.
    """
    rows = trials[trials["stage"].isin(SEARCHES)].dropna(subset="validation_score")
    counts = trials.groupby(["repetition", "stage"]).size().unstack()
    counts = counts.reindex(columns=list(SEARCHES))
    left = counts["cold"] - counts["manual"]
    if counts.empty or counts.isna().any(axis=None) or left.min() < 1:
        return undecidable("the manual grid alone costs as much as a cold sweep", above())
    rows = rows[(rows["stage"] != "warm") | (rows["trial"] < rows["repetition"].map(left))]
    rows = rows.assign(search=np.where(rows["stage"] == "cold", "cold", "warm"))
    best = rows.sort_values(["validation_score", "stage", "trial"], ascending=[False, True, True])
    best = best.drop_duplicates(["repetition", "search"])
    split = "test" if best["test_score"].notna().any() else "validation"
    table = score_table(best, predictions, columns=["search"], by="repetition", split=split)
    if set(table) != {"cold", "warm"}:
        return undecidable("no runs have a score", above())
    return judge_contrast(table["warm"] - table["cold"], above())
