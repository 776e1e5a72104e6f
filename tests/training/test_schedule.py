import numpy as np
import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from repro.training.schedule import epoch_batches, make_plan


def test_the_plan_by_hand():
    # 60 examples in batches of 16: 4 updates an epoch, 12 in all; warm-up ceil(0.2 x 12) = 3.
    asked = {"batch_size": 16, "epochs": 3, "warmup_ratio": 0.2, "warmup_steps": None}
    plan = make_plan({**asked, "max_grad_norm": 1.0}, n_train=60, evaluations_per_epoch=2)
    assert (plan.steps_per_epoch, plan.total_steps, plan.warmup_steps) == (4, 12, 3)
    assert plan.evaluation_steps == (2, 4, 6, 8, 10, 12)
    cut = make_plan(
        {**asked, "max_grad_norm": 1.0}, n_train=60, evaluations_per_epoch=3, max_steps=5
    )
    # thirds of 4 updates end in updates 2, 3, 4; the fifth is the last, so it is evaluated
    assert cut.evaluation_steps == (2, 3, 4, 5)
    often = make_plan({**asked, "max_grad_norm": 1.0}, n_train=20, evaluations_per_epoch=5)
    assert often.evaluation_steps == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("ratio", "steps", "epochs"),
    [(0.0, None, 1), (0.1, None, 3), (0.5, None, 2), (None, 7, 1), (None, 10, 1), (None, 40, 2)],
)
def test_the_schedule_is_transformers_own(ratio, steps, epochs):
    asked = {"batch_size": 16, "epochs": epochs, "warmup_ratio": ratio, "warmup_steps": steps}
    plan = make_plan({**asked, "max_grad_norm": 1.0}, n_train=160, evaluations_per_epoch=1)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, plan.warmup_steps, plan.total_steps)
    for step in range(plan.total_steps):
        assert plan.rate_factor(step) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("grouped", [False, True])
def test_an_epoch_holds_each_example_once(grouped):
    lengths = np.random.default_rng(0).integers(3, 40, size=100)
    order = {"batch_size": 16, "seed": 4, "grouped": grouped}
    first, again = (epoch_batches(lengths, epoch=0, **order) for _ in range(2))
    assert sorted(np.concatenate(first)) == list(range(100))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    other = epoch_batches(lengths, epoch=1, **order)
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_grouping_by_length_saves_padding():
    lengths = np.random.default_rng(0).integers(3, 40, size=320)

    def padded(grouped):
        batches = epoch_batches(lengths, batch_size=16, seed=4, epoch=0, grouped=grouped)
        return sum(lengths[rows].max() * len(rows) for rows in batches)

    assert padded(True) < 1.1 * lengths.sum() < padded(False)
