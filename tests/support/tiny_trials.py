"""One tiny trial, as fixtures: models of four families, three encoded tasks, and `run`."""

import pytest

from repro.models.build import encode, resolve_model
from repro.training.trial import train_trial
from tiny_models import (
    BINARY,
    CONFIGURATION,
    PAIR,
    REGRESSION,
    SEEDS,
    SETTINGS,
    make_data,
    make_model,
)

_KEYWORDS = ("report", "save_best_to", "score_to_beat", "data", "segment", "trace_test_at")
_KEYWORDS += ("load_state_from", "save_state_to", "trace_gradients")


@pytest.fixture(scope="session")
def specs(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    families = ("bert", "electra", "roberta", "distilbert", "modernbert")
    return {family: resolve_model(str(make_model(root / family, family))) for family in families}


@pytest.fixture(scope="session")
def encoded(specs):
    """60 training examples: 4 updates an epoch at batch size 16; 20 validation and test."""
    tasks = {"binary": BINARY, "pair": PAIR, "regression": REGRESSION}
    return {
        (family, name): encode(make_data(task), spec, max_length=32)
        for name, task in tasks.items()
        for family, spec in specs.items()
    }


@pytest.fixture
def run(specs, encoded):
    """Run one tiny trial; what is not an argument of `train_trial` joins its configuration."""

    def run(*, family="bert", task="binary", settings=SETTINGS, seeds=SEEDS, **more):
        keywords = {k: more.pop(k) for k in _KEYWORDS if k in more}
        data = keywords.pop("data", encoded[family, task])
        configuration = CONFIGURATION | more
        return train_trial(
            configuration,
            model=specs[family],
            data=data,
            settings=settings,
            seeds=seeds,
            **keywords,
        )

    return run
