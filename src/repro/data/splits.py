"""Which examples train, select and test: the official split, or one whose test set has labels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from repro.data.definitions import Task
from repro.data.tasks import TaskData
from repro.names import check_name


def split_data(
    data: TaskData,
    kind: str = "official",
    *,
    seed: int = 42,
    ratios: Sequence[float] = (0.8, 0.1, 0.1),
) -> TaskData:
    """Return the task's data with train, validation and test by the split `kind`.

    Args:
        kind: "official" keeps the splits as they are.
            "resplit" joins train and validation, shuffles, and cuts by `ratios`; the third part is
            the test set, with labels. `index` then counts the joined rows, train's first, so that
            it is unique over all three.
            "held_out" makes the validation set the test set, and carves a new validation set of
            the same size, but at most a tenth, from train.
        seed: of the shuffling; without effect on "official".
        ratios: shares of train, validation and test in a resplit.
    Returns:
        disjoint parts; each holds every class in its overall share, give or take two examples.
    Raises:
        ValueError: if the kind is unknown, an official test set is missing, the ratios do not sum
            to one, a part would be empty, or a class has too few examples to be in every part.
    Source: Liu & Wang 2021, appendix A.5 (resplit 8:1:1; the seed 42 from their code; there without
        regard to classes).
    """
    check_name("split", kind, ("official", "resplit", "held_out"))
    train, validation = data.splits["train"], data.splits["validation"]
    if kind == "official":
        if "test" not in data.splits:
            raise ValueError(
                f"the official split of {data.task.name} must have a test set, but there is none; "
                "add one, or use split 'held_out' or 'resplit'"
            )
        return data
    if kind == "held_out":
        sizes = {"validation": min(len(validation), len(train) // 10)}
        parts = _deal(data.task, train, sizes=sizes, seed=seed)
        return replace(data, splits=parts | {"test": validation})
    if len(ratios) != 3 or min(ratios) <= 0 or abs(sum(ratios) - 1) > 1e-9:
        raise ValueError(
            "`ratios` must be three shares above 0 that sum to 1, "
            f"but got {tuple(ratios)}; divide each by their sum"
        )
    joined = pd.concat([train, validation], ignore_index=True)
    n = len(joined)
    joined["index"] = np.arange(n, dtype=np.int64)
    # 1e-9: 0.7 + 0.1 is a rounding below 0.8, which must not cost a row
    first, second = int(n * ratios[0] + 1e-9), int(n * (ratios[0] + ratios[1]) + 1e-9)
    sizes = {"validation": second - first, "test": n - second}
    return replace(data, splits=_deal(data.task, joined, sizes=sizes, seed=seed))


def _deal(
    task: Task, frame: pd.DataFrame, *, sizes: dict[str, int], seed: int
) -> dict[str, pd.DataFrame]:
    """Draw parts of the given sizes from `frame`; what is left is the train split."""
    if min(len(frame) - sum(sizes.values()), *sizes.values()) < 1:
        raise ValueError(
            f"every part of {task.name} must hold an example, but its {len(frame)} rows give "
            f"{sizes} beside train; use more data, or split 'official'"
        )
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(frame))
    if task.labels is not None:
        counts = frame["label"].value_counts()
        for label, count in counts[counts <= len(sizes)].sort_index().items():
            raise ValueError(
                f"class {task.labels[label]!r} of {task.name} must have an example for each of "
                f"{len(sizes) + 1} parts, but has {count}; merge the class, or use split 'official'"
            )
        # class after class, in random order within each
        rows = rows[np.argsort(frame["label"].to_numpy()[rows], kind="stable")]
    parts = {}
    for split, size in sizes.items():
        # evenly spaced from a random start: each class in its share
        positions = ((np.arange(size) + rng.random()) * len(rows) / size).astype(int)
        parts[split] = frame.iloc[rng.permutation(rows[positions])].reset_index(drop=True)
        rows = np.delete(rows, positions)
    train = frame.iloc[rng.permutation(rows)].reset_index(drop=True)
    return {"train": train} | parts
