"""The examples of a task as arrays of token ids, made once and shared by all trials.

On disk they are plain arrays, which all workers of a machine map into memory.
"""

import json
import logging
import os
import shutil
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from repro.data.definitions import Task, is_test
from repro.results.files import digest, naming, sealed, unsealed

_LOG = logging.getLogger("repro.data")
_TEXTS_AT_ONCE = 20_000  # a tokenizer's lists take ten times an array's memory


@dataclass(frozen=True, eq=False)
class EncodedSplit:
    """The examples of one split as padded arrays, row i being the split's i-th example."""

    ids: np.ndarray  # int32, (n, longest)
    types: np.ndarray | None  # int8, (n, longest): segment ids, for models that use them
    lengths: np.ndarray  # int64, (n,)
    labels: np.ndarray | None  # int64 or float32, (n,); None for test splits
    index: np.ndarray  # int64, (n,): the examples' own index in their file

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True, eq=False)
class EncodedTask:
    """A task's splits in the vocabulary of one model; test splits carry no labels."""

    task: Task
    model: str  # path of the model whose tokenizer was used
    splits: dict[str, EncodedSplit]
    max_length: int
    pad_id: int


def encode_split(name: str, frame, tokenizer, *, max_length: int, typed: bool) -> EncodedSplit:
    """Encode the texts of one split; a test split's labels stay behind."""
    if len(frame) == 0:
        raise ValueError(f"split '{name}' must hold examples, but is empty; check the data source")
    texts = [frame[c].astype(str).tolist() for c in ("text_a", "text_b") if c in frame]
    ids, types, lengths = [], [], []
    for start in range(0, len(frame), _TEXTS_AT_ONCE):
        some = [column[start : start + _TEXTS_AT_ONCE] for column in texts]
        encoded = tokenizer(
            *some, truncation=True, max_length=max_length, return_token_type_ids=typed
        )
        lengths += map(len, encoded["input_ids"])
        ids.append(np.concatenate(encoded["input_ids"]).astype(np.int32))
        types += [np.concatenate(encoded["token_type_ids"]).astype(np.int8)] if typed else []
    lengths = np.array(lengths, dtype=np.int64)
    labels = None if is_test(name) else frame["label"].to_numpy()
    if labels is not None:
        labels = labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
    return EncodedSplit(
        ids=_pad(ids, lengths, tokenizer.pad_token_id),
        types=_pad(types, lengths, 0) if typed else None,
        lengths=lengths,
        labels=labels,
        index=frame["index"].to_numpy().astype(np.int64),
    )


def _pad(parts: list[np.ndarray], lengths: np.ndarray, value: int) -> np.ndarray:
    padded = np.full((len(lengths), lengths.max()), value, dtype=parts[0].dtype)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.concatenate(parts)
    return padded


def write_encoded(data: EncodedTask, folder: Path) -> None:
    """Write a task's arrays to `folder`, which is complete or absent, whoever else writes it."""
    partial = folder.with_name(f"{folder.name}.{os.uname().nodename}-{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with naming(folder):
            _write(data, partial)
            partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)
        if not folder.is_dir():  # else another was as quick, with the same arrays
            raise


def _write(data: EncodedTask, partial: Path) -> None:
    for name, split in data.splits.items():
        for field in fields(split):
            if (array := getattr(split, field.name)) is not None:
                np.save(partial / f"{name}.{field.name}.npy", array)
    about = {"max_length": data.max_length, "pad_id": data.pad_id, "splits": list(data.splits)}
    about["files"] = {path.name: digest(path) for path in sorted(partial.glob("*.npy"))}
    (partial / "about.json").write_bytes(sealed(json.dumps(about).encode()))


def read_encoded(folder: Path, *, task: Task, model: str) -> EncodedTask | None:
    """Map what `write_encoded` left in `folder`; None where there is nothing, or it is damaged."""
    if not folder.is_dir():
        return None
    try:
        about = json.loads(unsealed((folder / "about.json").read_bytes()))
        whole = all(digest(folder / name) == known for name, known in about["files"].items())
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        _LOG.warning("%s is not as it was written; its examples are encoded again", folder)
        shutil.rmtree(folder, ignore_errors=True)
        return None

    def read(split: str, field: str) -> np.ndarray | None:
        path = folder / f"{split}.{field}.npy"
        # copy on write: torch wants arrays that could be written to
        return np.asarray(np.load(path, mmap_mode="c")) if path.is_file() else None

    names = [field.name for field in fields(EncodedSplit)]
    splits = {
        split: EncodedSplit(**{name: read(split, name) for name in names})
        for split in about["splits"]
    }
    return EncodedTask(task, model, splits, about["max_length"], about["pad_id"])
