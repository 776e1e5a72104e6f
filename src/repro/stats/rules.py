"""Rules that decide claims: each takes plain values and a `Region`, and returns an `Estimate`.

What varies at random is said by the claim. Where it is about just these tasks, they are fixed and
repetitions vary; where they stand for other tasks, tasks vary. Nothing is decided on fewer than
MINIMUM independent values, on missing ones, or on values that are all equal.

`tests/stats/test_rules.py` simulates how often each rule decides where nothing is there.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, stdtr, stdtrit
from scipy.stats import rankdata

from repro.names import check_name
from repro.stats.correlation import row_correlations
from repro.stats.decisions import LEVEL, MINIMUM, Estimate, Region, Spread, above
from repro.stats.intervals import share_interval

N_DRAWS = 20_000
MOST_LEFT_OUT = 200  # of a jackknife
EQUAL = "all values are equal, which shows no spread to judge by"
P_VALUES = ("p_for", "p_against")


def undecidable(reason: str, region: Region, **known) -> Estimate:
    """Return an estimate that decides nothing, and why."""
    unknown = dict.fromkeys(("value", "low", "high"), math.nan) | {"n": 0, "units": "values"}
    return Estimate(**unknown | known, region=region, reason=reason)


def withheld(estimate: Estimate, reason: str) -> Estimate:
    """Return an estimate that decides nothing after all, and why."""
    reason = f"{estimate.reason}; {reason}" if estimate.reason else reason
    return replace(estimate, reason=reason, p_for=1.0, p_against=1.0, spread=None)


def from_error(
    value: float,
    error: float,
    region: Region,
    *,
    n: int,
    units: str,
    df: float = math.inf,
    shared: float = 0.0,
    scale: tuple[Callable, Callable] = (float, float),
    weight: float | None = None,
) -> Estimate:
    """Judge a value with a standard error by Student's t: a score on n examples, for instance.

    Args:
        error, shared: on the scale of the test; `shared` does not fall with n.
        df: of both together; infinite where they are known.
        scale: to the scale of the test, and back.
        weight: the number whose square root `error` falls with, where it is not n.
    """
    to, back = scale
    whole = math.hypot(error, shared)
    if math.isnan(value) or not whole > 0:
        reason = "no score" if math.isnan(value) else EQUAL
        return undecidable(reason, region, value=value, n=n, units=units)
    at, half = to(value), stdtrit(df, 1 - LEVEL / 2) * whole
    bounds = [to(b) if math.isfinite(b) else b for b in (region.low, region.high)]
    spread = Spread(at, *bounds, error, df, weight or n, shared)
    ends = float(back(at - half)), float(back(at + half))
    return tested(
        Estimate(float(value), *ends, n, units, region, spread=spread),
        lambda bound: stdtr(df, (to(bound) - at) / whole),
        lambda bound: stdtr(df, (at - to(bound)) / whole),
    )


def tested(estimate: Estimate, is_above: Callable, is_below: Callable) -> Estimate:
    """Set the p-values from tests that the true value is above, or below, a bound."""
    low, high = estimate.region.low, estimate.region.high
    inside, outside = [], []
    if math.isfinite(low):
        inside, outside = [is_above(low)], [is_below(low)]
    if math.isfinite(high):
        inside, outside = [*inside, is_below(high)], [*outside, is_above(high)]
    against = min(1.0, len(outside) * min(outside))  # beyond one bound or the other: two chances
    return replace(estimate, p_for=float(max(inside)), p_against=float(against))


def careful(first: Estimate, second: Estimate) -> Estimate:
    """Return the first of two tests of the same, with the larger p-values."""
    larger = {name: max(getattr(e, name) for e in (first, second)) for name in P_VALUES}
    return replace(first, **larger)


def mean(
    values: Mapping[str, ArrayLike],
    region: Region,
    *,
    tasks: str,
    shared: Mapping[str, float] | str | None = None,
) -> Estimate:
    """Judge the mean over tasks, of the same weight each, of a value of each repetition.

    Of fixed tasks the repetitions vary: their errors add up, with Satterthwaite's degrees of
    freedom. Of a sample the tasks do: Student's t over their means, which is right whatever the
    repetitions of a task share. Both suppose values that are about symmetric where nothing is
    there, as differences of like methods are; of exponential values, n = 5, 12 % are decided.

    Args:
        values: by task, a value a repetition, such as a difference from grid search; NaN where a
            run is missing.
        tasks: "fixed" or "sample".
        shared: what does not average out where all repetitions of a fixed task are compared with
            one run: by task, that run's standard error (over test examples, seeds, or both);
            "alike" if it varies as a repetition does, so that under the null hypothesis each of
            them might have been that one run; "unknown", which decides nothing. None where each
            repetition is compared with a run of its own.
    Source: Satterthwaite 1946; Welch 1947; for "alike" besides, Fisher's permutation test.
    """
    groups = [np.atleast_1d(np.asarray(v, float)) for v in values.values()]
    check_name("value of `tasks`", tasks, ("fixed", "sample"))
    if isinstance(shared, Mapping) and (without := sorted(set(values) - set(shared))):
        raise ValueError(f"`shared` must have an error for every task, but {without} have none")
    if isinstance(shared, str):
        check_name("value of `shared`", shared, ("alike", "unknown"))
    together, sizes = np.concatenate([*groups, np.zeros(0)]), np.array([len(g) for g in groups])
    n, units = (len(groups), "tasks") if tasks == "sample" else (len(together), "repetitions")
    known = {"n": n, "units": units}
    if reason := missing_scores(together, sizes):
        return undecidable(reason, region, **known)
    means = np.array([group.mean() for group in groups])
    known["value"] = float(means.mean())
    errors = [shared[task] for task in values] if isinstance(shared, Mapping) else shared
    if tasks == "sample" and n > 1:
        found = from_error(error=_sd(means) / math.sqrt(n), region=region, df=n - 1, **known)
    elif tasks == "sample":
        found = undecidable("one task, which shows no spread", region, **known)
    else:
        found = _mean_of_fixed(groups, region, errors, known)
    if n >= MINIMUM:
        return found
    return replace(found, reason=f"{n} {units}, fewer than {MINIMUM}", p_for=1.0, p_against=1.0)


def _mean_of_fixed(
    groups: Sequence[np.ndarray],
    region: Region,
    shared: Sequence[float] | str | None,
    known: Mapping,
) -> Estimate:
    sizes = np.array([len(group) for group in groups])
    if sizes.min() < 2:
        return undecidable("one repetition of a task, which shows no spread", region, **known)
    if shared == "unknown":
        reason = "all repetitions are compared with one run, whose own error is not known"
        return undecidable(reason, region, **known)
    variances = np.array([_sd(group) for group in groups]) ** 2 / len(groups) ** 2
    parts, common = variances / sizes, 0.0
    if not parts.sum() > 0:
        return undecidable(EQUAL, region, **known)
    df, error = parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum(), math.sqrt(parts.sum())
    if isinstance(shared, list):
        common = math.hypot(*shared) / len(groups)
        df *= (1 + common**2 / parts.sum()) ** 2  # a known error is not estimated
    if shared != "alike":
        return from_error(error=error, region=region, df=df, shared=common, **known)
    both = parts + variances
    df = both.sum() ** 2 / (both**2 / (sizes - 1)).sum()
    common = math.sqrt(variances.sum())
    found = from_error(error=error, region=region, df=df, shared=common, **known)
    exact = tested(found, lambda b: _swaps(groups, b, 1), lambda b: _swaps(groups, b, -1))
    return careful(found, exact)


def missing_scores(values: np.ndarray, sizes: Sequence[int] = (1,)) -> str:
    if not len(values) or not min(sizes):
        return "no runs"
    n = int((~np.isfinite(values)).sum())
    return f"{n} of {len(values)} runs have no score" if n else ""


def _sd(values: np.ndarray) -> float:
    """Return the standard deviation; 0 where values differ by rounding only."""
    return values.std(ddof=1) if np.ptp(values) > 1e-12 * np.abs(values).max() else 0.0


def _swaps(groups: Sequence[np.ndarray], bound: float, sign: int) -> float:
    """Return the p-value over which of each task's runs is the one that others are compared with.

    Differences from it are known, and its own is 0.
    """
    statistics = []
    for group in groups:
        runs = np.append(group - bound, 0.0)
        statistics.append(sign * ((runs.sum() - runs) / len(group) - runs))
    observed = sum(s[-1] for s in statistics) - 1e-12
    if math.prod(map(len, statistics)) <= 5 * N_DRAWS:
        return float((reduce(np.add.outer, statistics) >= observed).mean())
    rng = np.random.default_rng(0)
    drawn = sum(s[rng.integers(len(s), size=N_DRAWS)] for s in statistics)
    return (1 + np.count_nonzero(drawn >= observed)) / (1 + N_DRAWS)


def share(hits: Mapping[str, ArrayLike] | ArrayLike, region: Region, *, units: str) -> Estimate:
    """Judge the share of runs of which something is true, by the binomial distribution.

    Runs that have something in common, such as one grid search, count as one run with their mean:
    right whatever their correlation, and careful where it is small.

    Args:
        hits: 0 or 1 for each independent run, NaN where unknown; or by group, those of its runs.
        units: what is independent: runs, or groups.
    Source: see `share_interval`.
    """
    groups = list(hits.values() if isinstance(hits, Mapping) else np.asarray(hits, float))
    groups, n = [np.atleast_1d(np.asarray(group, float)) for group in groups], len(groups)
    if reason := missing_scores(np.concatenate([*groups, np.zeros(0)]), [*map(len, groups)] or [0]):
        return undecidable(reason, region, n=n, units=units)
    value = float(np.mean([group.mean() for group in groups]))
    yes, no = n * value, n - n * value
    at, *bounds = (math.asin(math.sqrt(s)) if math.isfinite(s) else s
                   for s in (value, region.low, region.high))  # fmt: skip
    gap = min(abs(value - bound) for bound in (region.low, region.high))
    weight = max(1.0, n - 1 / max(gap, 1e-9))  # continuity: Fleiss, Levin & Paik 2003, sec. 2.3
    spread = Spread(at, *bounds, 0.5 / math.sqrt(weight), math.inf, weight)
    return tested(
        Estimate(value, *share_interval(yes, n), n, units, region, spread=spread),
        lambda bound: betainc(yes, no + 1, bound) if yes > 0 else 1.0,
        lambda bound: 1 - betainc(yes + 1, no, bound) if no > 0 else 1.0,
    )


def exists(hits: Mapping[str, ArrayLike] | ArrayLike, smallest: float, *, units: str) -> Estimate:
    """Judge whether something happens at all: one certain case shows it.

    Args:
        hits: as for `share`; each must be certain, see `some` for those that are not.
        smallest: the share below which it would not count as happening: that none of n runs shows
            it has then the probability (1 - smallest)**n, the p-value against.
    """
    found = share(hits, above(smallest), units=units)
    if found.reason:
        return found
    never = found.value == 0
    return replace(found, p_for=float(never), p_against=found.p_against if never else 1.0)


def some(cases: Sequence[Estimate]) -> Estimate:
    """Judge whether at least one of several claims holds.

    For: the smallest p-value times their number (Bonferroni). Against: each must fail, so that the
    largest p-value counts (Berger 1982). Undecidable ones count with p = 1. Value and interval are
    those of the one with the best evidence, and the runs needed are its own, or where none seems to
    hold those of the claim that is the last to fail.
    """
    return _combine(cases, *P_VALUES)


def every(cases: Sequence[Estimate]) -> Estimate:
    """Judge whether each of several claims holds, as `some` with for and against exchanged.

    Value and interval are those of the one with the best evidence against it.
    """
    return _combine(cases, *reversed(P_VALUES))


def _combine(cases: Sequence[Estimate], smallest: str, largest: str) -> Estimate:
    if not cases:
        raise ValueError("there must be at least one claim to combine, but got none")
    best = min(cases, key=lambda case: (getattr(case, smallest), bool(case.reason)))
    if best.reason:  # then none is decidable
        return best
    p = {smallest: min(1.0, len(cases) * getattr(best, smallest)),
         largest: max(getattr(case, largest) for case in cases)}  # fmt: skip
    decides, chances = best, len(cases)
    if getattr(best, smallest) > getattr(best, largest):  # then it takes all of them
        decides, chances = max(cases, key=lambda case: getattr(case, largest)), 1
    spread = decides.spread and replace(decides.spread, chances=chances)
    return replace(best, **p, spread=spread)


def jackknife(
    value: float,
    without: ArrayLike,
    region: Region,
    *,
    units: str,
    scale: tuple[Callable, Callable] = (float, float),
) -> Estimate:
    """Judge a smooth statistic of n independent units from its values without each of them.

    Args:
        without: shape (n,): the statistic without unit i.
    Source: Tukey 1958; Miller 1974.
    """
    left = np.array([scale[0](v) for v in np.asarray(without, float)])
    known = {"value": float(value), "n": len(left), "units": units}
    if reason := missing_scores(left):
        return undecidable(reason, region, **known)
    if len(left) < MINIMUM:
        return undecidable(f"{len(left)} {units}, fewer than {MINIMUM}", region, **known)
    error = jackknife_error(left)
    return from_error(error=error, region=region, df=len(left) - 1, scale=scale, **known)


def jackknife_error(left: np.ndarray) -> float:
    return math.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())


def correlation(
    x: ArrayLike, y: ArrayLike, region: Region, *, units: str, kind: str = "spearman"
) -> Estimate:
    """Judge the correlation of two scores of the same independent trials, by Fisher's z.

    Its error is the normal theory's or the jackknife's, whichever is larger; t stands for the
    normal distribution, and a perfect correlation is taken for a little less.

    Args:
        x, y: shape (n,).
        region: where nothing is there r need not be 0: the best score so far correlates with a
            later one by .5 or so of themselves; claim that much and more.
        kind: "spearman" or "pearson"; the latter is decided wrongly more often where scores are
            very skew and the bound is not 0 (log-normal, .6: 7 %).
    Source: Fisher 1921; Bonett & Wright 2000 (Spearman's error).
    """
    check_name("kind of correlation", kind, ("spearman", "pearson"))
    pairs = np.column_stack([x, y]).astype(float)
    n = len(pairs)
    known = {"n": n, "units": units}
    if reason := missing_scores(pairs.ravel()):
        return undecidable(reason, region, **known)
    if n < MINIMUM or (np.ptp(pairs, axis=0) == 0).any():
        reason = f"{n} {units}, fewer than {MINIMUM}" if n < MINIMUM else EQUAL
        return undecidable(reason, region, **known)
    most = 1 - 6 / (n * (n**2 - 1))  # half of Spearman's step below 1
    r = float(_correlate(pairs, kind))
    at = min(max(r, -most), most)
    if n <= MOST_LEFT_OUT:
        left = _correlate(pairs[_all_but_one(n)], kind)
    else:  # one group of trials after another is left out
        group = np.arange(n) % MOST_LEFT_OUT
        left = [_correlate(pairs[group != g], kind) for g in range(MOST_LEFT_OUT)]
    error = max(math.sqrt((1 + (at**2 / 2 if kind == "spearman" else 0)) / (n - 3)),
                jackknife_error(np.arctanh(np.clip(left, -most, most))))  # fmt: skip
    scale = (math.atanh, math.tanh)
    found = from_error(at, error, region, df=n - 2, weight=n - 3, scale=scale, **known)
    return replace(found, value=r)


@lru_cache
def _all_but_one(n: int) -> np.ndarray:
    """Return the places of all but one of n values, a row each: shape (n, n - 1)."""
    return np.nonzero(~np.eye(n, dtype=bool))[1].reshape(n, n - 1)


def _correlate(pairs: np.ndarray, kind: str) -> np.ndarray:
    """Correlate pairs, of shape (..., n, 2); 0 where a score is constant."""
    values = rankdata(pairs, axis=-2) if kind == "spearman" else pairs
    return np.nan_to_num(row_correlations(*np.moveaxis(values, -1, 0)))


def score_error(score: float, *, metric: str, n: int) -> float:
    """Return a score's standard error over n test examples.

    F1 counts as an accuracy; Matthews' correlation as Pearson's r.
    """
    if metric in ("matthews", "pearson", "spearman"):
        return (1 - score**2) / math.sqrt(n - 1)
    return math.sqrt(score * (1 - score) / n)


def recount(value: float, region: Region, *, n: int, units: str) -> Estimate:
    """Judge what can be counted in a source's own print, about which nothing is uncertain."""
    p = float(not region.low < value < region.high)
    return Estimate(value, value, value, n, units, region, p, 1 - p, exact=True)
