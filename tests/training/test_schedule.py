from itertools import islice

import numpy as np
import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from repro.training.schedule import make_schedule, training_batches


def test_a_schedule_by_hand():
    # 60 examples in batches of 16: 4 updates an epoch, 12 in all; warm-up ceil(0.2 x 12) = 3.
    asked = {"batch_size": 16, "epochs": 3, "warmup_ratio": 0.2, "warmup_steps": None}
    schedule = make_schedule({**asked, "max_grad_norm": 1.0}, n_train=60, evaluations_per_epoch=2)
    assert (schedule.steps_per_epoch, schedule.total_steps, schedule.warmup_steps) == (4, 12, 3)
    assert schedule.evaluation_steps == (2, 4, 6, 8, 10, 12)
    cut = make_schedule(
        {**asked, "max_grad_norm": 1.0}, n_train=60, evaluations_per_epoch=3, max_steps=5
    )
    # thirds of 4 updates end in updates 2, 3, 4; the fifth is the last, so it is evaluated
    assert cut.evaluation_steps == (2, 3, 4, 5)
    often = make_schedule({**asked, "max_grad_norm": 1.0}, n_train=20, evaluations_per_epoch=5)
    assert often.evaluation_steps == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("ratio", "steps", "epochs"),
    [(0.0, None, 1), (0.1, None, 3), (0.5, None, 2), (None, 7, 1), (None, 10, 1), (None, 40, 2)],
)
def test_the_schedule_is_transformers_own(ratio, steps, epochs):
    asked = {"batch_size": 16, "epochs": epochs, "warmup_ratio": ratio, "warmup_steps": steps}
    schedule = make_schedule({**asked, "max_grad_norm": 1.0}, n_train=160, evaluations_per_epoch=1)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, schedule.warmup_steps, schedule.total_steps)
    for step in range(schedule.total_steps):
        assert schedule.rate_factor(step) == pytest.approx(theirs.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        theirs.step()


def test_an_epoch_holds_each_example_once_and_has_an_order_of_its_own():
    def two_epochs(seed):
        batches = list(islice(training_batches(100, batch_size=16, seed=seed), 14))
        assert [len(rows) for rows in batches] == [16, 16, 16, 16, 16, 16, 4] * 2
        return np.concatenate(batches[:7]), np.concatenate(batches[7:])

    first, second = two_epochs(4)
    assert sorted(first) == sorted(second) == list(range(100))
    assert not np.array_equal(first, second)
    assert np.array_equal(two_epochs(4), [first, second])
    assert not np.array_equal(two_epochs(5)[0], first)
