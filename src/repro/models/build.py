"""Pretrained models: how a trial gets its own copy, and how texts become numbers.

A model's configuration and pretrained weights are read once a process; each trial then gets a
fresh copy. Weights come from safetensors only, and no code from a repository is ever run.
"""

import copy
import re
from collections.abc import Callable, Collection
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from repro.data.definitions import Task
from repro.data.encoding import EncodedTask, encode_split
from repro.data.tasks import TaskData
from repro.models.locate import (
    TOKENIZERS,
    WEIGHTS,
    ModelSpec,
    check_length,
    find_model,
    read_config,
)

# Where an architecture's configuration keeps a hyperparameter; the first name that it has counts.
# A head's own dropout (`classifier_dropout`, DistilBERT's `seq_classif_dropout`) stays as the
# checkpoint has it; where that is unset, as in the published BERT, ELECTRA and RoBERTa, the head
# follows `hidden_dropout`, as in transformers and in the papers' code.
DROPOUT_FIELDS = {
    "hidden_dropout": ("hidden_dropout_prob", "hidden_dropout", "dropout"),
    "attention_dropout": ("attention_probs_dropout_prob", "attention_dropout"),
}


def resolve_model(name: str) -> ModelSpec:
    """Find the model `name` (see `find_model`), and read its configuration."""
    path = find_model(name)
    return ModelSpec(name=str(name), path=path, family=_configuration(path, name).model_type)


def _configuration(path: str, name: str):
    read_config(path)
    with _loading(path, f"a configuration for '{name}'"):
        return AutoConfig.from_pretrained(path, trust_remote_code=False)


@contextmanager
def _loading(path: str, what: str):
    """Say in one line what transformers could not load, whatever it raises."""
    try:
        yield
    except Exception as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(
            f"{path} must hold {what} that transformers knows, but it says: {why}; save the model "
            "again, or name another"
        ) from error


def load_tokenizer(spec: ModelSpec):
    return _tokenizer(spec.path, _stamp(spec.path))


@lru_cache(maxsize=4)
def _tokenizer(path: str, stamp: int):
    with _loading(path, "a tokenizer"):
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)


def _stamp(path: str) -> int:
    """Return what changes when a local checkpoint is written anew, so that caches see it."""
    files = [Path(path) / name for name in (*WEIGHTS, "config.json", *TOKENIZERS)]
    return hash(tuple(file.stat().st_mtime_ns for file in files if file.is_file()))


@lru_cache(maxsize=4)
def _pretrained(path: str, stamp: int, n_labels: int) -> tuple:
    """Return a checkpoint's configuration, its tensors, and the names of those that it lacks.

    Raises:
        ValueError: if it lacks more than what is trained from the start, or holds NaN.
    """
    with _loading(path, "a model"), quiet(), torch.random.fork_rng(devices=[]):
        model, report = AutoModelForSequenceClassification.from_pretrained(
            path,
            num_labels=n_labels,
            dtype=torch.float32,  # the weights being trained; mixed precision casts from them
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a classifier for other labels counts as missing
            output_loading_info=True,
        )
    mismatched = {key if isinstance(key, str) else key[0] for key in report["mismatched_keys"]}
    tensors, fresh = dict(_named_tensors(model)), set(report["missing_keys"]) | mismatched
    body = f"{model.base_model_prefix}."
    lost = sorted(name for name in fresh if name.startswith(body) and ".pooler." not in name)
    broken = sorted(name for name, tensor in tensors.items() if not tensor.isfinite().all())
    for names, fault in ((lost, "lacks them, or in other shapes"), (broken, "has NaN in them")):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(
                f"{path} must hold the pretrained weights of a {model.config.model_type}, but "
                f"{fault}: {', '.join(names[:3])}{more}; check that weights and config.json belong "
                "together, or download the model again"
            )
    return model.config, tensors, fresh


def _named_tensors(model: torch.nn.Module):
    yield from ((name, parameter.detach()) for name, parameter in model.named_parameters())
    yield from model.named_buffers()  # those that are not in the state dictionary too


@contextmanager
def quiet():
    """Silence transformers' loading report and bar: what is fresh here is so on purpose."""
    verbosity = transformers_logging.get_verbosity()
    bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bar:
            transformers_logging.enable_progress_bar()


