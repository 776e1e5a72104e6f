import numpy as np
import pytest

from repro.stats.bands import tuning_bands


def test_one_score_bounds_the_median_by_nothing():
    # its share is uniform: within [.025, .975] at 95 %, so F^-1(.5) may lie on either side
    row = tuning_bands([0.7]).iloc[0]
    assert (row["best"], row["low"], row["high"]) == (0.7, -np.inf, np.inf)


@pytest.mark.parametrize(
    ("quantile", "low", "high"),
    [
        *((0.08, -np.inf, 0.1), (0.10, -np.inf, 0.9), (0.40, -np.inf, 0.9)),
        *((0.42, -np.inf, np.inf), (0.58, -np.inf, np.inf), (0.60, 0.1, np.inf)),
        *((0.90, 0.1, np.inf), (0.92, 0.9, np.inf)),
    ],
)
def test_two_scores_by_hand(quantile, low, high):
    # Two sorted uniform draws u < v; the first is Beta(1, 2), whose central 2/3 are a to b with
    # a = 1 - sqrt(5/6) = .0871 and b = 1 - sqrt(1/6) = .5918; the second's are 1 - b to 1 - a,
    # .4082 to .9129. Both are inside with probability 2 [(b - a)^2 - (2 b - 1)^2 / 2], a square
    # less the triangle v < u, times the density: .4757. So at that level these are the bounds.
    row = tuning_bands([0.1, 0.9], level=0.4757, n_max=1, quantile=quantile).iloc[0]
    assert (row["low"], row["high"]) == (low, high)


def test_bands_hold_for_all_n_at_once_as_often_as_they_say():
    # the true curve of uniform scores is .5^(1/n); 800 samples of 25: standard error .8 points
    rng = np.random.default_rng(0)
    n = np.arange(1, 26)
    truth = 0.5 ** (1 / n)
    inside = 0
    for _ in range(800):
        frame = tuning_bands(rng.random(25), bounds=(0, 1))
        inside += bool(((frame["low"] <= truth) & (truth <= frame["high"])).all())
    assert inside / 800 > 0.95 - 0.016


def test_bands_of_tied_scores_hold_at_least_as_often():
    rng = np.random.default_rng(1)
    inside = 0
    truth = np.array([np.ceil(10 * 0.5 ** (1 / n)) / 10 for n in range(1, 21)])
    for _ in range(400):
        frame = tuning_bands(np.ceil(10 * rng.random(20)) / 10)
        inside += bool(((frame["low"] <= truth) & (truth <= frame["high"])).all())
    assert inside / 400 > 0.95 - 0.022


def test_curves_rise_lie_in_their_band_and_ignore_order_and_missing_scores():
    scores = np.random.default_rng(2).normal(size=60)
    frame = tuning_bands(scores, n_max=100)
    assert (np.diff(frame[["best", "low"]], axis=0) >= 0).all()
    assert (frame["low"] <= frame["best"]).all() and (frame["best"] <= frame["high"]).all()
    again = tuning_bands([np.nan, *scores[::-1]], n_max=100)
    assert again["n_missing"].eq(1).all()
    assert again.drop(columns="n_missing").equals(frame.drop(columns="n_missing"))


@pytest.mark.parametrize("scores", [[], [np.nan], [0.5, 1.2]])
def test_scores_must_be_there_and_possible(scores):
    with pytest.raises(ValueError, match="`scores` must have at least one number, all within"):
        tuning_bands(scores, bounds=(0, 1))
