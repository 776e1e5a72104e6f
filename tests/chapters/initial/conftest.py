import pytest

from repro.chapters.initial.analysis import ModelStudy
from repro.stats.incumbents import select_model


@pytest.fixture
def one_model():
    """Cut one model out of a study: `one_model(study, "tiny-electra", "electra-base")`."""

    def cut(study, model="tiny-electra", paper="", *, runs=None, trials=None):
        runs = study.runs if runs is None else runs
        trials = study.trials if trials is None else trials
        return ModelStudy(model, paper, *select_model(runs, trials, model), study.evaluations)

    return cut
