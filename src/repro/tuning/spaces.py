"""Search spaces, grids and their reductions: Table 1 of Liu & Wang 2021, and miniatures of it.

A configuration is a dictionary from the names in `records.HYPERPARAMETERS` to values. A family's
space says, for each hyperparameter, the grid's values and the domain that replaces them in HPO.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.names import check_name
from repro.records import HYPERPARAMETERS


@dataclass(frozen=True)
class _Range:
    low: float
    high: float

    def __post_init__(self) -> None:
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not (finite and self.low < self.high):
            raise ValueError(
                f"`low` of a {type(self).__name__} must be below `high`, but got {self.low} and "
                f"{self.high}; widen the range, or fix the hyperparameter"
            )

    def contains(self, value: Any) -> bool:
        """Tell whether `value` is a number of the range, its ends included."""
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        return bool(is_number and self.low <= value <= self.high)

    def position(self, values: Any) -> np.ndarray:
        """Return where values lie: 0 at the lower end, 1 at the upper."""
        return (np.asarray(values, float) - self.low) / (self.high - self.low)


class Uniform(_Range):
    """All numbers from `low` to `high`, equally likely."""

    def sample(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(self.low, self.high))


class LogUniform(_Range):
    """All numbers from `low` > 0 to `high`, their logarithms equally likely."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(
                f"`low` of a LogUniform must be above 0, but got {self.low}; use Uniform instead"
            )

    def sample(self, rng: np.random.Generator) -> float:
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(value, self.low), self.high)  # exp(log(x)) may miss x by a rounding

    def position(self, values: Any) -> np.ndarray:
        """Return where values lie by their logarithms: 0 at the lower end, 1 at the upper."""
        low, high = np.log([self.low, self.high])
        return (np.log(values) - low) / (high - low)


class WholeNumber(_Range):
    """All whole numbers from `low` to `high`, both included, equally likely."""

    def contains(self, value: Any) -> bool:
        return super().contains(value) and value == int(value)

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True)
class Choice:
    """A few values, equally likely."""

    values: tuple

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ValueError(
                "`values` of a Choice must not be empty, but got (); "
                "give at least one value, or fix the hyperparameter"
            )

    def contains(self, value: Any) -> bool:
        return value in self.values

    def sample(self, rng: np.random.Generator) -> Any:
        return self.values[int(rng.integers(len(self.values)))]

    def position(self, values: Any) -> np.ndarray:
        """Return the places of numbers in the order of the values, from 0 to 1; NaN if only one."""
        known = np.sort(np.asarray(self.values, float))
        nearest = np.abs(np.asarray(values, float)[..., None] - known).argmin(axis=-1)
        return nearest / (len(known) - 1) if len(known) > 1 else nearest * np.nan


Domain = Uniform | LogUniform | WholeNumber | Choice


def ends(domain: Domain) -> tuple:
    """Return the lowest and the highest value of a domain of numbers."""
    if isinstance(domain, Choice):
        return min(domain.values), max(domain.values)
    return domain.low, domain.high


@dataclass(frozen=True)
class SearchSpace:
    """The domains of the searched hyperparameters and the values of the fixed ones.

    Raises:
        ValueError: if nothing is searched, a hyperparameter is unknown, or one is both searched
            and fixed.
    """

    name: str  # "full", "s-wr", "s-wr-hdo", "smin", or "fixed-..." for any other reduction
    family: str
    domains: dict[str, Domain]
    fixed: dict[str, Any]

    def __post_init__(self) -> None:
        for name in (*self.domains, *self.fixed):
            check_name("hyperparameter", name, HYPERPARAMETERS)
        if both := sorted(set(self.domains) & set(self.fixed)):
            raise ValueError(
                f"a hyperparameter must be searched or fixed, but got both for {both}; drop one"
            )
        if not self.domains:
            raise ValueError(
                f"space {self.name!r} must search at least one hyperparameter, but all are fixed; "
                "fix fewer, or train default_configuration"
            )


def sample_configuration(space: SearchSpace, rng: np.random.Generator) -> dict:
    """Draw one configuration: a value from each domain, and the fixed values.

    The draws follow the order of HYPERPARAMETERS, so they do not depend on how `domains` was built.
    """
    drawn = {name: domain.sample(rng) for name, domain in _in_order(space.domains).items()}
    return _in_order(space.fixed | drawn)


