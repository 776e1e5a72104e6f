"""What a profile's notebooks would cost before they run: trials, optimizer steps, disk, hours.

Hours come from a short calibration on this machine, or from a rate that the user states.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pandas as pd

from repro.models.locate import find_model
from repro.paths import RESULTS
from repro.study.objective import TrialSettings, count_training_examples, encoded
from repro.study.planning import planned_cost
from repro.study.profile import Profile, chapter_modules
from repro.study.runs import bind_run
from repro.training.types import Seeds
from repro.tuning.spaces import default_configuration

AT_MOST, COUNTED = "at most", "counted in 01"
_CALIBRATION_STEPS = 12
_BASE_MODEL_BYTES = 500_000_000  # of a base-size checkpoint that is not on disk
_BYTES_A_STEP, _BYTES_A_RUN = 8, 60_000  # of the tables, measured on the mini profile
_KEYS = ["section", "part", "model", "task", "bound"]
_NUMBERS = ["runs", "done", "trials", "steps", "hours", "gigabytes"]


@dataclass(frozen=True)
class Plan:
    """What notebooks would run.

    Args:
        table: one row a section, part, model and task: these, runs, done (finished runs; -1 where
            not looked for, or where other runs decide which they are), trials (as many full-length
            ones as the budgets pay for), steps, hours (one trial after another), gigabytes (on
            disk), bound ("at most" where outcomes decide how many steps it will be, "counted in
            01" where the runs are the initial study's, else empty). The last row is the total, of
            what is not counted elsewhere.
        left_out: section -> why it cannot be planned: its data cannot be had, or the like.
    """

    table: pd.DataFrame
    left_out: dict[str, str]


def plan(
    profile: Profile,
    *,
    notebooks: Iterable[str] = (),
    steps_per_second: float | None = None,
    results: Path = RESULTS,
) -> Plan:
    """List what notebooks would run with a profile.

    Args:
        notebooks: their names, which begin with two digits; all when empty.
        steps_per_second: of one trial, evaluations included. With it no model is loaded, and no
            data of the hub's; without, they are, a dozen steps of each are measured, and finished
            runs are counted.
    Raises:
        ValueError, OSError: if a rate is not positive, or if nothing can be planned.
    """
    if steps_per_second is not None and steps_per_second <= 0:
        raise ValueError(f"`steps_per_second` must be above 0, but got {steps_per_second}")
    rates: dict[tuple, float] = {}

    def rate(trials: TrialSettings) -> float:
        what = (trials.model, trials.data.task, trials.training.evaluations_per_epoch)
        if what not in rates:
            rates[what] = steps_per_second or _measure_rate(trials)
        return rates[what]

    rows, left_out, errors, look_in = [], {}, [], None if steps_per_second else results
    numbers, chapters = {name[:2] for name in notebooks}, chapter_modules("run", having="SECTION")
    for chapter in sorted(chapters, key=lambda module: module.SECTION):
        if not numbers or chapter.SECTION[:2] in numbers:
            try:
                rows += list(_rows(profile, chapter, rate=rate, look_in=look_in))
            except (ValueError, OSError) as error:
                errors.append(error)
                left_out[chapter.SECTION] = str(error)
    if not rows:
        raise (errors or [ValueError(f"one of {sorted(numbers)} must tune, but none does")])[0]
    table = pd.DataFrame(rows).groupby([*_KEYS, "rate"], sort=False).sum(min_count=1).reset_index()
    table["hours"] = table["steps"] / table["rate"] / 3600
    bound = AT_MOST if AT_MOST in set(table["bound"]) else ""
    total = dict.fromkeys(_KEYS, "") | {"section": "total", "bound": bound}
    total |= table.loc[table["bound"] != COUNTED, _NUMBERS].sum(min_count=1).to_dict()
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True).fillna({"done": -1})
    table = table.astype(dict.fromkeys(("runs", "done", "trials", "steps"), "int64"))
    return Plan(table[[*_KEYS[:-1], *_NUMBERS, "bound"]], left_out)


def _rows(profile: Profile, chapter: ModuleType, *, rate, look_in: Path | None) -> Iterator[dict]:
    """Yield one row a tuning run.

    Args:
        look_in: the folder of results; None: finished runs are not looked for.
    """
    for planned in chapter.planned_runs(profile):
        run, trials, done = planned.run, planned.run.tuning.context, math.nan
        cost = planned_cost(run.tuning)
        if look_in is not None and not planned.depends:
            done = bind_run(profile, run, results=look_in).finished
        size = _BYTES_A_RUN + cost.steps * _BYTES_A_STEP
        if profile.keep_checkpoints:
            files = Path(find_model(trials.model)).glob("*.safetensors")
            size += sum(file.stat().st_size for file in files) or _BASE_MODEL_BYTES
        at_most = AT_MOST if planned.depends or not cost.exact else ""
        yield {
            "section": chapter.SECTION,
            "part": planned.part,
            "model": trials.model,
            "task": run.key["task"],
            "bound": COUNTED if planned.counted else at_most,
            "rate": rate(trials),  # steps per second
            "runs": 1,
            "done": done,
            "trials": cost.trials,
            "steps": cost.steps,
            "gigabytes": size / 1e9,
        }


def by_part(table: pd.DataFrame) -> pd.DataFrame:
    """Sum a plan over tasks, to one row a section, part and model."""
    keys = ["section", "part", "model", "bound"]
    sums = table.groupby(keys, sort=False)[_NUMBERS].sum()
    sums["done"] = sums["done"].clip(lower=-1)
    return sums.reset_index()[["section", "part", "model", *_NUMBERS, "bound"]]


def _measure_rate(trials: TrialSettings) -> float:
    """Train a dozen steps; return steps per second with evaluations.

    An evaluation's time is spread over the steps between two evaluations of a whole trial.
    """
    from repro.training.trial import train_trial

    model, data = encoded(trials.model, trials.data, max_length=trials.training.max_length)
    configuration = default_configuration("electra", epochs=1)  # any: it is not the values' speed
    settings = replace(trials.training, max_steps=_CALIBRATION_STEPS)
    seeds = Seeds(1, 2, 3)
    for _ in range(2):  # the first warms up
        result = train_trial(configuration, model=model, data=data, settings=settings, seeds=seeds)
    if result.status != "completed":
        what = f"{trials.model} on {trials.data.task}"
        raise ValueError(f"calibration of {what} {result.status}: {result.message}")
    n_train, evaluations = count_training_examples(trials.data), settings.evaluations_per_epoch
    steps_per_epoch = math.ceil(n_train / configuration["batch_size"])
    seconds_a_step = result.training_seconds / result.steps
    seconds_an_evaluation = result.evaluation_seconds / len(result.evaluations)
    return 1 / (seconds_a_step + seconds_an_evaluation * evaluations / steps_per_epoch)
