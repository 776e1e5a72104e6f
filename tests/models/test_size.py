"""How large models are, against their published numbers of parameters."""

import pytest

from repro.models.build import build_model, resolve_model
from repro.models.locate import EMBEDDED
from repro.models.size import model_size
from tiny_models import BINARY


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("google-bert/bert-base-uncased", 110),  # Devlin et al. 2019, sec. 3
        ("google-bert/bert-large-uncased", 340),
        ("FacebookAI/roberta-base", 125),  # Liu et al. 2019
        ("google/electra-small-discriminator", 14),  # Clark et al. 2020, Table 1
        ("distilbert/distilbert-base-uncased", 66),  # Sanh et al. 2019, Table 3
    ],
)
def test_known_models_have_their_published_parameters(name, millions):
    assert model_size(name).parameters / 1e6 == pytest.approx(millions, rel=0.06)


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_local_models_size_is_about_what_is_built(name):
    """What is left out, biases, normalisation and the classifier, is little."""
    model = build_model(resolve_model(name), task=BINARY, configuration={}, init_seed=0)
    built = sum(parameter.numel() for parameter in model.parameters())
    assert model_size(name).parameters == pytest.approx(built, rel=0.1)


def test_an_update_of_electra_base_on_mnli_by_hand():
    # 12 layers x (4 x 768 x 768 + 2 x 768 x 3072) = 84.9 M; 6 operations for each and token;
    # 32 examples of about 39 tokens
    size = model_size("google/electra-base-discriminator")
    assert size.training_flops(1) == pytest.approx(0.51e9, rel=0.01)
    assert size.training_flops(32 * 39) == pytest.approx(0.64e12, rel=0.01)


def test_bert_large_needs_a_card_of_more_than_eight_gigabytes():
    size = model_size("google-bert/bert-large-uncased")
    assert 7e9 < size.trial_bytes(16 * 128, halved=True) < 10e9
    assert size.state_bytes == 3 * size.weight_bytes
