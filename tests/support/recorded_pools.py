"""Made-up recorded trials, for the tests of replays and of what is computed from them."""

import numpy as np
import pandas as pd

from repro.results.recorded import Recorded
from repro.study.pools import read_pools


def make_recorded(cells, tmp_path=None):
    """Record trials.

    Args:
        cells: (model, task, space) -> one dictionary a trial: validation and test (sequences),
            and, if not as usual, epochs (when evaluations end; 1, 2, ...), steps, hyperparameters.
    """
    trials, evaluations = [], []
    for (model, task, space), rows in cells.items():
        for number, row in enumerate(rows):
            row = dict(row)
            key = {"model": model, "task": task, "space": space, "trial": number}
            validation = np.asarray(row.pop("validation"), float)
            n = np.arange(1, len(validation) + 1)
            curve = {
                "step": row.pop("steps", 10 * n),
                "epoch": np.asarray(row.pop("epochs", n), float),
                "validation_score": validation,
                "validation_loss": np.asarray(row.pop("loss", 1 - validation), float),
                "test_score": np.asarray(row.pop("test", validation), float),
            }
            trials.append({**key, "status": "completed", "total_steps": 10 * len(n), **row})
            evaluations.append(pd.DataFrame({**key, **curve}))
    return Recorded(pd.DataFrame(trials), pd.concat(evaluations), {"format": 1}, tmp_path)


def make_pool(*rows):
    """Return a pool of trials as in `make_recorded`."""
    return read_pools(make_recorded({("m", "t", "full"): rows}))["m", "t"]["full"]
