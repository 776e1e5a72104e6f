"""Check a configuration before a trial, and read back from its real objects what landed.

The papers' public code searched dropouts and warm-ups that never reached the model. Here every
hyperparameter is read from the modules, the optimizer, the schedule and the batches that the trial
will use, not from the configuration that was meant to make them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from repro.data.encoding import EncodedTask
from repro.models.build import DROPOUT_FIELDS, dropout_places
from repro.models.locate import ModelSpec
from repro.records import HYPERPARAMETERS, check_hyperparameter
from repro.training.device import find_device
from repro.training.optimizer import OPTIMIZERS
from repro.training.schedule import BertAdamSchedule, TrainingSchedule
from repro.training.types import TrainingSettings

_REQUIRED = ("learning_rate", "batch_size", "epochs")


def check_configuration(configuration: dict, *, defaults: dict) -> dict:
    """Return all hyperparameters, from the configuration or the defaults; None where neither says.

    Raises:
        ValueError: if a name is unknown or missing, or a value is impossible.
    """
    if unknown := sorted(set(configuration) - set(HYPERPARAMETERS)):
        raise ValueError(f"hyperparameters must be among {list(HYPERPARAMETERS)}, got {unknown}")
    if missing := [name for name in _REQUIRED if configuration.get(name) is None]:
        raise ValueError(f"a configuration must have {list(_REQUIRED)}, but lacks {missing}")
    given = {name: value for name, value in configuration.items() if value is not None}
    if {"warmup_ratio", "warmup_steps"} <= set(given):
        raise ValueError("a configuration must have `warmup_ratio` or `warmup_steps`, got both")
    resolved = dict.fromkeys(HYPERPARAMETERS) | {"weight_decay": 0.0} | defaults | given
    if "warmup_steps" not in given and resolved["warmup_ratio"] is None:
        resolved["warmup_ratio"] = 0.0
    return {n: v if v is None else check_hyperparameter(n, v) for n, v in resolved.items()}


def check_fit(requested: dict, *, spec: ModelSpec, data: EncodedTask, settings) -> None:
    """Raise ValueError where settings, data, model and configuration contradict each other."""
    if settings.precision == "fp16" and find_device(settings.device).type == "cpu":
        raise ValueError("`precision` must be 'fp32' or 'bf16' on a CPU, but got 'fp16'")
    if data.model != spec.path:
        raise ValueError(f"`data` must be encoded for {spec.path}, but was for {data.model}")
    if requested["max_length"] != data.max_length:
        raise ValueError(
            f"`max_length` must be that of the encoded data, {data.max_length}, "
            f"but got {requested['max_length']}; encode the data anew"
        )
    for name in searched_dropouts(requested):
        dropout_places(spec, task=data.task, name=name)
    for name in ("train", "validation"):
        labels, known = data.splits[name].labels, data.task.labels
        fine = np.isfinite(labels) if known is None else (labels >= 0) & (labels < len(known))
        if not fine.all():
            raise ValueError(
                f"split '{name}' of {data.task.name} must be labelled, "
                f"but {int((~fine).sum())} of {len(fine)} examples are not; use another data split"
            )


def searched_dropouts(hyperparameters: dict) -> dict:
    """Return the dropouts that were asked for; the others stay as the checkpoint has them."""
    return {n: hyperparameters[n] for n in DROPOUT_FIELDS if hyperparameters[n] is not None}


@dataclass(frozen=True, eq=False)
class SetUp:
    """The real objects of a trial, from which its hyperparameters are read back."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    schedule: TrainingSchedule
    first_epoch: list[np.ndarray]  # its batches: positions of examples
    data: EncodedTask


def read_back(
    requested: dict, set_up: SetUp, *, spec: ModelSpec, settings: TrainingSettings
) -> dict:
    """Return the hyperparameters as they landed; NaN for a dropout that this model does not have.

    Optimizer and schedule are checked against the settings.

    Args:
        requested: from `check_configuration`.
    Raises:
        RuntimeError: if one of them is not what was asked for, naming it.
    """
    landed = {
        **_read_optimizer(set_up),
        **_read_course(requested, set_up, max_steps=settings.max_steps),
        **{name: _read_dropout(name, set_up, spec) for name in DROPOUT_FIELDS},
    }
    further = {"optimizer": settings.optimizer, "schedule_applied": settings.schedule_applied}
    for name, value in (requested | further).items():
        if value is not None and landed[name] != value:
            raise RuntimeError(
                f"`{name}` must reach the training as {value}, but was read back as {landed[name]}"
            )
    return {name: landed[name] for name in HYPERPARAMETERS}


