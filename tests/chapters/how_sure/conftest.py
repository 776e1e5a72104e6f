"""A laboratory of one made-up cell: tiny-electra on RTE."""

import numpy as np
import pytest
from tests.support.recorded_pools import make_recorded

from repro.chapters.how_sure import effects
from repro.chapters.how_sure.laboratory import Cell, Laboratory
from repro.chapters.how_sure.settings import HowSureSettings
from repro.study.pools import Clock, read_pools

SETTINGS = HowSureSettings(
    recorded=("none",), fewest=2, workers=2, budgets_gst=(1, 2), replays=60, resamples=20,
    replays_of_each=4, studies=300, repetitions=(1, 3), paths=40, tpe_replays=0,
)  # fmt: skip


def make_trial(rng, *, good, configuration=0):
    """Make a trial of three evaluations whose test score is .05 below its validation score."""
    validation = np.array([0.5, 0.6, 0.7]) + good + rng.normal(0, 0.02)
    hyperparameters = {"warmup_ratio": 0.05, "hidden_dropout": 0.1, "learning_rate": 1e-3}
    values = {"validation": validation, "test": validation - 0.05, "configuration": configuration}
    return values | hyperparameters


def make_cell(*, good=0.0, spread=0.05, n=40, spaces=("full", "s-wr", "smin")):
    """Record random trials that are so much better than grid search's on average."""
    rng, key = np.random.default_rng(0), ("tiny-electra", "rte")
    cells = {
        (*key, space): [make_trial(rng, good=good + rng.normal(0, spread)) for _ in range(n)]
        for space in spaces
    }
    cells[*key, "grid"] = [make_trial(rng, good=0.0, configuration=i // 4) for i in range(8)]
    found = read_pools(make_recorded(cells))[key]
    return Cell({space: found[space] for space in spaces}, found["grid"], Clock(2), SETTINGS)


def make_laboratory(**cell):
    return Laboratory([make_cell(**cell)], {}, [], SETTINGS)


@pytest.fixture(scope="session")
def lab():
    return make_laboratory()


@pytest.fixture(scope="session")
def means(lab):
    return effects.world_means(lab)
