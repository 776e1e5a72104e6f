"""Recording: trials trained once, to their end, with test scored on the way, for replays.

`plan.yaml` in a folder of `data/recorded/` says what to train. Trials are trained in chunks by
plain processes of one thread each; a chunk is one file, so that a killed recording goes on.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError, model_validator

from repro.checked import Checked, one_line, read_yaml
from repro.data.tasks import is_test, score_predictions
from repro.models.locate import find_model, weights_fingerprint
from repro.names import check_name
from repro.paths import RESULTS
from repro.records import HYPERPARAMETERS
from repro.results.recorded import (
    TRIAL_KEY,
    Recorded,
    pack_predictions,
    write_recorded,
)
from repro.study.objective import DataSettings, encoded, fingerprint_data, load_data
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
_CURVE = ("step", "epoch", "validation_score", "validation_loss", "test_score")


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
            _data(plan, part, task, split_seed=split_seed),
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


def _data(plan: Plan, part: Part, task: str, *, split_seed: int) -> DataSettings:
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
    known = {part.space: part for part in plan.parts}
    named = [known[check_name("part of the plan", name, known)] for name in parts or known]
    return [chunk for part in named for chunk in _by_turns(plan, part, first)]


def _by_turns(plan: Plan, part: Part, first: int | None) -> list[Chunk]:
    turns = []
    for model, task in product(part.models, part.sizes):
        trials = planned_trials(plan, part, model, task)[:first]
        for start in range(0, len(trials), _CHUNK):
            some = tuple(trials[start : start + _CHUNK])
            name = f"{part.space}/{model}-{task}-{start:05d}-{_fingerprint(some)}.parquet"
            turns.append((start, Chunk(some, name)))
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


def record(
    folder: Path,
    parts: Sequence[str] = (),
    *,
    first: int | None = None,
    workers: int | None = None,
    results: Path = RESULTS,
    say: Callable[[str], None] = print,
) -> None:
    """Train what a folder of recorded trials lacks of its plan, and write its tables.

    Args:
        parts, first: see `chunks`.
        workers: processes; as many as there are cores when None.
        results: where finished chunks are kept until all is written.
    Raises:
        ValueError: before any training, if the plan is not what it must be.
    """
    plan, kept = read_plan(folder), results / "recording" / folder.name
    missing = [c for c in chunks(plan, parts, first=first) if not (kept / c.file).is_file()]
    say(f"{sum(len(chunk.trials) for chunk in missing)} trials are to be recorded")
    n_workers = min(workers or len(os.sched_getaffinity(0)), len(missing))
    if missing:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_train_chunk, chunk, kept / chunk.file) for chunk in missing]
            try:
                for n_done, job in enumerate(as_completed(jobs), start=1):
                    job.result()
                    say(f"{n_done} of {len(jobs)} chunks are recorded")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    collect(folder, results=results)


def _train_chunk(chunk: Chunk, path: Path) -> None:
    rows = [_row(trial, train_planned(trial)) for trial in chunk.trials]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pd.DataFrame(rows).to_parquet(partial, index=False, compression="zstd")
    os.replace(partial, path)


def train_planned(trial: PlannedTrial, **further):
    """Train one trial as it is recorded; `further` arguments go to `train_trial`."""
    import torch

    from repro.training.trial import train_trial

    torch.set_num_threads(1)
    model, data = encoded(trial.key["model"], trial.data, max_length=trial.training.max_length)
    return train_trial(
        trial.configuration,
        model=model,
        data=data,
        settings=trial.training,
        seeds=trial.seeds,
        trace_test_at=TRACED,
        **further,
    )


def _row(trial: PlannedTrial, result) -> dict:
    """Return all that is kept of one trial: scalars, curves as lists, predictions as bytes."""
    data = load_data(trial.data)
    best = {n.removesuffix("_best"): p for n, p in result.predictions.items() if "_best" in n}
    scores = {
        f"{split.replace('-', '_')}_score": _score(data, split, predictions)
        for split, predictions in best.items()
        if is_test(split) and split != "test"
    }
    return {
        **trial.key,
        "configuration": trial.configuration_number,
        "status": result.status,
        "message": result.message,
        "total_steps": _total_steps(trial, len(data.splits["train"])),
        "training_seconds": result.training_seconds,
        **{name: result.hyperparameters.get(name) for name in HYPERPARAMETERS},
        **{f"{source}_seed": seed for source, seed in vars(trial.seeds).items()},
        "split_seed": trial.data.split_seed,
        "optimizer": trial.training.optimizer,
        **scores,
        **curve(trial, result),
        **{f"{split}_predictions": pack_predictions(p) for split, p in best.items()},
    }


def _total_steps(trial: PlannedTrial, n_train: int) -> int:
    per_epoch = -(-n_train // int(trial.configuration["batch_size"]))
    return per_epoch * int(trial.configuration["epochs"])


def _score(data, split: str, predictions: np.ndarray) -> float:
    labels = data.splits[split]["label"].to_numpy()
    return score_predictions(data.task, predictions, labels)[data.task.metric]


def curve(trial: PlannedTrial, result) -> dict[str, np.ndarray]:
    """Return the columns of the recorded evaluations of one trial (32-bit numbers)."""
    data = load_data(trial.data)
    traced = {
        int(name.removeprefix("test_")): _score(data, "test", predictions)
        for name, predictions in result.predictions.items()
        if name.removeprefix("test_").isdigit()
    }
    evaluations = result.evaluations
    if "test_last" in result.predictions:
        traced[len(evaluations)] = _score(data, "test", result.predictions["test_last"])
    return {
        "step": np.array([e.step for e in evaluations], np.int32),
        "epoch": np.array([e.epoch for e in evaluations], np.float32),
        "validation_score": np.array([e.score for e in evaluations], np.float32),
        "validation_loss": np.array([e.loss for e in evaluations], np.float32),
        "test_score": np.array(
            [traced.get(n, np.nan) for n in range(1, len(evaluations) + 1)], np.float32
        ),
    }


def collect(folder: Path, *, results: Path = RESULTS) -> None:
    """Write the tables of a folder from all chunks that are recorded so far."""
    plan, kept = read_plan(folder), results / "recording" / folder.name
    files = [kept / chunk.file for chunk in chunks(plan)]
    rows = pd.concat([pd.read_parquet(file) for file in files if file.is_file()], ignore_index=True)
    packed = [name for name in rows if name.endswith("_predictions")]
    evaluations = rows[[*TRIAL_KEY, *_CURVE]].explode(list(_CURVE), ignore_index=True)
    kinds = {name: "int32" if name == "step" else "float32" for name in _CURVE}
    about = {
        "what": plan.what,
        "licence": plan.licence,
        "scores": "validation: the examples that a trial selects on; test: other examples of the "
        "same distribution; test_shift1_score: of another, at the best checkpoint",
        "versions": {name: version(name) for name in ("torch", "transformers", "numpy")}
        | {"python": platform.python_version(), "machine": platform.machine()},
    }
    write_recorded(
        folder,
        trials=rows.drop(columns=[*_CURVE, *packed]),
        evaluations=evaluations.dropna(subset=["step"]).astype(kinds),
        predictions=rows[[*TRIAL_KEY, *packed]],
        labels=_labels(plan),
        about=about,
    )


def _labels(plan: Plan) -> pd.DataFrame:
    """Return the labels of what was predicted; of a resplit they differ from trial to trial."""
    rows = []
    for part in (part for part in plan.parts if not part.split_counts):
        for task in part.sizes:
            splits = load_data(_data(plan, part, task, split_seed=_RECORDED_SEED)).splits
            labels = {n: f["label"].to_numpy() for n, f in splits.items() if n != "train"}
            packed = {n: pack_predictions(values) for n, values in labels.items()}
            key = {"space": part.space, "task": task}
            rows += [key | {"split": n, "labels": values} for n, values in packed.items()]
    return pd.DataFrame(rows)


def train_again(recorded: Recorded, *, n: int, seed: int) -> pd.DataFrame:
    """Train recorded trials again, drawn at random, and compare their curves.

    Returns:
        one row a trial: TRIAL_KEY, n_evaluations, largest_difference over validation and test
        scores and losses (32-bit), same (bit for bit).
    Raises:
        ValueError: if a trial is not of the folder's plan.
    """
    plan = read_plan(recorded.folder)
    parts = {part.space: part for part in plan.parts}
    drawn = (
        recorded.trials.sample(n, random_state=seed)
        if n < len(recorded.trials)
        else recorded.trials
    )
    rows = []
    for key in drawn[list(TRIAL_KEY)].to_dict("records"):
        cell = planned_trials(plan, parts[key["space"]], key["model"], key["task"])
        trial = cell[key["trial"]]
        again = pd.DataFrame(curve(trial, train_planned(trial)))
        before = recorded.evaluations.merge(pd.DataFrame([key]))[list(_CURVE)]
        rows.append(key | _compare(before, again))
    return pd.DataFrame(rows)


def _compare(before: pd.DataFrame, again: pd.DataFrame) -> dict:
    if len(before) != len(again):
        return {"n_evaluations": len(again), "largest_difference": np.inf, "same": False}
    differences = before.to_numpy(float) - again.to_numpy(float)
    known = differences[~np.isnan(differences)]
    holes = np.array_equal(before.isna(), again.isna())
    largest = float(np.abs(known).max(initial=0.0)) if holes else np.inf
    return {"n_evaluations": len(again), "largest_difference": largest, "same": largest == 0.0}
