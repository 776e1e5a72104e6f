"""Is one way of training better than another? How often its runs win, and how many it takes."""

import math

import numpy as np
import pandas as pd
from scipy.special import ndtri

GAMMA = 0.75  # how often the better one wins, to be called better
BETTER, NO_MATTER, OPEN = "better", "not meaningfully better", "no conclusion"


def probability_of_outperforming(
    first: pd.Series, second: pd.Series, *, n_resamples: int = 10_000, seed: int = 0
) -> dict:
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
    n, nan = len(pairs), float("nan")
    if n < 2:
        return {"p": nan, "low": nan, "high": nan, "n": n, "conclusion": OPEN}
    wins = (pairs[:, 0] > pairs[:, 1]) + 0.5 * (pairs[:, 0] == pairs[:, 1])
    rng = np.random.default_rng(seed)
    means = wins[rng.integers(n, size=(n_resamples, n))].mean(axis=1)
    low, high = map(float, np.quantile(means, [0.025, 0.975]))
    conclusion = OPEN if low <= 0.5 else BETTER
    return {
        "p": float(wins.mean()),
        "low": low,
        "high": high,
        "n": n,
        "conclusion": NO_MATTER if high <= GAMMA else conclusion,
    }


def pairs_needed(
    gamma: float = GAMMA, *, alpha: float = 0.05, beta: float = 0.05, paired: bool = True
) -> int:
    """Return how many runs of each way show that one wins with the probability `gamma`.

    Args:
        alpha, beta: one-sided chances of a false alarm and of a miss.
        paired: by the sign test; False: by the Mann-Whitney test, whose size Bouthillier et al.
            2021 give, though their runs are pairs.
    Source: Noether 1987.
    """
    if not 0.5 < gamma < 1:
        raise ValueError(f"`gamma` must lie between .5 and 1, but got {gamma}")
    scale = math.sqrt(4 if paired else 6) * (gamma - 0.5)
    return math.ceil(((ndtri(1 - alpha) - ndtri(beta)) / scale) ** 2)
