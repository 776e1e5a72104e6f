"""A step on made-up examples goes through wherever a trial would."""

from dataclasses import replace

import pytest

from repro.models.build import resolve_model
from repro.training import trial as training
from repro.training.rehearsal import peak_memory, rehearse
from repro.training.types import MachineFailure
from tiny_models import BINARY, PAIR, REGRESSION, SETTINGS, make_model


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("task", [BINARY, PAIR, REGRESSION], ids=lambda task: task.name)
def test_a_step_of_the_largest_batch_is_trained(tmp_path, family, task):
    spec = resolve_model(str(make_model(tmp_path / family, family)))
    result = rehearse(spec, task, replace(SETTINGS, max_length=20), batch_size=8)
    assert (result.status, result.steps, len(result.evaluations)) == ("completed", 1, 1)
    assert peak_memory(SETTINGS)[0] == 0  # a CPU's is not counted


def test_a_device_without_memory_is_found_out(tmp_path, monkeypatch):
    def forward(model, batch):
        raise RuntimeError("CUDA error: no kernel image is available for execution")

    monkeypatch.setattr(training, "packed_logits", forward)
    spec = resolve_model(str(make_model(tmp_path / "bert")))
    with pytest.raises(MachineFailure, match="no kernel image"):
        rehearse(spec, BINARY, SETTINGS)
