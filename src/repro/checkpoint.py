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

from repro.models import ModelSpec, load_tokenizer, quiet
from repro.update import DropoutNoise

_AVERAGES = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of each parameter


def save_model(directory: Path, model, spec: ModelSpec) -> None:
    """Write a model and its tokenizer to a directory that is not there yet."""
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with quiet():
        model.save_pretrained(partial)
        load_tokenizer(spec).save_pretrained(partial)
    partial.rename(directory)


def save_state(path: Path, model, optimizer, *, noise: DropoutNoise, scaler) -> None:
    """Write the state after an update to `path`, in place of an older file."""
    tensors = {f"model/{name}": tensor.detach() for name, tensor in _tensors(model).items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value
    tensors["noise/cpu"] = noise.cpu_state
    tensors |= {f"noise/gpu{i}": state for i, state in enumerate(noise.gpu_states)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, temporary, metadata={"scaler": json.dumps(scaler.state_dict())})
    os.replace(temporary, path)


def load_state(path: Path, model, optimizer, *, noise: DropoutNoise, scaler) -> None:
    """Put the state of `save_state` into fresh objects; their hyperparameters stay their own."""
    with safe_open(path, framework="pt") as file:
        scaler.load_state_dict(json.loads(file.metadata()["scaler"]))
        with torch.no_grad():
            for name, tensor in _tensors(model).items():
                tensor.copy_(file.get_tensor(f"model/{name}"))
        for name, parameter in model.named_parameters():
            optimizer.state[parameter] = {
                key: file.get_tensor(f"optimizer/{key}/{name}").to(parameter.device)
                for key in _AVERAGES
            }
        noise.cpu_state = file.get_tensor("noise/cpu")
        noise.gpu_states = [file.get_tensor(f"noise/gpu{i}") for i in range(len(noise.gpus))]


def _tensors(model) -> dict[str, torch.Tensor]:
    """Return parameters and buffers, each once even if two modules share it."""
    return dict(model.named_parameters()) | dict(model.named_buffers())
