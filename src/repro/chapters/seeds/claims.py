"""The claims of Dodge et al. 2020, held against what they print and against runs of one's own.

The tasks are fixed; seeds vary. Runs that share a seed are alike, so that it is seeds that count:
each of either kind is left out in turn.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from repro.chapters.seeds.analysis import best_scores, by_task, rank_seeds, score_matrices
from repro.chapters.seeds.authors import printed_settings, read_matrices
from repro.chapters.seeds.curve_claims import Curves, describe_settings, judge_curves
from repro.chapters.seeds.printed_claims import (
    gains_over_others,
    one_good_seed,
    printed_deviations,
)
from repro.chapters.seeds.seed_rules import (
    BIMODAL,
    KINDS,
    LOG,
    SMALL,
    TASKS,
    deviation_ratio,
    error_of_deviation,
    judge_each,
    over_seeds,
)
from repro.chapters.seeds.significance import concordance
from repro.labels import TASK_LABELS
from repro.published import load_published
from repro.stats.decisions import Estimate, above, below, within
from repro.stats.ledger import Answer
from repro.stats.rules import MINIMUM, every, exists, from_error, share, undecidable
from repro.stats.variance_components import variance_ratio

NEGLIGIBLE = 0.01  # of the rest's variance: seeds that explain less make no difference
WI, WI_TO_DO = {"of": "rows", "to": "rest"}, {"of": "rows", "to": "columns"}
UNITS = {  # where it is not what the source prints
    "dodge-wi-differ": "ratio",
    "dodge-do-differ": "ratio",
    "dodge-good-everywhere": "Kendall's W",
}


def published_answers() -> list[Answer]:
    """Judge what Tables 1 to 3, section 4.3 and the printed runs of MRPC and RTE can decide."""
    facts = load_published("dodge_2020_table02").set_index("task")
    best = {task: matrix.to_numpy() for task, matrix in read_matrices().items()}
    guesses = facts["majority_baseline"]
    diverged = {task: (table <= guesses[task] + 0.02).astype(float) for task, table in best.items()}
    settings = printed_settings()
    why = "of CoLA and SST none are printed, and these were chosen and judged on the same runs"
    gains = settings["relative_error_reduction"]
    estimates = _of_best(best, diverged, printed=printed_deviations())
    estimates |= gains_over_others(facts["n_validation"]) | describe_settings(settings, why)
    estimates["dodge-stopping-helps"] = undecidable(why, above(), value=float(gains.mean()))
    estimates["dodge-good-everywhere"] = one_good_seed()
    units = UNITS | {"dodge-good-everywhere": "mean rank, of 1"}
    return [Answer(claim, "published", "full", found, units.get(claim, ""))
            for claim, found in estimates.items()]  # fmt: skip


def own_answers(
    scores: pd.DataFrame,
    *,
    baselines: pd.Series,
    stopping: pd.DataFrame,
    evidence: str,
    scale: str,
    margin: float = 0.02,
) -> list[Answer]:
    """Judge what runs of one model can decide.

    Args:
        scores: from `analysis.evaluation_scores`.
        baselines, margin: as for `analysis.diverged_share`.
        stopping: from `early_stopping.compare_settings`.
    """
    best = best_scores(scores)
    limits = best["task"].map(baselines) + margin
    low = (best["score"] <= limits) | (best["status"] == "diverged")
    lost = best["score"].isna() & ~low  # failed: nobody knows what it would have scored
    runs = {task: rows.to_numpy() for task, rows in score_matrices(best).items()}
    hits = score_matrices(best.assign(score=low.astype(float).mask(lost)))
    diverged = {task: rows.to_numpy() for task, rows in hits.items()}
    curves = {task: Curves(rows) for task, rows in by_task(scores).items()}
    why = "which setting is best changes with the runs that are drawn, in jumps"
    estimates = (
        _of_best(runs, diverged) | judge_curves(curves, diverged) | describe_settings(stopping, why)
    )
    estimates["dodge-good-everywhere"] = _agreement(best[best["task"].isin(TASKS)])
    return [Answer(claim, evidence, scale, found, UNITS.get(claim, ""))
            for claim, found in estimates.items()]  # fmt: skip


def _of_best(
    best: Mapping[str, np.ndarray],
    diverged: Mapping[str, np.ndarray],
    printed: Mapping[str, Estimate] | None = None,
) -> dict[str, Estimate]:
    """Judge what the best score of each run decides.

    Args:
        diverged: 1 for a run that diverged; NaN where unknown.
        printed: standard deviations of tasks whose runs are not known.
    """
    nothing = "no runs" if printed is None else "its runs are not printed"

    def each(tasks: Collection[str], judge: Callable, tables: Mapping = best) -> Estimate:
        cases = {task: judge(task, table) for task, table in tables.items() if task in tasks}
        return judge_each(tasks, cases, nothing=nothing)

    def dissimilar(task: str, table: np.ndarray) -> Estimate:
        region = above(1) if task in SMALL else below(1)
        return variance_ratio(table, region, **WI_TO_DO, units="seeds")

    spreads = dict(printed or {})
    for task, table in best.items():
        least = error_of_deviation(min(table.shape))
        spreads[task] = over_seeds(np.std, table, above(0.01), LOG, least=least)
    return {
        "dodge-seeds-move-scores": judge_each(SMALL, spreads, nothing=nothing),
        "dodge-small-tasks-vary": judge_each(
            SMALL, {t: _ratio(spreads[t], spreads.get("sst2")) for t in SMALL if t in spreads}
        ),
        "dodge-wi-differ": each(TASKS, lambda task, table: _differ(table)),
        "dodge-do-differ": each(TASKS, lambda task, table: _differ(table.T)),
        "dodge-wi-do-comparable": each(
            TASKS,
            lambda task, table: variance_ratio(table, within(1 / 2, 2), **WI_TO_DO, units="seeds"),
        ),
        "dodge-wi-more-dissimilar": each(TASKS, dissimilar),
        "dodge-deviations-comparable": each(
            TASKS, lambda task, table: over_seeds(deviation_ratio, table, within(0.8, 1.25), LOG)
        ),
        "dodge-some-diverge": each(
            SMALL, lambda task, table: exists(table, 0.01, units="initialisations"), diverged
        ),
        "dodge-worst-seeds-diverge": each(
            BIMODAL, lambda task, table: _worst_diverge(table, diverged[task])
        ),
    }


def _differ(table: np.ndarray) -> Estimate:
    """Judge whether rows differ at all; against it, that they differ by a negligible part only."""
    found = variance_ratio(table, above(margin=NEGLIGIBLE), **WI, units="seeds")
    little = variance_ratio(table, above(NEGLIGIBLE), **WI, units="seeds")
    return replace(found, p_against=little.p_against)


def _ratio(first: Estimate, second: Estimate | None) -> Estimate:
    """Judge whether one standard deviation is above another; both were tested by logarithms."""
    parts = [e for e in (first, second) if e is not None]
    n = min(e.n for e in parts)
    if second is None or any(e.spread is None for e in parts):
        reason = next((e.reason for e in parts if e.reason), "no runs of SST")
        return undecidable(reason, above(1), n=n, units=KINDS)
    error, df = math.hypot(*(e.spread.error for e in parts)), min(e.spread.df for e in parts)
    value = first.value / second.value
    return from_error(value, error, above(1), n=n, units=KINDS, df=df, scale=LOG)


def _worst_diverge(scores: np.ndarray, diverged: np.ndarray) -> Estimate:
    """Judge whether most runs of the worst seed of each kind diverge.

    It is the worst by these very runs, which speaks for the claim: so only runs that did not
    choose it count for it.
    """
    cases = []
    for table, hits in ((scores, diverged), (scores.T, diverged.T)):
        found = share(hits[table.mean(axis=1).argmin()], above(0.5), units="runs")
        chosen = table[:, ::2].mean(axis=1).argmin()
        others = share(hits[chosen, 1::2], above(0.5), units="runs")
        cases.append(replace(found, p_for=max(found.p_for, others.p_for)))
    return every(cases)


def _agreement(best: pd.DataFrame) -> Estimate:
    """Judge whether tasks agree on good WI seeds; that none is good everywhere cannot be shown."""
    ranks = rank_seeds(best)
    known, region = {"n": len(ranks), "units": "seeds"}, above(1 / len(TASKS))
    if lacking := [TASK_LABELS[task] for task in TASKS if task not in ranks]:
        return undecidable(f"no runs on {', '.join(lacking)}", region, **known)
    found = concordance(ranks)
    if len(ranks) < MINIMUM or math.isnan(found["W"]):
        return undecidable(f"{len(ranks)} seeds with ranks on all tasks", region, **known)
    return Estimate(
        found["W"], math.nan, math.nan, region=region, p_for=found["p_shuffles"], **known
    )
