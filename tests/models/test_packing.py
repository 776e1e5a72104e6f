import numpy as np
import pytest
import torch

from repro.models.build import build_model
from repro.models.packing import can_pack, pack, packed_logits, pad, plain_logits
from tiny_models import PAIR

pytest_plugins = ("tiny_trials",)


@pytest.mark.parametrize("family", ["bert", "electra", "roberta"])
@pytest.mark.parametrize("n", [1, 7])
def test_packing_changes_nothing(specs, encoded, family, n):
    model = build_model(specs[family], task=PAIR, configuration={}, init_seed=0).eval()
    split, rows = encoded[family, "pair"].splits["train"], np.arange(n)
    assert can_pack(model)
    results = []
    for make, forward in ((pad, plain_logits), (pack, packed_logits)):
        model.zero_grad()
        logits = forward(model, make(split, rows, torch.device("cpu")))
        logits.square().sum().backward()
        results.append([logits, *(p.grad for p in model.parameters() if p.grad is not None)])
    for plain, packed in zip(*results, strict=True):
        torch.testing.assert_close(packed, plain, rtol=1e-4, atol=1e-6)


def test_other_architectures_are_not_packed(specs):
    model = build_model(specs["distilbert"], task=PAIR, configuration={}, init_seed=0)
    assert not can_pack(model)
