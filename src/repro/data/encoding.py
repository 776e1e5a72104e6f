"""The examples of a task as arrays of token ids, made once and shared by all trials."""

from dataclasses import dataclass

import numpy as np

from repro.data.tasks import Task, is_test


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
    encoded = tokenizer(*texts, truncation=True, max_length=max_length, return_token_type_ids=typed)
    rows = encoded["input_ids"]
    labels = None if is_test(name) else frame["label"].to_numpy()
    if labels is not None:
        labels = labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
    return EncodedSplit(
        ids=_pad(rows, tokenizer.pad_token_id, np.int32),
        types=_pad(encoded["token_type_ids"], 0, np.int8) if typed else None,
        lengths=np.array([len(row) for row in rows], dtype=np.int64),
        labels=labels,
        index=frame["index"].to_numpy().astype(np.int64),
    )


def _pad(rows: list[list[int]], value: int, dtype: type) -> np.ndarray:
    padded = np.full((len(rows), max(map(len, rows))), value, dtype=dtype)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded
