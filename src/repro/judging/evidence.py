"""What trials show: the incumbent and its gain, overtuning, seeds, what matters, and edges.

Scores are larger-is-better numbers of any unit. Intervals are of 95 %; `tests/judging` simulates
how often they err. Nothing is computed from what is not known: a function then returns a reason.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtrc, fdtri, ncfdtrinc, stdtrit

from repro.judging.trials import Trials
from repro.stats.decisions import holm
from repro.stats.intervals import share_interval

LEVEL = 0.95
SMALLEST_GAIN = 0.001  # of a fraction: gains below leave relative overtuning undefined
EDGE = 0.05  # of a range, at either end
_ALPHA = 1 - LEVEL


@dataclass(frozen=True)
class Finding:
    """An estimate with its interval, or the reason why there is none.

    Args:
        value, low, high: in the unit of the scores or as said; NaN where unknown.
        basis: on what it rests, in words.
        reason: why the interval is missing; empty where it is there.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    basis: str = ""
    reason: str = ""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def configurations(trials: Trials) -> pd.DataFrame:
    """Summarise the trials of each configuration.

    Returns:
        one row a configuration, in the order of their first trials: configuration, n, score (mean),
        variance (n - 1 in the denominator), test_score (mean), first (the place of its first
        trial), and the hyperparameters.
    """
    rows = trials.scored.reset_index(names="first")
    groups = rows.groupby("configuration")
    table = groups["score"].agg(n="size", score="mean", variance="var")
    table["test_score"] = groups["test_score"].mean()
    firsts = groups[["first", *trials.hyperparameters]].first()
    return table.join(firsts).reset_index().sort_values("first", ignore_index=True)


def seed_deviation(table: pd.DataFrame) -> tuple[float, int]:
    """Return the standard deviation of repetitions, pooled, and its degrees of freedom."""
    df = int((table["n"] - 1).sum())
    if not df:
        return math.nan, 0
    squares = (table["variance"].fillna(0) * (table["n"] - 1)).sum()
    return math.sqrt(squares / df), df


NO_REPEATS = (
    "no configuration was trained more than once with another seed, so that luck cannot be told "
    "from merit: train the incumbent and the default with about five seeds each"
)
ALL_EQUAL = "repetitions have the same score, which shows no spread to judge by"


def incumbent_score(table: pd.DataFrame, *, examples: float = 0.0) -> Finding:
    """Estimate what the configuration with the best mean scores over other seeds.

    It was chosen for its score, so the lower end is simultaneous over all configurations (Šidák's
    inequality for t with a common error). The upper end needs no correction: were the incumbent
    better than it looks by more than the margin, the truly best configuration would be too.

    Args:
        table: from `configurations`.
        examples: standard error of a score over validation examples; 0 leaves them fixed.
    """
    best = table.loc[table["score"].idxmax()]
    return _chosen(table, best["score"], best["n"], len(table), examples)


def gain_over(table: pd.DataFrame, default: int, *, examples: float = 0.0) -> Finding:
    """Estimate by how much the incumbent is better than one configuration that was not chosen.

    Args:
        default: its row in the table.
        examples: as in `incumbent_score`, of the difference.
    """
    best, other = table.loc[table["score"].idxmax()], table.loc[default]
    if best["configuration"] == other["configuration"]:
        reason = "the default is the incumbent: nothing that was tried scored higher"
        return Finding(0.0, basis="the default is the incumbent", reason=reason)
    value, weight = best["score"] - other["score"], 1 / other["n"]
    return _chosen(table, value, best["n"], len(table) - 1, examples, weight)


def _chosen(
    table: pd.DataFrame,
    value: float,
    n: float,
    n_rivals: int,
    examples: float,
    weight: float = 0.0,
) -> Finding:
    deviation, df = seed_deviation(table)
    if not df or not deviation > 0:
        return Finding(float(value), reason=ALL_EQUAL if df else NO_REPEATS)

    def margin(probability: float, n: float) -> float:
        error = math.hypot(deviation * math.sqrt(1 / n + weight), examples)
        return stdtrit(df, probability) * error

    low = value - margin((1 - _ALPHA / 2) ** (1 / n_rivals), n)
    # the truly best one may have had fewer repetitions, and so a larger error
    high = value + margin(1 - _ALPHA / 2, table["n"].min())
    basis = f"{int(table['n'].sum())} trials of {len(table)} configurations, {df} repetitions"
    return Finding(float(value), float(low), float(high), basis)


def share_above(table: pd.DataFrame, default: int) -> Finding:
    """Estimate which share of configurations scores above one of them, as single trials do."""
    others = table.drop(index=default)["score"]
    n, yes = len(others), int((others > table.loc[default, "score"]).sum())
    if not n:
        return Finding(math.nan, reason="there is no other configuration")
    return Finding(yes / n, *share_interval(yes, n), f"{yes} of {n} other configurations")


def overtuning(table: pd.DataFrame) -> dict | str:
    """Measure how much test score was lost by tuning on beyond its best incumbent.

    Args:
        table: from `configurations`; repetitions stand for their mean.
    Returns:
        absolute (best test score of any incumbent minus that of the last), relative (over the gain
        on test from the first incumbent to that best; NaN where the gain is below SMALLEST_GAIN),
        severe (relative > 1: below the first), n_incumbents, gap (validation minus test of the last
        incumbent); or why it cannot be measured.
    Source: Schneider, Bischl & Feurer 2025, definitions 3.1 and 3.2.
    """
    if table["test_score"].isna().all():
        return "there are no test scores"
    so_far = table["score"].cummax()
    incumbents = table[table["score"] > so_far.shift(fill_value=-np.inf)]
    if n := int(incumbents["test_score"].isna().sum()):
        return f"{n} of {len(incumbents)} incumbents have no test score"
    test = incumbents["test_score"].to_numpy()
    lost, gained = test.max() - test[-1], test.max() - test[0]
    unit = 100 if table["score"].abs().max() > 1 else 1
    relative = lost / gained if gained >= SMALLEST_GAIN * unit else math.nan
    gap = incumbents["score"].iloc[-1] - test[-1]
    return {"absolute": float(lost), "relative": float(relative), "severe": bool(relative > 1),
            "n_incumbents": len(test), "gap": float(gap)}  # fmt: skip


def seed_share(table: pd.DataFrame) -> Finding:
    """Estimate which share of the variance of scores is that of seeds, not of configurations.

    A one-way analysis of variance with random configurations; for unequal numbers of repetitions
    over the unweighted means (Thomas & Hultquist 1978). It supposes normal scores.

    Source: Searle, Casella & McCulloch 1992, ch. 3.
    """
    repeated = table[table["n"] > 1]
    deviation, df = seed_deviation(repeated)
    k = len(repeated)
    if k < 2:
        reason = "fewer than two configurations were trained more than once"
        return Finding(math.nan, reason=reason)
    n = k / (1 / repeated["n"]).sum()
    between = repeated["score"].var() * n
    if not deviation > 0:
        return Finding(math.nan, reason=ALL_EQUAL)
    ratio = between / deviation**2

    def share(f: float) -> float:
        return float(1 / (1 + max(0.0, (f - 1) / n)))

    low = share(ratio / fdtri(k - 1, df, _ALPHA / 2))
    high = share(ratio / fdtri(k - 1, df, 1 - _ALPHA / 2))
    return Finding(share(ratio), low, high, f"{k} repeated configurations, {df} repetitions")


def importance(trials: Trials, *, most: int = 5_000, seed: int = 0) -> pd.DataFrame:
    """Tell how much of the variation of scores each hyperparameter alone explains.

    The share is the R² of the ranks of the scores on a parabola of the ranks of a number, or on the
    levels of a category. A hyperparameter matters where p, by Holm's correction, is below 5 %.

    Args:
        most: of more trials so many are drawn; the rest would change little.
    Returns:
        one row a hyperparameter that varies: hyperparameter, share, low, high, p, p_holm, n.
    Source: see `_share_interval`; Holm 1979.
    """
    rows = trials.scored[trials.scored["status"] == "completed"]
    if len(rows) > most:
        rows = rows.sample(most, random_state=seed).sort_index()
    found = []
    for name in trials.hyperparameters:
        part = rows[[name, "score"]].dropna()
        design = _design(part[name])
        df, rest = design.shape[1], len(part) - design.shape[1] - 1
        y = part["score"].rank().to_numpy(float)
        if not df or rest < 5 or np.ptp(y) == 0:
            continue
        y = y - y.mean()
        q = np.linalg.qr(design - design.mean(axis=0))[0]
        share = min(1 - 1e-12, float(((q.T @ y) ** 2).sum() / (y**2).sum()))
        f = share / (1 - share) * rest / df
        low, high = _share_interval(share, df, rest)
        row = {"hyperparameter": name, "share": share, "low": low, "high": high}
        found.append(row | {"p": fdtrc(df, rest, f), "n": len(part)})
    return _corrected(found, ["hyperparameter", "share", "low", "high", "p", "n"])


def _corrected(rows: list[dict], columns: list[str]) -> pd.DataFrame:
    """Sort rows by their p-values, and correct these by Holm's method."""
    table = pd.DataFrame(rows, columns=columns).sort_values("p", kind="stable", ignore_index=True)
    return table.assign(p_holm=holm(table["p"]))