def build_model(
    spec: ModelSpec, *, task: Task, configuration: dict, init_seed: int, fresh_layers: int = 0
) -> torch.nn.Module:
    """Make a trial's own model: pretrained weights, fresh classifier, the searched dropouts.

    The weights that the checkpoint lacks are drawn from N(0, initializer_range), biases are zero
    and LayerNorm weights one; they depend on `init_seed` and their shapes only. So are the top
    `fresh_layers` and the pooler, where that is more than none; the classifier stays the same.

    Raises:
        ValueError: if a searched dropout has no place in this architecture, or it has fewer layers.
    """
    config, tensors, fresh = _pretrained(spec.path, _stamp(spec.path), _n_outputs(task))
    config = copy.deepcopy(config)
    for name in DROPOUT_FIELDS.keys() & configuration.keys():
        setattr(config, _dropout_field(spec, config, name), float(configuration[name]))
    if task.labels is not None:
        config.id2label = dict(enumerate(task.labels))
        config.label2id = {label: i for i, label in enumerate(task.labels)}
    model = _empty_model(config).to_empty(device="cpu")
    model.tie_weights()
    generator = torch.Generator().manual_seed(init_seed)
    named = dict(_named_tensors(model))
    for name, tensor in named.items():
        if name in fresh:
            _draw(name, tensor, deviation=config.initializer_range, generator=generator)
        else:
            tensor.copy_(tensors[name])
    for name in _top_layers(named, fresh_layers):
        _draw(name, named[name], deviation=config.initializer_range, generator=generator)
    return model


def _draw(name: str, tensor: torch.Tensor, *, deviation: float, generator: torch.Generator) -> None:
    if tensor.ndim >= 2:
        tensor.normal_(0.0, deviation, generator=generator)
    else:
        tensor.fill_(0.0 if name.endswith("bias") else 1.0)


def _top_layers(names: Collection[str], n_layers: int) -> list[str]:
    """List the tensors of the pooler and the top `n_layers`; none for 0."""
    if n_layers == 0:
        return []
    numbers = {name: int(m[1]) for name in names if (m := re.search(r"\.layers?\.(\d+)\.", name))}
    depth = len(set(numbers.values()))
    if n_layers > depth:
        raise ValueError(
            f"`reinitialised_layers` must be at most the model's {depth} layers, but got {n_layers}"
        )
    top = {name for name, number in numbers.items() if number >= depth - n_layers}
    return [name for name in names if name in top or ".pooler." in name]


def _n_outputs(task: Task) -> int:
    return 1 if task.labels is None else len(task.labels)


def _empty_model(config) -> torch.nn.Module:
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        return AutoModelForSequenceClassification.from_config(config)


def _dropout_field(spec: ModelSpec, config, name: str) -> str:
    """Return the field of `config` that holds the hyperparameter `name`."""
    for field in DROPOUT_FIELDS[name]:
        if hasattr(config, field):
            return field
    raise ValueError(
        f"`{name}` must reach the model, but '{spec.family}' has none of the settings "
        f"{list(DROPOUT_FIELDS[name])}; take it out of the search space"
    )


def dropout_places(spec: ModelSpec, *, task: Task, name: str) -> tuple[tuple[str, str], ...]:
    """List where a dropout acts in this architecture, as (module name, attribute) pairs.

    Found by experiment, so that it holds for any architecture: an empty model is built with a
    telltale value, and the modules that carry the value are looked for.

    Raises:
        ValueError: if there is no such place.
    """
    places = _places(spec, _stamp(spec.path), _n_outputs(task), name)
    if not places:
        raise ValueError(
            f"`{name}` must act in the model, but no module of '{spec.family}' carries it; "
            "take it out of the search space"
        )
    return places


@lru_cache(maxsize=16)
def _places(spec: ModelSpec, stamp: int, n_labels: int, name: str) -> tuple[tuple[str, str], ...]:
    config = _pretrained(spec.path, stamp, n_labels)[0]
    return carriers(config, _dropout_field(spec, config, name), build=_empty_model)


def carriers(config, field: str, *, build: Callable) -> tuple[tuple[str, str], ...]:
    """List the (module name, attribute) pairs that a setting of a configuration ends up in.

    Args:
        build: makes an empty model of a configuration.
    """
    telltale = 0.123456789
    config = copy.deepcopy(config)
    setattr(config, field, telltale)
    return tuple(
        (module_name, attribute)
        for module_name, module in build(config).named_modules()
        for attribute, value in vars(module).items()
        if isinstance(value, float) and value == telltale
    )


def encode(data: TaskData, spec: ModelSpec, *, max_length: int) -> EncodedTask:
    """Turn a task's texts into token ids, cut to `max_length`; the test labels stay behind.

    Raises:
        ValueError: if a split is empty or `max_length` is more than the model can take.
    """
    config, tokenizer = _configuration(spec.path, spec.name), load_tokenizer(spec)
    check_length(spec.name, config.to_dict(), max_length)
    typed = getattr(config, "type_vocab_size", 0) > 1  # RoBERTa has one segment, DistilBERT none
    splits = {
        name: encode_split(name, frame, tokenizer, max_length=max_length, typed=typed)
        for name, frame in data.splits.items()
    }
    return EncodedTask(data.task, spec.path, splits, max_length, int(tokenizer.pad_token_id))
