"""One finished trial: as a file, from which a killed tuning run goes on, and as rows of tables.

The file is numpy's, with the numbers in arrays and the rest as JSON; nothing in it is pickled.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.tasks import Task, TaskData, score_predictions
from repro.training.types import Evaluation, TrialResult
from repro.tuning.population import Segment
from repro.tuning.runs import Outcome, Progress

_IN_PARTS = {"best", "last", "evaluations", "losses", "predictions"}


def write_outcome(path: Path, configuration: dict, outcome: Outcome) -> None:
    """Write a trial's configuration and outcome to a file that is complete or absent."""
    result: TrialResult | None = outcome.payload
    meta = {name: value for name, value in vars(outcome).items() if name != "payload"}
    meta["progress"] = [vars(progress) for progress in outcome.progress]
    meta["segment"] = vars(outcome.segment) if outcome.segment else None
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
    segment = meta.pop("segment", None)
    meta["segment"] = Segment(**segment) if segment else None
    return configuration, Outcome(**meta, progress=progress, payload=payload)


def score_trial(result: TrialResult, data: TaskData) -> pd.DataFrame:
    """Score one trial's predictions beside a guess that looks at the training labels only.

    Returns:
        one row a split and metric: split, metric, best, last (checkpoints; fractions; NaN where
        labels are hidden) and guess (the most frequent class; the mean in a regression).
    """
    rows = []
    for split in ("validation", "test"):
        examples = data.splits[split]
        parts = {c: result.predictions.get(f"{split}_{c}") for c in ("best", "last")}
        parts["guess"] = _guess(data, split)
        scores = {name: _metrics(data.task, p, examples) for name, p in parts.items()}
        for metric in data.task.metrics:
            cells = {name: values.get(metric) for name, values in scores.items()}
            rows.append({"split": split, "metric": metric, **cells})
    return pd.DataFrame(rows)


def loss_table(result: TrialResult, trial_id: str = "live") -> pd.DataFrame:
    """Return the training loss of every update as the table `losses`."""
    steps = np.arange(1, len(result.losses) + 1)
    frame = pd.DataFrame({"step": steps, "loss": result.losses.astype(np.float64)})
    frame.insert(0, "trial_id", pd.Series([trial_id] * len(frame), dtype="str"))
    return frame


def _guess(data: TaskData, split: str) -> np.ndarray:
    labels = data.splits["train"]["label"]
    value = labels.mean() if data.task.labels is None else labels.mode()[0]
    return np.full(len(data.splits[split]), value)


def score_row(task: Task, result: TrialResult, examples: dict[str, pd.DataFrame]) -> dict:
    """Return the scores of a trial's best and last checkpoints as columns of `trials`.

    Args:
        examples: of the splits, with the column label; without test, or its labels, no test score.
    """
    row = {}
    if result.best:
        row |= {"best_step": result.best.step, "validation_score": result.best.score}
        row |= {"validation_loss": result.best.loss}
        row |= {f"validation_{metric}": value for metric, value in result.best.metrics.items()}
        row |= {"last_validation_score": result.last.score}
        row |= {"last_validation_loss": result.last.loss}
    best, last = (_test_metrics(task, result, c, examples) for c in ("best", "last"))
    row |= {f"test_{metric}": value for metric, value in best.items()}
    row |= {"test_score": best.get(task.metric), "last_test_score": last.get(task.metric)}
    return row


def _test_metrics(task, result, checkpoint: str, examples) -> dict[str, float]:
    return _metrics(task, result.predictions.get(f"test_{checkpoint}"), examples.get("test"))


def _metrics(task: Task, predictions, examples: pd.DataFrame | None) -> dict[str, float]:
    """Score predictions; without them, examples or labels there is nothing to score."""
    if predictions is None or examples is None or not np.isfinite(predictions).all():
        return {}
    labels = examples["label"].to_numpy()
    hidden = np.isnan(labels) if task.labels is None else labels < 0
    return {} if hidden.any() else score_predictions(task, predictions, labels)


def segment_rows(run_id: str, outcomes: dict[int, tuple[dict, Outcome]]) -> list[dict]:
    """Return one row of `segments` for each trial that is one.

    Args:
        outcomes: trial number -> configuration and outcome.
    """
    name = f"{run_id}/trial{{:04d}}".format
    rows = []
    for number, (_, outcome) in outcomes.items():
        if (segment := outcome.segment) is None:
            continue
        row = vars(segment) | {"run_id": run_id, "trial_id": name(number)}
        row["parent"] = "" if segment.parent is None else name(segment.parent)
        row["end"] = segment.start + (outcome.payload.epochs_trained if outcome.payload else 0.0)
        row["exchange_seconds"] = outcome.payload.exchange_seconds if outcome.payload else 0.0
        rows.append(row)
    return rows


def evaluation_row(trial_id: str, evaluation: Evaluation) -> dict:
    """Return one row of `evaluations`."""
    return {
        "trial_id": trial_id,
        "step": evaluation.step,
        "epoch": evaluation.epoch,
        "seconds": evaluation.seconds,
        "validation_score": evaluation.score,
        "validation_loss": evaluation.loss,
        **evaluation.metrics,
    }
