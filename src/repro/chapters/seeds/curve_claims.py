"""What the scores during training decide: early signs, and early stopping."""

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.chapters.seeds.early_stopping import (
    BUDGETS,
    MAX_TRIALS,
    best_settings,
    score_settings,
    search_settings,
)
from repro.chapters.seeds.seed_rules import (
    FISHER,
    KINDS,
    SMALL,
    TASKS,
    judge_each,
    over_seeds,
)
from repro.stats.decisions import Estimate, above, below, within
from repro.stats.rules import MINIMUM, missing_scores, undecidable

N_SHUFFLES = 2_000


class Curves:
    """The scores of a task's runs at each evaluation.

    Args:
        rows: of `analysis.evaluation_scores`, of one task.
    """

    def __init__(self, rows: pd.DataFrame):
        seeds = [np.unique(rows[name]) for name in ("init_seed", "order_seed")]
        known = rows.dropna(subset="evaluation")
        wide = known.pivot(
            index=["init_seed", "order_seed"], columns="evaluation", values="score"
        ).reindex(pd.MultiIndex.from_product(seeds))
        shape = *map(len, seeds), wide.shape[1]
        self.scores = wide.to_numpy().reshape(shape)  # WI, DO, evaluation
        self.epochs = known.groupby("evaluation")["epoch"].max().to_numpy()

    def pair(self, *, share: float = 1.0, epoch: float = math.inf) -> np.ndarray:
        """Return the scores at the last evaluation so early, and at the last of all."""
        last = self.epochs.max(initial=0.0)
        early = np.flatnonzero((self.epochs <= share * last + 1e-9) & (self.epochs < epoch - 1e-9))
        return self.scores[..., [early[-1], -1]] if len(early) else self.scores[..., :0]


def judge_curves(
    curves: Mapping[str, Curves], diverged: Mapping[str, np.ndarray]
) -> dict[str, Estimate]:
    """Judge what the scores during training decide; of early ones not the best so far.

    The best so far is part of a later one, so that pure noise correlates by .5 or so.
    """

    def each(tasks: Collection[str], judge: Callable) -> Estimate:
        return judge_each(tasks, {t: judge(t, c) for t, c in curves.items() if t in tasks})

    def ranks(pair: np.ndarray) -> Estimate:
        return over_seeds(_rank_correlation, pair, above(0.5), FISHER)

    def calmer(scores: np.ndarray) -> float:
        return scores.max(axis=2).std() - scores[..., -1].std()

    return {
        "dodge-early-ranks": each(SMALL, lambda task, curve: ranks(curve.pair(epoch=1))),
        "dodge-sst-after-two-epochs": each(
            ["sst2"], lambda task, curve: ranks(curve.pair(share=2 / 3))
        ),
        "dodge-evaluate-often-variance": each(
            TASKS, lambda task, curve: over_seeds(calmer, curve.scores, below())
        ),
        "dodge-pearson-alike": each(
            TASKS, lambda task, curve: over_seeds(_kinds_apart, curve.scores, within(-0.1, 0.1))
        ),
        "dodge-divergence-seen-early": each(
            SMALL, lambda task, curve: _seen_early(curve.pair(share=1 / 6), diverged[task])
        ),
        "dodge-stopping-helps": each(TASKS, lambda task, curve: _stopping(curve.scores)),
    }


def _rank_correlation(pair: np.ndarray) -> float:
    return np.corrcoef(rankdata(pair.reshape(-1, 2), axis=0).T)[0, 1]


def _kinds_apart(scores: np.ndarray) -> float:
    """Return Pearson's minus Spearman's correlation, mean over pairs of evaluations."""
    runs = scores.reshape(-1, scores.shape[-1])
    apart = np.corrcoef(runs.T) - np.corrcoef(rankdata(runs, axis=0).T)
    apart = np.atleast_2d(apart)[np.triu_indices(scores.shape[-1], 1)]
    apart = apart[np.isfinite(apart)]
    return apart.mean() if len(apart) else math.nan