def _design(values: pd.Series) -> np.ndarray:
    """Return the columns that a hyperparameter explains scores with; none where it has one value.

    Nor where a category has a value for almost each trial, or more than fifty.
    """
    n_levels = values.nunique()
    if n_levels < 2 or (values.dtype != float and n_levels > min(50, len(values) / 2)):
        return np.zeros((len(values), 0))
    if values.dtype != float:
        return pd.get_dummies(values, drop_first=True).to_numpy(float)
    ranks = values.rank().to_numpy() / len(values)
    return np.stack([(ranks - ranks.mean()) ** power for power in range(1, min(n_levels, 3))], 1)


def _share_interval(share: float, df: int, rest: int) -> tuple[float, float]:
    """Return an interval of R²: the F test inverted, and Fisher's z of R, whichever is wider.

    The first begins at 0 as often as it should where nothing is there, but is too short for large
    shares, as ranks of a random hyperparameter are no fixed design; the second mends that.

    Source: Steiger 2004; Bonett & Wright 2000 (the error of z of ranks, here a little larger).
    """
    f = share / (1 - share) * rest / df
    ends = [_share_from_f(f, df, rest, p) for p in (1 - _ALPHA / 2, _ALPHA / 2)]
    adjusted = max(0.0, 1 - (1 - share) * (rest + df) / rest)
    error = stdtrit(rest - 1, 1 - _ALPHA / 2) * math.sqrt((1 + adjusted) / (rest - 1))
    z = math.atanh(math.sqrt(adjusted))
    wide = [math.tanh(max(0.0, z - error)) ** 2, math.tanh(z + error) ** 2]
    return min(share, ends[0], wide[0]), max(share, ends[1], wide[1])


def _share_from_f(f: float, df: int, rest: int, p: float) -> float:
    """Return the true share at which an F as small as this has probability p; 0 if none has."""
    if 1 - fdtrc(df, rest, f) <= p:
        return 0.0
    noncentrality = float(ncfdtrinc(df, rest, p, f))
    return noncentrality / (noncentrality + df + rest + 1)


def edges(trials: Trials, importances: pd.DataFrame) -> pd.DataFrame:
    """Tell where in its range the incumbent lies, for each hyperparameter that is a number.

    It is on an edge where it lies in the outer 5 % of the range (by logarithm where the range spans
    a factor of 30) and the best tenth of the trials crowds there more than chance would have it
    (Fisher's exact test, Holm's correction).

    Returns:
        one row a hyperparameter: hyperparameter, low, high (of the range), value (the incumbent's),
        position (0 at low, 1 at high), edge ("lower", "upper" or ""), p_holm, known_range (whether
        the tool says the range; else it is that of the trials).
    """
    from scipy.stats import hypergeom  # importing it takes longer than all the rest

    rows = trials.scored.sort_values("score", ascending=False, kind="stable")
    found = []
    for name in importances["hyperparameter"]:
        values = rows[name].dropna()
        if values.dtype != float or values.nunique() < 2:
            continue
        ends = trials.domains.get(name, (values.min(), values.max()))
        positions = _positions(values.to_numpy(), *ends)
        side = "lower" if positions[0] <= EDGE else "upper" if positions[0] >= 1 - EDGE else ""
        near = positions <= EDGE if side == "lower" else positions >= 1 - EDGE
        top = math.ceil(len(values) / 10)
        # P(so many or more of the best tenth are there), drawn without replacement
        p = hypergeom.sf(near[:top].sum() - 1, len(values), near.sum(), top) if side else 1.0
        row = {"hyperparameter": name, "low": ends[0], "high": ends[1], "value": values.iloc[0]}
        row |= {"position": positions[0], "edge": side, "p": p}
        found.append(row | {"known_range": name in trials.domains})
    columns = ["hyperparameter", "low", "high", "value", "position", "edge", "p", "known_range"]
    table = _corrected(found, columns)
    table["edge"] = table["edge"].where(table["p_holm"] < _ALPHA, "")
    return table.drop(columns="p")


def _positions(values: np.ndarray, low: float, high: float) -> np.ndarray:
    if low > 0 and high >= 30 * low:
        values, low, high = np.log(values), math.log(low), math.log(high)
    return (values - low) / (high - low)


def trend(scores: Sequence[float]) -> float:
    """Return the one-sided p-value that later trials score higher, as those of a learning search.

    By Spearman's rank correlation with the order of trials; 1 for fewer than ten.
    """
    from scipy.stats import spearmanr

    if len(scores) < 10 or np.ptp(scores) == 0:
        return 1.0
    return float(spearmanr(scores, np.arange(len(scores)), alternative="greater").pvalue)
