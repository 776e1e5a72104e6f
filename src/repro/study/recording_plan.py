"""What is to be recorded: `plan.yaml` in a folder of `data/recorded/`, as trials and chunks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError, model_validator

from repro.checked import Checked, one_line, read_yaml
from repro.models.locate import find_model, weights_fingerprint
from repro.names import check_name
from repro.study.objective import DataSettings, fingerprint_data
from repro.study.settings import Count, Seed
from repro.training.types import Seeds, TrainingSettings
from repro.tuning.runs import derive_seed
from repro.tuning.spaces import (
    default_configuration,
    grid_configurations,
    sample_configuration,
    search_space,
)

TRACED = (1, 4, 16)  # evaluations at which test is scored too, besides new bests and the end
_CHUNK = 10  # trials
_RECORDED_SEED = 42


class SeedRange(Checked):
    """Training seeds first, first + 1, ...: each that of weights, order and dropout at once."""

    first: Seed = _RECORDED_SEED
    n: Count = 1


class Part(Checked):
    """Some trials to record: configurations times seeds, for each model and task.

    Just one of `random`, `grid`, `configurations` and `first_of_full` says which configurations:
    so many random ones of the space that the part is named after; the family's grid; those given,
    over the family's defaults; the first so many that the part "full" draws.
    """

    space: str
    models: dict[str, str]  # name -> family
    sizes: dict[str, dict[str, int]]  # task -> examples of each split; of others the usual number
    epochs: Count = 10
    random: Count | None = None
    grid: bool = False
    configurations: tuple[dict[str, float], ...] = ()
    first_of_full: Count | None = None
    seeds: SeedRange = SeedRange()
    init_by_order: Count | None = None  # so many seeds of the weights by as many of the order
    levels: Annotated[int, Field(ge=3)] | None = None  # of all sources of chance; a prime number
    split: str = "official"
    split_counts: dict[str, int] = Field(default_factory=dict)  # of a resplit
    # of TrainingSettings, other than usual
    training: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_one_way(self) -> "Part":
        ways = (self.random, self.grid, self.configurations, self.first_of_full)
        if sum(map(bool, ways)) != 1:
            raise ValueError(
                f"part {self.space!r} must say just one of random, grid, configurations and "
                "first_of_full"
            )
        return self


class Plan(Checked):
    """What a folder of recorded trials holds once it is complete."""

    what: str
    licence: str
    shifted_tests: dict[float, Count] = Field(default_factory=dict)
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class PlannedTrial:
    """One trial to record; `key` are the columns of TRIAL_KEY."""

    key: dict
    configuration_number: int
    configuration: dict
    seeds: Seeds
    data: DataSettings
    training: TrainingSettings


@dataclass(frozen=True)
class Chunk:
    """Trials of one model, task and space that are trained one after another."""

    trials: tuple[PlannedTrial, ...]
    file: str = field(compare=False)


def read_plan(folder: Path) -> Plan:
    """Read what a folder shall hold.

    Raises:
        ValueError: naming the file and the first key that is wrong.
    """
    path = folder / "plan.yaml"
    try:
        return Plan(**read_yaml(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {one_line(error, Plan)}") from None
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def planned_trials(plan: Plan, part: Part, model: str, task: str) -> list[PlannedTrial]:
    """Enumerate the trials of one cell of a part: for each seed, all configurations."""
    training = TrainingSettings(**{"max_length": 48} | part.training)
    key = {"model": model, "task": task, "space": part.space}
    return [
        PlannedTrial(
            key | {"trial": trial},
            number,
            configuration,
            seeds,
            data_of(plan, part, task, split_seed=split_seed),
            training,
        )
        for trial, ((seeds, split_seed), (number, configuration)) in enumerate(
            product(_seeds(part), enumerate(_configurations(part, model, task)))
        )
    ]


def _configurations(part: Part, model: str, task: str) -> list[dict]:
    family, epochs = part.models[model], part.epochs
    if part.grid:
        return grid_configurations(family, epochs=epochs)
    if part.configurations:
        default = default_configuration(family, epochs=epochs)
        whole = ("batch_size",)
        given = [
            {k: int(v) if k in whole else v for k, v in c.items()} for c in part.configurations
        ]
        return [default | configuration for configuration in given]
    space = part.space if part.random else "full"
    domains = search_space(family, epochs=epochs, reduction=space)
    rng = np.random.default_rng(derive_seed(0, "recorded", model, task, space))
    return [sample_configuration(domains, rng) for _ in range(part.random or part.first_of_full)]


def _seeds(part: Part) -> list[tuple[Seeds, int]]:
    """Return the seeds of training and of the split."""
    if part.init_by_order:
        levels = range(1, part.init_by_order + 1)
        return [
            (Seeds(i, j, derive_seed(0, "recorded dropout", i, j)), _RECORDED_SEED)
            for i, j in product(levels, levels)
        ]
    if part.levels:  # an orthogonal array, as long as the number of levels is prime
        n = part.levels
        return [(Seeds(i, j, (i + j) % n), (i + 2 * j) % n) for i, j in product(range(n), repeat=2)]
    first = part.seeds.first
    return [(Seeds(k, k, k), _RECORDED_SEED) for k in range(first, first + part.seeds.n)]


def data_of(plan: Plan, part: Part, task: str, *, split_seed: int = _RECORDED_SEED) -> DataSettings:
    """Return which examples the trials of a part are trained, validated and tested on."""
    counts, split = part.split_counts, {}
    if counts:
        total = sum(counts.values())
        ratios = tuple(counts[name] / total for name in ("train", "validation", "test"))
        split = {"split": part.split, "split_seed": split_seed, "split_ratios": ratios}
    shifted = () if counts else tuple(plan.shifted_tests.items())
    return DataSettings(task, sizes=tuple(part.sizes[task].items()), shifted_tests=shifted, **split)


def chunks(plan: Plan, parts: Sequence[str] = (), *, first: int | None = None) -> list[Chunk]:
    """Return what is to be trained: part after part, the cells of a part by turns.

    Args:
        parts: names of spaces, in the order in which to record them; all of them when empty.
        first: only so many trials of each cell.
    """
    known, turns = {part.space: part for part in plan.parts}, []
    for i, name in enumerate(parts or known):
        part = known[check_name("part of the plan", name, known)]
        for model, task in product(part.models, part.sizes):
            trials = planned_trials(plan, part, model, task)[:first]
            for start in range(0, len(trials), _CHUNK):
                some = tuple(trials[start : start + _CHUNK])
                file = f"{name}/{model}-{task}-{start:05d}-{_fingerprint(some)}.parquet"
                turns.append(((i, start), Chunk(some, file)))
    return [chunk for _, chunk in sorted(turns, key=lambda turn: turn[0])]


def _fingerprint(trials: Sequence[PlannedTrial]) -> str:
    """Return 8 hexadecimal digits of all that decides what these trials give."""
    weights = weights_fingerprint(find_model(trials[0].key["model"]))
    data = [fingerprint_data(settings) for settings in {trial.data for trial in trials}]
    usual = vars(TrainingSettings())
    settings = {name: v for name, v in vars(trials[0].training).items() if v != usual[name]}
    what = [(t.key, t.configuration, vars(t.seeds), asdict(t.data)) for t in trials]
    text = json.dumps([weights, sorted(data), TRACED, settings, what])
    return hashlib.sha256(text.encode()).hexdigest()[:8]
