"""Start t trials, stop all but the best p at a fraction f of their training: what does it bring?

The expectation over draws of trials is computed, not simulated. Number the N trials by their best
score at the stop, best first, and let each draw be a uniform number u in [0, 1): it picks trial
[uN] and orders the draws at once. The kept p then lie below w, the (p+1)-th smallest of t uniform
numbers, distributed as Beta(p + 1, t - p), and below w they are uniform: the mean of the best of
them is a sum over the scores, and its mean over w an integral, done by Gauss-Legendre nodes within
the N intervals. It is exact up to 1e-6, so that comparing settings needs no common random numbers.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import beta

MAX_TRIALS = 200  # as in the authors' code


def list_settings(budget: int, n_evaluations: int, *, max_trials: int = MAX_TRIALS):
    """Return the settings that cost `budget` full trainings: those of the authors' code.

    Returns:
        integers, one row a setting: t trials started, p kept, e evaluations before the stop (the
        fraction f is e / `n_evaluations`); t e + p (n_evaluations - e) is the budget exactly.
        Without a stop, e = `n_evaluations` and p = t = budget; with one, p < t <= `max_trials`, and
        p = 0 is allowed.
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


def expected_scores(
    progress: pd.DataFrame, settings: Sequence[tuple[int, int, int]], *, n_nodes: int | None = None
) -> np.ndarray:
    """Compute the expected best score seen under each setting, trials drawn with replacement.

    Args:
        progress: from `correlation.progress_matrix`, best so far; no NaN.
        settings: from `list_settings`.
        n_nodes: within each of the N intervals; by default 4, and more for few trials.
    Returns:
        shape (n_settings,), in the unit of the scores.
    """
    settings = np.asarray(settings, int).reshape(-1, 3)
    values = progress.to_numpy(float)
    found = np.empty(len(settings))
    for e in np.unique(settings[:, 2]):
        rows = np.flatnonzero(settings[:, 2] == e)
        found[rows] = _at_one_stop(
            values[:, e - 1], values[:, -1], settings[rows, :2], n_nodes=n_nodes
        )
    return found


def _at_one_stop(at_stop: np.ndarray, final: np.ndarray, settings: np.ndarray, *, n_nodes):
    """Compute the expectations for pairs (t, p) that stop at the same evaluation."""
    order = np.argsort(-at_stop, kind="stable")
    final, found = final[order], np.empty(len(settings))
    nodes, lengths = _nodes(len(final), n_nodes)
    kept_best = _best_below(final, nodes)
    for row, (t, p) in enumerate(settings):
        if p == 0 or p == t:
            found[row] = _best_of(at_stop if p == 0 else final, t)
            continue
        density = lengths * beta.pdf(nodes, p + 1, t - p)
        found[row] = density @ kept_best(p) / density.sum()
    return found


