"""What a profile's notebooks would cost before they run: trials, optimizer steps, disk, hours.

Hours come from a short calibration on this machine, or from a rate that the user states.
"""

import math
from collections import Counter
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import pandas as pd

from repro.cli.plan_parts import AT_MOST, COUNTED, DEPENDENT, parts_of, runs_of
from repro.models.locate import find_model
from repro.paths import RESULTS
from repro.study.profile import Profile
from repro.study.study import load_data, training_settings
from repro.tuning.spaces import default_configuration

_CALIBRATION_STEPS = 12
_BASE_MODEL_BYTES = 500_000_000  # of a base-size checkpoint that is not on disk
_BYTES_A_STEP, _BYTES_A_RUN = 8, 60_000  # of the tables, measured on the mini profile
_NUMBERS = ["runs", "done", "trials", "steps", "hours", "gigabytes"]


def plan(
    profile: Profile, *, steps_per_second: float | None = None, results: Path = RESULTS
) -> pd.DataFrame:
    """List what a profile would run: one row a notebook's section, part, model and task.

    Args:
        steps_per_second: of one trial, evaluations included. With it no model is loaded, and no
            data of the hub's; without, they are, a dozen steps of each are measured, and finished
            runs are counted.
    Returns:
        columns section, part, model, task, runs, done (finished runs; -1 when not looked for, or
        when other runs decide which they are), trials (as many full-length ones as the budgets pay
        for), steps, hours (one trial after another), gigabytes (on disk), bound: "at most" where
        outcomes decide how many steps it will be, "counted in 01" where the runs are the initial
        study's, else empty. The last row is the total, of what is not counted elsewhere.
    Raises:
        ValueError: if a rate is not positive, or a model or its data cannot be had.
    """
    if steps_per_second is not None and steps_per_second <= 0:
        raise ValueError(f"`steps_per_second` must be above 0, but got {steps_per_second}")
    rate = cache(lambda *what: steps_per_second or _measure_rate(profile, *what))
    frame = pd.DataFrame([asdict(part) for part in parts_of(profile)])
    each = frame[["model", "task", "evaluations"]].itertuples(index=False, name=None)
    frame["hours"] = frame["steps"] / [rate(*what) for what in each] / 3600
    frame["gigabytes"] = (frame["runs"] * _BYTES_A_RUN + frame["steps"] * _BYTES_A_STEP) / 1e9
    if profile.keep_checkpoints:
        frame["gigabytes"] += frame["runs"] * frame["model"].map(_checkpoint_bytes) / 1e9
    frame["task"] = frame["task"].map(lambda task: Path(task).stem)
    frame["done"] = -1 if steps_per_second else _count_done(profile, frame, results)
    frame = frame[["section", "part", "model", "task", *_NUMBERS, "bound"]]
    return pd.concat([frame, _total(frame)], ignore_index=True)


def _total(frame: pd.DataFrame) -> pd.DataFrame:
    counted = frame[frame["bound"] != COUNTED]
    done = counted["done"].clip(lower=0).sum() if (frame["done"] >= 0).any() else -1
    row = {"section": "total", "part": "", "model": "", "task": ""}
    row |= counted[_NUMBERS].sum().to_dict() | {"done": done}
    row["bound"] = AT_MOST if (frame["bound"] == AT_MOST).any() else ""
    return pd.DataFrame([row]).astype(frame.dtypes)


def by_part(table: pd.DataFrame) -> pd.DataFrame:
    """Sum a plan over tasks, to one row a section, part and model."""
    keys = ["section", "part", "model", "bound"]
    sums = table.groupby(keys, sort=False)[_NUMBERS].sum()
    sums["done"] = sums["done"].clip(lower=-1)
    return sums.reset_index()[["section", "part", "model", *_NUMBERS, "bound"]]


def _checkpoint_bytes(model: str) -> int:
    files = Path(find_model(model)).glob("*.safetensors")
    return sum(file.stat().st_size for file in files) or _BASE_MODEL_BYTES


def _measure_rate(profile: Profile, model: str, task: str, evaluations: int) -> float:
    """Train a dozen steps; return steps per second with evaluations.

    An evaluation's time is spread over the steps between two evaluations of a whole trial.
    """
    from repro.models.build import encode, resolve_model
    from repro.training.trial import Seeds, train_trial

    spec = resolve_model(model)
    data = encode(load_data(profile, task), spec, max_length=profile.max_length)
    configuration = default_configuration("electra", epochs=1)  # any: it is not the values' speed
    steps_per_epoch = math.ceil(len(data.splits["train"]) / configuration["batch_size"])
    settings = replace(training_settings(profile, task), max_steps=_CALIBRATION_STEPS)
    seeds = Seeds(*[profile.training_seed] * 3)
    for _ in range(2):  # the first warms up
        result = train_trial(configuration, model=spec, data=data, settings=settings, seeds=seeds)
    if result.status != "completed":
        raise ValueError(f"calibration of {model} on {task} {result.status}: {result.message}")
    seconds_a_step = result.training_seconds / result.steps
    seconds_an_evaluation = result.evaluation_seconds / len(result.evaluations)
    return 1 / (seconds_a_step + seconds_an_evaluation * evaluations / steps_per_epoch)


def _count_done(profile: Profile, frame: pd.DataFrame, results: Path) -> pd.Series:
    runs = ((section, part, run.folder) for section, part, run in runs_of(profile, results))
    done = Counter((s, p, f.key["model"], f.key["task"]) for s, p, f in runs if f.finished)
    rows = frame[["section", "part", "model", "task"]].itertuples(index=False, name=None)
    return pd.Series([-1 if row[1] in DEPENDENT else done[row] for row in rows])