def _read_optimizer(set_up: SetUp) -> dict:
    groups = set_up.optimizer.param_groups
    owned = [id(p) for group in groups for p in group["params"]]
    if sorted(owned) != sorted(id(p) for p in set_up.model.parameters()):
        raise RuntimeError("the optimizer must hold every parameter of the model exactly once")
    if any(g["weight_decay"] != 0 for g in groups if any(p.ndim < 2 for p in g["params"])):
        raise RuntimeError("`weight_decay` must spare biases and LayerNorms, but does not")
    decayed = [group for group in groups if any(p.ndim >= 2 for p in group["params"])]
    kind = type(set_up.optimizer)
    name = next((name for name, known in OPTIMIZERS.items() if kind is known), kind.__name__)
    if isinstance(set_up.schedule, BertAdamSchedule) != (name == "bertadam"):
        name += " with the schedule of another"
    return {
        "optimizer": name,
        "learning_rate": _single([group["lr"] for group in groups]),
        "adam_epsilon": _single([group["eps"] for group in groups]),
        "weight_decay": _single([group["weight_decay"] for group in decayed]),
    }


def _read_course(requested: dict, set_up: SetUp, *, max_steps: int | None) -> dict:
    """Read the schedule, the batches and the encoded texts.

    A batch size, epochs and warm-up ratio are rounded to examples and updates when they land, so
    what was asked for is returned where its rounding is what landed.
    """
    schedule, splits = set_up.schedule, set_up.data.splits
    total, per_epoch = schedule.total_steps, schedule.steps_per_epoch
    full = math.ceil(requested["epochs"] * per_epoch)
    visited, n_train = np.concatenate(set_up.first_epoch), len(splits["train"])
    largest = max(len(rows) for rows in set_up.first_epoch)
    fits = largest == min(requested["batch_size"], n_train)
    if fits and not np.array_equal(np.sort(visited), np.arange(n_train)):
        raise RuntimeError("`epochs` must visit each training example once, but they do not")
    return {
        "batch_size": requested["batch_size"] if fits else largest,
        "epochs": requested["epochs"]
        if total == min(full, max_steps or full)
        else total / per_epoch,
        **_read_warmup(schedule, requested["warmup_ratio"]),
        "schedule_applied": _read_applied(schedule),
        "max_grad_norm": schedule.max_grad_norm,
        "max_length": max(set_up.data.max_length, *(s.ids.shape[1] for s in splits.values())),
    }


def _read_warmup(schedule: TrainingSchedule, ratio: float | None) -> dict:
    """Read how many updates the rate rises: from its peak, or its slope if it has none yet."""
    if isinstance(schedule, BertAdamSchedule):  # a rate that jumps down may have no peak
        return {"warmup_steps": schedule.warmup_steps, "warmup_ratio": schedule.warmup}
    total = schedule.total_steps
    rates = [schedule.once(step) for step in range(total)]
    peak = int(np.argmax(rates))
    if rates[peak] == 0:  # at the only update there is
        peak = schedule.warmup_steps
    elif rates[peak] != 1:
        peak = round(peak / rates[peak])
    warmed = ratio is not None and peak == min(math.ceil(ratio * total), total - 1)
    return {"warmup_steps": peak, "warmup_ratio": ratio if warmed else peak / total}


def _read_applied(schedule: TrainingSchedule) -> str:
    """Read whether the rates are the schedule's, or its products with itself in each epoch."""
    steps = range(schedule.total_steps)
    once = [schedule.once(step) for step in steps]
    twice = [once[step] * schedule.once(step % schedule.steps_per_epoch) for step in steps]
    if [schedule.rate_factor(step) for step in steps] == (twice if schedule.twice else once):
        return "twice" if schedule.twice else "once"
    return "otherwise"


def _read_dropout(name: str, set_up: SetUp, spec: ModelSpec) -> float:
    try:
        places = dropout_places(spec, task=set_up.data.task, name=name)
    except ValueError:
        return math.nan
    modules = [(set_up.model.get_submodule(module), attribute) for module, attribute in places]
    # ModernBERT has an Identity in the place of a dropout of zero
    return _single([0.0 if isinstance(m, torch.nn.Identity) else getattr(m, a) for m, a in modules])


def _single(values: list):
    """Return the one value that all have, or NaN, which equals nothing that was asked for."""
    return values[0] if len(set(values)) == 1 else math.nan
