"""What a trial writes: its best model, and the state from which another goes on.

The state is one file with weights, optimizer and dropout noise, in the format of safetensors, so
that reading it runs no code. The order of the data and the schedule need no state: they follow
from the seed and the epoch. All that is written is there complete or not at all.
"""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from repro.models.build import load_tokenizer, quiet
from repro.models.locate import ModelSpec
from repro.training.optimizer import DropoutNoise

_AVERAGES = ("exp_avg", "exp_avg_sq")  # what AdamW keeps of each parameter


def save_model(directory: Path, model, spec: ModelSpec) -> None:
    """Write a model and its tokenizer to a directory that is not there yet."""
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with quiet():
        model.save_pretrained(partial)
        load_tokenizer(spec).save_pretrained(partial)
    for path in partial.rglob("*"):  # on the disk before they have their name
        with path.open("rb") as file:
            os.fsync(file.fileno())
    partial.rename(directory)


def save_state(path: Path, model, optimizer, *, noise: DropoutNoise, scaler) -> None:
    """Write the state after an update to `path`, in place of an older file.

    All parameters go into one tensor, as do Adam's averages: a file of hundreds of small tensors
    takes a multiple of the time.
    """
    parameters = list(model.parameters())
    states = [optimizer.state.get(parameter, {}) for parameter in parameters]
    tensors = {"model": _flat(parameters), "noise/cpu": noise.cpu_state}
    for name in _AVERAGES:  # zero where a parameter never had a gradient
        averages = [
            s.get(name, torch.zeros_like(p)) for s, p in zip(states, parameters, strict=True)
        ]
        tensors[name] = _flat(averages)
    steps = [state["step"] for state in states if state] or [torch.zeros(())]
    tensors["step"] = max(steps)  # the same for all that have one
    tensors |= {f"buffer/{name}": buffer for name, buffer in model.named_buffers()}
    tensors |= {f"noise/gpu{i}": state for i, state in enumerate(noise.gpu_states)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, temporary, metadata={"scaler": json.dumps(scaler.state_dict())})
    os.replace(temporary, path)


def load_state(path: Path, model, optimizer, *, noise: DropoutNoise, scaler) -> None:
    """Put the state of `save_state` into fresh objects; their hyperparameters stay their own."""
    parameters = list(model.parameters())
    with safe_open(path, framework="pt", device=str(parameters[0].device)) as file, torch.no_grad():
        scaler.load_state_dict(json.loads(file.metadata()["scaler"]))
        for parameter, value in zip(parameters, _parts(file, "model", parameters), strict=True):
            parameter.copy_(value)
        for name, buffer in model.named_buffers():
            buffer.copy_(file.get_tensor(f"buffer/{name}"))
        averages = zip(*(_parts(file, name, parameters) for name in _AVERAGES), strict=True)
        for parameter, values in zip(parameters, averages, strict=True):
            named = dict(zip(_AVERAGES, (value.clone() for value in values), strict=True))
            optimizer.state[parameter] = {"step": file.get_tensor("step").clone(), **named}
        noise.cpu_state = file.get_tensor("noise/cpu").cpu()
        noise.gpu_states = [file.get_tensor(f"noise/gpu{i}").cpu() for i in range(len(noise.gpus))]


def _flat(tensors) -> torch.Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _parts(file, name: str, parameters: list) -> list[torch.Tensor]:
    """Cut one of the file's tensors into the shapes of the parameters."""
    parts = file.get_tensor(name).split([parameter.numel() for parameter in parameters])
    return [part.view_as(p) for part, p in zip(parts, parameters, strict=True)]
