"""The notebook from its second cell to its last, on made-up runs; what cannot be compared."""

import numpy as np
import pandas as pd
import pytest

from notebook_cells import run_notebook
from repro.chapters.initial import run
from repro.chapters.initial.run import run_initial_study
from repro.study.profile import load_profile
from synthetic_study import Study, make_study


def made_up_predictions(study, run_id):
    frame = pd.DataFrame({"split": ["validation", "test"] * 50, "index": np.arange(100) // 2})
    return frame.assign(checkpoint="best", label=1, prediction=np.arange(100) % 3 == 0)


@pytest.mark.parametrize("methods", [["grid"], ["rs", "asha"]])
def test_what_cannot_be_compared_is_refused_before_any_training(methods):
    profile = load_profile("smoke", methods=methods)
    with pytest.raises(ValueError, match=f"at least one other, but got {', '.join(methods)}"):
        run_initial_study(profile)


@pytest.mark.parametrize("models", [["tiny-electra"], ["tiny-bert"]])
def test_the_notebook_runs_whatever_its_models_stand_for(models, tmp_path, monkeypatch):
    # BERT is not in the paper: nothing is printed to compare it with
    study = make_study(models=models, tasks=["rte", "cola"])
    monkeypatch.setattr(run, "run_all", lambda *_, **__: study)
    monkeypatch.setattr(Study, "predictions", made_up_predictions, raising=False)
    parameters = {"profile": "smoke", "models": models}
    items = run_notebook("01_initial_study", parameters, tmp_path, monkeypatch)
    assert {"hpo_minus_grid", "hpo_minus_grid_paper", "ledger", "claims"} < set(items)
    assert {"headline", "quadrant", "aggregates", "anatomy"} < set(items)
    assert items["quadrant"]["place"] == "top"
    kinds = ("table03", "table06_trials", "table08_09", "best_vs_last")
    kinds += ("hpo_minus_grid_runs", "trial_counts", "incumbents")
    assert {f"{kind}_{models[0]}" for kind in kinds} < set(items)
    assert items["hpo_minus_grid_paper"]["caption"].endswith("Table 3, in points.")
