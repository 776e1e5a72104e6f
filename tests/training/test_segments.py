"""Trials in parts: a trial that continues another does what one trial would have done."""

import numpy as np
import pytest
import torch

from repro.training.types import MachineFailure, Segment
from tiny_models import CONFIGURATION

pytest_plugins = ("tiny_trials",)


EPOCHS = CONFIGURATION["epochs"]


def in_parts(run, folder, ends, **changes):
    """Train one trial in parts that end after `ends` epochs."""
    results, start = [], 0.0
    for end in ends:
        states = {"save_state_to": folder / f"{end:g}"}
        states |= {"load_state_from": folder / f"{start:g}"} if start else {}
        results.append(run(segment=Segment(start, end), **states, **changes))
        start = end
    return results


@pytest.mark.parametrize("ends", [(1, 2), (0.5, 1, 1.5, 2), (0.75, 2)])
def test_parts_give_the_numbers_of_the_whole_bit_for_bit(run, tmp_path, ends):
    # dropout on, warm-up, decay, Adam's averages, the order of the data: all go on
    whole, parts = run(), in_parts(run, tmp_path, ends)
    losses = np.concatenate([part.losses for part in parts])
    assert np.array_equal(losses, whole.losses)
    last = parts[-1]
    assert last.last.metrics == whole.last.metrics
    assert last.last.loss == whole.last.loss
    assert last.last.epoch == whole.last.epoch == EPOCHS
    assert np.array_equal(last.predictions["test_last"], whole.predictions["test_last"])
    assert sum(part.steps for part in parts) == whole.steps
    assert sum(part.epochs_trained for part in parts) == EPOCHS
    assert all(part.hyperparameters == whole.hyperparameters for part in parts)


def test_a_part_counts_steps_from_its_start_and_epochs_from_the_trials(run, tmp_path):
    _, second = in_parts(run, tmp_path, (1, 2))
    # 60 examples: 4 updates an epoch at batch size 16, 2 evaluations an epoch
    assert [evaluation.step for evaluation in second.evaluations] == [2, 4]
    assert [evaluation.epoch for evaluation in second.evaluations] == [1.5, 2.0]
    assert second.exchange_seconds > 0


def test_a_part_may_go_on_with_another_configuration(run, tmp_path):
    state = tmp_path / "state"
    assert run(segment=Segment(0, 1), save_state_to=state, epochs=3).status == "completed"
    other = {"epochs": 3, "batch_size": 32, "learning_rate": 1e-3, "warmup_ratio": 0.0}
    result = run(segment=Segment(1, 2), load_state_from=state, **other)
    # 60 examples in batches of 32: 2 updates an epoch; the schedule is that of the third epoch's
    assert (result.status, result.steps) == ("completed", 2)
    assert result.hyperparameters["batch_size"] == 32
    fresh = run(segment=Segment(1, 2), **other)
    assert not np.array_equal(fresh.losses, result.losses)


def test_without_its_state_a_part_is_no_failed_trial(run, tmp_path):
    with pytest.raises(MachineFailure, match="nothing: FileNotFoundError"):
        run(segment=Segment(1, 2), load_state_from=tmp_path / "nothing")


def test_a_state_that_cannot_be_written_is_no_failed_trial(run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineFailure, match="file/state: .*Error"):
        run(segment=Segment(0, 1), save_state_to=tmp_path / "file" / "state")


def test_reading_a_state_runs_no_code(run, tmp_path):
    path = tmp_path / "state"
    torch.save({"model": 1}, path)  # a pickle
    with pytest.raises(MachineFailure, match="(?i)header"):
        run(segment=Segment(1, 2), load_state_from=path)
