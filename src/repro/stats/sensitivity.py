"""Which hyperparameters matter: importance, slices, and the edges of the range.

Frames in are `trials` of `repro.records`, of one task and model. Scores are fractions. Only
completed trials count where scores are explained: a stopped trial's says when it was stopped.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.stats.intervals import LEVEL, t_interval
from repro.tuning.spaces import Choice, Domain, SearchSpace, WholeNumber, ends

SCORE = "validation_score"
EDGE = 0.05  # of the range, at either end
_N_RESAMPLES = 500


def importance(
    trials: pd.DataFrame,
    *,
    names: Sequence[str],
    by: Sequence[str] = ("method",),
    score: str = SCORE,
    seed: int = 0,
) -> pd.DataFrame:
    """Tell how much of the variation of scores one hyperparameter alone explains.

    The share is the R² of a parabola through the ranks of the scores over the ranks of the
    hyperparameter, which sees rises, falls and humps; chance alone gives about 2 / n.

    Args:
        by: columns that name a group of trials; () takes them all together.
    Returns:
        one row a group and hyperparameter that varies in it: `by`, hyperparameter, share, low,
        high (95 % percentile bootstrap interval over trials, stretched where it misses the share),
        n. NaN where all scores are tied.
    """
    done = completed(trials, score)
    groups = done.groupby(list(by)) if by else [((), done)]
    rows = []
    for key, group in groups:
        for name in names:
            values = group[[name, score]].dropna().to_numpy(float)
            if len(values) < 5 or len(np.unique(values[:, 0])) < 2:
                continue
            rng = np.random.default_rng(seed)
            draws = rng.integers(len(values), size=(_N_RESAMPLES, len(values)))
            share, low, high = float(_shares(values)), float("nan"), float("nan")
            if not np.isnan(share):
                shares = _shares(values[draws])
                low, high = np.nanquantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            row = {"share": share, "low": min(low, share), "high": max(high, share)}
            row |= {"hyperparameter": name, "n": len(values)}
            rows.append(dict(zip(by, key, strict=True)) | row)
    return pd.DataFrame(rows, columns=[*by, "hyperparameter", "share", "low", "high", "n"])


def _shares(values: np.ndarray) -> np.ndarray:
    """Return R² of the parabola for samples of shape (..., n, 2): hyperparameter and score."""
    ranks = rankdata(values, axis=-2) / values.shape[-2]
    x, y = np.moveaxis(ranks - ranks.mean(axis=-2, keepdims=True), -1, 0)
    square = x**2 - (x**2).mean(axis=-1, keepdims=True)
    # what the square adds to the straight line; of two values it adds nothing
    slope = (square * x).sum(axis=-1) / np.maximum((x * x).sum(axis=-1), 1e-12)
    square = square - slope[..., None] * x
    shares = sum(_squared_correlation(part, y) for part in (x, square))
    constant = np.minimum((x * x).sum(axis=-1), (y * y).sum(axis=-1)) < 1e-12
    return np.where(constant, np.nan, shares)


def _squared_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    product, scale = (x * y).sum(axis=-1), (x * x).sum(axis=-1) * (y * y).sum(axis=-1)
    known = scale > 1e-12
    return np.where(known, product**2 / np.where(known, scale, 1.0), 0.0)


def completed(trials: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return the trials that ran to their end and have a score."""
    return trials[trials["status"] == "completed"].dropna(subset=score)


def slices(trials: pd.DataFrame, *, names: Sequence[str], n_bins: int = 6) -> pd.DataFrame:
    """Average the scores over bins of one hyperparameter, whatever the others are.

    Args:
        n_bins: of about as many trials each; where there are no more values they are the bins.
    Returns:
        one row a hyperparameter and bin: hyperparameter, at (median), left, right (its values'
        range), mean, low, high (95 % t interval), n.
    """
    rows = []
    for name in names:
        values = completed(trials, SCORE)[[name, SCORE]].dropna().astype(float)
        x = values[name]
        bins = x if x.nunique() <= n_bins else pd.qcut(x, n_bins, labels=False, duplicates="drop")
        for _, group in values.groupby(bins):
            own = group[name]
            row = {"hyperparameter": name, "at": own.median(), "left": own.min()}
            rows.append(row | {"right": own.max()} | t_interval(group[SCORE]))
    columns = ["hyperparameter", "at", "left", "right", "mean", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def edge_of_range(trials: pd.DataFrame, *, space: SearchSpace) -> pd.DataFrame:
    """Tell where in its range each searched hyperparameter of the best trials lies.

    Args:
        space: a LogUniform of it is laid out by logarithm, a Choice by the order of its values.
    Returns:
        one row a hyperparameter: hyperparameter, low, high, value (the incumbent's: the highest
        score, the earlier trial on a tie), position (0 at `low`, 1 at `high`), tenth_low and
        tenth_high (between them lies the best tenth), n_tenth, edge ("lower" or "upper" where the
        incumbent is in the outer 5 % of that end, else ""), tenth_share (of the best tenth in the
        same edge), by_chance (how often a random draw lies in either edge) and advice.
    """
    scored = trials.dropna(subset=SCORE).sort_values(["run_id", "trial"])
    scored = scored.sort_values(SCORE, ascending=False, kind="stable")
    tenth = scored.head(math.ceil(len(scored) / 10))
    rows = [_edge_row(name, domain, tenth[name]) for name, domain in space.domains.items()]
    return pd.DataFrame(rows)


def _edge_row(name: str, domain: Domain, values: pd.Series) -> dict:
    known = values.dropna().to_numpy(float)
    positions, (low, high) = domain.position(known), ends(domain)
    row = {"hyperparameter": name, "low": low, "high": high, "value": np.nan, "position": np.nan}
    row |= {"tenth_low": np.nan, "tenth_high": np.nan, "n_tenth": len(known), "edge": ""}
    row |= {"tenth_share": np.nan, "by_chance": _chance(domain), "advice": "no trial has a score"}
    if not len(known):
        return row
    row["value"], at = known[0], positions[0]
    if np.isnan(at):
        return row | {"advice": "one value: nothing to choose"}
    row |= {"position": at, "tenth_low": positions.min(), "tenth_high": positions.max()}
    if EDGE < at < 1 - EDGE:
        return row | {"advice": "inside: leave it"}
    edge, own = ("lower", positions <= EDGE) if at <= EDGE else ("upper", positions >= 1 - EDGE)
    advice = f"at the {edge} end: widen {'down' if edge == 'lower' else 'up'}wards"
    if edge == "lower" and low == 0:
        advice = "at the lower end, which is 0: nothing to widen"
    return row | {"edge": edge, "advice": advice, "tenth_share": own.mean()}


def _chance(domain: Domain) -> float:
    """Return how often a random draw lies at either edge; NaN where there is one value only."""
    if isinstance(domain, Choice):
        possible = domain.values
    elif isinstance(domain, WholeNumber):
        possible = range(int(domain.low), int(domain.high) + 1)
    else:
        return 2 * EDGE
    positions = domain.position(possible)
    at_edge = ((positions <= EDGE) | (positions >= 1 - EDGE)).mean()
    return float("nan") if np.isnan(positions).all() else float(at_edge)