def _seen_early(pair: np.ndarray, diverged: np.ndarray) -> Estimate:
    """Judge whether runs that are low early diverge more often than all do.

    Seeds of either kind are shuffled, so that what runs share by a seed stays together.
    """
    n, m = diverged.shape
    known, region = {"n": min(n, m), "units": KINDS}, above()
    reason = missing_scores((pair[..., 0] + diverged).ravel() if pair.size else np.zeros(0))
    k = int(np.nansum(diverged))
    if reason or not 0 < k < diverged.size:
        return undecidable(reason or f"{k} of {n * m} runs diverged", region, **known)
    if min(n, m) < MINIMUM:
        reason = f"{n} x {m} seeds, fewer than {MINIMUM} of a kind"
        return undecidable(reason, region, **known)
    early = pair[..., 0]
    limit = np.sort(early, axis=None)[k - 1]
    low, tied = early < limit, early == limit
    weights = (low + tied * (k - low.sum()) / tied.sum()) / k  # of ties each counts in part
    rng = np.random.default_rng(0)
    shuffled = np.array([
        (weights * diverged[rng.permutation(n)][:, rng.permutation(m)]).sum()
        for _ in range(N_SHUFFLES)
    ])  # fmt: skip
    found = (weights * diverged).sum()
    tails = (shuffled >= found - 1e-9).sum(), (shuffled <= found + 1e-9).sum()
    p_for, p_against = ((1 + tail) / (1 + N_SHUFFLES) for tail in tails)
    value, nan = float(found - k / diverged.size), math.nan
    return Estimate(value, nan, nan, region=region, p_for=p_for, p_against=p_against, **known)


def _stopping(scores: np.ndarray) -> Estimate:
    """Judge the share of the error that stopping removes, mean over budgets, on other runs.

    Every other run chooses each budget's setting, the rest judge it. Larger budgets than a quarter
    of the runs that choose have little to choose from: their gains are zero by construction.
    """
    n, m, k = scores.shape
    best = np.maximum.accumulate(scores, axis=2)
    judges = np.indices((n, m)).sum(axis=0) % 2
    chooses = pd.DataFrame(best[judges == 0])
    largest = min(MAX_TRIALS, len(chooses) // 2) // 2
    if k < 2 or largest < 1 or np.isnan(scores).any() or min(n, m) < MINIMUM:
        return over_seeds(lambda table: math.nan, scores, above())  # says why
    chosen = best_settings(search_settings(chooses, [b for b in BUDGETS if b <= largest]))

    def gain(table: np.ndarray) -> float:
        runs = pd.DataFrame(table[table[..., -1] == 1][:, :-1])
        return score_settings(chosen, runs)["relative_error_reduction"].mean()

    return over_seeds(gain, np.dstack([best, judges]), above())


def describe_settings(settings: pd.DataFrame, why: str) -> dict[str, Estimate]:
    """Describe the best settings of early stopping, whose errors nobody knows; `why`."""
    n, budgets = len(settings), settings["budget"]
    started = (settings["t"] / settings["p"].where(settings["p"] > 0)).fillna(math.inf)
    right = settings["f"].between(0.2 - 1e-9, 0.3 + 1e-9).groupby(settings["task"]).mean() > 0.5
    gains, ends = settings["score"] - settings["baseline"], budgets.quantile([1 / 3, 2 / 3])
    small, large = gains[budgets <= ends.iloc[0]].mean(), gains[budgets >= ends.iloc[1]].mean()
    values = {
        "dodge-start-many": (started.median(), above(2)),
        "dodge-keep-half": ((settings["p"] / budgets).median(), within(1 / 3, 2 / 3)),
        "dodge-stop-early": (float(right.sum()), above(2)),
        "dodge-gain-steady": (large / small if small > 0 else math.nan, within(1 / 2, 2)),
    }
    return {
        claim: undecidable(why, region, value=value, n=n, units="best settings")
        for claim, (value, region) in values.items()
    }
