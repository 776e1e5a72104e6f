"""What goes into a trial and what comes out of it: settings, seeds, evaluations, the result."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

PRECISIONS = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class TrainingSettings:
    """What all trials of a study share; a configuration may override the last three."""

    evaluations_per_epoch: int = 5
    precision: str = "fp32"
    adam_betas: tuple[float, float] = (0.9, 0.999)
    length_grouped: bool = False  # batches of like length: less padding, less random batches
    packed: bool = True  # compute no padding, where the architecture is known: the same, faster
    evaluation_batch_size: int = 128
    device: str = "auto"  # "auto": a GPU if there is one
    threads: int = 1  # more threads change the last digits of the numbers
    # False: none after the first validation, as in the code of Dodge et al. 2020, where a call of
    # `eval()` is never undone; their paper says dropout 0.1
    dropout_after_first_validation: bool = True
    max_steps: int | None = None  # ends every trial, and its schedule, after so many updates
    adam_epsilon: float = 1e-6
    max_grad_norm: float = 1.0
    max_length: int = 128

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"`precision` must be in {PRECISIONS}, but got {self.precision!r}")
        for name in ("evaluations_per_epoch", "evaluation_batch_size", "threads", "max_steps"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"`{name}` must be a whole number from 1 on, but got {value!r}")


@dataclass(frozen=True)
class Seeds:
    """The three sources of chance in a trial (Dodge et al. 2020 call the first two WI and DO)."""

    init: int  # the classifier's weights
    order: int  # the order of the training examples
    dropout: int

    def columns(self) -> dict[str, int]:
        """Return them as columns of `trials`."""
        return {f"{name}_seed": seed for name, seed in vars(self).items()}


@dataclass(frozen=True)
class Stretch:
    """A part of a trial: from epoch `start` to epoch `end`, with the schedule of the whole."""

    start: float = 0.0
    end: float = math.inf
    load_from: Path | None = None  # the state at `start`, which another trial saved
    save_to: Path | None = None  # a file for the state at `end`


WHOLE = Stretch()


@dataclass(frozen=True)
class Evaluation:
    """Scores on the validation split after `step` updates."""

    step: int
    epoch: float
    seconds: float  # since the start of the trial
    loss: float
    score: float  # the task's optimised metric
    metrics: dict[str, float]

    @property
    def rank(self) -> float:
        """The score to compare; an undefined one (correlation with constants) is the lowest."""
        return -math.inf if math.isnan(self.score) else self.score


class StopTrial(Exception):
    """Raised by `report` to end a trial: "stopped" by a scheduler or "cut" by the budget."""

    def __init__(self, reason: str) -> None:
        if reason not in ("stopped", "cut"):
            raise ValueError(f"`reason` must be 'stopped' or 'cut', but got {reason!r}")
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class TrialResult:
    """What a trial leaves behind, whatever became of it."""

    status: str  # completed, stopped, cut, diverged or failed
    message: str  # why it failed or diverged
    hyperparameters: dict[str, float]  # as read back; as asked for if the set-up failed
    settings: dict  # precision, device, threads and the like, as used
    evaluations: list[Evaluation]
    losses: np.ndarray  # float32, one an update
    best: Evaluation | None
    last: Evaluation | None
    # "validation_best", "test_best", "validation_last", "test_last", and "<split>_best" of further
    # test splits, in the split's order: class ids, or floats in regression. Those of states that a
    # diverged or failed trial had lost, or never reached, are absent.
    predictions: dict[str, np.ndarray]
    steps: int
    epochs_trained: float
    seconds: float
    training_seconds: float
    evaluation_seconds: float
    gpus: int
    exchange_seconds: float = 0.0  # loading and saving states


def find_device(name: str):
    """Return the torch device called `name`; "auto" is a GPU if there is one."""
    import torch  # here, so that those who only read results need not load it

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"`device` must be available, but got '{name}' without a GPU; use 'cpu'")
    return device


def usable_precision(precision: str, device: str = "auto") -> str:
    """Return the precision to use for a study that asks for `precision`, on this device.

    fp16 needs a GPU: its arithmetic is slow on a CPU and its loss scaling is made for GPUs. There
    bf16 stands in, the other 16-bit format, with fewer digits and fp32's range. The caller decides
    to use the stand-in; the result's settings name the precision that was used.
    """
    return "bf16" if precision == "fp16" and find_device(device).type == "cpu" else precision


def settings_used(settings: TrainingSettings, device) -> dict:
    """Return what the numbers of a trial depend on besides its hyperparameters and seeds."""
    overridable = ("adam_epsilon", "max_grad_norm", "max_length")  # read back, if not searched
    used = {name: value for name, value in asdict(settings).items() if name not in overridable}
    return used | {"device": str(device)}
