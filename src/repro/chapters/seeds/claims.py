"""The claims of Dodge et al. 2020, each held against the runs at hand."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.seeds.analysis import (
    FACTORS,
    SCENARIOS,
    by_task,
    progress_matrices,
    scenario_scores,
)
from repro.show.cells import task_label
from repro.show.claims import claims_in_words, claims_table
from repro.stats.correlation import correlation_interval
from repro.stats.intervals import bootstrap_mean
from repro.stats.verdicts import Claim, Unit, hold

__all__ = ["claims_in_words", "claims_table", "seed_claims"]


def seed_claims(
    scores: pd.DataFrame,
    *,
    components: pd.DataFrame,
    tests: pd.DataFrame,
    agreement: Mapping[str, float],
    stopping: pd.DataFrame,
    seed: int = 0,
) -> list[Claim]:
    """Hold the paper's claims against our runs.

    Args:
        scores: from `analysis.evaluation_scores`, of one model.
        components, tests, agreement, stopping: from `analysis.components_by_task`,
            `significance.seed_tests` and `concordance`, and `early_stopping.compare_settings`.
    Source: Dodge et al. 2020, sec. 3 to 5.
    """
    rng = np.random.default_rng(seed)
    often, _, once = (scenario_scores(scores)[scenario] for scenario in SCENARIOS)
    gains = (often - once).dropna()
    others = stopping.groupby("task")["others_mean"].mean().dropna()
    return [
        hold(
            "Evaluating often gives a higher expected score than once at the end (sec. 3.1)",
            "higher",
            bootstrap_mean(gains, rng=rng),
            note=" for one run",
        ),
        _alike_components(components),
        *(_some_seeds_are_better(tests[tests["factor"] == f], f) for f in FACTORS),
        _globally_good(agreement),
        _early_tells_late(scores, seed),
        hold(
            "Early stopping removes a part of the error at the same cost (sec. 5, Figure 7)",
            "small but consistent gains, chosen and judged on the same trials",
            bootstrap_mean(others, rng=rng),
            unit=Unit(100, "+.1f", " % of the error on other trials, mean over tasks"),
        ),
    ]


def _alike_components(components: pd.DataFrame) -> Claim:
    shares, ends, apart = [], [], False
    for task, table in by_task(components).items():
        wi, do, _ = table.to_dict("records")
        shares.append(f"{task_label(task)} {wi['share']:.0%} and {do['share']:.0%}")
        intervals = (f"[{row['low']:.0%}, {row['high']:.0%}]" for row in (wi, do))
        ends.append(f"{task_label(task)} {' and '.join(intervals)}")
        apart |= wi["low"] > do["high"] or do["low"] > wi["high"]
    return Claim(
        claim="WI and DO contribute comparably to the variance (sec. 4.1)",
        paper="Table 3 alike; its rows are no components of the variance",
        here="components of WI and DO: " + "; ".join(shares),
        interval="; ".join(ends),
        agrees=False if apart else None,
    )


def _some_seeds_are_better(tests: pd.DataFrame, factor: str) -> Claim:
    naive, calibrated, anova = (tests[["p_naive", "p_calibrated", "p_anova"]] < 0.05).sum()
    ps = (f"{task_label(row.task)} {row.p_calibrated:.2g}" for row in tests.itertuples())
    return Claim(
        claim=f"On every task the best and the worst {factor.upper()} seed differ (Table 4)",
        paper="4 of 4 tasks, p < .05, uncalibrated",
        here=f"uncalibrated {naive}, calibrated {calibrated}, analysis of variance {anova} "
        f"of {len(tests)} tasks with p < .05",
        interval="calibrated p: " + ", ".join(ps),
        agrees=True if calibrated == len(tests) else None,  # none found is none disproved
    )


def _globally_good(agreement: Mapping[str, float]) -> Claim:
    known, p = not np.isnan(agreement["W"]), agreement["p_shuffles"]
    w = f"Kendall's W {agreement['W']:.2f} over {agreement['n_seeds']} seeds"
    return Claim(
        claim="Some weight initialisations are good on all tasks (sec. 4.3)",
        paper="one seed among the best three of each task; no test",
        here=w if known else "no W",
        interval=f"p = {p:.2g}" if known else "",
        agrees=True if p < 0.05 else None,
    )


def _early_tells_late(scores: pd.DataFrame, seed: int) -> Claim:
    points, ends, above = [], [], []
    for task, progress in progress_matrices(scores, best_so_far=True).items():
        third = progress.shape[1] // 3
        if not third:
            continue
        row = correlation_interval(progress[third], progress.iloc[:, -1], seed=seed)
        if not np.isnan(row["correlation"]):
            points.append(f"{task_label(task)} {row['correlation']:.2f}")
            ends.append(f"{task_label(task)} [{row['low']:.2f}, {row['high']:.2f}]")
            above.append(row["low"] > 0)
    verdict = False if above and not any(above) else None
    return Claim(
        claim="After a third of the training the ranking resembles the final one (sec. 5)",
        paper="high rank correlation on three of four tasks",
        here="Spearman " + ", ".join(points),
        interval=", ".join(ends),
        agrees=True if above and all(above) else verdict,
    )
