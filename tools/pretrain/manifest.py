"""What a pretrained model's manifest says: how its weights came about, and their checksums."""

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import version

_OBJECTIVES = {
    "bert": "masked tokens",
    "roberta": "masked tokens",
    "electra": "replaced tokens, with a generator that predicts masked ones",
}
_FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")


def checksums(directory):
    """Return file -> SHA-256 of the files that make up a model."""
    return {f: hashlib.sha256((directory / f).read_bytes()).hexdigest() for f in _FILES}


def write_manifest(recipe, averages, n_parameters, directory):
    """Write `manifest.json`: how the weights beside it came about, and their checksums.

    Args:
        averages: name -> mean over the last steps, losses and accuracies of pretraining.
    """
    packages = ("numpy", "torch", "transformers", "tokenizers")
    manifest = {
        "command": "PYTHONPATH=tools python -m pretrain.pretraining"
        f" --model tiny-{recipe.family} --out DIR --steps {recipe.steps} --seed {recipe.seed}",
        "objectives": [
            _OBJECTIVES[recipe.family],
            "first token: which word joined or opened the passage, or how it was tampered with",
            "words: which ones tampering put there",
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
        "sha256": checksums(directory),
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
