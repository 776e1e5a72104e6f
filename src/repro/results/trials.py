"""One finished trial: as a file, from which a tuning run goes on, and as rows of tables.

The file is numpy's, with the numbers in arrays and the rest as JSON, and a checksum behind it;
nothing in it is pickled.
"""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import Task
from repro.data.metrics import score_predictions
from repro.data.tasks import TaskData
from repro.results.files import sealed, unsealed, write_whole
from repro.training.types import Evaluation, Segment, TrialResult
from repro.tuning.runs import Request

_ARRAYS = {"losses", "predictions", "gradient_norms"}  # the last is kept nowhere
_PREDICTION = "prediction_"
_COLUMNS = ("status", "message", "steps", "epochs_trained", "started_at", "worker")
_COLUMNS += ("seconds", "training_seconds", "evaluation_seconds")


def write_trial(path: Path, request: Request, result: TrialResult) -> None:
    """Write a trial's result and its identity."""
    meta = {name: value for name, value in vars(result).items() if name not in _ARRAYS}
    meta["evaluations"] = [vars(evaluation) for evaluation in result.evaluations]
    meta["segment"] = vars(result.segment) if result.segment else None
    meta["identity"] = trial_identity(request)
    arrays = {_PREDICTION + name: values for name, values in result.predictions.items()}
    content = io.BytesIO()
    np.savez_compressed(content, meta=np.array(json.dumps(meta)), losses=result.losses, **arrays)
    write_whole(path, sealed(content.getvalue()))


def read_trial(path: Path) -> tuple[dict, TrialResult]:
    """Read what `write_trial` wrote: the trial's identity, and its result.

    Raises:
        ValueError: naming the file, if it is not as it was written.
    """
    try:
        with _open(path) as file:
            meta, losses = json.loads(file["meta"].item()), file["losses"]
            predictions = _predictions(file)
        segment, evaluations = meta.pop("segment"), meta.pop("evaluations")
        return meta.pop("identity"), TrialResult(
            **meta,
            evaluations=tuple(Evaluation(**evaluation) for evaluation in evaluations),
            segment=Segment(**segment) if segment else None,
            losses=losses,
            predictions=predictions,
        )
    except Exception as error:  # a damaged zip breaks anywhere in its reader
        why = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{path} must hold a finished trial, but cannot be read: {why}") from None


def read_predictions(path: Path) -> dict[str, np.ndarray]:
    """Read of a trial only `TrialResult.predictions`."""
    with _open(path) as file:
        return _predictions(file)


def _open(path: Path):
    return np.load(io.BytesIO(unsealed(path.read_bytes())), allow_pickle=False)


def _predictions(file) -> dict[str, np.ndarray]:
    names = [name for name in file.files if name.startswith(_PREDICTION)]
    return {name.removeprefix(_PREDICTION): file[name] for name in names}


def trial_identity(request: Request) -> dict:
    """Return what makes a recorded trial that of a request, as JSON gives it back."""
    seeds = vars(request.seeds) if request.seeds else None
    segment = vars(request.segment) if request.segment else None
    return {"configuration": request.configuration, "seeds": seeds, "segment": segment}


def trial_row(trial_id: str, identity: dict, result: TrialResult) -> dict:
    """Return what a trial itself says of its row of `trials`; the scores on test come apart."""
    row = {"trial_id": trial_id} | (result.hyperparameters or identity["configuration"])
    row |= {f"{name}_seed": seed for name, seed in identity["seeds"].items()}
    row |= {column: getattr(result, column) for column in _COLUMNS}
    if result.best is None:
        return row
    return row | {
        "best_step": result.best.step,
        "validation_score": result.best.score,
        "validation_loss": result.best.loss,
        **{f"validation_{metric}": value for metric, value in result.best.metrics.items()},
        "last_validation_score": result.last.score,
        "last_validation_loss": result.last.loss,
    }


def scores_on_test(task: Task, predictions: dict, labels: pd.Series | None) -> dict[str, float]:
    """Return the scores of the best and the last checkpoint on test as columns of `trials`.

    Args:
        predictions: as in `TrialResult`.
        labels: None if there is no test split.
    """
    best, last = (score_known(task, predictions.get(f"test_{c}"), labels) for c in ("best", "last"))
    scores = {"test_score": best.get(task.metric), "last_test_score": last.get(task.metric)}
    return scores | {f"test_{metric}": value for metric, value in best.items()}


def score_known(task: Task, predictions, labels: pd.Series | None) -> dict[str, float]:
    """Score predictions; without them, or where labels are hidden, there is no score."""
    if predictions is None or labels is None or not np.isfinite(predictions).all():
        return {}
    hidden = labels.isna() if task.labels is None else labels < 0
    return {} if hidden.any() else score_predictions(task, predictions, labels.to_numpy())


def score_trial(result: TrialResult, data: TaskData) -> pd.DataFrame:
    """Score one trial's predictions beside a guess that looks at the training labels only.

    Returns:
        one row a split and metric: split, metric, best, last (checkpoints; fractions; NaN where
        labels are hidden) and guess (the most frequent class; the mean in a regression).
    """
    labels, rows = data.splits["train"]["label"], []
    guess = labels.mean() if data.task.labels is None else labels.mode()[0]
    for split in ("validation", "test"):
        labels = data.splits[split]["label"]
        columns = {c: result.predictions.get(f"{split}_{c}") for c in ("best", "last")}
        columns["guess"] = np.full(len(labels), guess)
        scores = {name: score_known(data.task, p, labels) for name, p in columns.items()}
        for metric in data.task.metrics:
            cells = {name: values.get(metric) for name, values in scores.items()}
            rows.append({"split": split, "metric": metric, **cells})
    return pd.DataFrame(rows)


def loss_table(result: TrialResult, trial_id: str = "live") -> pd.DataFrame:
    """Return the training loss of every update as the table `losses`."""
    n_steps = len(result.losses)
    columns = {"trial_id": pd.Series([trial_id] * n_steps, dtype="str")}
    columns |= {"step": np.arange(1, n_steps + 1), "loss": result.losses.astype(np.float64)}
    return pd.DataFrame(columns)


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


def segment_row(run_id: str, trial_id: str, result: TrialResult) -> dict:
    """Return one row of `segments`."""
    segment = result.segment
    parent = "" if segment.parent is None else f"{run_id}/trial{segment.parent:04d}"
    return vars(segment) | {
        "run_id": run_id,
        "trial_id": trial_id,
        "parent": parent,
        "end": segment.start + result.epochs_trained,
        "exchange_seconds": result.exchange_seconds,
    }
