"""Do hyperparameters act by themselves or together? Additive models of ranks, and their products.

Frames in are `trials` of `repro.records`, of one task and model; only completed trials count.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from repro.stats.decisions import holm
from repro.stats.intervals import LEVEL
from repro.stats.sensitivity import SCORE, completed

PARTS = ("main effects", "interactions", "rest", "interactions minus main effects")
_MOST_GROUPS = 100  # of trials that the jackknife leaves out, one after another


def interactions(
    trials: pd.DataFrame,
    *,
    names: Sequence[str],
    score: str = SCORE,
    n_shuffles: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Tell what the product of two hyperparameters explains beyond what each adds by itself.

    The additive model is a parabola in the rank of each of `names`, summed, for the ranks of the
    scores; the product of two ranks is then added to it, one pair at a time.

    Args:
        n_shuffles: of the additive model's residuals, whose partial R² make the p value.
    Returns:
        one row a pair: first, second, share (of the variation of the ranks of scores), p, p_holm
        (over the pairs), n. NaN where the product is no more than a sum, nothing is left to
        explain, or there are too few trials.
    Source: Freedman & Lane 1983 (shuffled residuals); Phipson & Smyth 2010, eq. 2 (p values).
    """
    x, y = _rank(trials, names, score)
    additive = _basis(_additive(x))
    rest, shuffled = _residuals(additive, y, n_shuffles, seed)
    enough = len(y) > additive.shape[1] + 1 and rest @ rest > 1e-9 * (y @ y)
    rows = []
    for a, b in itertools.combinations(range(len(names)), 2):
        row = {"first": names[a], "second": names[b], "share": np.nan, "p": np.nan, "n": len(y)}
        product = x[:, a] * x[:, b]
        extra = _residual(additive, product)
        if enough and extra @ extra > 1e-9 * (product @ product):
            size = extra @ extra
            row |= {"share": (extra @ rest) ** 2 / size / (y @ y)}
            row |= {"p": _p(extra[:, None] / np.sqrt(size), rest, shuffled)}
        rows.append(row)
    table = pd.DataFrame(rows, columns=["first", "second", "share", "p", "n"])
    table.insert(4, "p_holm", holm(table["p"]))
    return table


def variation_parts(
    trials: pd.DataFrame,
    *,
    names: Sequence[str],
    score: str = SCORE,
    n_shuffles: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Split the variation of scores into main effects, interactions of two, and the rest.

    Main effects are the additive model of `interactions`, interactions what all products of two
    add to it. Shares are adjusted for the number of terms (adjusted R²), so that terms of no use
    explain nothing on average; a share can thus be a little below zero.

    Returns:
        one row one of PARTS: part, share, low, high (95 % jackknife interval over trials), p (main
        effects: shuffled scores; interactions: shuffled residuals, as there; else NaN), n. NaN
        where there are not more trials than terms, no hyperparameter varies, or all scores are
        tied.
    Source: Efron & Tibshirani 1993, ch. 11 (jackknife); Freedman & Lane 1983.
    """
    x, y = _rank(trials, names, score)
    shares = _part_shares(x, y)
    low, high = _jackknife(x, y, shares, seed)
    p = [np.nan] * len(PARTS)
    if not np.isnan(shares).any():
        tests = (np.ones((len(x), 1)), _additive(x)), (_additive(x), _products(x))
        for part, (design, terms) in enumerate(tests):
            model = _basis(design)
            rest, shuffled = _residuals(model, y, n_shuffles, seed)
            p[part] = _p(_basis(_residual(model, terms)), rest, shuffled)
    columns = {"share": shares, "low": low, "high": high, "p": p, "n": len(y)}
    return pd.DataFrame({"part": PARTS} | columns)


def _rank(trials: pd.DataFrame, names, score: str) -> tuple[np.ndarray, np.ndarray]:
    """Return centred ranks: x of shape (n, n_names), within ± 1/2 or so, and y of shape (n,)."""
    values = completed(trials, score)[[*names, score]].dropna().to_numpy(float)
    ranks = rankdata(values, axis=0) if len(values) else values
    ranks = ranks - (len(values) + 1) / 2
    return ranks[:, :-1] / max(1, len(values)), ranks[:, -1]


def _additive(x: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(x), 1)), x, x**2])


def _products(x: np.ndarray) -> np.ndarray:
    pairs = itertools.combinations(range(x.shape[1]), 2)
    return np.stack([x[:, a] * x[:, b] for a, b in pairs] or [np.zeros(len(x))], axis=1)


def _basis(design: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of what the columns of `design` can explain."""
    vectors, sizes, _ = np.linalg.svd(design, full_matrices=False)
    return vectors[:, sizes > 1e-6 * max(1.0, sizes.max(initial=0.0))]


def _residual(model: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values - model @ (model.T @ values)


def _residuals(model: np.ndarray, y: np.ndarray, n_shuffles: int, seed: int):
    """Return what `model` leaves of `y`, and what it leaves of that shuffled, `n_shuffles` times.

    Shuffled residuals are not orthogonal to the model any more: left so, they would seem to hold
    less of what is tested than residuals can, and p would be too small.
    """
    rest = _residual(model, y)
    copies = np.broadcast_to(rest, (n_shuffles, len(rest)))
    shuffled = np.random.default_rng(seed).permuted(copies, axis=1)
    return rest, shuffled - (shuffled @ model) @ model.T


def _p(terms: np.ndarray, rest: np.ndarray, shuffled: np.ndarray) -> float:
    """Return how often `terms` explain as large a share of shuffled residuals as of `rest`."""
    if rest @ rest < 1e-9:  # in ranks: nothing is left to explain
        return float("nan")
    share = ((rest @ terms) ** 2).sum() / (rest @ rest)
    by_chance = ((shuffled @ terms) ** 2).sum(axis=1) / (shuffled**2).sum(axis=1)
    return (1 + np.count_nonzero(by_chance >= share * (1 - 1e-9))) / (1 + len(shuffled))


def _part_shares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    y = y - y.mean() if len(y) else y
    explained = []
    for model in (_basis(_additive(x)), _basis(np.hstack([_additive(x), _products(x)]))):
        freedom, rest = len(y) - model.shape[1], _residual(model, y)
        if freedom < 1 or model.shape[1] < 2 or y @ y < 1e-12:
            return np.full(len(PARTS), np.nan)
        explained.append(1 - (rest @ rest) / (y @ y) * (len(y) - 1) / freedom)
    main, both = explained
    return np.array([main, both - main, 1 - both, both - 2 * main])


def _jackknife(x: np.ndarray, y: np.ndarray, shares: np.ndarray, seed: int) -> tuple:
    """Return the ends of the shares' intervals, leaving out one group of trials after another."""
    n_groups = min(len(y), _MOST_GROUPS)
    order = np.random.default_rng(seed).permutation(len(y))
    groups = [order[group::n_groups] for group in range(n_groups)]
    values = [_part_shares(np.delete(x, rows, axis=0), np.delete(y, rows)) for rows in groups]
    if n_groups < 2 or np.isnan([shares, *values]).any():
        return np.nan, np.nan
    squares = ((np.array(values) - np.mean(values, axis=0)) ** 2).sum(axis=0)
    half = t.ppf((1 + LEVEL) / 2, n_groups - 1) * np.sqrt(squares * (n_groups - 1) / n_groups)
    return shares - half, shares + half
