"""The verdict on a published claim: an estimate and its interval against what the claim says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A published claim and what was found here; `agrees` is None where the numbers do not decide.

    `paper` and `here` say what was printed and found, `interval` how sure the latter is.
    """

    claim: str
    paper: str
    here: str = "no scores"
    interval: str = ""
    agrees: bool | None = None


@dataclass(frozen=True)
class Unit:
    """How an estimate is printed: times `scale`, in `form`, followed by `name`."""

    scale: float
    form: str
    name: str = ""

    def __call__(self, value: float) -> str:
        return format(self.scale * value, self.form)


POINTS = Unit(100, "+.2f", " points")
CORRELATION = Unit(1, "+.2f")
TIMES = Unit(1, ".1f", " times as many")


def decide(low: float, high: float, *, sign: float = 1, null: float = 0.0) -> bool | None:
    """Return whether an interval lies on the claimed side of `null`; None where it holds `null`.

    Args:
        sign: of the claimed estimate minus `null`; a claim of no difference (0) cannot be decided
            in its favour, only against it.
    """
    if low > null:
        return sign > 0
    return sign < 0 if high < null else None


def hold(
    claim: str,
    paper: str,
    estimate: Mapping | None,
    *,
    sign: float = 1,
    unit: Unit = POINTS,
    null: float = 0.0,
    note: str = "",
) -> Claim:
    """Hold the claim that an estimate lies on one side of `null` against an interval of it.

    Args:
        estimate: mean or difference, low and high; None where nothing is known.
        note: what follows the estimate in words, such as " (n = 3)".
    """
    if estimate is None:
        return Claim(claim, paper)
    value = estimate["difference"] if "difference" in estimate else estimate["mean"]
    low, high = estimate["low"], estimate["high"]
    here = f"{unit(value)}{unit.name}{note}"
    if math.isnan(low):
        return Claim(claim, paper, here)
    agrees = decide(low, high, sign=sign, null=null)
    return Claim(claim, paper, here, f"[{unit(low)}, {unit(high)}]", agrees)
