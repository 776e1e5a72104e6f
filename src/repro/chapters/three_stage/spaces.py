"""The course project's baseline, variations, manual grid and sweep, and their miniature.

The project names seven candidates and some of their values; its baseline was given by a teacher
and is not printed. Ours agrees with all that it says: learning rates "from 2e-5 to 2e-4" around
5e-5, warm-ups of 50 and 200 around 100 steps, weight decays of 0 and 0.1 around 0.01 and three
epochs are in its text; the baseline is one of its 18 manual configurations ("17 new runs after
baseline"). The batch size, the other four baselines and their lower and higher values are ours.
Its best manual configuration has a warm-up of 50 steps, which its grid does not hold: it came from
"refining", of which no more is said.

Source: "Project 1: Hyperparameter Tuning", a course project on DistilBERT and MRPC.
"""

import itertools
from dataclasses import dataclass

from repro.tuning.spaces import LogUniform, SearchSpace, Uniform, WholeNumber

PROJECT_TRAIN_SIZE = 3668  # examples of MRPC; the warm-up of the miniature is in proportion
_RATE_SCALE = {"project": 1.0, "project-mini": 30.0}  # as for the article's miniature
# A tiny model's gradients are larger, and so is an epsilon that dampens its updates.
_EPSILONS = {"project": (1e-10, 1e-8, 1e-5), "project-mini": (1e-10, 1e-8, 1e-3)}
SCALES = tuple(_RATE_SCALE)

# The seven candidates, and the hyperparameters that each one moves.
CANDIDATES = {
    "learning rate": ("learning_rate",),
    "weight decay": ("weight_decay",),
    "Adam epsilon": ("adam_epsilon",),
    "warm-up steps": ("warmup_steps",),
    "dropout": ("hidden_dropout", "attention_dropout"),
    "maximum length": ("max_length",),
    "gradient clipping": ("max_grad_norm",),
}
TUNED = ("learning_rate", "weight_decay", "warmup_steps")  # the project's three most important


@dataclass(frozen=True)
class Project:
    """The project's configurations at one scale.

    Args:
        scale: one of SCALES.
        n_train: training examples, to which a miniature's warm-up is scaled; the batch size is the
            project's, so that it stays the same share of the updates.
        max_lengths: lower, baseline and higher; they depend on model and texts.
        epochs: fixed to three in the project.
    """

    scale: str
    n_train: int
    max_lengths: tuple[int, int, int]
    epochs: int = 3

    @property
    def values(self) -> dict[str, tuple]:
        """Lower, baseline and higher value of each candidate."""
        return {
            "learning rate": tuple(map(self._rate, (2e-5, 5e-5, 2e-4))),
            "weight decay": (0.0, 0.01, 0.1),
            "Adam epsilon": _EPSILONS[self.scale],
            "warm-up steps": tuple(map(self._warmup, (50, 100, 200))),
            "dropout": (0.0, 0.1, 0.3),
            "maximum length": self.max_lengths,
            "gradient clipping": (0.1, 1.0, 10.0),
        }

    @property
    def baseline(self) -> dict:
        """The configuration that all others are compared with."""
        values = {column: self.values[name][1] for name, of in CANDIDATES.items() for column in of}
        return values | {"batch_size": 32, "epochs": self.epochs}

    @property
    def variations(self) -> list[dict]:
        """The 14 that differ from the baseline in one candidate, its lower value first."""
        return [
            self.baseline | dict.fromkeys(CANDIDATES[name], value)
            for name, (lower, _, higher) in self.values.items()
            for value in (lower, higher)
        ]

    @property
    def manual_grid(self) -> list[dict]:
        """The 18 of the manual tuning, in a fixed order; the baseline is one of them."""
        points = itertools.product((1e-5, 2e-5, 5e-5), (0.0, 0.01, 0.05), (100, 200))
        return [self._with(*point) for point in points]

    @property
    def sweep_space(self) -> SearchSpace:
        """The space of the automatic sweep."""
        domains = {
            "learning_rate": LogUniform(self._rate(1e-5), self._rate(5e-5)),
            "weight_decay": Uniform(0.0, 0.1),
            "warmup_steps": WholeNumber(0, self._warmup(500)),
        }
        fixed = {name: value for name, value in self.baseline.items() if name not in domains}
        return SearchSpace("project", self.scale, domains, fixed)

    @property
    def printed_winners(self) -> dict[str, dict]:
        """The best manual and the best automatic configuration that the project found."""
        return {"manual": self._with(2e-5, 0.0, 50), "automatic": self._with(2.01e-5, 0.0797, 14)}

    def _with(self, rate: float, decay: float, warmup: int) -> dict:
        tuned = (self._rate(rate), decay, self._warmup(warmup))
        return self.baseline | dict(zip(TUNED, tuned, strict=True))

    def _rate(self, rate: float) -> float:
        return rate * _RATE_SCALE[self.scale]

    def _warmup(self, steps: int) -> int:
        if self.scale == "project":
            return steps
        return max(1, round(steps * self.n_train / PROJECT_TRAIN_SIZE))
