"""Reading a run file of Weights & Biases, which in offline mode is all that a run leaves.

It is a log in LevelDB's format of protobuf messages. Read here, by wire type and without wandb:
the configuration, the summary and the exit code. Field numbers are those of wandb_internal.proto.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

_HEADER = b":W&B\xe1\xbe\x00"  # with the version, 0
_BLOCK = 32768
_SUMMARY, _CONFIG, _RUN, _EXIT = 3, 5, 17, 18  # of a record
_RUN_CONFIG, _ITEM = 4, 1
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16  # of an item


def read_run(path: Path) -> dict:
    """Return one row: id, state, `config/` hyperparameters, and the summary's numbers.

    Raises:
        ValueError: if the file is none of Weights & Biases or of another version.
    """
    data = path.read_bytes()
    if not data.startswith(_HEADER):
        raise ValueError(
            f"{path} must be a run file of Weights & Biases of version 0, but begins with "
            f"{data[:7]!r}; export a CSV file instead"
        )
    config, summary, state = {}, {}, "running"
    try:
        for kind, message in (f for record in _records(data) for f in _fields(record)):
            if kind == _SUMMARY:
                summary |= _items(message)
            elif kind == _CONFIG:
                config |= _items(message)
            elif kind == _RUN:
                for part in (v for k, v in _fields(message) if k == _RUN_CONFIG):
                    config |= _items(part)
            elif kind == _EXIT:
                state = "failed" if dict(_fields(message)).get(1) else "finished"
    except (IndexError, UnicodeDecodeError, TypeError, struct.error, ValueError) as error:
        raise ValueError(f"{path} is damaged, or of a version that is not known") from error
    row = {"id": path.stem.removeprefix("run-"), "state": state}
    scalars = (int, float, str)
    row |= {f"config/{k}": v for k, v in config.items() if k[0] != "_" and isinstance(v, scalars)}
    return row | {k: v for k, v in summary.items() if k[0] != "_" and isinstance(v, int | float)}


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log; the last one may be cut off, where a run was killed."""
    at, parts = len(_HEADER), b""
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:
            at += _BLOCK - at % _BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind == 0 or at + 7 + length > len(data):
            return
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else (8 if kind == 1 else 4, at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _items(message: bytes) -> dict:
    """Return the items of a configuration or a summary; nested keys are joined by a slash."""
    items = {}
    for part in (v for k, v in _fields(message) if k == _ITEM):
        fields = list(_fields(part))
        keys = [v.decode() for k, v in fields if k in (_KEY, _NESTED_KEY)]
        value = json.loads(dict(fields)[_VALUE])
        if isinstance(value, dict):
            items |= {"/".join([*keys, name]): inner for name, inner in value.items()}
        else:
            items["/".join(keys)] = value
    return items
