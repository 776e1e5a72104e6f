"""Tasks with their data, from any source, and the scores of predictions on them."""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data import sources as task_sources
from repro.data.definitions import SPLITS, TASKS, Task, is_test, is_yaml, read_own_task
from repro.data.frames import hidden_labels
from repro.names import check_name

__all__ = [
    "SPLITS",
    "TASKS",
    "Task",
    "TaskData",
    "is_test",
    "labels_hidden",
    "load_task",
    "resolve_task",
    "score_predictions",
]


@dataclass(frozen=True, eq=False)
class TaskData:
    """A task and its examples.

    Args:
        splits: train and validation, test where there is one, and further test sets: MNLI's
            test-mismatched and test-ax, the miniature's test-shift0.5 and the like. Columns:
            text_a, text_b (pairs only), label (int64 class id, or float64; -1 or NaN where it is
            hidden) and index (int64, the file's own numbering, else the row's position).
    """

    task: Task
    splits: dict[str, pd.DataFrame]

    def hidden(self, split: str) -> bool:
        """Tell whether the labels of `split` are not known."""
        return labels_hidden(self.task, self.splits[split]["label"])

    def without_labels(self, split: str) -> "TaskData":
        """Return the data with the labels of `split` hidden."""
        frame = self.splits[split]
        frame = frame.assign(label=hidden_labels(self.task, len(frame)))
        return replace(self, splits=self.splits | {split: frame})

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that depend on the task and on all contents, in order."""
        digest = hashlib.sha256(repr(self.task).encode())
        for split, frame in sorted(self.splits.items()):
            for column in frame.columns:
                digest.update(f"\n{split} {column} {len(frame)}\n".encode())
                digest.update(_bytes_of(frame[column]))
        return digest.hexdigest()[:16]


def labels_hidden(task: Task, labels: pd.Series) -> bool:
    """Tell whether none of these labels of `task` is known."""
    return bool(labels.isna().all() if task.labels is None else (labels == -1).all())


def resolve_task(name: str | Path) -> Task:
    """Return the built-in task of that name, or the one that a YAML file describes.

    Raises:
        FileNotFoundError: if there is no such YAML file.
        ValueError: if the name is unknown or the file does not describe a task.
    """
    if is_yaml(name):
        return read_own_task(Path(name)).task
    return TASKS[check_name("task", str(name), TASKS)]


def load_task(
    name: str | Path,
    source: str | Path = "mini",
    *,
    shift: float = 0.0,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    shifted_tests: Mapping[float, int] | None = None,
    test_labels: str | Path | None = None,
) -> TaskData:
    """Load a task's data from its source and check every label, text and index.

    Args:
        name: one of TASKS, or a YAML file, which names its data itself (`source` is then unused).
        source: "mini", "hub", or a directory: the official GLUE (or SuperGLUE) download, or a
            copy of the hub's repository.
        shift: in [0, 1], how far the test distribution lies from the validation's; mini only.
        seed: of the generated examples; without effect on other sources.
        sizes: examples of each split; mini only.
        shifted_tests: shift -> examples of a further test set; mini only.
        test_labels: a file of the test set's gold labels, row i for row i: STS-B's
            original/sts-test.tsv, MRPC's msr_paraphrase_test.txt, or one with the label's column.
    Returns:
        the data, with a test split only where the source has one.
    Raises:
        ConnectionError: if the hub cannot be reached.
        FileNotFoundError: if the source does not hold the task.
        ValueError: if a name is unknown, a file is malformed, or arguments contradict each other.
    """
    task = resolve_task(name)
    if (shift or sizes or shifted_tests) and (is_yaml(name) or source != "mini"):
        raise ValueError(
            "`shift`, `sizes` and `shifted_tests` must be left out unless the data are generated, "
            f"but got {shift}, {sizes} and {shifted_tests} for {task.name} from {source}; "
            "use source 'mini' or drop them"
        )
    if is_yaml(name):
        frames = task_sources.own_frames(Path(name))
    elif source == "mini":
        frames = task_sources.mini_frames(task, seed=seed, shift=shift, sizes=sizes)
        for further, size in (shifted_tests or {}).items():
            more = dict(sizes or {}) | {"test": size}
            shifted = task_sources.mini_frames(task, seed=seed, shift=further, sizes=more)
            frames[f"test-shift{further:g}"] = shifted["test"]
    elif source == "hub":
        frames = task_sources.hub_frames(task)
    else:
        frames = task_sources.directory_frames(task, Path(source))
    if test_labels is not None:
        frames["test"] = task_sources.with_labels(task, frames.get("test"), Path(test_labels))
    return TaskData(task, frames)


def score_predictions(task: Task, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score predictions by each of the task's metrics.

    A correlation (Matthews, Pearson, Spearman) with constant predictions or labels is 0.0, as no
    better than guessing; F1 is that of class 1 (GLUE's positive class), of a task of more
    classes the mean over those that occur, and 0.0 where nothing is predicted or labelled positive.

    Args:
        predictions: shape (n,), class ids, or numbers for a regression.
        labels: shape (n,), as in TaskData.
    Returns:
        metric -> value, a fraction, in the order of `task.metrics`.
    Raises:
        ValueError: if the shapes differ, there are no rows, a label is hidden, or a number is not
            finite.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape or predictions.ndim != 1 or not len(labels):
        raise ValueError(
            "`predictions` and `labels` must be as many, at least one, and flat, but got shapes "
            f"{predictions.shape} and {labels.shape}"
        )
    if not (np.isfinite(predictions).all() and np.isfinite(labels).all()):
        raise ValueError(
            "`predictions` and `labels` must be finite, but got NaN or infinity; "
            "score neither a diverged trial nor a split whose labels are hidden"
        )
    if task.labels is not None and (labels < 0).any():
        raise ValueError(
            "`labels` must be class ids, but got -1; do not score a split whose labels are hidden"
        )
    return {metric: _METRICS[metric](task, predictions, labels) for metric in task.metrics}


def _accuracy(task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score  # here, for it takes a second to import

    return float(accuracy_score(labels, predictions))


def _f1(task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    average = "binary" if len(task.labels) == 2 else "macro"
    return float(f1_score(labels, predictions, average=average, zero_division=0.0))


def _matthews(task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    if _constant(predictions) or _constant(labels):
        return 0.0
    return float(matthews_corrcoef(labels, predictions))


def _pearson(task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    from scipy.stats import pearsonr

    return _correlation(pearsonr, predictions, labels)


def _spearman(task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return _correlation(spearmanr, predictions, labels)


def _correlation(function: Callable, predictions: np.ndarray, labels: np.ndarray) -> float:
    if _constant(predictions) or _constant(labels):
        return 0.0
    with warnings.catch_warnings():  # scipy warns where all but the last digits are constant
        warnings.simplefilter("ignore")
        value = float(function(predictions.astype(float), labels.astype(float)).statistic)
    return value if np.isfinite(value) else 0.0


def _constant(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}


def _bytes_of(column: pd.Series) -> bytes:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy().astype(f"<{column.dtype.kind}8").tobytes()
    # a length before each text, so that no two lists of texts give the same bytes
    return "".join(f"{len(text)}:{text}" for text in column).encode("utf-8", "surrogatepass")
