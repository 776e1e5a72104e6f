"""One finished trial as one file, so that a killed tuning run goes on where it stopped.

The file is numpy's, with the numbers in arrays and the rest as JSON; nothing in it is pickled.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from repro.trial import Evaluation, TrialResult
from repro.tuning import Outcome, Progress

_IN_PARTS = {"best", "last", "evaluations", "losses", "predictions"}


def write_outcome(path: Path, configuration: dict, outcome: Outcome) -> None:
    """Write a trial's configuration and outcome to a file that is complete or absent."""
    result: TrialResult | None = outcome.payload
    meta = {name: value for name, value in vars(outcome).items() if name != "payload"}
    meta["progress"] = [vars(progress) for progress in outcome.progress]
    meta["configuration"], arrays = configuration, {}
    if result is not None:
        arrays = {f"prediction_{name}": a for name, a in result.predictions.items()}
        arrays["losses"] = result.losses
        meta["result"] = {k: v for k, v in vars(result).items() if k not in _IN_PARTS}
        meta["evaluations"] = [asdict(evaluation) for evaluation in result.evaluations]
        meta["best"] = result.evaluations.index(result.best) if result.best else None
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, meta=np.array(json.dumps(meta)), **arrays)
    os.replace(temporary, path)


def read_outcome(path: Path) -> tuple[dict, Outcome]:
    """Read what `write_outcome` wrote: the configuration and the outcome."""
    with np.load(path, allow_pickle=False) as arrays:
        meta = json.loads(arrays["meta"].item())
        arrays = {name: arrays[name] for name in arrays.files if name != "meta"}
    configuration, result = meta.pop("configuration"), meta.pop("result", None)
    evaluations, best = meta.pop("evaluations", []), meta.pop("best", None)
    payload = None
    if result is not None:
        evaluations = [Evaluation(**evaluation) for evaluation in evaluations]
        payload = TrialResult(
            **result,
            evaluations=evaluations,
            losses=arrays.pop("losses"),
            best=None if best is None else evaluations[best],
            last=evaluations[-1] if evaluations else None,
            predictions={name.removeprefix("prediction_"): a for name, a in arrays.items()},
        )
    progress = tuple(Progress(**progress) for progress in meta.pop("progress"))
    return configuration, Outcome(**meta, progress=progress, payload=payload)
