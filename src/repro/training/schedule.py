"""What a trial will do, update by update: its plan, its schedule, the order of its examples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from repro.data.encoding import EncodedSplit

_GROUPED_BATCHES = 50  # batches among which examples of like length are brought together


@dataclass(frozen=True)
class Plan:
    """The course of one trial, fixed before it starts."""

    batch_size: int
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    evaluation_steps: tuple[int, ...]  # updates after which it evaluates; the last one included
    max_grad_norm: float
    first_step: int = 0  # updates that another trial has done; all other steps count from here

    def part(self, start: float, end: float) -> "Plan":
        """Return the plan of what lies between two epochs; the schedule is that of the whole."""
        first, last = (self._step_at(epoch) for epoch in (start, end))
        steps = {step for step in self.evaluation_steps if first < step < last} | {last}
        steps = tuple(sorted(step - first for step in steps))
        return replace(self, first_step=first, evaluation_steps=steps)

    def _step_at(self, epoch: float) -> int:
        if epoch == math.inf:
            return self.total_steps
        return min(math.ceil(round(epoch * self.steps_per_epoch, 6)), self.total_steps)

    def epochs_after(self, step: int) -> float:
        """Return the passes over the training data when `step` updates are done."""
        return (self.first_step + step) / self.steps_per_epoch

    def rate_factor(self, step: int) -> float:
        """Return the share of the learning rate used by update `step` (0, 1, ...).

        Linear from 0 to 1 during warm-up, then linear to 0, as transformers' linear schedule.
        """
        step += self.first_step
        if step < self.warmup_steps:
            return step / self.warmup_steps
        return (self.total_steps - step) / max(1, self.total_steps - self.warmup_steps)


def make_plan(hyperparameters: dict, *, n_train: int, evaluations_per_epoch: int, max_steps=None):
    """Lay out a trial's updates and evaluations.

    Args:
        max_steps: ends the trial early and the schedule with it.
    """
    batch_size = hyperparameters["batch_size"]
    per_epoch = math.ceil(n_train / batch_size)
    total = math.ceil(hyperparameters["epochs"] * per_epoch)
    total = min(total, max_steps or total)
    return Plan(
        batch_size=batch_size,
        steps_per_epoch=per_epoch,
        total_steps=total,
        warmup_steps=_warmup_steps(hyperparameters, total),
        evaluation_steps=_evaluation_steps(per_epoch, total, evaluations_per_epoch),
        max_grad_norm=hyperparameters["max_grad_norm"],
    )


def _warmup_steps(hyperparameters: dict, total: int) -> int:
    if (steps := hyperparameters["warmup_steps"]) is not None:
        return steps  # may be more than there are updates: then the rate is still rising at the end
    # At most all but one update, so that a trial of very few updates still learns.
    return min(math.ceil(hyperparameters["warmup_ratio"] * total), total - 1)


def _evaluation_steps(per_epoch: int, total: int, per_epoch_evaluations: int) -> tuple[int, ...]:
    k = per_epoch_evaluations
    steps = {
        epoch * per_epoch + math.ceil(i * per_epoch / k)
        for epoch in range(math.ceil(total / per_epoch))
        for i in range(1, k + 1)
    }
    return tuple(sorted({step for step in steps if step < total} | {total}))


def epoch_batches(
    lengths: np.ndarray, *, batch_size: int, seed: int, epoch: int, grouped: bool
) -> list[np.ndarray]:
    """Cut the examples into the batches of one epoch, in an order of its own.

    Args:
        grouped: bring examples of like length together (less padding, less random batches).
    Returns:
        the examples' positions, one array a batch; only the last may be smaller, if not grouped.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    if not grouped:
        return np.split(order, range(batch_size, len(order), batch_size))
    chunk = batch_size * _GROUPED_BATCHES
    order = np.concatenate(
        [
            part[np.argsort(-lengths[part], kind="stable")]
            for part in np.split(order, range(chunk, len(order), chunk))
        ]
    )
    batches = np.split(order, range(batch_size, len(order), batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def training_batches(
    split: EncodedSplit, plan: Plan, *, seed: int, grouped: bool
) -> Iterator[np.ndarray]:
    """Yield the positions of each batch's examples, epoch after epoch without end."""
    epoch = 0
    while True:
        yield from epoch_batches(
            split.lengths, batch_size=plan.batch_size, seed=seed, epoch=epoch, grouped=grouped
        )
        epoch += 1


def evaluation_batches(split: EncodedSplit, *, batch_size: int) -> list[np.ndarray]:
    """Cut a split into batches of like length; return the examples' positions."""
    order = np.argsort(-split.lengths, kind="stable")
    return np.split(order, range(batch_size, len(order), batch_size))
