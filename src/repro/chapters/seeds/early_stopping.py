"""Start t trials, stop all but the best p at a fraction f of their training: what does it bring?

The expectation over draws of trials is computed, not simulated. Number the N trials by their best
score at the stop, best first, and let each draw be a uniform number u in [0, 1): it picks trial
[uN] and orders the draws at once. The kept p then lie below w, the (p+1)-th smallest of t uniform
numbers, distributed as Beta(p + 1, t - p), and below w they are uniform: the mean of the best of
them is a sum over the scores, and its mean over w an integral, done by Gauss-Legendre nodes within
the N intervals. It is exact up to 1e-6, so that comparing settings needs no common random numbers.
Trials that tie at the stop are kept by chance: each counts as the average of those it ties with.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from repro.stats.expected_performance import expected_maximum

BUDGETS = tuple(range(1, 31))  # in full trainings, as all budgets here
MAX_TRIALS = 200  # as in the authors' code
_SETTING = ["t", "p", "evaluations"]


def compare_settings(progress: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Find the best setting of each budget on each task, and what choosing it is worth elsewhere.

    Args:
        progress: task -> from `analysis.progress_matrices`, best so far, as for all functions here.
    Returns:
        one row a task and budget: what `best_settings` gives, and others_mean, others_lowest and
        others_highest, of the gains by `judge_settings` (NaN for fewer than four trials); wins
        tells whether it gains on the other trials of every split.
    """
    parts = []
    for task, frame in progress.items():
        best = best_settings(search_settings(frame))
        judged = judge_settings(frame)
        gains = judged.groupby("budget")["relative_error_reduction"]
        others = gains.agg(others_mean="mean", others_lowest="min", others_highest="max")
        joined = best.join(others, on="budget").assign(task=task)
        parts.append(joined.assign(wins=joined["others_lowest"] > 1e-9))
    return pd.concat(parts, ignore_index=True)


def list_settings(
    budget: int, n_evaluations: int, *, max_trials: int = MAX_TRIALS
) -> list[tuple[int, int, int]]:
    """Return the settings that cost `budget` full trainings: those of the authors' code.

    Returns:
        t trials started, p kept, e evaluations before the stop (the fraction f is e /
        `n_evaluations`); t e + p (n_evaluations - e) is the budget exactly. Without a stop,
        e = `n_evaluations` and p = t = budget; with one, p < t <= `max_trials`, and p = 0 is
        allowed.
    Source: Dodge et al. 2020, sec. 5.
    """
    k, total = n_evaluations, budget * n_evaluations
    rows = [(budget, budget, k)]
    for e in range(1, k):
        p = np.arange(0, budget + 1)
        t, rest = np.divmod(total - p * (k - e), e)
        good = (rest == 0) & (t > p) & (t <= max_trials)
        rows += [(t, p, e) for t, p in zip(t[good].tolist(), p[good].tolist(), strict=True)]
    return rows


