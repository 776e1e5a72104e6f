"""The winner's curse, in its simplest form: the best of noisy scores is too good."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def best_of_noisy(
    accuracies: ArrayLike, *, n_trials: int, n_examples: int, n_draws: int = 4000, seed: int = 0
) -> pd.DataFrame:
    """Simulate tuning runs that choose the best of trials by their scores on a few examples.

    A simulated run draws trials with these accuracies, counts for each the right answers on
    validation examples of its own, and takes the best score so far. Real trials answer the same
    examples, which makes the curse smaller.

    Args:
        accuracies: of the trials on all examples there are, in [0, 1].
        n_trials: of a run, at least 1.
        n_examples: of the validation set, at least 1.
    Returns:
        one row a number of trials from 1 on: n_trials, promised (the mean score of the best) and
        kept (the mean accuracy of the trial that has it).
    Raises:
        ValueError: if there is no accuracy, or one is no share.
    """
    accuracies = np.asarray(accuracies, float)
    if not len(accuracies) or not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise ValueError("`accuracies` must be shares between 0 and 1, at least one of them")
    rng = np.random.default_rng(seed)
    true = accuracies[rng.integers(len(accuracies), size=(n_draws, n_trials))]
    seen = rng.binomial(n_examples, true) / n_examples
    promised, best, kept = np.empty(n_trials), np.full(n_draws, -1.0), np.zeros(n_draws)
    means = np.empty(n_trials)
    for n in range(n_trials):
        is_better = seen[:, n] > best
        best, kept = np.where(is_better, seen[:, n], best), np.where(is_better, true[:, n], kept)
        promised[n], means[n] = best.mean(), kept.mean()
    return pd.DataFrame({"n_trials": range(1, n_trials + 1), "promised": promised, "kept": means})
