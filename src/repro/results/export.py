"""Recorded trials in the layout of Syne Tune's tabulated blackboxes.

`BlackboxTabular` of its `blackbox_repository` holds, for each task, the same configurations, with
objectives of shape (configurations, seeds, fidelities, objectives). A configuration that was
recorded on one task only, and a seed that a configuration was not trained with, hold NaN.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from repro.names import check_name
from repro.records import HYPERPARAMETERS
from repro.results.recorded import Recorded

OBJECTIVES = {  # theirs -> ours; it minimises unless told, and asks for the time
    "metric_validation_score": "validation_score",
    "metric_test_score": "test_score",
    "metric_elapsed_steps": "step",
}
_SEED = "init_seed"


def export_blackbox(recorded: Recorded, folder: Path, *, model: str, space: str) -> Path:
    """Write the trials of one model and space, all tasks, for Syne Tune's `deserialize`.

    A fidelity is the number of an evaluation, from 1 on; trials that have fewer hold NaN after it.

    Returns:
        the folder: hyperparameters.parquet, configspace.json, fidelityspace.json,
        fidelities_values.npy, objectives_evaluations.npy (tasks first) and metadata.json.
    Source: syne_tune 0.16, blackbox_repository/blackbox_tabular.py, `serialize`.
    """
    trials, names = _select(recorded, model, space)
    configurations = trials[names].drop_duplicates().reset_index(drop=True)
    rows = pd.Series(configurations.index, pd.MultiIndex.from_frame(configurations))
    seeds = sorted(set(trials[_SEED])) if _SEED in trials else [0]
    tasks = sorted(set(trials["task"]))
    key = ["task", "trial"]
    evaluations = recorded.evaluations[
        (recorded.evaluations["model"] == model) & (recorded.evaluations["space"] == space)
    ].sort_values([*key, "step"])
    number = evaluations.groupby(key).cumcount().to_numpy()
    shape = (len(tasks), len(configurations), len(seeds), number.max() + 1, len(OBJECTIVES))
    table = np.full(shape, np.nan, np.float32)
    place = trials.assign(
        configuration=rows[pd.MultiIndex.from_frame(trials[names])].to_numpy(),
        seed=trials[_SEED].map(seeds.index) if _SEED in trials else 0,
    ).set_index(key)[["configuration", "seed"]]
    place = place.loc[pd.MultiIndex.from_frame(evaluations[key])].to_numpy()
    at = evaluations["task"].map(tasks.index).to_numpy(), *place.T, number
    for objective, column in enumerate(OBJECTIVES.values()):
        table[(*at, objective)] = evaluations[column]
    folder.mkdir(parents=True, exist_ok=True)
    configurations.to_parquet(folder / "hyperparameters.parquet", index=False, compression="gzip")
    np.save(folder / "objectives_evaluations.npy", table, allow_pickle=False)
    fidelities = np.arange(1, shape[3] + 1)
    np.save(folder / "fidelities_values.npy", fidelities, allow_pickle=False)
    spaces = {
        "configspace": {name: _domain(configurations[name]) for name in names},
        "fidelityspace": {"evaluation": _domain(pd.Series(fidelities))},
        "metadata": {"objectives_names": list(OBJECTIVES), "task_names": tasks}
        | {name: str(recorded.manifest.get(name, "")) for name in ("what", "licence")},
    }
    for name, content in spaces.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


def _select(recorded: Recorded, model: str, space: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the trials, and the names of the hyperparameters that were recorded."""
    trials = recorded.trials
    check_name("recorded model", model, sorted(set(trials["model"])))
    trials = trials[trials["model"] == model]
    check_name(f"recorded space of {model}", space, sorted(set(trials["space"])))
    trials = trials[trials["space"] == space]
    known = [*HYPERPARAMETERS, "classifier_dropout"]
    names = [name for name in known if name in trials and trials[name].notna().all()]
    return trials.reset_index(drop=True), names


def _domain(values: pd.Series) -> dict:
    """Describe a hyperparameter by the range of its recorded values, as Syne Tune writes it."""
    whole = pd.api.types.is_integer_dtype(values) or (values == values.round()).all()
    kind, cast = ("Integer", int) if whole else ("Float", float)
    return {
        "domain_cls": kind,
        "domain_kwargs": {"lower": cast(values.min()), "upper": cast(values.max())},
        "sampler_cls": "Uniform",
        "sampler_kwargs": {},
    }
