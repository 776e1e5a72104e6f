"""Trust but verify: the beginnings of some recorded trials are trained again.

A third of a trial goes through all that trains and scores; what comes after, a whole trial would
show, at three times the cost.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd

from repro.chapters.how_sure.settings import HowSureSettings
from repro.results.recorded import read_recorded, recorded_folders
from repro.study.recording import check_reproduced, train_again
from repro.study.recording_plan import TRACED

RECORDED_HERE = ("seeds", "mini")  # by this package; the rest was published by others
_PROCESSES = 2


def train_a_sample(settings: HowSureSettings, *, seed: int | None = None) -> pd.DataFrame:
    """Train some trials of each folder up to an evaluation, others each time when `seed` is None.

    Returns:
        as `recording.train_again`, with the `folder`.
    Raises:
        ValueError: if some do not come out as they were recorded.
    """
    tables = []
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        for name in (name for name in RECORDED_HERE if name in recorded_folders()):
            recorded = read_recorded(name)
            sample = {"n": settings.trained_again, "until": max(TRACED), "seed": seed}
            again = train_again(recorded, **sample, apply=pool.map)
            check_reproduced(again, recorded)
            tables.append(again.assign(folder=name))
    return pd.concat(tables, ignore_index=True)
