"""What trials predicted, as tables: the incumbent's checkpoints, and all trials side by side."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from repro.data.tasks import Task, is_test, labels_hidden
from repro.training.types import TrialResult

EXAMPLE = ("split", "index", "label")  # the columns before the trials' own


def incumbent_predictions(
    examples: Mapping[str, pd.DataFrame], result: TrialResult | None
) -> pd.DataFrame:
    """Lay out one trial's predictions: split, checkpoint, index, prediction, label."""
    frames = []
    for name, predictions in (result.predictions if result else {}).items():
        split, checkpoint = name.split("_")
        frame = examples[split][["index", "label"]].assign(prediction=predictions)
        frames.append(frame.assign(split=split, checkpoint=checkpoint))
    columns = ["split", "checkpoint", "index", "prediction", "label"]
    return pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)


def trial_predictions(
    task: Task, examples: Mapping[str, pd.DataFrame], predictions: Mapping[str, dict]
) -> pd.DataFrame:
    """Lay out what all trials' best checkpoints predict, one row an example, one column a trial.

    Args:
        examples: of the validation split and the test splits, with columns index and label.
        predictions: name of a trial -> all that it predicted; one without any has no column.
    Returns:
        columns of EXAMPLE, then one a trial: class ids as int16 (-1 where it has none of this
        split), or float32 (NaN) in a regression.
    """
    frames = []
    for split, frame in examples.items():
        columns = {"split": split, "index": frame["index"], "label": frame["label"]}
        for trial, predicted in predictions.items():
            if predicted:
                columns[trial] = _column(task, predicted.get(f"{split}_best"), len(frame))
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _column(task: Task, predictions: np.ndarray | None, n: int) -> np.ndarray:
    kind, nothing = (np.float32, np.nan) if task.labels is None else (np.int16, -1)
    return np.full(n, nothing, kind) if predictions is None else predictions.astype(kind)


def describe_test_sets(
    task: Task, examples: Mapping[str, pd.DataFrame], results: Iterable[TrialResult]
) -> dict[str, dict]:
    """Count for each test set its examples, the trials that predicted it, and the looks at it.

    A look is one trial whose predictions were held against the labels of the test set.
    """
    counts, results = {}, list(results)
    for split in filter(is_test, examples):
        n = sum(f"{split}_best" in r.predictions for r in results)
        looks = 0 if labels_hidden(task, examples[split]["label"]) else n
        counts[split] = {"examples": len(examples[split]), "predicted": n, "looks": looks}
    return counts
