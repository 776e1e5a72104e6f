"""The claims of Dodge et al. 2020, each held against the runs at hand."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.seeds.analysis import FACTORS, rank_seeds
from repro.chapters.seeds.variance import best_against_worst, concordance, variance_analysis
from repro.labels import TASK_LABELS, label
from repro.stats.correlation import correlation_interval, progress_matrix
from repro.stats.expected_performance import SCENARIOS, scenario_scores
from repro.stats.intervals import bootstrap_interval


def seed_claims(
    scores: pd.DataFrame, best: pd.DataFrame, judged: pd.DataFrame, *, seed: int = 0
) -> list[dict]:
    """Hold the paper's claims against our runs.

    Args:
        scores: from `seeds.evaluation_scores`, of one model.
        best: from `seeds.best_scores`.
        judged: from `early_stopping.judge_settings`, with the column task.
    Returns:
        rows for `tables.claims_table`: claim, paper, here, interval, agrees.
    Source: Dodge et al. 2020, sec. 3 to 5.
    """
    rng = np.random.default_rng(seed)
    matrices = {
        task: rows.pivot(index="init_seed", columns="order_seed", values="score")
        for task, rows in best.groupby("task", sort=False)
    }
    return [
        _gain_of_evaluating_often(scores, rng),
        _alike_components(matrices),
        *(_some_seeds_are_better(matrices, factor, seed) for factor in FACTORS),
        _globally_good(best, seed),
        _early_tells_late(scores, seed),
        _stopping_helps(judged, rng),
    ]


def _gain_of_evaluating_often(scores: pd.DataFrame, rng) -> dict:
    often, once = (scenario_scores(scores, SCENARIOS[i]).set_index("trial_id") for i in (0, 2))
    gain = (often["score"] - once["score"]).dropna().to_numpy()
    low, high = bootstrap_interval(gain, rng=rng)
    return {
        "claim": "Evaluating often gives a higher expected score than once at the end (sec. 3.1)",
        "paper": "higher",
        "here": f"{100 * gain.mean():+.2f} points for one run" if len(gain) else "no scores",
        "interval": f"[{100 * low:+.2f}, {100 * high:+.2f}]",
        "agrees": True if low > 0 else (False if high <= 0 else None),
    }


def _alike_components(matrices: Mapping[str, pd.DataFrame]) -> dict:
    found = {task: variance_analysis(m).set_index("factor") for task, m in matrices.items()}
    pairs = {task: (table.loc["wi"], table.loc["do"]) for task, table in found.items()}
    apart = [t for t, (a, b) in pairs.items() if a["low"] > b["high"] or b["low"] > a["high"]]
    shares = [f"{_name(t)} {a['share']:.0%} and {b['share']:.0%}" for t, (a, b) in pairs.items()]
    ends = [f"{_name(t)} {_interval(a)} and {_interval(b)}" for t, (a, b) in pairs.items()]
    return {
        "claim": "WI and DO contribute comparably to the variance (sec. 4.1)",
        "paper": "Table 3 alike; its rows are no components of the variance",
        "here": "components of WI and DO: " + "; ".join(shares),
        "interval": "; ".join(ends),
        "agrees": False if apart else None,
    }


def _name(task: str) -> str:
    return label(task, TASK_LABELS)


def _interval(row: pd.Series) -> str:
    return f"[{row['low']:.0%}, {row['high']:.0%}]"


def _some_seeds_are_better(matrices: Mapping[str, pd.DataFrame], factor: str, seed: int) -> dict:
    tests = {task: best_against_worst(m, factor, seed=seed) for task, m in matrices.items()}
    ps = pd.Series({task: test["p_calibrated"] for task, test in tests.items()})
    naive = sum(test["p_naive"] < 0.05 for test in tests.values())
    anova = {
        t: variance_analysis(m).set_index("factor").loc[factor, "p"] for t, m in matrices.items()
    }
    n_anova = sum(p < 0.05 for p in anova.values())
    n_good = int((ps < 0.05).sum())
    return {
        "claim": f"On every task the best and the worst {factor.upper()} seed differ (Table 4)",
        "paper": "4 of 4 tasks, p < .05, uncalibrated",
        "here": f"uncalibrated {naive}, calibrated {n_good}, analysis of variance {n_anova} "
        f"of {len(ps)} tasks with p < .05",
        "interval": "calibrated p: " + ", ".join(f"{_name(t)} {p:.2g}" for t, p in ps.items()),
        "agrees": True if n_good == len(ps) else None,  # no difference found is none disproved
    }


def _globally_good(best: pd.DataFrame, seed: int) -> dict:
    found = concordance(rank_seeds(best), seed=seed)
    known = not np.isnan(found["W"])
    return {
        "claim": "Some weight initialisations are good on all tasks (sec. 4.3)",
        "paper": "one seed among the best three of each task; no test",
        "here": f"Kendall's W {found['W']:.2f} over {found['n_seeds']} seeds" if known else "no W",
        "interval": f"p = {found['p_shuffles']:.2g}" if known else "",
        "agrees": True if known and found["p_shuffles"] < 0.05 else None,
    }


def _early_tells_late(scores: pd.DataFrame, seed: int) -> dict:
    found = {}
    for task, rows in scores.groupby("task", sort=False):
        progress = progress_matrix(rows, best_so_far=True)
        if progress.shape[1] >= 3:
            early, last = progress.iloc[:, progress.shape[1] // 3 - 1], progress.iloc[:, -1]
            found[task] = correlation_interval(early, last, seed=seed)
    known = {t: f for t, f in found.items() if not np.isnan(f["correlation"])}
    above = [f["low"] > 0 for f in known.values()]
    return {
        "claim": "After a third of the training the ranking resembles the final one (sec. 5)",
        "paper": "high rank correlation on three of four tasks",
        "here": "Spearman "
        + ", ".join(f"{_name(t)} {f['correlation']:.2f}" for t, f in known.items()),
        "interval": ", ".join(
            f"{_name(t)} [{f['low']:.2f}, {f['high']:.2f}]" for t, f in known.items()
        ),
        "agrees": True if above and all(above) else (None if any(above) or not above else False),
    }


def _stopping_helps(judged: pd.DataFrame, rng) -> dict:
    means = judged.groupby("task")["relative_error_reduction"].mean().dropna().to_numpy()
    low, high = bootstrap_interval(means, rng=rng)
    return {
        "claim": "Early stopping removes a part of the error at the same cost (sec. 5, Figure 7)",
        "paper": "small but consistent gains, chosen and judged on the same trials",
        "here": f"{100 * means.mean():+.1f} % of the error on other trials"
        if len(means)
        else "none",
        "interval": f"[{100 * low:+.1f}, {100 * high:+.1f}] over tasks",
        "agrees": True if low > 0 else (False if high <= 0 else None),
    }