def search_settings(
    progress: pd.DataFrame, budgets: Sequence[int] = BUDGETS, *, max_trials: int | None = None
) -> pd.DataFrame:
    """Compute the expected best score of every setting of each budget.

    Args:
        max_trials: that a setting with a stop may start; by default 200, as the authors, but at
            most half of the trials: more draws would be of the same trials again and again.
    Returns:
        one row a setting: budget, t, p, evaluations (before the stop), f, score (fraction),
        baseline (the same budget without a stop), relative_error_reduction (the share of the
        error, one minus the baseline, that stopping early removes; NaN where there is none).
    Raises:
        ValueError: if there are fewer than two trials or evaluations.
    Source: Dodge et al. 2020, Figures 6 and 7.
    """
    n, k = progress.shape
    if n < 2 or k < 2 or progress.isna().any(axis=None):
        raise ValueError(
            "`progress` must have two trials and two evaluations or more and no NaN, but got "
            f"{n}, {k} and {int(progress.isna().sum().sum())} NaN; leave trials without scores out"
        )
    max_trials = max_trials or max(1, min(MAX_TRIALS, n // 2))
    rows = [(b, *s) for b in budgets for s in list_settings(b, k, max_trials=max_trials)]
    settings = pd.DataFrame(rows, columns=["budget", *_SETTING])
    return score_settings(settings.assign(f=settings["evaluations"] / k), progress)


def score_settings(settings: pd.DataFrame, progress: pd.DataFrame) -> pd.DataFrame:
    """Set what the settings bring on these trials: score, baseline, relative_error_reduction."""
    score = expected_scores(progress, settings[_SETTING].to_numpy())
    baseline = expected_maximum(progress.iloc[:, -1], settings["budget"])["mean"].to_numpy()
    error = np.where(baseline < 1, 1 - baseline, np.nan)
    gain = (score - baseline) / error
    return settings.assign(score=score, baseline=baseline, relative_error_reduction=gain)


def best_settings(searched: pd.DataFrame) -> pd.DataFrame:
    """Return the setting with the highest expected score of each budget, of `search_settings`."""
    rounded = searched.assign(score=searched["score"].round(12))  # no tie is broken by rounding
    order = rounded.sort_values(["budget", "score"], ascending=[True, False], kind="stable").index
    best = searched.loc[order]
    return best.drop_duplicates("budget").reset_index(drop=True)


def judge_settings(
    progress: pd.DataFrame, budgets: Sequence[int] = BUDGETS, *, n_splits: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Choose each budget's setting on one half of the trials and judge it on the other.

    The setting that is best for these very trials flatters itself; on other trials it gains less.

    Returns:
        as `best_settings`, a row a budget and split; the scores are of the half that did not
        choose. No rows for fewer than four trials.
    """
    if len(progress) < 4:
        return search_settings(progress, budgets).assign(split=0).iloc[:0]
    rng, parts = np.random.default_rng(seed), []
    max_trials = max(1, min(MAX_TRIALS, len(progress) // 2))
    for split in range(n_splits):
        order = rng.permutation(len(progress))
        chooses, judges = progress.iloc[order[::2]], progress.iloc[order[1::2]]
        chosen = best_settings(search_settings(chooses, budgets, max_trials=max_trials))
        parts.append(score_settings(chosen.assign(split=split), judges))
    return pd.concat(parts, ignore_index=True)


def expected_scores(progress: pd.DataFrame, settings: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """Compute the expected best score under each setting, trials drawn with replacement."""
    values, scores = progress.to_numpy(float), np.empty(len(settings))
    t, p, evaluations = np.asarray(settings, int).reshape(-1, 3).T
    x, weights = np.polynomial.legendre.leggauss(max(3, 400 // len(values)))
    nodes = ((np.arange(len(values))[:, None] + (x + 1) / 2) / len(values)).ravel()
    lengths = np.tile(weights, len(values))
    for e in np.unique(evaluations):
        at_stop, final, stops = values[:, e - 1], values[:, -1], evaluations == e
        for column, rows in ((at_stop, stops & (p == 0)), (final, stops & (p == t))):
            if rows.any():
                scores[rows] = expected_maximum(column, t[rows])["mean"]
        levels, shares = _shares_at_most(at_stop, final, nodes)
        for kept in np.unique(p[stops & (p > 0) & (p < t)]):
            best = levels[-1] - shares[:, :-1] ** kept @ np.diff(levels)
            rows = np.flatnonzero(stops & (p == kept) & (p < t))
            # Beta(p + 1, t - p) at the nodes, up to a factor, which the division takes out
            logs = kept * np.log(nodes) + (t[rows, None] - kept - 1) * np.log1p(-nodes)
            density = lengths * np.exp(logs - logs.max(axis=1, keepdims=True))
            scores[rows] = density @ best / density.sum(axis=1)
    return scores


def _shares_at_most(
    at_stop: np.ndarray, final: np.ndarray, nodes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the final scores that occur, and a row a node: the shares below it at most each."""
    n, order = len(final), np.argsort(-at_stop, kind="stable")
    levels, level = np.unique(final[order], return_inverse=True)
    at_most = (level[:, None] <= np.arange(len(levels))).astype(float)
    ties = np.unique(-at_stop, return_counts=True)[1]
    starts = ties.cumsum() - ties
    averages = np.add.reduceat(at_most, starts, axis=0) / ties[:, None]
    before = np.zeros((n + 1, len(levels)))  # how many of the first i trials
    before[1:] = np.repeat(averages, ties, axis=0).cumsum(axis=0)
    whole = (nodes * n).astype(int)
    part = (nodes * n - whole)[:, None]
    counts = before[whole] + part * (before[whole + 1] - before[whole])
    return levels, counts / (nodes * n)[:, None]
