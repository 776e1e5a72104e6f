"""Did a searched hyperparameter reach the model, the optimizer, the schedule and the batches?

Values are read from the objects that train, not from the configuration that was meant to make
them. torch and transformers are imported only when something is checked.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from repro.judging.columns import hyperparameter_name
from repro.names import check_name

if TYPE_CHECKING:
    import torch
    from transformers import TrainerCallback

ACTIONS = ("raise", "warn", "return")
LANDED, LOST, UNREAD = "landed", "did not land", "cannot be read"
_NEAR = 1e-6  # relative: equal up to rounding
_MOST_STEPS = 50_000  # of a schedule that are read ahead
_DROPOUTS = ("hidden_dropout", "attention_dropout", "classifier_dropout")


class LandingError(RuntimeError):
    """A searched hyperparameter did not reach the training."""


def check_landing(
    requested: Mapping[str, Any],
    *,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: Any = None,
    total_steps: int | None = None,
    dataloader: Any = None,
    max_grad_norm: float | None = None,
    settings: Any = None,
    spare_vectors: bool = True,
    ignore: tuple[str, ...] = (),
    on_fault: str = "raise",
) -> pd.DataFrame:
    """Check, just before a trial trains, that the searched hyperparameters reached what trains it.

    Call it inside a trial of Optuna or Ray Tune; `landing_callback` does for transformers' Trainer.

    Args:
        requested: what the search proposed, by our names or by those of transformers, such as
            learning_rate, warmup_ratio, per_device_train_batch_size, hidden_dropout_prob.
        scheduler: torch's; it is read ahead on a copy, and not moved.
        total_steps: updates of the trial; needed for warm-up and epochs.
        dataloader: needed for the batch size and epochs.
        max_grad_norm: what the loop will clip to.
        settings: an object whose attributes the trial also reads, such as `TrainingArguments`; what
            can be read nowhere else is compared with it.
        spare_vectors: whether weight decay must leave out biases and LayerNorms.
        ignore: requested names that are not hyperparameters of the training.
        on_fault: "raise", "warn" or "return".
    Returns:
        one row a hyperparameter: name, requested, landed, verdict ("landed", "did not land",
        "cannot be read"), where (what was read, or what is wrong).
    Raises:
        LandingError: naming all that did not land, or cannot be read.
    """
    check_name("action `on_fault`", on_fault, ACTIONS)
    if unknown := [name for name in ignore if name not in requested]:
        raise ValueError(f"`ignore` must be among the requested names, but {unknown} are not")
    reader = _Reader(
        model=model,
        optimizer=getattr(optimizer, "optimizer", optimizer),
        scheduler=getattr(scheduler, "scheduler", scheduler),
        total_steps=total_steps,
        dataloader=dataloader,
        spare_vectors=spare_vectors,
        max_grad_norm=max_grad_norm,
        settings=settings,
    )
    asked = {n: v for n, v in requested.items() if n not in ignore and v is not None}
    rows = [reader.row(name, value) for name, value in asked.items()]
    table = pd.DataFrame([*reader.wiring(), *rows], columns=_COLUMNS)
    _act(table[table["verdict"] != LANDED], on_fault)
    return table


_COLUMNS = ["name", "requested", "landed", "verdict", "where"]


def _act(faults: pd.DataFrame, on_fault: str) -> None:
    if not len(faults) or on_fault == "return":
        return
    text = "; ".join(
        f"`{r.name}` was requested as {r.requested} but is {r.landed} ({r.where})"
        if r.verdict == LOST
        else f"`{r.name}` {r.verdict}: {r.where}"
        for r in faults.itertuples(index=False)
    )
    if on_fault == "raise":
        raise LandingError(text)
    warnings.warn(text, RuntimeWarning, stacklevel=3)


@dataclass
class _Reader:
    """Reads hyperparameters from the objects of a trial, and says where."""

    model: Any
    optimizer: Any
    scheduler: Any
    total_steps: int | None
    dataloader: Any
    spare_vectors: bool
    max_grad_norm: float | None
    settings: Any

    def __post_init__(self):
        self.groups = self.optimizer.param_groups
        self.rates = rates_ahead(self.optimizer, self.scheduler, self.total_steps)

    def wiring(self) -> list[tuple]:
        """Return the faults that belong to no single hyperparameter."""
        faults = []
        held = [id(p) for g in self.groups for p in g["params"]]
        trained = {id(p) for p in self.model.parameters() if p.requires_grad}
        if missing := len(trained - set(held)):
            where = f"{missing} of {len(trained)} trainable tensors of this model are not in it"
            faults.append(("optimizer", "this model's tensors", "others", LOST, where))
        if len(held) > len(set(held)):
            faults.append(("optimizer", "each tensor once", "some twice", LOST, "its groups"))
        driven = getattr(self.scheduler, "optimizer", None)
        if driven is not None and getattr(driven, "optimizer", driven) is not self.optimizer:
            faults.append(("scheduler", "this optimizer", "another", LOST, "scheduler.optimizer"))
        return faults

    def row(self, name: str, value: Any) -> tuple:
        landed, where = self._read(name, value)
        if landed is None:
            return name, value, "", UNREAD, where
        return name, value, _shown(landed), LANDED if _equal(landed, value) else LOST, where

    def _read(self, name: str, value: Any) -> tuple[Any, str]:
        match hyperparameter_name(name):
            case known if known in _DROPOUTS or ("dropout" in name and hasattr(self.config, name)):
                return self._dropout(name, known)
            case "learning_rate":
                return _single(self.rates.max(axis=0)), "highest rate of the schedule"
            case "warmup_steps" | "warmup_ratio" as known:
                # transformers 5 takes a fraction of the steps for a ratio
                return self._warmup(value, is_ratio=known == "warmup_ratio" or 0 < value < 1)
            case "weight_decay":
                return self._weight_decay(), "groups of the optimizer"
            case "adam_epsilon":
                return self._of_groups("eps", lambda eps: eps)
            case "adam_beta1" | "adam_beta2" as known:
                return self._of_groups("betas", lambda betas: betas[known == "adam_beta2"])
            case "batch_size":
                loader = self.dataloader
                sampler = getattr(loader, "batch_sampler", None)
                size = getattr(loader, "batch_size", None) or getattr(sampler, "batch_size", None)
                return size, "the data loader" if size else "give `dataloader`"
            case "epochs":
                return self._epochs(value)
            case "max_grad_norm" if self.max_grad_norm is not None:
                return self.max_grad_norm, "as given"
        if self.settings is not None and hasattr(self.settings, name):
            return getattr(self.settings, name), "settings of the trial"
        return None, "nothing that trains has it; misspelt, or for `ignore`?"

    def _warmup(self, value: float, *, is_ratio: bool) -> tuple[Any, str]:
        if self.total_steps is None and (is_ratio or self.scheduler is not None):
            return None, "give `total_steps`, to read the schedule ahead"
        first, where = self.rates[:, 0], "step of the schedule's highest rate"
        peak = int(np.argmax(first >= first.max() * (1 - 1e-9)))
        if not is_ratio:
            return peak, where
        steps = value * self.total_steps
        rounded = peak in (math.floor(steps), math.ceil(steps), math.ceil(round(steps, 6)))
        return (value if rounded else peak / self.total_steps), where

    def _weight_decay(self) -> Any:
        vectors, matrices = (
            [g.get("weight_decay", 0) for g in self.groups if any(map(belongs, g["params"]))]
            for belongs in (lambda p: p.ndim < 2, lambda p: p.ndim >= 2)
        )
        if self.spare_vectors and any(vectors):
            return f"{max(vectors)} on biases and LayerNorms too"
        return _single(matrices)

    def _of_groups(self, name: str, part: Callable) -> tuple[Any, str]:
        if any(name not in g for g in self.groups):
            return None, f"{type(self.optimizer).__name__} has no `{name}`"
        return _single([part(g[name]) for g in self.groups]), "groups of the optimizer"

    def _epochs(self, epochs: float) -> tuple[Any, str]:
        if self.dataloader is None or self.total_steps is None:
            return None, "give `dataloader` and `total_steps`"
        grouped = getattr(self.settings, "gradient_accumulation_steps", 1)
        per_epoch = max(1, math.ceil(len(self.dataloader) / grouped))
        whole = math.ceil(epochs * per_epoch) == self.total_steps
        return (epochs if whole else self.total_steps / per_epoch), "updates over updates of a pass"

    @property
    def config(self) -> Any:
        return getattr(self.model, "config", None)

    def _dropout(self, name: str, known: str) -> tuple[Any, str]:
        """Read a dropout from the modules that a telltale value of its setting ends up in."""
        import torch

        from repro.models.build import DROPOUT_FIELDS

        if self.config is None:
            modules = [m.p for m in self.model.modules() if isinstance(m, torch.nn.Dropout)]
            return _single(modules) if modules else None, "torch.nn.Dropout modules"
        fields = (name, *DROPOUT_FIELDS.get(known, ()))
        setting = next((f for f in fields if hasattr(self.config, f)), None)
        places = _carriers(type(self.model), self.config, setting) if setting else ()
        if not places:
            return None, f"no module of {type(self.model).__name__} carries it"
        modules = [(self.model.get_submodule(module), attribute) for module, attribute in places]
        # some architectures have an Identity in the place of a dropout of zero
        read = [0.0 if isinstance(m, torch.nn.Identity) else getattr(m, a) for m, a in modules]
        return _single(read), f"{len(places)} modules"


_PLACES: dict[tuple, tuple] = {}


def _carriers(kind: type, config: Any, setting: str) -> tuple:
    """Return (module, attribute) pairs; an architecture is looked at once a process."""
    import torch

    from repro.models.build import carriers

    sizes = {k: v for k, v in config.to_dict().items() if "dropout" not in k}
    at = (kind, setting, repr(sorted(sizes.items(), key=lambda item: item[0])))
    if at not in _PLACES:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            _PLACES[at] = carriers(config, setting, build=kind)
    return _PLACES[at]


def rates_ahead(optimizer: Any, scheduler: Any, total_steps: int | None) -> np.ndarray:
    """Return the learning rates that a schedule will set, without moving it.

    Returns:
        shape (n_steps, n_groups): one row without a scheduler or the number of steps, or where the
        schedule waits for a metric.
    """
    import torch

    now = np.array([[float(group["lr"]) for group in optimizer.param_groups]])
    waits = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
    if scheduler is None or total_steps is None or waits:
        return now
    stand_in = torch.optim.SGD([{"params": [torch.zeros(1)]} for _ in now[0]], lr=0.0)
    for group, source in zip(stand_in.param_groups, optimizer.param_groups, strict=True):
        group.update({k: v for k, v in source.items() if k != "params"})
    ahead = copy.deepcopy(scheduler, {id(optimizer): stand_in, id(scheduler.optimizer): stand_in})
    rates = [now[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the stand-in does not step
        for _ in range(min(total_steps, _MOST_STEPS) - 1):
            ahead.step()
            rates.append([float(group["lr"]) for group in stand_in.param_groups])
    return np.array(rates, float)


def _single(values: Any) -> Any:
    """Return the one value that all have, or all of them as text."""
    distinct = sorted({float(v) for v in values})
    return distinct[0] if len(distinct) == 1 else " and ".join(map(_shown, distinct)) or None


def _equal(landed: Any, requested: Any) -> bool:
    numbers = (int, float, np.number)
    if isinstance(landed, numbers) and isinstance(requested, numbers):
        return math.isclose(landed, requested, rel_tol=_NEAR, abs_tol=1e-15)
    return landed == requested


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def landing_callback(
    requested: Mapping[str, Any] | None = None,
    *,
    ignore: tuple[str, ...] = (),
    on_fault: str = "raise",
) -> TrainerCallback:
    """Make a callback that checks a trial of transformers' Trainer before and while it trains.

    Before: `check_landing`. At each update: that nobody but the schedule moved the learning rate,
    and that the model is in training mode. At the end: that the schedule moved.

    Args:
        requested: the trial's hyperparameters; those of `Trainer.hyperparameter_search` when None.
    """
    from transformers import TrainerCallback

    check_name("action `on_fault`", on_fault, ACTIONS)

    class LandingCallback(TrainerCallback):
        table: pd.DataFrame  # of the last trial

        def on_train_begin(self, args, state, control, **objects):
            wanted = state.trial_params if requested is None else requested
            if wanted is None:
                raise ValueError("`requested` must be given outside of a hyperparameter search")
            optimizer, scheduler = objects["optimizer"], objects["lr_scheduler"]
            self.optimizer = getattr(optimizer, "optimizer", optimizer)
            self.scheduler = getattr(scheduler, "scheduler", scheduler)
            self.table = check_landing(
                wanted,
                model=objects["model"],
                optimizer=self.optimizer,
                scheduler=self.scheduler,
                total_steps=state.max_steps,
                dataloader=objects["train_dataloader"],
                max_grad_norm=args.max_grad_norm,
                settings=args,
                ignore=ignore,
                on_fault=on_fault,
            )
            self.rates = rates_ahead(self.optimizer, self.scheduler, state.max_steps)
            self.first, self.told = getattr(self.scheduler, "last_epoch", 0), False

        def on_step_end(self, args, state, control, **objects):
            place = getattr(self.scheduler, "last_epoch", 0) - self.first
            if self.told or not 0 <= place < len(self.rates):
                return
            rates = [float(group["lr"]) for group in self.optimizer.param_groups]
            planned = self.rates[place]
            if len(self.rates) > 1 and not np.allclose(rates, planned, rtol=_NEAR, atol=1e-15):
                self._tell("learning_rate", _single(planned), _single(rates),
                           f"step {state.global_step}; the schedule did not set it")  # fmt: skip
            if not objects["model"].training:
                self._tell("training mode", "on", "off", "so that no dropout acts")

        def on_train_end(self, args, state, control, **objects):
            still = getattr(self.scheduler, "last_epoch", None) == self.first
            if still and len(np.unique(self.rates)) > 1 and state.global_step > 1:
                self._tell("scheduler", "moving", "still", "its step() was never called")

        def _tell(self, *fault):
            self.told = True
            row = pd.DataFrame([(*fault[:3], LOST, fault[3])], columns=_COLUMNS)
            self.table = pd.concat([self.table, row], ignore_index=True)
            _act(row, on_fault)

    return LandingCallback()
