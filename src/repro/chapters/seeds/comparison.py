"""Is one way of training better than another? How often its runs win, and how many it takes."""

import math

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import binom

from repro.stats.intervals import bootstrap_interval

GAMMA = 0.75  # how often the better one wins, to be called better
LEVEL = 0.05  # one-sided chance of a false alarm, and of a miss
BETTER, NO_MATTER, OPEN = "better", "not meaningfully better", "no conclusion"


def probability_of_outperforming(first: pd.Series, second: pd.Series) -> dict:
    """Estimate how often a run of the first way scores higher than its pair of the second.

    Args:
        first, second: scores, indexed by what pairs them, such as seeds; only common ones count.
    Returns:
        p (ties half), low and high (95 % percentile bootstrap of pairs), n, conclusion: BETTER
        where low is above .5 and high above GAMMA, NO_MATTER where high is at most GAMMA, else
        OPEN.
    Source: Bouthillier et al. 2021, appendix C.6; their section 4.1 prints other inequalities.
    """
    pairs = pd.concat([first, second], axis=1, join="inner").dropna().to_numpy(float)
    wins = (pairs[:, 0] > pairs[:, 1]) + 0.5 * (pairs[:, 0] == pairs[:, 1])
    low, high = bootstrap_interval(wins, rng=np.random.default_rng(0), n_resamples=10_000)
    conclusion = BETTER if low > 0.5 else OPEN
    if high <= GAMMA:
        conclusion = NO_MATTER
    p = float(wins.mean()) if len(wins) > 1 else math.nan
    return {"p": p, "low": low, "high": high, "n": len(wins), "conclusion": conclusion}


def pairs_needed(*, paired: bool = True) -> int:
    """Return how many runs of each way show that one wins with the probability GAMMA.

    Args:
        paired: by the sign test; False: by the Mann-Whitney test, whose size Bouthillier et al.
            2021 give, though their runs are pairs.
    Source: Noether 1987.
    """
    scale = math.sqrt(4 if paired else 6) * (GAMMA - 0.5)
    return math.ceil(((ndtri(1 - LEVEL) - ndtri(LEVEL)) / scale) ** 2)


def power_of_sign_test(n: int) -> float:
    """Return how often n pairs show that one way wins which does with the probability GAMMA."""
    least = int(binom.isf(LEVEL, n, 0.5)) + 1
    return float(binom.sf(least - 1, n, GAMMA))
