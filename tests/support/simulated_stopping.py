"""Early stopping as the authors computed it: by drawing trials."""

import numpy as np


def simulate_stopping(progress, setting, *, n_draws=50_000, seed=0):
    """Estimate the expected best score of a setting: t, p, evaluations before the stop."""
    t, p, e = setting
    values = progress.to_numpy(float)
    drawn = np.random.default_rng(seed).integers(len(values), size=(n_draws, t))
    at_stop, final = values[drawn, e - 1], values[drawn, -1]
    seen = at_stop.max(axis=1)
    if p:
        kept = np.argsort(-at_stop, axis=1, kind="stable")[:, :p]
        seen = np.maximum(seen, np.take_along_axis(final, kept, axis=1).max(axis=1))
    return float(seen.mean())
