"""Do hyperparameters act by themselves or together? Additive models of ranks, and their products.

Frames in are `trials` of `repro.records`, of one task and model; only completed trials count.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from repro.stats.intervals import LEVEL
from repro.stats.sensitivity import SCORE, completed, holm

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
    base = _basis(_additive(x))
    rest, total = _residual(base, y), float(y @ y)
    shuffled = _shuffled(rest, n_shuffles, seed)
    shuffled = shuffled - (shuffled @ base) @ base.T
    rows = []
    for a, b in itertools.combinations(range(len(names)), 2):
        row = {"first": names[a], "second": names[b], "share": np.nan, "p": np.nan, "n": len(y)}
        product = x[:, a] * x[:, b]
        extra = _residual(base, product)
        size = float(extra @ extra)
        enough = len(y) > base.shape[1] + 1 and rest @ rest > 1e-9 * total
        if enough and size > 1e-9 * float(product @ product):
            found = (extra @ rest) ** 2 / size
            by_chance = (shuffled @ extra) ** 2 / size / (shuffled**2).sum(axis=1)
            as_large = np.count_nonzero(by_chance >= found / (rest @ rest) * (1 - 1e-9))
            row |= {"share": found / total, "p": (1 + as_large) / (1 + n_shuffles)}
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
        effects: shuffled scores; interactions: shuffled residuals; else NaN), n. NaN where there
        are not more trials than terms, no hyperparameter varies, or all scores are tied.
    Source: Efron & Tibshirani 1993, ch. 11 (jackknife); Freedman & Lane 1983.
    """
    x, y = _rank(trials, names, score)
    shares = _part_shares(x, y)
    low, high = _jackknife(_part_shares, (x, y), shares, seed)
    p = [np.nan] * len(PARTS)
    if not np.isnan(shares).any():
        additive = _basis(_additive(x))
        products = _residual(additive, _products(x))
        p[0] = _p_explained(_basis(_additive(x)[:, 1:], centre=True), y, n_shuffles, seed)
        p[1] = _p_explained(_basis(products), _residual(additive, y), n_shuffles, seed)
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


def _basis(design: np.ndarray, *, centre: bool = False) -> np.ndarray:
    """Return an orthonormal basis of what the columns of `design` can explain."""
    design = design - design.mean(axis=0) if centre else design
    vectors, sizes, _ = np.linalg.svd(design, full_matrices=False)
    return vectors[:, sizes > 1e-6 * max(1.0, sizes.max(initial=0.0))]


def _residual(base: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values - base @ (base.T @ values)


def _shuffled(values: np.ndarray, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.permuted(np.broadcast_to(values, (n, len(values))), axis=1)


def _p_explained(base: np.ndarray, values: np.ndarray, n_shuffles: int, seed: int) -> float:
    """Return how often `base` explains as much of shuffled `values` as of `values`."""
    found = ((values @ base) ** 2).sum()
    by_chance = ((_shuffled(values, n_shuffles, seed) @ base) ** 2).sum(axis=1)
    return (1 + np.count_nonzero(by_chance >= found * (1 - 1e-9))) / (1 + n_shuffles)


def _part_shares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    y = y - y.mean() if len(y) else y
    designs = _additive(x), np.hstack([_additive(x), _products(x)])
    explained = []
    for base in map(_basis, designs):
        freedom, rest = len(y) - base.shape[1], _residual(base, y)
        if freedom < 1 or base.shape[1] < 2 or y @ y < 1e-12:
            return np.full(len(PARTS), np.nan)
        explained.append(1 - (rest @ rest) / (y @ y) * (len(y) - 1) / freedom)
    main, both = explained
    return np.array([main, both - main, 1 - both, both - 2 * main])


def _jackknife(statistic: Callable, samples, found: np.ndarray, seed: int):
    """Return the interval of `statistic` by leaving out one group of rows after another."""
    n = len(samples[0])
    n_groups = min(n, _MOST_GROUPS)
    order = np.random.default_rng(seed).permutation(n)
    left_out = [order[group::n_groups] for group in range(n_groups)]
    values = [statistic(*(np.delete(s, rows, axis=0) for s in samples)) for rows in left_out]
    if n_groups < 2 or np.isnan([found, *values]).any():
        return np.full((2, len(found)), np.nan)
    squares = ((np.array(values) - np.mean(values, axis=0)) ** 2).sum(axis=0)
    half = t.ppf((1 + LEVEL) / 2, n_groups - 1) * np.sqrt(squares * (n_groups - 1) / n_groups)
    return found - half, found + half
