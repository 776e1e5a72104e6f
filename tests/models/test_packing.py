from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from repro.data.encoding import EncodedSplit
from repro.models.build import build_model
from repro.models.packing import DeviceSplit, can_pack, pack, packed_logits, pad, plain_logits
from tiny_models import PAIR, SETTINGS

pytest_plugins = ("tiny_trials",)


@pytest.mark.parametrize("family", ["bert", "electra", "roberta"])
@pytest.mark.parametrize("n", [1, 7])
def test_packing_changes_nothing(specs, encoded, family, n):
    model = build_model(specs[family], task=PAIR, configuration={}, init_seed=0).eval()
    split = DeviceSplit.of(encoded[family, "pair"].splits["train"], torch.device("cpu"))
    rows = np.arange(n)
    assert can_pack(model)
    results = []
    for make, forward in ((pad, plain_logits), (pack, packed_logits)):
        model.zero_grad()
        logits = forward(model, make(split, rows, torch.from_numpy(rows)))
        logits.square().sum().backward()
        results.append([logits, *(p.grad for p in model.parameters() if p.grad is not None)])
    for plain, packed in zip(*results, strict=True):
        torch.testing.assert_close(packed, plain, rtol=1e-4, atol=1e-6)


def test_other_architectures_are_not_packed(specs):
    model = build_model(specs["distilbert"], task=PAIR, configuration={}, init_seed=0)
    assert not can_pack(model)


def test_a_batch_by_hand():
    ids = np.array([[2, 7, 3, 0, 0], [2, 8, 9, 9, 3], [2, 3, 0, 0, 0]], np.int32)
    lengths = np.array([3, 5, 2])
    split = DeviceSplit.of(
        EncodedSplit(ids, None, lengths, np.zeros(3), np.arange(3)), torch.device("cpu")
    )
    rows = np.array([2, 0])
    batch = pack(split, rows, torch.from_numpy(rows))
    assert batch.ids.tolist() == [2, 3, 2, 7, 3]
    assert batch.positions.tolist() == [0, 1, 0, 1, 2]
    assert batch.first.tolist() == [0, 2]
    assert batch.places.tolist() == [0, 1, 3, 4, 5]  # in 2 rows of 3
    assert batch.slots.tolist() == [0, 1, 0, 2, 3, 4]
    assert batch.mask.squeeze().tolist() == [[True, True, False], [True, True, True]]
    alone = pack(split, rows[1:], torch.tensor([0]))
    assert (alone.mask, alone.slots, alone.places) == (None, None, None)


def test_a_step_asks_nothing_of_the_device(run):
    """No value is fetched and no size is looked up there, which would wait for all before it."""
    asked = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            name = operation.overloadpacket.__name__
            if name in ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero"):
                asked.append(name)
            return operation(*args, **(kwargs or {}))

    counts = []
    # 4 or 15 steps, and one evaluation in either case; the first run loads the model
    for batch_size in (16, 16, 4):
        asked.clear()
        with Watch():
            settings = replace(SETTINGS, evaluations_per_epoch=1)
            assert run(epochs=1, batch_size=batch_size, settings=settings).steps in (4, 15)
        counts.append(len(asked))
    assert counts[1] == counts[2]
