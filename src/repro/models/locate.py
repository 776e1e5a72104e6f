"""Where pretrained models are: found and told apart without loading anything."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from repro.data.hub import fetch
from repro.paths import data_directory
from repro.tuning.spaces import FAMILIES

EMBEDDED = ("tiny-electra", "tiny-roberta", "tiny-bert")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model")
_FILES = ("config.json", "model*.safetensors", WEIGHTS[1], *TOKENIZERS, "merges.txt")
_FILES += ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_SIZES = dict.fromkeys(("vocab_size", "hidden_size", "intermediate_size"), 10_000_000)
_SIZES |= dict.fromkeys(("num_hidden_layers", "num_attention_heads"), 1_000)
_SIZES |= {"max_position_embeddings": 10_000_000}
_HUB_ID = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True)
class ModelSpec:
    """A pretrained model: its name, where it is, and its family (transformers' `model_type`)."""

    name: str
    path: str  # a directory
    family: str


def find_model(name: str) -> str:
    """Return the directory of the model `name`; a hub id is downloaded, unless it was before.

    Raises:
        ConnectionError: if the hub is needed and cannot be reached.
        ValueError: if there is no such model, or it lacks configuration, weights or tokenizer.
    """
    directory = data_directory() / "mini" / name if name in EMBEDDED else Path(name)
    if name in EMBEDDED and not directory.is_dir():
        raise ValueError(f"model '{name}' must be in {directory}; build it by `make pretrain`")
    remedy = "save model and tokenizer there by `save_pretrained`"
    if not directory.is_dir():
        if not _HUB_ID.fullmatch(str(name)):
            raise ValueError(
                f"`model` must be one of {list(EMBEDDED)}, a directory with a model, or a hub id, "
                f"but got '{name}', where there is no directory"
            )
        try:
            directory = fetch(str(name), kind="model", files=_FILES)
        except (ConnectionError, ValueError) as error:
            must = f"`model` must be one of {list(EMBEDDED)}, a directory with a model, or a hub id"
            raise type(error)(f"{must}, but got '{name}': {error}") from error
        remedy = f"a revision may have it: `{name.partition('@')[0]}@refs/pr/1`, or the like"
    parts = {"config.json": ("config.json",), "weights": WEIGHTS, "tokenizer": TOKENIZERS}
    for part, names in parts.items():
        if not any((directory / name).is_file() for name in names):
            raise ValueError(
                f"model directory {directory} must hold {' or '.join(names)}, but has no {part}; "
                f"{remedy}"
            )
    return str(directory)


def check_length(name: str, config: Mapping, max_length: int) -> None:
    """Refuse a `max_length` that the model called `name` cannot take.

    Args:
        config: of the model, as its config.json has it.
    Raises:
        ValueError: if it is below 4 or beyond the model's positions.
    """
    longest, kind = config.get("max_position_embeddings", 512), config.get("model_type", "")
    if "roberta" in kind or kind == "camembert":  # count positions from their padding id + 1
        longest -= config.get("pad_token_id", 1) + 1
    if not 4 <= max_length <= longest:
        raise ValueError(
            f"`max_length` must be between 4 and {longest} for '{name}', but got {max_length}"
        )


def read_config(path: str) -> dict:
    """Return what the config.json of a model's directory says; nothing where there is none.

    Raises:
        ValueError: naming the file, if it cannot be a model's.
    """
    file = Path(path) / "config.json"
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} must be JSON, but {error}; save the model again") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type", ""), str):
        raise ValueError(
            f"{file} must describe a model, with its `model_type`, but got {config!r:.60}"
        )
    for name, most in _SIZES.items():
        size = config.get(name, 1)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= most:
            raise ValueError(
                f"{file}: `{name}` must be a whole number from 1 to {most:,}, but got {size!r}"
            )
    return config


@lru_cache(maxsize=64)
def weights_fingerprint(path: str) -> str:
    """Return 16 hexadecimal digits that depend on the files of a checkpoint's directory."""
    digest = hashlib.sha256()
    for name in ("config.json", *TOKENIZERS, "tokenizer_config.json"):
        if (file := Path(path) / name).is_file():
            digest.update(name.encode() + file.read_bytes())
    for file in sorted(Path(path).glob("*.safetensors")):
        with file.open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    return digest.hexdigest()[:16]


def guess_family(model: str) -> str:
    """Guess whose search space suits a model, from its directory's config.json or its name.

    BERT has a miniature space only: the sources give no grid for a BERT of full size.
    """
    if model in EMBEDDED:
        return model.removeprefix("tiny-") + "-mini"
    text = read_config(model).get("model_type", model).lower()
    fitting = [family for family in ("electra", "roberta") if family in text]
    if len(fitting) == 1:
        return fitting[0]
    raise ValueError(f"model {model!r} must come with its `family`, one of {list(FAMILIES)}")
