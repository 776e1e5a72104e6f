"""What a profile's notebooks would cost before they run: trials, steps, hours, disk, memory.

Hours come from a short calibration on this machine, from rates that the user states, or, for a GPU
that is not here, from arithmetic.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pandas as pd

from repro.names import check_name
from repro.paths import RESULTS
from repro.study.objective import TrialSettings, count_training_examples, encoded
from repro.study.planning import (
    CARDS,
    Cost,
    device_bytes,
    estimated_rate,
    planned_cost,
    result_bytes,
    shared_bytes,
)
from repro.study.profile import Profile, chapter_modules
from repro.study.runs import bind_run
from repro.training.types import Seeds
from repro.tuning.spaces import default_configuration

AT_MOST, COUNTED = "at most", "counted in 01"
_CALIBRATION_STEPS = 12
_KEYS = ["section", "part", "model", "task", "bound"]
_NUMBERS = ["runs", "done", "trials", "steps", "hours", "gigabytes"]
Rate = Callable[[TrialSettings, Cost], float]  # steps per second of one trial


@dataclass(frozen=True)
class Plan:
    """What notebooks would run.

    The table has a row a section, part, model and task: these, runs, done (finished runs; -1 where
    not looked for, or where other runs decide which they are), trials (as many full-length ones as
    the budgets pay for), steps, hours (one trial after another), gigabytes (of results), bound
    ("at most" where outcomes decide how many steps it will be, "counted in 01" where the runs are
    the initial study's, else empty). The last row is the total, of what is not counted elsewhere.
    """

    table: pd.DataFrame
    left_out: dict[str, str]  # section -> why it cannot be planned, as without its data
    slots: float  # trials side by side
    disk: dict[str, float]  # what is needed beside the results: part -> gigabytes
    device_gigabytes: dict[str, float]  # model -> what its largest trial needs, about

    @property
    def hours(self) -> float:
        """How long all of it takes, were all slots busy all the time."""
        return self.table["hours"].iloc[-1] / self.slots

    @property
    def gigabytes(self) -> float:
        return self.table["gigabytes"].iloc[-1] + sum(self.disk.values())


def plan(
    profile: Profile,
    *,
    notebooks: Iterable[str] = (),
    steps_per_second: float | Mapping[str, float] | None = None,
    card: str | None = None,
    gpus: int | None = None,
    results: Path = RESULTS,
) -> Plan:
    """List what notebooks would run with a profile.

    Args:
        notebooks: their names, which begin with two digits; all when empty.
        steps_per_second: of one trial, evaluations included; for all models, or by model.
        card: one of `planning.CARDS`, whose rates by arithmetic are taken.
        gpus: how many there are; those of this machine when None, one if it has none.
        results: where finished runs are counted.

    With rates or a card no model is loaded, no data of the hub's, and no finished run looked for.
    Without, a dozen steps of each model on each task are measured; a profile for GPUs is planned
    for a T4 where there is none.

    Raises:
        ValueError, OSError: if a rate is missing, the card is unknown, or nothing can be planned.
    """
    share, n_here = profile.gpus_per_trial, 0
    if share and not (card and gpus):
        import torch

        n_here = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if share and not (n_here or card or steps_per_second):
        card = "T4"
    cores = len(os.sched_getaffinity(0)) // profile.cpus_per_trial
    slots = (gpus or n_here or 1) / share if share else max(1, cores)
    rows, left_out, errors = [], {}, []
    rate = _find_rate(profile, steps_per_second, card)
    look_in = None if steps_per_second or card else results
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
    memory = {}
    for row in rows:
        memory[row["model"]] = max(memory.get(row["model"], 0.0), row.pop("device") / 1e9)
    disk = shared_bytes(row.pop("run") for row in rows)
    return Plan(
        _sum_up(rows),
        left_out,
        slots=min(slots, profile.trials_at_once or math.inf),
        disk={part: size / 1e9 for part, size in disk.items()},
        device_gigabytes=memory,
    )


def _find_rate(profile: Profile, stated: float | Mapping | None, card: str | None) -> Rate:
    """Return where the rates come from: what is stated, a card's arithmetic, or measuring."""
    if card is not None:
        known = CARDS[check_name("card", card, CARDS)]
        sharing = max(1.0, 1 / profile.gpus_per_trial) if profile.gpus_per_trial else 1.0
        return lambda trials, cost: estimated_rate(trials, cost.batch_size, known, sharing=sharing)
    if isinstance(stated, Mapping):
        return lambda trials, cost: stated[check_name("model of rates", trials.model, stated)]
    if stated:
        return lambda trials, cost: stated
    measured: dict[tuple, float] = {}

    def rate(trials: TrialSettings, cost: Cost) -> float:
        evaluations = trials.training.evaluations_per_epoch
        what = (trials.model, trials.data.task, evaluations, cost.batch_size)
        if what not in measured:
            measured[what] = _measure_rate(trials, cost.batch_size)
        return measured[what]

    return rate


def _sum_up(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows).groupby([*_KEYS, "rate"], sort=False).sum(min_count=1).reset_index()
    table["hours"] = table["steps"] / table["rate"] / 3600
    table = table.groupby(_KEYS, sort=False)[_NUMBERS].sum(min_count=1).reset_index()
    bound = AT_MOST if AT_MOST in set(table["bound"]) else ""
    total = dict.fromkeys(_KEYS, "") | {"section": "total", "bound": bound}
    total |= table.loc[table["bound"] != COUNTED, _NUMBERS].sum(min_count=1).to_dict()
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True).fillna({"done": -1})
    table = table.astype(dict.fromkeys(("runs", "done", "trials", "steps"), "int64"))
    return table[[*_KEYS[:-1], *_NUMBERS, "bound"]]


