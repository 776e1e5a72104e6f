"""Made-up trials on two splits, and simulated runs."""

import pandas as pd
import pytest

from predicted_trials import make_predictions
from repro.chapters.resplit.winners_curse import simulate_runs
from synthetic_study import make_study


@pytest.fixture(scope="package")
def trials():
    parts = [
        make_study(models=["m"], tasks=["rte", "cola"], methods=["rs"], n_trials=6, seed=i)
        .trials.assign(split=split, test_source="labels")
        for i, split in enumerate(("original", "resplit"))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="package")
def simulated():
    sizes = {"validation_sizes": (20, 50), "trial_counts": (4, 8), "draws": 20}
    return simulate_runs([make_predictions()], **sizes)
