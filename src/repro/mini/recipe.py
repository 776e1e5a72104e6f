"""Sizes of the tiny models, how they are pretrained, and the manifest that says so."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version

MAX_TOKENS = 64
SIZE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "max_position_embeddings": MAX_TOKENS + 2,  # RoBERTa's positions start at 2
    "initializer_range": 0.05,
}
GENERATOR_SIZE = {"hidden_size": 48, "intermediate_size": 96}
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
FAMILIES = ("electra", "roberta", "bert")
MODELS = tuple(f"tiny-{family}" for family in FAMILIES)


@dataclass(frozen=True)
class Recipe:
    """What a pretraining run is made of; all of it goes into the manifest.

    Args:
        n_pairs: connected sentence pairs in the corpus.
        masked_rows, intact_rows: pairs per step for the family's objective and for the link.
        word_spread, position_spread: standard deviations of the initial embeddings.
        query_key_spread: standard deviation of the initial query weights, which the keys share, so
            that tokens first attend to tokens like them (after Trockman & Kolter 2023, "Mimetic
            initialization of self-attention layers").
        replaced_weight: weight of the replaced-token loss beside the two others' 1.
        dropout: rate from the share `dropout_from` of the steps on: models that have never met
            dropout lose what they can when they meet it in fine-tuning (MRPC .66 for .90).
    """

    family: str
    steps: int = 10_000
    seed: int = 0
    n_pairs: int = 60_000
    masked_rows: int = 24
    intact_rows: int = 40
    learning_rate: float = 3e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    word_spread: float = 0.1
    position_spread: float = 0.05
    query_key_spread: float = 0.125
    replaced_weight: float = 10.0
    dropout: float = 0.1
    dropout_from: float = 0.5

    @property
    def replaced_share(self):
        """Share of the tokens to predict that are replaced, not masked; ELECTRA masks them all."""
        return 0.0 if self.family == "electra" else 0.4

    def __post_init__(self):
        if self.family not in FAMILIES:
            raise ValueError(
                f"`family` must be one of {', '.join(FAMILIES)}, but got {self.family!r}; use one."
            )
        if self.steps < 1:
            raise ValueError(f"`steps` must be at least 1, but got {self.steps}; use more.")


# ------------------------------------------------------------------------------- manifest

_OBJECTIVES = {
    "bert": "masked tokens",
    "roberta": "masked tokens",
    "electra": "replaced tokens, with a generator that predicts masked ones",
}
_FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")


def _checksums(directory):
    return {f: hashlib.sha256((directory / f).read_bytes()).hexdigest() for f in _FILES}


def write_manifest(recipe, averages, n_parameters, directory):
    """Write `manifest.json`: how the weights beside it came about, and their checksums.

    Args:
        averages: name -> mean over the last steps, losses and accuracies of pretraining.
    """
    packages = ("numpy", "torch", "transformers", "tokenizers")
    manifest = {
        "command": f"python -m repro.mini.pretraining --model tiny-{recipe.family} --out DIR"
        f" --steps {recipe.steps} --seed {recipe.seed}",
        "objectives": [
            _OBJECTIVES[recipe.family],
            "first token: which word joined the segments, or how the second was tampered with",
        ],
        "start": [
            "word embeddings: positive pointwise mutual information of the same text, factorised",
            "positions: sinusoids",
            "attention keys: equal to the queries",
        ],
        "kept": "encoder and the dense layer over the first token; every output layer is dropped",
        "recipe": asdict(recipe),
        "parameters": n_parameters,
        "last_averages": averages,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "sha256": _checksums(directory),
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def check_manifest(directory):
    """Check that a model's files are those its manifest was written for, and return the manifest.

    Raises:
        ValueError: if a file's checksum differs.
    """
    manifest = json.loads((directory / "manifest.json").read_text())
    found = _checksums(directory)
    changed = [f for f, digest in manifest["sha256"].items() if found[f] != digest]
    if changed:
        raise ValueError(
            f"the files in {directory.name} must match its manifest.json, but {', '.join(changed)}"
            " changed; restore them or run `make pretrain`."
        )
    return manifest
