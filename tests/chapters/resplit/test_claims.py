"""The claims on splits and checkpoints, where intervals decide and where they do not."""

import numpy as np
import pandas as pd

from repro.chapters.resplit.claims import resplit_claims
from synthetic_study import make_study


def verdicts_of(original, resplit, *, shifts=None):
    keys = {"model": "m", "task": "rte"}
    rows = [keys | {"split": s, "repetition": i, "pearson": r}
            for s, values in (("original", original), ("resplit", resplit))
            for i, r in enumerate(values)]  # fmt: skip
    over_shifts = [keys | {"task": task, "shift": shift, "pearson": r}
                   for task in ("rte", "cola") for shift, r in (shifts or {}).items()]  # fmt: skip
    over_shifts = pd.DataFrame(over_shifts, columns=["model", "task", "shift", "pearson"])
    grid = make_study(methods=("grid",), repetitions=1).trials
    return [claim.agrees for claim in resplit_claims(pd.DataFrame(rows), over_shifts, grid)]


def test_claims_agree_only_where_intervals_decide():
    # all below 0, all above 0, all differences above 0, and a fall of r on both tasks
    agrees = verdicts_of([-0.5, -0.4, -0.3], [0.5, 0.6, 0.7], shifts={0.0: 0.9, 1.0: 0.2})
    assert agrees[:4] == [True, True, True, True]
    agrees = verdicts_of([0.5, 0.4, 0.3], [-0.5, -0.6, -0.7], shifts={0.0: 0.2, 1.0: 0.9})
    assert agrees[:4] == [False, False, False, False]
    assert verdicts_of([0.5, -0.4], [-0.5, 0.6])[:4] == [None] * 4
    assert verdicts_of([np.nan, np.nan], [np.nan, np.nan])[:3] == [None, None, None]
    assert agrees[4] in (True, None)  # on validation the best checkpoint cannot lose
