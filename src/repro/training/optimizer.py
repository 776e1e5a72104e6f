"""The parts of one update: optimizer, loss, and the chance in dropout."""

from contextlib import contextmanager

import numpy as np
import torch


def make_optimizer(model: torch.nn.Module, hyperparameters: dict) -> torch.optim.Optimizer:
    """Make AdamW; biases and LayerNorm weights, the one-dimensional parameters, do not decay."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": hyperparameters["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    rate, epsilon = hyperparameters["learning_rate"], hyperparameters["adam_epsilon"]
    return torch.optim.AdamW(groups, lr=rate, eps=epsilon, fused=True)


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean loss in fp32: squared error in regression, else cross entropy."""
    if labels.is_floating_point():
        return torch.nn.functional.mse_loss(logits.float().squeeze(1), labels.float())
    return torch.nn.functional.cross_entropy(logits.float(), labels)


def decide(logits: np.ndarray) -> np.ndarray:
    return logits[:, 0].copy() if logits.shape[1] == 1 else logits.argmax(axis=1)


class DropoutNoise:
    """The generators that torch's dropout draws from: seeded here, the global ones untouched."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.gpus = [device] if device.type == "cuda" else []
        self.cpu_state = torch.Generator().manual_seed(seed).get_state()
        self.gpu_states = [torch.Generator(g).manual_seed(seed).get_state() for g in self.gpus]

    @contextmanager
    def drawn(self):
        """Let torch draw from these generators, which go on where they stopped."""
        with torch.random.fork_rng(devices=self.gpus):
            torch.set_rng_state(self.cpu_state)
            for gpu, state in zip(self.gpus, self.gpu_states, strict=True):
                torch.cuda.set_rng_state(state, gpu)
            yield
            self.cpu_state = torch.get_rng_state()
            self.gpu_states = [torch.cuda.get_rng_state(gpu) for gpu in self.gpus]
