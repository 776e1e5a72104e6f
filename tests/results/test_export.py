"""Recorded trials in the layout of Syne Tune's blackboxes.

That Syne Tune 0.16 loads such a folder (`deserialize`) and answers from it was tried by hand; it is
no dependency.
"""

import json

import numpy as np
import pandas as pd
import pytest
from tests.support.recorded_pools import make_recorded

from repro.results.export import OBJECTIVES, export_blackbox

RATES = {"learning_rate": 1e-3, "batch_size": 16}, {"learning_rate": 2e-3, "batch_size": 32}


@pytest.fixture
def recorded():
    rte = [
        {"validation": [0.5, 0.6], "init_seed": 42} | RATES[0],
        {"validation": [0.4, 0.7, 0.8], "init_seed": 42} | RATES[1],
        {"validation": [0.3], "init_seed": 43} | RATES[1],
    ]
    cola = [{"validation": [0.1, 0.2], "init_seed": 42} | RATES[1]]
    return make_recorded({("m", "rte", "grid"): rte, ("m", "cola", "grid"): cola})


def test_objectives_stand_by_task_configuration_seed_and_evaluation(recorded, tmp_path):
    folder = export_blackbox(recorded, tmp_path / "box", model="m", space="grid")
    table = np.load(folder / "objectives_evaluations.npy")
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["task_names"] == ["cola", "rte"]
    assert metadata["objectives_names"] == list(OBJECTIVES)
    assert table.shape == (2, 2, 2, 3, 3)  # tasks, configurations, seeds, evaluations, objectives
    configurations = pd.read_parquet(folder / "hyperparameters.parquet")
    assert configurations.to_dict("records") == sorted(RATES, key=lambda c: c["learning_rate"])
    np.testing.assert_allclose(table[1, 1, 0, :, 0], [0.4, 0.7, 0.8], rtol=1e-6)
    np.testing.assert_allclose(table[1, 1, 0, :, 2], [10, 20, 30])  # steps
    np.testing.assert_allclose(table[1, 1, 1, :, 0], [0.3, np.nan, np.nan], rtol=1e-6)
    assert np.isnan(table[0, 0]).all()  # not recorded on this task
    assert np.load(folder / "fidelities_values.npy").tolist() == [1, 2, 3]
    spaces = json.loads((folder / "configspace.json").read_text())
    assert spaces["learning_rate"]["domain_kwargs"] == {"lower": 1e-3, "upper": 2e-3}
    assert spaces["batch_size"]["domain_cls"] == "Integer"


def test_what_was_not_recorded_is_named(recorded, tmp_path):
    with pytest.raises(ValueError, match=r"unknown recorded model 'x'; known: m"):
        export_blackbox(recorded, tmp_path, model="x", space="grid")
    with pytest.raises(ValueError, match=r"unknown recorded space of m 'full'.*grid"):
        export_blackbox(recorded, tmp_path, model="m", space="full")
