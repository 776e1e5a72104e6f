"""Tasks with their data, from any source."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repro.data import sources
from repro.data.definitions import TASKS, Task, is_yaml, read_own_task
from repro.data.frames import make_frames
from repro.names import check_name


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

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that depend on the task and on all contents, in order."""
        digest = hashlib.sha256(repr(self.task).encode())
        for split, frame in sorted(self.splits.items()):
            for name, column in frame.items():
                digest.update(f"\n{split} {name} {len(frame)}\n".encode())
                if pd.api.types.is_numeric_dtype(column):
                    digest.update(column.to_numpy().astype(f"<{column.dtype.kind}8").tobytes())
                else:  # a length before each text, so that no two lists give the same bytes
                    texts = "".join(f"{len(text)}:{text}" for text in column)
                    digest.update(texts.encode("utf-8", "surrogatepass"))
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
        tables = sources.own_tables(read_own_task(Path(name)))
    elif source == "mini":
        tables = sources.mini_tables(
            task, seed=seed, shift=shift, sizes=sizes or {}, shifted_tests=shifted_tests or {}
        )
    elif source == "hub":
        tables = sources.hub_tables(task)
    else:
        tables = sources.directory_tables(task, Path(source))
    frames = make_frames(task, tables)
    if test_labels is not None:
        frames["test"] = sources.with_labels(task, frames.get("test"), Path(test_labels))
    return TaskData(task, frames)
