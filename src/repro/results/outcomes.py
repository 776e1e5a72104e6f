"""One finished trial: as a file, from which a killed tuning run goes on, and as rows of tables.

The file is numpy's, with the numbers in arrays and the rest as JSON; nothing in it is pickled.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.tasks import Task, TaskData, score_predictions
from repro.training.types import Evaluation, Segment, TrialResult

_ARRAYS = {"losses", "predictions"}


def write_trial(path: Path, configuration: dict, result: TrialResult) -> None:
    """Write a trial's configuration and result to a file that is complete or absent."""
    meta = {name: value for name, value in vars(result).items() if name not in _ARRAYS}
    meta["evaluations"] = [vars(evaluation) for evaluation in result.evaluations]
    meta["segment"] = vars(result.segment) if result.segment else None
    arrays = {f"prediction_{name}": a for name, a in result.predictions.items()}
    text = json.dumps(meta | {"configuration": configuration})
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, meta=np.array(text), losses=result.losses, **arrays)
    os.replace(temporary, path)


def read_trial(path: Path) -> tuple[dict, TrialResult]:
    """Read what `write_trial` wrote: the configuration and the result."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    meta, losses = json.loads(arrays.pop("meta").item()), arrays.pop("losses")
    configuration, segment = meta.pop("configuration"), meta.pop("segment")
    return configuration, TrialResult(
        **meta
        | {
            "evaluations": tuple(Evaluation(**evaluation) for evaluation in meta["evaluations"]),
            "segment": Segment(**segment) if segment else None,
        },
        losses=losses,
        predictions={name.removeprefix("prediction_"): a for name, a in arrays.items()},
    )


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


def segment_rows(run_id: str, results: dict[int, TrialResult]) -> list[dict]:
    """Return one row of `segments` for each trial that is one.

    Args:
        results: by the trial's number.
    """
    name = f"{run_id}/trial{{:04d}}".format
    rows = []
    for number, result in results.items():
        if (segment := result.segment) is None:
            continue
        row = vars(segment) | {"run_id": run_id, "trial_id": name(number)}
        row["parent"] = "" if segment.parent is None else name(segment.parent)
        row["end"] = segment.start + result.epochs_trained
        row["exchange_seconds"] = result.exchange_seconds
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
