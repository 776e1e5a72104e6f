"""From an estimate to a verdict on a claim: regions, correction, and how many runs would decide.

A claim allows a `Region` of values. A rule (see `rules`) estimates the value and tests it twice,
one-sidedly: `p_for` is small where the data contradict a value outside the region, `p_against`
where they contradict one inside. The claim is decided where the smaller one, doubled and corrected
for all claims of its source, is at most LEVEL: so rarely is one decided where nothing is there.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import nctdtr, stdtrit

LEVEL = 0.05
POWER = 0.8
MINIMUM = 5  # fewer values, all of one sign, are no evidence: 2 / 2**4 = .125
MOST = 100_000  # runs that one would ask for
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
BY_CONSTRUCTION, NOT_TESTABLE = "true by construction", "not testable here"
VERDICTS = (HOLDS, FAILS, UNDECIDED, BY_CONSTRUCTION, NOT_TESTABLE)


@dataclass(frozen=True)
class Region:
    """The values that a claim allows; built with `above`, `below` or `within`.

    Args:
        margin: closer to a single bound than this, a difference does not matter.
    """

    low: float = -math.inf
    high: float = math.inf
    margin: float = 0.0

    def __post_init__(self):
        if not self.low < self.high or self.low == -self.high == -math.inf:
            raise ValueError(
                f"a claim must allow some values and not all, but got {self.low} to {self.high}"
            )


def above(bound: float = 0.0, *, margin: float = 0.0) -> Region:
    """Claim a value above `bound`."""
    return Region(low=bound, margin=margin)


def below(bound: float = 0.0, *, margin: float = 0.0) -> Region:
    """Claim a value below `bound`."""
    return Region(high=bound, margin=margin)


def within(low: float, high: float) -> Region:
    """Claim equivalence: a value between two margins, such as 1/2 and 2 of a ratio."""
    return Region(low, high)


@dataclass(frozen=True)
class Spread:
    """Value, bounds and errors on the scale of the test, for `runs_needed`."""

    at: float
    low: float
    high: float
    error: float  # falls with the square root of n
    df: float  # rises with n
    n: float
    shared: float = 0.0  # an error that does not fall with n
    chances: int = 1  # among so many claims, the best evidence was chosen


@dataclass(frozen=True)
class Estimate:
    """What data say of a claim.

    Args:
        value, low, high: the estimate and its 95 % interval (before any correction), in the data's
            unit; NaN where unknown.
        n, units: how many independent values, and what they are.
        p_for, p_against: one-sided; 1 where these data cannot decide, and `reason` says why.
        exact: a count of what is printed, about which nothing is uncertain.
    """

    value: float
    low: float
    high: float
    n: int
    units: str
    region: Region
    p_for: float = 1.0
    p_against: float = 1.0
    reason: str = ""
    spread: Spread | None = None
    exact: bool = False

    @property
    def p(self) -> float:
        """Twice the smaller of the two p-values."""
        return min(1.0, 2 * min(self.p_for, self.p_against))


def correct(estimates: Sequence[Estimate], *, n_claims: int | None = None) -> np.ndarray:
    """Correct p-values for the number of claims of a source, by Holm's method.

    Each verdict is read by itself, and claims rest on the same runs: Holm's keeps the chance that
    any of them errs at LEVEL whatever their dependence, which Benjamini and Hochberg's does not.
    Exact counts stay out.

    Args:
        n_claims: all claims of the source, so that a verdict does not depend on how many of them
            were estimated; those that were not count with p = 1.
    Returns:
        shape (n_estimates,); 0 for exact ones.
    """
    exact = np.array([e.exact for e in estimates], bool)
    p = np.where(exact, math.nan, [e.p for e in estimates])
    return np.where(exact, 0.0, holm(p, n_tests=n_claims))


def holm(p: ArrayLike, *, n_tests: int | None = None) -> np.ndarray:
    """Correct p-values for their number, or a larger one; a missing one stays missing.

    Source: Holm 1979.
    """
    p = np.asarray(p, float)
    order = np.argsort(p)  # missing ones last
    n = max(n_tests or 0, np.count_nonzero(~np.isnan(p)))
    corrected = np.empty(len(p))
    steps = np.maximum.accumulate(p[order] * (n - np.arange(len(p))))
    corrected[order] = np.minimum(1.0, steps)
    return corrected


def verdict(
    estimate: Estimate | None, *, p: float | None = None, by_construction: str = ""
) -> tuple[str, str]:
    """Decide a claim.

    Args:
        estimate: None where nothing estimates the claim.
        p: corrected; the estimate's own by default.
        by_construction: why the claim cannot come out otherwise, where it cannot.
    Returns:
        one of VERDICTS, and the reason.
    """
    if by_construction:
        return BY_CONSTRUCTION, by_construction
    if estimate is None:
        return NOT_TESTABLE, "nothing here estimates it"
    if estimate.reason:
        return UNDECIDED, estimate.reason
    if math.isnan(estimate.value) or math.isnan(estimate.p):
        raise ValueError("an estimate must be a number or say why it is none, but got NaN")
    p = estimate.p if p is None else p
    how = f"p = {p:.2g} corrected, {estimate.n} {estimate.units}"
    if estimate.exact:
        how = f"counted in {estimate.n} {estimate.units}"
    if p > LEVEL:
        alone = f"; {estimate.p:.2g} were it the only claim" if estimate.p <= LEVEL else ""
        return UNDECIDED, f"the data allow the claim and its opposite ({how}{alone})"
    if estimate.p_for < estimate.p_against:
        return HOLDS, f"the value lies where it is claimed ({how})"
    return FAILS, f"the value does not lie where it is claimed ({how})"


def runs_needed(estimate: Estimate, *, level: float = LEVEL, power: float = POWER) -> int | str:
    """Tell how many further units would decide the claim if effect and spread stay as they are.

    Args:
        level: two-sided; LEVEL over the number of claims allows for the correction.
    Returns:
        further `units` in all; or a text that begins with "none: " or "unknown: " and says why.
    Source: the power of Student's t (Cohen 1988, ch. 2), on the scale of the test.
    """
    region, spread = estimate.region, estimate.spread
    if estimate.exact:
        return "none: what is printed can only be counted"
    if spread is None:
        return f"unknown: {estimate.reason or 'how the value spreads'}"
    gaps = np.array([spread.at - spread.low, spread.high - spread.at])
    gaps = gaps[np.isfinite(gaps)]
    nearest = min(abs(estimate.value - b) for b in (region.low, region.high) if math.isfinite(b))
    if len(gaps) == 1 and nearest <= region.margin:
        return "none: the effect is within the margin"
    level /= spread.chances
    if (gaps < 0).any():  # outside, beyond one bound: see `p_against`
        gaps, level = -gaps[gaps < 0], level / len(gaps)

    def is_enough(further: float) -> bool:
        grown = (spread.n + further) / spread.n
        error, df = math.hypot(spread.error / math.sqrt(grown), spread.shared), spread.df * grown
        misses = [_miss(gap / error, df, level) for gap in gaps]
        return 1 - sum(misses) >= power

    if spread.shared and not is_enough(1e9):
        return f"none: the error that all {estimate.units} share is too large"
    most = 1
    while not is_enough(most):
        most *= 2
        if most > MOST:
            return f"none: it would take more than {MOST:,} {estimate.units}"
    return max(bisect_left(range(most), True, key=is_enough), MINIMUM - estimate.n)


def _miss(effect: float, df: float, level: float) -> float:
    """Return how often a t test one-sided at level / 2 misses an effect, given in its errors."""
    return float(nctdtr(df, effect, stdtrit(df, 1 - level / 2))) if effect < 30 else 0.0
