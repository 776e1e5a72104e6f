"""What goes into a trial and what comes out of it: settings, seeds, evaluations, the result."""

import math
from dataclasses import dataclass, field

import numpy as np

_CHOICES = {
    "precision": ("fp32", "bf16", "fp16"),
    "optimizer": ("adamw", "bertadam"),
    "schedule_applied": ("once", "twice"),
}
OVERRIDABLE = ("adam_epsilon", "max_grad_norm", "max_length")
# settings that came later: at these values, trials are what they were without them
NEWER = {"optimizer": "adamw", "schedule_applied": "once", "reinitialised_layers": 0}


class MachineFailure(RuntimeError):
    """Not the configuration but the machine failed: in another process the trial may go well."""


@dataclass(frozen=True)
class TrainingSettings:
    """What all trials of a study share; a configuration may override the OVERRIDABLE."""

    evaluations_per_epoch: int = 5
    precision: str = "fp32"
    device: str = "auto"  # "auto": a GPU if there is one; a study says cpu or cuda
    # False: none after the first validation, as in the code of Dodge et al. 2020, where a call of
    # `eval()` is never undone; their paper says dropout 0.1
    dropout_after_first_validation: bool = True
    max_steps: int | None = None  # ends every trial, and its schedule, after so many updates
    optimizer: str = "adamw"  # bertadam: as the authors of BERT, and its own schedule with it
    # twice: the schedule of the epoch's own steps times that of all steps, as in the code of Dodge
    # et al. 2020 (glue/runners.py), where the runner and BertAdam both apply it
    schedule_applied: str = "once"
    reinitialised_layers: int = 0  # so many of the top ones, with the pooler: Zhang et al. 2021
    adam_epsilon: float = 1e-6
    max_grad_norm: float = 1.0
    max_length: int = 128

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"`{name}` must be in {known}, but got {getattr(self, name)!r}")
        layers = self.reinitialised_layers
        if not isinstance(layers, int) or layers < 0:
            raise ValueError(f"`reinitialised_layers` must be 0, 1, ..., but got {layers!r}")
        for name in ("evaluations_per_epoch", "max_steps"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"`{name}` must be a whole number from 1 on, but got {value!r}")


@dataclass(frozen=True)
class Seeds:
    """The three sources of chance in a trial (Dodge et al. 2020 call the first two WI and DO)."""

    init: int  # the classifier's weights
    order: int  # the order of the training examples
    dropout: int


@dataclass(frozen=True)
class Segment:
    """A part of a trial, from epoch `start` to epoch `end`, with the schedule of the whole.

    In a population it is an interval in the life of one member: a trial that continues another.
    """

    start: float
    end: float
    member: int = 0  # 0, 1, ...
    generation: int = 1  # 1, 2, ...
    parent: int | None = None  # the trial whose checkpoint it continues; None: from the start
    copied_from: int | None = None  # the member that it copied just before, if it did
    operations: str = ""  # what exploring did to the copied configuration


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


@dataclass(frozen=True, eq=False)
class TrialResult:
    """What a trial leaves behind, whatever became of it; one that was lost has status and message.

    `predictions` are "validation_best", "test_best", "validation_last", "test_last", and
    "<split>_best" of further test splits, in the split's order: class ids, or floats in regression.
    Those of states that a diverged or failed trial had lost, or never reached, are absent.
    """

    status: str  # completed, stopped, cut, diverged or failed
    message: str = ""  # why it failed or diverged
    hyperparameters: dict[str, float] = field(default_factory=dict)  # as read back, else as asked
    settings: dict = field(default_factory=dict)  # precision, device and the like, as used
    evaluations: tuple[Evaluation, ...] = ()  # all that it reported
    losses: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))  # one an update
    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    gradient_norms: dict[str, np.ndarray] = field(default_factory=dict)  # if asked; by tensor
    steps: int = 0
    epochs_trained: float = 0.0
    seconds: float = 0.0
    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0
    exchange_seconds: float = 0.0  # loading and saving states
    started_at: float = math.nan  # seconds since 1970-01-01 UTC
    worker: str = ""  # host and process
    segment: Segment | None = None  # of a population, where the trial is one

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the highest score, the earlier one on a tie."""
        return max(self.evaluations, key=lambda evaluation: evaluation.rank, default=None)

    @property
    def last(self) -> Evaluation | None:
        return self.evaluations[-1] if self.evaluations else None

    @property
    def score(self) -> float:
        """The best score; NaN where there is none."""
        return self.best.score if self.best else math.nan

    @property
    def last_score(self) -> float:
        """The score at the end, from where it may be continued; NaN where it cannot be."""
        return self.last.score if self.status == "completed" and self.last else math.nan
