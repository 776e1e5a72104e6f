"""The parts of one update: optimizer, clipping, loss, and the chance in dropout."""

import math
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import torch


class BertAdam(torch.optim.AdamW):
    """Adam without bias correction, as in the pytorch-pretrained-bert that Dodge et al. 2020 used.

    m <- .9 m + .1 g;  v <- .999 v + .001 g²;  p <- p - rate (m / (sqrt(v) + epsilon) + decay p),
    where g has been clipped tensor by tensor (`clip_each`). It is torch's AdamW, whose steps here
    count from infinity, where its bias correction is a division by one.
    """

    def __init__(self, groups: list[dict], **options) -> None:
        super().__init__(groups, **options)
        for parameter in (p for group in self.param_groups for p in group["params"]):
            self.state[parameter] = {
                "step": torch.full((), math.inf, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }


OPTIMIZERS = {"adamw": torch.optim.AdamW, "bertadam": BertAdam}


def make_optimizer(
    model: torch.nn.Module, hyperparameters: dict, name: str = "adamw"
) -> torch.optim.Optimizer:
    """Make an optimizer; biases and LayerNorm weights, the one-dimensional ones, do not decay."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": hyperparameters["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    rate, epsilon = hyperparameters["learning_rate"], hyperparameters["adam_epsilon"]
    return OPTIMIZERS[name](groups, lr=rate, eps=epsilon, fused=True)


def clipping(optimizer: torch.optim.Optimizer) -> Callable:
    """Return what clips the gradients of parameters to a norm, as this optimizer's authors do."""
    return clip_each if isinstance(optimizer, BertAdam) else torch.nn.utils.clip_grad_norm_


@torch.no_grad()
def clip_each(parameters: list[torch.nn.Parameter], max_norm: float) -> None:
    """Scale each tensor's gradient by itself to at most `max_norm`."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch.stack(torch._foreach_norm(gradients))
    shares = torch.clamp(max_norm / (norms + 1e-6), max=1.0)  # as in torch's clip_grad_norm_
    torch._foreach_mul_(gradients, shares.unbind())


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
