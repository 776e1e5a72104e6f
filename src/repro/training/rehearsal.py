"""One step on made-up examples: whether a machine can train, and what its GPU starts up for."""

from dataclasses import replace

import numpy as np
import torch

from repro.data.definitions import Task
from repro.data.encoding import EncodedSplit, EncodedTask
from repro.models.build import load_tokenizer
from repro.models.locate import ModelSpec
from repro.training.trial import train_trial
from repro.training.types import Seeds, TrainingSettings, TrialResult


def rehearse(
    model: ModelSpec, task: Task, settings: TrainingSettings, *, batch_size: int = 2
) -> TrialResult:
    """Train one step on examples of the greatest length, and evaluate.

    Raises:
        MachineFailure: if the device fails, or has too little memory.
        ValueError: if model, task and settings do not fit.
    """
    pad_id, longest = int(load_tokenizer(model).pad_token_id), settings.max_length
    split = EncodedSplit(
        ids=np.full((batch_size, longest), 5, np.int32),  # any word
        types=None,
        lengths=np.full(batch_size, longest),
        labels=np.arange(batch_size) % 2,
        index=np.arange(batch_size),
    )
    if task.labels is None:
        split = replace(split, labels=split.labels.astype(np.float32))
    data = EncodedTask(task, model.path, {"train": split, "validation": split}, longest, pad_id)
    return train_trial(
        {"learning_rate": 1e-6, "batch_size": batch_size, "epochs": 1},
        model=model,
        data=data,
        settings=replace(settings, max_steps=1, evaluations_per_epoch=1),
        seeds=Seeds(0, 0, 0),
    )


def peak_memory(settings: TrainingSettings) -> tuple[float, float]:
    """Return the most memory that this process has taken of its GPU, and what the GPU has."""
    if settings.device != "cuda":
        return 0.0, float("inf")
    return torch.cuda.max_memory_reserved(), torch.cuda.get_device_properties(0).total_memory
