"""Trials whose predictions are made up."""

import numpy as np
import pandas as pd

from repro.chapters.resplit.winners_curse import Predictions


def make_predictions(*, n=200, n_trials=20, accuracy=(0.8, 0.8), shifts=(0.0, 1.0), seed=0):
    """Trials that are right independently, with accuracies evenly spaced between two.

    The first three are grid search's.
    """
    rng, frames = np.random.default_rng(seed), []
    for split in ("test", *(f"test-shift{shift:g}" for shift in shifts)):
        labels = rng.integers(2, size=n)
        columns = {"split": split, "index": range(n), "label": labels}
        for i, share in enumerate(np.linspace(*accuracy, n_trials)):
            right = rng.random(n) < share
            columns[f"r/trial{i:04d}"] = np.where(right, labels, 1 - labels)
        frames.append(pd.DataFrame(columns))
    table = pd.concat(frames, ignore_index=True)
    return Predictions("m", "rte", "accuracy", table, grid=table.columns[3:6])
