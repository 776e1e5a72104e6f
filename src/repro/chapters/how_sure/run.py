"""Trust but verify: a sample of the recorded trials is trained again."""

import pandas as pd

from repro.results.recorded import read_recorded
from repro.study.recording import check_reproduced, train_again

RECORDED_HERE = ("mini", "seeds")  # by this package; the rest was published by others


def train_a_sample(n: int, *, seed: int | None = None) -> pd.DataFrame:
    """Train so many recorded trials of each folder again; see `recording.train_again`.

    Raises:
        ValueError: if some do not come out as they were recorded.
    """
    tables = []
    for name in RECORDED_HERE:
        recorded = read_recorded(name)
        again = train_again(recorded, n=n, seed=seed, workers=2)
        check_reproduced(again, recorded)
        tables.append(again.assign(folder=name))
    return pd.concat(tables, ignore_index=True)
