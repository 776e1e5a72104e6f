"""One tuning run of a study: what it is, what decides its numbers, and where its results lie."""

import hashlib
import json
import platform
import re
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from repro.models.locate import check_length, find_model, read_config, weights_fingerprint
from repro.paths import RESULTS
from repro.results.folders import FORMAT, RunFolder
from repro.study.objective import TrialSettings, fingerprint_data
from repro.study.profile import Profile
from repro.training.types import NEWER
from repro.tuning.methods import LISTED, depends_on_order
from repro.tuning.runs import TuningRun, derive_seed
from repro.tuning.spaces import ends


@dataclass(frozen=True)
class StudyRun:
    """One tuning run of a study: what to do, and how the tables name it (`records.run_key`)."""

    tuning: TuningRun  # its context are TrialSettings
    key: dict

    @classmethod
    def of(cls, profile: Profile, key: dict, trials: TrialSettings, **search) -> "StudyRun":
        """Make a tuning run from its key, what its trials share, and arguments of TuningRun.

        By default the search seed derives from the run's id; its trials have the profile's seeds.
        """
        defaults = {
            "seed": derive_seed(profile.seed, key["run_id"]),
            "seeds": (profile.seeds,),
            "trials_at_once": profile.trials_at_once_per_run,
        }
        search = defaults | search
        return cls(TuningRun(key["run_id"], key["method"], context=trials, **search), key)


def bind_run(profile: Profile, run: StudyRun, *, results: Path = RESULTS) -> RunFolder:
    """Return a run's folder: named by the run, its fingerprint and, where it has one, its budget.

    Runs of one search that differ only in their budgets lie side by side.

    Raises:
        ValueError: if data or model cannot be had, or the model cannot take the longest text.
    """
    tuning = run.tuning
    _check_length(tuning)
    inputs = fingerprint_inputs(tuning, unit=profile.budget_unit)
    text = json.dumps(inputs, sort_keys=True, default=str)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:8]
    budget = f"{tuning.n_trials}trials" if tuning.n_trials else ""
    budget = f"{tuning.budget_gst:g}gst" if tuning.has_budget else budget
    search = run.key["run_id"].replace(f"/{budget}/", "/")
    about = {
        "inputs": inputs,
        "fingerprint": fingerprint,
        "profile": profile.title,
        "split": tuning.context.data.split,
        "gpus_per_trial": profile.gpus_per_trial,
        "versions": _versions(),
    }
    path = results / f"{search}-{fingerprint}" / budget
    kept = tuning.context.keep_checkpoint
    return RunFolder(path, run.key, about, smaller=_smaller(path), keeps_checkpoints=kept)


@cache  # a notebook binds dozens of runs
def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("torch", "transformers", "ray", "optuna", "numpy")}
    return packages | {"python": platform.python_version()}


def _smaller(path: Path) -> tuple[Path, ...]:
    """Return the folders of the same search that lie there with smaller budgets, largest first."""
    own, sizes = _BUDGET.match(path.name), {}
    for name in (sibling.name for sibling in path.parent.glob("*") if own):
        other = _BUDGET.match(name)
        if other and other["unit"] == own["unit"] and float(other["size"]) < float(own["size"]):
            sizes[path.with_name(other.group())] = float(other["size"])
    return tuple(sorted(sizes, key=sizes.get, reverse=True))


def size_of_budget(path: Path) -> float:
    """Return the budget that a folder's name says, 0 if it says none."""
    budget = _BUDGET.fullmatch(path.name)
    return float(budget["size"]) if budget else 0.0


_BUDGET = re.compile(r"(?P<size>[\d.]+)(?P<unit>gst|trials)")  # a folder in progress says more


def _check_length(tuning: TuningRun) -> None:
    model, default = tuning.context.model, tuning.context.training.max_length
    lengths = {configuration.get("max_length", default) for configuration in tuning.grid}
    if tuning.method not in LISTED:
        domain = tuning.space.domains.get("max_length")
        lengths = ends(domain) if domain else {tuning.space.fixed.get("max_length", default)}
    if config := read_config(find_model(model)):
        for length in sorted(lengths):
            check_length(model, config, length)


def fingerprint_inputs(tuning: TuningRun, *, unit: str) -> dict:
    """Return everything that decides the trials of a tuning run, and nothing else.

    How large its budget is belongs to the folder's name: a larger one only adds trials.
    """
    trials: TrialSettings = tuning.context
    if tuning.method in LISTED:
        search = {"grid": tuning.grid}
        always = set.intersection(*map(set, tuning.grid))
    else:
        space = repr((tuning.space.domains, tuning.space.fixed))
        search = {"space": space, "seed": tuning.seed, "options": tuning.options}
        always = {*tuning.space.domains, *tuning.space.fixed}
    if tuning.has_budget:
        search["budget_unit"] = unit
    if tuning.has_budget or depends_on_order(tuning.method):
        search["trials_at_once"] = tuning.trials_at_once
    training = asdict(trials.training)  # but for what every configuration says itself
    always |= {name for name, default in NEWER.items() if training[name] == default}
    if training["device"] == "cpu":  # as runs on the CPU are named since there are any
        training["device"] = "auto"
    return {
        "format": FORMAT,
        "data": fingerprint_data(trials.data),
        "weights": weights_fingerprint(find_model(trials.model)),
        "training": {name: value for name, value in training.items() if name not in always},
        "seeds": [vars(seeds) for seeds in tuning.seeds],
        "method": tuning.method,
        **search,
    }
