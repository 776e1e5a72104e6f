"""The best of noisy scores, against what can be worked out by hand."""

import pytest

from repro.stats.best_of_noisy import best_of_noisy


def test_one_trial_promises_what_it_keeps():
    first = best_of_noisy([0.6, 0.8], n_trials=1, n_examples=50, n_draws=20_000).iloc[0]
    assert first["promised"] == pytest.approx(0.7, abs=0.005)
    assert first["kept"] == pytest.approx(0.7, abs=0.005)


def test_the_best_of_two_equal_coins_on_one_example():
    # both right 1/4, one right 1/2, none 1/4: the best score is 1 in 3/4 of the runs, the truth 1/2
    table = best_of_noisy([0.5], n_trials=2, n_examples=1, n_draws=40_000)
    assert table["promised"].iloc[1] == pytest.approx(0.75, abs=0.01)
    assert table["kept"].tolist() == pytest.approx([0.5, 0.5])


def test_more_trials_promise_more_and_more_examples_less():
    few, many = (best_of_noisy([0.7, 0.72, 0.75], n_trials=16, n_examples=n) for n in (50, 5000))
    assert few["promised"].is_monotonic_increasing
    gap = (few["promised"] - few["kept"]).iloc[-1], (many["promised"] - many["kept"]).iloc[-1]
    assert gap[0] > 0.05 > gap[1] > -0.001


def test_the_same_seed_gives_the_same():
    one, two = (best_of_noisy([0.5, 0.9], n_trials=3, n_examples=9, seed=4) for _ in range(2))
    assert one.equals(two)


@pytest.mark.parametrize("accuracies", [[], [1.2], [float("nan")]])
def test_what_is_no_share_is_refused(accuracies):
    with pytest.raises(ValueError, match="must be shares between 0 and 1"):
        best_of_noisy(accuracies, n_trials=2, n_examples=10)
