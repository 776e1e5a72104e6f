"""Tiny models of random weights and tiny tasks, made on the spot for the tests of a trial."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForPreTraining,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from repro.data.definitions import Task
from repro.data.tasks import TaskData
from repro.models.build import quiet
from repro.training.trial import Seeds, TrainingSettings

WORDS = [f"w{i}" for i in range(60)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32}
_BERT_LIKE = {**_SIZES, "intermediate_size": 64, "max_position_embeddings": 40}
_CLASSES = {
    "bert": (BertConfig, BertForMaskedLM, _BERT_LIKE),
    "electra": (ElectraConfig, ElectraForPreTraining, {**_BERT_LIKE, "embedding_size": 32}),
    "roberta": (RobertaConfig, RobertaForMaskedLM, {**_BERT_LIKE, "type_vocab_size": 1}),
    "distilbert": (
        DistilBertConfig,
        DistilBertForMaskedLM,
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 40},
    ),
    "modernbert": (
        ModernBertConfig,
        ModernBertForMaskedLM,
        {**_BERT_LIKE, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3},
    ),
}
BINARY = Task("cola", ("sentence",), ("unacceptable", "acceptable"), "accuracy", ("accuracy",))
PAIR = Task("rte", ("sentence1", "sentence2"), ("yes", "no", "maybe"), "accuracy", ("accuracy",))
REGRESSION = Task(
    "stsb", ("sentence1", "sentence2"), None, "pearson", ("pearson", "spearman"), (0.0, 5.0)
)

SEEDS = Seeds(init=1, order=2, dropout=3)
SETTINGS = TrainingSettings(max_length=32, evaluations_per_epoch=2, device="cpu")
CONFIGURATION = {
    "learning_rate": 2e-3,
    "batch_size": 16,
    "epochs": 2,
    "warmup_ratio": 0.25,
    "weight_decay": 0.1,
    "hidden_dropout": 0.15,
    "attention_dropout": 0.2,
}


def make_model(directory: Path, family: str = "bert", **config) -> Path:
    """Save a model of random weights with its tokenizer, pretraining head and all."""
    config_class, model_class, sizes = _CLASSES[family]
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(7)
        made = config_class(vocab_size=len(SPECIAL + WORDS), pad_token_id=0, **{**sizes, **config})
        model_class(made).save_pretrained(directory)
        _tokenizer().save_pretrained(directory)
    return directory


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ("pad", "unk", "cls", "sep", "mask")
    tokens = {f"{name}_token": token for name, token in zip(names, SPECIAL, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)


def make_data(task: Task = BINARY, *, n_train: int = 60, n_other: int = 20, length=(3, 12)):
    """Make a learnable task: the label is told by which words are frequent."""
    rng = np.random.default_rng(3)
    sizes = {"train": n_train, "validation": n_other, "test": n_other}
    return TaskData(task, {name: _frame(task, n, length, rng) for name, n in sizes.items()})


def _frame(task: Task, n: int, length: tuple[int, int], rng) -> pd.DataFrame:
    n_classes = len(task.labels or range(6))
    label = rng.integers(n_classes, size=n)
    texts = [_text(k, n_classes, length, rng) for k in label]
    columns = {"text_a": texts}
    if len(task.text_fields) == 2:
        columns["text_b"] = [_text(k, n_classes, length, rng) for k in label]
    dtype = np.float64 if task.labels is None else np.int64
    return pd.DataFrame({**columns, "label": label.astype(dtype), "index": np.arange(n)})


def _text(label: int, n_classes: int, length: tuple[int, int], rng) -> str:
    own = np.arange(len(WORDS)) % n_classes == label
    weights = np.where(own, 4.0, 1.0)
    n_words = rng.integers(length[0], length[1] + 1)
    return " ".join(rng.choice(WORDS, size=n_words, p=weights / weights.sum()))