def _nodes(n: int, n_nodes: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights within the n equal parts of [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(n_nodes or max(3, 400 // n))
    nodes = (np.arange(n)[:, None] + (x + 1) / 2) / n
    return nodes.ravel(), np.tile(weights / (2 * n), n)


def _best_below(final: np.ndarray, nodes: np.ndarray):
    """Return a function of p: the mean best final score of p uniform draws below each node."""
    levels, place = np.unique(final, return_inverse=True)
    n = len(final)
    reached = np.zeros((n + 1, len(levels)))  # trials before i whose score is at most a level
    reached[1:] = np.cumsum(place[:, None] <= np.arange(len(levels)), axis=0)
    whole = (nodes * n).astype(int)
    part = (nodes * n - whole)[:, None]
    shares = (reached[whole] + part * (reached[whole + 1] - reached[whole])) / (nodes * n)[:, None]
    shares, steps, powers = shares[:, :-1], np.diff(levels), {}

    def best(p: int) -> np.ndarray:
        if p not in powers:
            powers[p] = levels[-1] - shares**p @ steps
        return powers[p]

    return best


def _best_of(scores: np.ndarray, n: int) -> float:
    levels, counts = np.unique(scores, return_counts=True)
    below = np.cumsum(counts)[:-1] / len(scores)
    return float(levels[-1] - below**n @ np.diff(levels))


def search_settings(
    progress: pd.DataFrame,
    budgets: Sequence[int] = tuple(range(1, 31)),
    *,
    max_trials: int | None = None,
) -> pd.DataFrame:
    """Compute the expected best score of every setting of each budget.

    Args:
        progress: from `correlation.progress_matrix`, best so far.
        budgets: in full trainings.
        max_trials: that a setting with a stop may start; by default 200, as the authors, but at
            most half of the trials: more draws would be of the same trials again and again.
    Returns:
        one row a setting: budget, t, p, f, evaluations (before the stop), score (fraction),
        baseline (the same budget without a stop), relative_error_reduction.
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
    max_trials = max_trials or _most(progress)
    rows = [(b, *s) for b in budgets for s in list_settings(b, k, max_trials=max_trials)]
    frame = pd.DataFrame(rows, columns=["budget", "t", "p", "evaluations"])
    frame["f"] = frame["evaluations"] / k
    frame["score"] = expected_scores(progress, frame[["t", "p", "evaluations"]].to_numpy())
    final = progress.iloc[:, -1].to_numpy(float)
    baselines = {b: _best_of(final, b) for b in set(frame["budget"])}
    frame["baseline"] = frame["budget"].map(baselines)
    return frame.assign(
        relative_error_reduction=relative_error_reduction(frame["baseline"], frame["score"])
    )


def _most(progress: pd.DataFrame) -> int:
    return max(1, min(MAX_TRIALS, len(progress) // 2))


def relative_error_reduction(without, with_stopping):
    """Return the share of the error, one minus the score, that stopping early removes.

    NaN where there is no error to remove.

    Source: Dodge et al. 2020, Figure 7.
    """
    error = 1 - np.asarray(without, float)
    error = np.where(error > 0, error, np.nan)
    return (np.asarray(with_stopping, float) - without) / error


def best_settings(searched: pd.DataFrame) -> pd.DataFrame:
    """Return the setting with the highest expected score of each budget.

    Args:
        searched: from `search_settings`.
    """
    best = searched.sort_values(["budget", "score"], ascending=[True, False], kind="stable")
    return best.drop_duplicates("budget").reset_index(drop=True)


def judge_settings(
    progress: pd.DataFrame,
    budgets: Sequence[int] = tuple(range(1, 31)),
    *,
    n_splits: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose each budget's setting on one half of the trials and judge it on the other.

    The setting that is best for these very trials flatters itself; on other trials it gains less.

    Returns:
        one row a budget and split: budget, split, t, p, f, score, baseline and
        relative_error_reduction, all on the half that did not choose; none for fewer than four
        trials.
    """
    rng, parts = np.random.default_rng(seed), []
    if len(progress) < 4:
        return search_settings(progress, budgets).assign(split=0).iloc[:0]
    for split in range(n_splits):
        order = rng.permutation(len(progress))
        halves = progress.iloc[order[::2]], progress.iloc[order[1::2]]
        searched = search_settings(halves[0], budgets, max_trials=_most(progress))
        chosen = best_settings(searched)
        settings = chosen[["t", "p", "evaluations"]].to_numpy()
        final = halves[1].iloc[:, -1].to_numpy(float)
        score = expected_scores(halves[1], settings)
        baseline = np.array([_best_of(final, b) for b in chosen["budget"]])
        judged = chosen.assign(split=split, score=score, baseline=baseline)
        gain = relative_error_reduction(baseline, score)
        parts.append(judged.assign(relative_error_reduction=gain))
    return pd.concat(parts, ignore_index=True)


def simulate(
    progress: pd.DataFrame, setting: tuple[int, int, int], *, n_draws: int = 50_000, seed: int = 0
) -> float:
    """Estimate what `expected_scores` computes by drawing trials, as the authors did.

    Args:
        setting: t, p, evaluations before the stop.
    """
    t, p, e = setting
    values = progress.to_numpy(float)
    drawn = np.random.default_rng(seed).integers(len(values), size=(n_draws, t))
    at_stop, final = values[drawn, e - 1], values[drawn, -1]
    seen = at_stop.max(axis=1)
    if p:
        kept = np.argsort(-at_stop, axis=1, kind="stable")[:, :p]
        seen = np.maximum(seen, np.take_along_axis(final, kept, axis=1).max(axis=1))
    return float(seen.mean())