def _rows(profile: Profile, chapter: ModuleType, *, rate: Rate, look_in: Path | None) -> Iterator:
    """Yield one row a tuning run.

    Args:
        look_in: the folder of results; None: finished runs are not looked for.
    """
    for planned in chapter.planned_runs(profile):
        run, trials, done = planned.run, planned.run.tuning.context, math.nan
        cost = planned_cost(run.tuning)
        if look_in is not None and not planned.depends:
            done = bind_run(profile, run, results=look_in).finished
        at_most = AT_MOST if planned.depends or not cost.exact else ""
        yield {
            "section": chapter.SECTION,
            "part": planned.part,
            "model": trials.model,
            "task": run.key["task"],
            "bound": COUNTED if planned.counted else at_most,
            "rate": rate(trials, cost),
            "runs": 1,
            "done": done,
            "trials": cost.trials,
            "steps": cost.steps,
            "gigabytes": result_bytes(run.tuning, cost) / 1e9,
            "device": device_bytes(trials, cost.largest_batch),
            "run": run.tuning,
        }


def by_part(table: pd.DataFrame) -> pd.DataFrame:
    """Sum a plan over tasks, to one row a section, part and model."""
    keys = ["section", "part", "model", "bound"]
    sums = table.groupby(keys, sort=False)[_NUMBERS].sum()
    sums["done"] = sums["done"].clip(lower=-1)
    return sums.reset_index()[["section", "part", "model", *_NUMBERS, "bound"]]


def describe(planned: Plan, profile: Profile, *, notebooks: Iterable[str] = ()) -> str:
    """Say in a few lines how long a plan takes, on which cards, and what it needs."""
    lines = [f"{planned.hours:.3g} hours with {planned.slots:g} trials at once, if none waits"]
    if profile.gpus_per_trial:
        by_card = (
            f"{name} {plan(profile, notebooks=notebooks, card=name, gpus=1).hours:.3g}"
            for name in CARDS
        )
        lines.append(f"hours of one card, by arithmetic and never measured: {', '.join(by_card)}")
    parts = {"results": planned.table["gigabytes"].iloc[-1]} | planned.disk
    sizes = ", ".join(f"{part} {size:.2g}" for part, size in parts.items())
    lines.append(f"{planned.gigabytes:.3g} gigabytes on disk: {sizes}")
    needs = ", ".join(f"{model} {size:.2g}" for model, size in planned.device_gigabytes.items())
    lines.append(f"about so many gigabytes of a device's memory a trial: {needs}")
    return "\n".join(lines)


def _measure_rate(trials: TrialSettings, batch_size: int) -> float:
    """Train a dozen steps; return steps per second with evaluations.

    An evaluation's time is spread over the steps between two evaluations of a whole trial.
    """
    from repro.training.trial import train_trial

    model, data = encoded(trials.model, trials.data, max_length=trials.training.max_length)
    # any values would do: the speed does not depend on them
    configuration = default_configuration("electra", epochs=1) | {"batch_size": batch_size}
    settings = replace(trials.training, max_steps=_CALIBRATION_STEPS)
    seeds = Seeds(1, 2, 3)
    for _ in range(2):  # the first warms up
        result = train_trial(configuration, model=model, data=data, settings=settings, seeds=seeds)
    if result.status != "completed":
        what = f"{trials.model} on {trials.data.task}"
        raise ValueError(f"calibration of {what} {result.status}: {result.message}")
    n_train, evaluations = count_training_examples(trials.data), settings.evaluations_per_epoch
    steps_per_epoch = math.ceil(n_train / batch_size)
    seconds_a_step = result.training_seconds / result.steps
    seconds_an_evaluation = result.evaluation_seconds / len(result.evaluations)
    return 1 / (seconds_a_step + seconds_an_evaluation * evaluations / steps_per_epoch)
