"""A made-up seed study for tables, plots and claims."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds.analysis import (
    best_scores,
    components_by_task,
    evaluation_scores,
    progress_matrices,
    score_matrices,
)
from repro.chapters.seeds.early_stopping import compare_settings
from repro.chapters.seeds.significance import seed_tests
from seed_scores import tidy


@pytest.fixture(scope="package")
def scores():
    """4 x 4 seeds on two tasks, 6 evaluations; WI matters, a run failed and one stopped early."""
    rng, parts = np.random.default_rng(0), []
    for task in ("mrpc", "cola"):
        runs = [
            (0.6 + 0.05 * (i // 4) + np.linspace(0, 0.1, 6) + rng.normal(0, 0.02, 6)).tolist()
            for i in range(16)
        ]
        runs[3], runs[5] = [], runs[5][:2]
        parts.append(evaluation_scores(*tidy(runs, task=task, n_order=4, accuracy=task == "mrpc")))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="package")
def best(scores):
    return best_scores(scores)


@pytest.fixture(scope="package")
def matrices(best):
    return score_matrices(best)


@pytest.fixture(scope="package")
def components(matrices):
    return components_by_task(matrices)


@pytest.fixture(scope="package")
def seeds_tested(matrices, components):
    return seed_tests(matrices, components)


@pytest.fixture(scope="package")
def stopping(scores):
    return compare_settings(progress_matrices(scores, best_so_far=True))


@pytest.fixture(
    scope="package", params=[[1.0, 1.0], [0.0, 0.0], []], ids=["perfect", "diverged", "lost"]
)
def degenerate_scores(request):
    """2 x 2 seeds on two tasks: on CoLA all runs are alike, or none has a score."""
    good = [[0.5, 0.5 + i / 100] for i in range(4)]
    parts = [("rte", good), ("cola", [request.param] * 4)]
    tables = [tidy(runs, task=task, accuracy=False) for task, runs in parts]
    return pd.concat([evaluation_scores(*table) for table in tables], ignore_index=True)
