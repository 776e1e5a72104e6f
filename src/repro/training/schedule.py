"""What a trial will do, update by update: learning rates, evaluations, the order of examples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np


@dataclass(frozen=True)
class TrainingSchedule:
    """The course of one trial, fixed before it starts."""

    batch_size: int
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    evaluation_steps: tuple[int, ...]  # updates after which it evaluates; the last one included
    max_grad_norm: float
    first_step: int = 0  # updates that another trial has done; all other steps count from here
    twice: bool = False  # read at the step of all and at the step of its epoch, and multiplied

    def between(self, start: float, end: float) -> "TrainingSchedule":
        """Return what lies between two epochs, at the learning rates of the whole."""
        first, last = (
            min(math.ceil(round(epoch * self.steps_per_epoch, 6)), self.total_steps)
            for epoch in (start, end)
        )
        steps = {step for step in self.evaluation_steps if first < step < last} | {last}
        steps = tuple(sorted(step - first for step in steps))
        return replace(self, first_step=first, evaluation_steps=steps)

    def rate_factor(self, step: int) -> float:
        """Return the share of the learning rate used by update `step` (0, 1, ...)."""
        step += self.first_step
        factor = self.once(step)
        return factor * self.once(step % self.steps_per_epoch) if self.twice else factor

    def once(self, step: int) -> float:
        """Rise linearly from 0 to 1 in warm-up, then fall to 0, as in transformers."""
        if step < self.warmup_steps:
            return step / self.warmup_steps
        return (self.total_steps - step) / max(1, self.total_steps - self.warmup_steps)


@dataclass(frozen=True, kw_only=True)
class BertAdamSchedule(TrainingSchedule):
    """The schedule inside BertAdam: it jumps from 1 down to 1 - w where the warm-up w ends."""

    warmup: float  # w, a share of `planned_steps`
    planned_steps: int  # examples / batch size * epochs, rounded down: one too few at times

    def once(self, step: int) -> float:
        """Rise linearly from 0 to 1 in warm-up, then fall from 1 - w to 0, or just below."""
        progress = step / self.planned_steps
        return progress / self.warmup if progress < self.warmup else 1.0 - progress


def make_schedule(
    hyperparameters: dict,
    *,
    n_train: int,
    evaluations_per_epoch: int,
    max_steps: int | None = None,
    optimizer: str = "adamw",
    applied: str = "once",
) -> TrainingSchedule:
    """Lay out a trial's updates and evaluations; `max_steps` ends it and its warm-up early."""
    batch_size = hyperparameters["batch_size"]
    per_epoch = math.ceil(n_train / batch_size)
    total = math.ceil(hyperparameters["epochs"] * per_epoch)
    total = min(total, max_steps or total)
    # Given in steps it may be longer than the trial, whose rate then still rises at the end.
    warmup_steps = hyperparameters["warmup_steps"]
    if warmup_steps is None:  # at most all but one update, so that very few updates still learn
        warmup_steps = min(math.ceil(hyperparameters["warmup_ratio"] * total), total - 1)
    evaluations = {
        epoch * per_epoch + math.ceil(i * per_epoch / evaluations_per_epoch)
        for epoch in range(math.ceil(total / per_epoch))
        for i in range(1, evaluations_per_epoch + 1)
    }
    schedule = TrainingSchedule(
        batch_size=batch_size,
        steps_per_epoch=per_epoch,
        total_steps=total,
        warmup_steps=warmup_steps,
        evaluation_steps=tuple(sorted({step for step in evaluations if step < total} | {total})),
        max_grad_norm=hyperparameters["max_grad_norm"],
        twice=applied == "twice",
    )
    if optimizer != "bertadam":
        return schedule
    planned = int(n_train / batch_size * hyperparameters["epochs"])
    planned = max(1, min(planned, max_steps or planned))
    warmup = hyperparameters["warmup_ratio"]
    if warmup is None:
        warmup = hyperparameters["warmup_steps"] / planned
    rising = next(step for step in count() if step / planned >= warmup)
    return BertAdamSchedule(
        **vars(schedule) | {"warmup_steps": rising}, warmup=warmup, planned_steps=planned
    )


def training_batches(n_train: int, *, batch_size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the positions of each batch's examples without end.

    Every epoch has an order of its own; its last batch may be smaller.
    """
    for epoch in count():
        order = np.random.default_rng([seed, epoch]).permutation(n_train)
        yield from np.split(order, range(batch_size, n_train, batch_size))
