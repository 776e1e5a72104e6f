"""What a profile would cost: tuning runs, trials, optimizer steps, disk and hours, before it runs.

Steps are counted exactly: a budget is a multiple of what grid search takes. Hours come from a
short calibration on this machine, or from a rate that the user states.
"""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd

from repro.model_files import find_model
from repro.profiles import ModelSettings, Profile
from repro.spaces import default_configuration, grid_configurations
from repro.study import RESULTS, enumerate_runs, load_data, training_settings

# training examples, from the GLUE paper's Table 1 and the files themselves
GLUE_SIZES = {
    "cola": 8551, "sst2": 67349, "mrpc": 3668, "stsb": 5749, "qqp": 363846, "mnli": 392702,
    "qnli": 104743, "rte": 2490, "wnli": 635, "superglue_rte": 2490,
}  # fmt: skip
_CALIBRATION_STEPS = 12
_BASE_MODEL_BYTES = 500_000_000  # of a base-size checkpoint that is not on disk
_BYTES_A_STEP, _BYTES_A_RUN = 8, 60_000  # of the tables, measured on the mini profile


def plan(
    profile: Profile, *, steps_per_second: float | None = None, results: Path = RESULTS
) -> pd.DataFrame:
    """List what a profile would run: one row a model, task and method, and a row of totals.

    Args:
        steps_per_second: of one trial, evaluations included. With it nothing is loaded; without,
            data and models are, a dozen steps are measured, and finished runs are counted.
    Returns:
        columns model, task, method, runs, done (finished runs; -1 when not looked for), trials
        (as many full-length ones as the budgets pay for), steps, hours (one trial after another),
        gigabytes (on disk).
    Raises:
        ValueError: if a rate is not positive, or a model or its data cannot be had.
    """
    if steps_per_second is not None and steps_per_second <= 0:
        raise ValueError(f"`steps_per_second` must be above 0, but got {steps_per_second}")
    rows = []
    for model in profile.models:
        for task in model.tasks:
            rate = steps_per_second or _measure_rate(profile, model, task)
            rows += [_row(profile, model, task, method, rate) for method in profile.methods]
    frame = pd.DataFrame(rows)
    frame["done"] = -1 if steps_per_second else _count_done(profile, frame, results)
    sums = frame[["runs", "done", "trials", "steps", "hours", "gigabytes"]].sum().to_frame().T
    total = sums.assign(model="total", task="", method="", done=max(-1, sums["done"][0]))
    frame = pd.concat([frame, total], ignore_index=True).astype({"runs": int, "done": int})
    return frame.astype({"trials": int, "steps": int})[_COLUMNS]


_COLUMNS = ["model", "task", "method", "runs", "done", "trials", "steps", "hours", "gigabytes"]


def _row(profile: Profile, model: ModelSettings, task: str, method: str, rate: float) -> dict:
    grid = grid_configurations(model.family, epochs=profile.epochs_for(model.name, task))
    n_train = _n_train(profile, task)
    grid_steps = sum(c["epochs"] * math.ceil(n_train / c["batch_size"]) for c in grid)
    is_grid = method == "grid"
    runs = 1 if is_grid else profile.repetitions
    share = 1.0 if is_grid else profile.budget_gst
    steps = math.ceil(runs * share * grid_steps)
    checkpoints = _checkpoint_bytes(model.name) * runs if profile.keep_checkpoints else 0
    return {
        "model": model.name,
        "task": Path(task).stem,
        "method": method,
        "runs": runs,
        "trials": math.ceil(runs * share * len(grid)),
        "steps": steps,
        "hours": steps / rate / 3600,
        "gigabytes": (checkpoints + runs * _BYTES_A_RUN + steps * _BYTES_A_STEP) / 1e9,
    }


def _n_train(profile: Profile, task: str) -> int:
    if profile.source == "hub" and profile.split == "official" and task in GLUE_SIZES:
        return GLUE_SIZES[task]  # the plan of a large study needs no download
    return len(load_data(profile, task).splits["train"])


def _checkpoint_bytes(model: str) -> int:
    files = Path(find_model(model)).glob("*.safetensors")
    return sum(file.stat().st_size for file in files) or _BASE_MODEL_BYTES


def _measure_rate(profile: Profile, model: ModelSettings, task: str) -> float:
    """Train a dozen steps of the default configuration; return steps per second with evaluations.

    An evaluation's time is spread over the steps between two evaluations of a whole trial.
    """
    from repro.models import encode, resolve_model
    from repro.training import Seeds, train_trial

    spec = resolve_model(model.name)
    data = encode(load_data(profile, task), spec, max_length=profile.max_length)
    configuration = default_configuration(model.family, epochs=1)
    steps_per_epoch = math.ceil(len(data.splits["train"]) / configuration["batch_size"])
    settings = replace(training_settings(profile, task), max_steps=_CALIBRATION_STEPS)
    seeds = Seeds(*[profile.training_seed] * 3)
    for _ in range(2):  # the first warms up
        result = train_trial(configuration, model=spec, data=data, settings=settings, seeds=seeds)
    if result.status != "completed":
        raise ValueError(f"calibration of {model.name} on {task} {result.status}: {result.message}")
    seconds_a_step = result.training_seconds / result.steps
    seconds_an_evaluation = result.evaluation_seconds / len(result.evaluations)
    evaluations_a_step = profile.evaluations_for(task) / steps_per_epoch
    return 1 / (seconds_a_step + seconds_an_evaluation * evaluations_a_step)


def _count_done(profile: Profile, frame: pd.DataFrame, results: Path) -> pd.Series:
    keys = (
        run.folder.key for run in enumerate_runs(profile, results=results) if run.folder.finished
    )
    done = Counter((key["model"], key["task"], key["method"]) for key in keys)
    rows = frame[["model", "task", "method"]].itertuples(index=False, name=None)
    return pd.Series([done[row] for row in rows])