def search_space(family: str, *, epochs: int, reduction: str = "full") -> SearchSpace:
    """Return the search space of `family`, or its reduction, with the grid's default values fixed.

    The space takes the name of the reduction that searches the same hyperparameters, or else
    "fixed-" and the names that it fixes.

    Args:
        family: one of FAMILIES.
        epochs: passes over the training data; never searched (Table 1).
        reduction: one of REDUCTIONS: "s-wr" fixes the warm-up ratio, "s-wr-hdo" the hidden dropout
            too, "smin" leaves the learning rate (ELECTRA, BERT) or it and the batch size (RoBERTa).
            Or "fixed-" and the names of what it fixes, joined by "+".
    Raises:
        ValueError: if the family, the reduction or the number of epochs is not possible.
    Source: Liu & Wang 2021, Table 1 and sec. 5.1; the paper's text, not its code, for ELECTRA's
        Smin (the code searched the batch size too).
    """
    table, named = _family(family), _reductions(family)
    if reduction.startswith(_FIXED):
        fix = set(reduction.removeprefix(_FIXED).split("+"))
        for name in sorted(fix):
            check_name(f"hyperparameter of reduction {reduction!r}", name, table)
    else:
        fix = named[check_name("reduction", reduction, REDUCTIONS)]
    fixed = [name for name in table if name in fix]
    default = default_configuration(family, epochs=epochs)
    return SearchSpace(
        name=next((r for r in REDUCTIONS if named[r] == fix), _FIXED + "+".join(fixed)),
        family=family,
        domains={name: domain for name, (_, domain) in table.items() if name not in fix},
        fixed={name: default[name] for name in ("epochs", *fixed)},
    )


def grid_configurations(family: str, *, epochs: int) -> list[dict]:
    """Return the configurations of the grid search of `family`, in a fixed order.

    Source: Liu & Wang 2021, Table 1: 3 configurations for ELECTRA, 6 for RoBERTa.
    """
    epochs, table = _check_epochs(epochs), _family(family)
    points = itertools.product(*(values for values, _ in table.values()))
    return [_in_order(dict(zip(table, p, strict=True)) | {"epochs": epochs}) for p in points]


def default_configuration(family: str, *, epochs: int) -> dict:
    """Return the grid's default: its value, or its middle one (the lower of two middle ones).

    So ELECTRA's learning rate is 1e-4; RoBERTa's learning rate is 2e-5 and its batch size 16.
    """
    middle = {name: grid[(len(grid) - 1) // 2] for name, (grid, _) in _family(family).items()}
    return _in_order(middle | {"epochs": _check_epochs(epochs)})


# Table 1's lower half is the same for all: (grid, domain) of what a family does not set itself.
_SHARED = {
    "attention_dropout": ((0.1,), Uniform(0.0, 0.2)),
    "hidden_dropout": ((0.1,), Uniform(0.0, 0.2)),
}
_ELECTRA = _SHARED | {
    "warmup_ratio": ((0.1,), Uniform(0.0, 0.2)),
    "weight_decay": ((0.0,), Uniform(0.0, 0.3)),
    "batch_size": ((32,), Choice((16, 32, 64))),
}
_ROBERTA = _SHARED | {
    "warmup_ratio": ((0.06,), Uniform(0.0, 0.12)),
    "weight_decay": ((0.1,), Uniform(0.0, 0.3)),
    "batch_size": ((16, 32), Choice((16, 32, 64))),
}
# The tiny models need larger learning rates, ten times ELECTRA's and fifty times RoBERTa's
# (benchmarks/MINI.md); everything else of a miniature is Table 1's.
LEARNING_RATES = {
    "electra": ((3e-5, 1e-4, 1.5e-4), LogUniform(2.99e-5, 1.51e-4)),
    # three times those of the base model, as Clark et al. 2020 fine-tune the two (appendix B)
    "electra-small": ((9e-5, 3e-4, 4.5e-4), LogUniform(8.97e-5, 4.53e-4)),
    "roberta": ((1e-5, 2e-5, 3e-5), Uniform(0.99e-5, 3.01e-5)),
    "electra-mini": ((3e-4, 1e-3, 1.5e-3), LogUniform(2.99e-4, 1.51e-3)),
    "roberta-mini": ((5e-4, 1e-3, 1.5e-3), Uniform(4.95e-4, 1.505e-3)),
    "bert-mini": ((3e-4, 1e-3, 1.5e-3), LogUniform(2.99e-4, 1.51e-3)),
}
FAMILIES = tuple(LEARNING_RATES)
REDUCTIONS = ("full", "s-wr", "s-wr-hdo", "smin")
_FIXED = "fixed-"


def _family(family: str) -> dict[str, tuple[tuple, Domain]]:
    check_name("family of search spaces", family, FAMILIES)
    rest = _ROBERTA if family.startswith("roberta") else _ELECTRA
    return _in_order({"learning_rate": LEARNING_RATES[family]} | rest)


def _reductions(family: str) -> dict[str, set[str]]:
    """Return reduction -> what it fixes."""
    searched = {"learning_rate"} | ({"batch_size"} if family.startswith("roberta") else set())
    warmup = {"warmup_ratio"}
    fixed = (set(), warmup, warmup | {"hidden_dropout"}, set(_family(family)) - searched)
    return dict(zip(REDUCTIONS, fixed, strict=True))


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in HYPERPARAMETERS if name in values}


def _check_epochs(epochs: int) -> int:
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 1:
        raise ValueError(f"`epochs` must be an integer of at least 1, but got {epochs!r}")
    return int(epochs)
