"""A forward pass that computes no padding and nothing that the classifier will not see.

BERT's descendants treat each token apart from the others everywhere but in attention. So the
tokens of a batch are laid end to end, padded only around attention; and the last layer, of which a
classifier sees the first token alone, is computed for that token alone. The modules, the weights
and the result (up to rounding) are transformers' own; what is left out is arithmetic on values
that do not reach the loss. Other architectures go through transformers' own forward pass.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from repro.data.encoding import EncodedSplit

_FAMILIES = ("bert", "electra", "roberta", "xlm-roberta", "camembert")


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """Examples end to end, T tokens in all, with the way to and from B rows padded to L."""

    ids: torch.Tensor  # (T,)
    types: torch.Tensor  # (T,)
    positions: torch.Tensor  # (T,): each token's position in its example
    first: torch.Tensor  # (B,): where each example starts
    slots: torch.Tensor | None  # (B * L,): the token in each place; None where nothing is padded
    places: torch.Tensor | None  # (T,): the place of each token
    mask: torch.Tensor | None  # (B, 1, 1, L): which places hold a token


def can_pack(model: torch.nn.Module) -> bool:
    """Whether `packed_logits` knows the architecture of this model."""
    return model.config.model_type in _FAMILIES and not model.config.is_decoder


def pack(split: EncodedSplit, rows: np.ndarray, device: torch.device) -> PackedBatch:
    """Lay the examples of one batch end to end."""
    lengths = split.lengths[rows]
    longest = int(lengths.max())
    mask = np.arange(longest) < lengths[:, None]
    padded = not mask.all()
    slots = np.zeros(mask.shape, dtype=np.int64)
    slots[mask] = np.arange(lengths.sum())
    types = np.zeros(mask.shape) if split.types is None else split.types[rows, :longest]
    return PackedBatch(
        ids=_send(split.ids[rows, :longest][mask], device),
        types=_send(types[mask].astype(np.int32), device),
        positions=_send(np.nonzero(mask)[1], device),
        first=_send(slots[:, 0].copy(), device),
        slots=_send(slots.reshape(-1), device) if padded else None,
        places=_send(np.flatnonzero(mask), device) if padded else None,
        mask=_send(mask[:, None, None], device) if padded else None,
    )


def _send(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values).to(device, non_blocking=True)


def packed_logits(model: torch.nn.Module, batch: PackedBatch) -> torch.Tensor:
    """Return the logits, shape (B, outputs), of a model that `can_pack`."""
    backbone, is_bert = model.base_model, model.config.model_type == "bert"
    hidden = _embed(backbone, batch)
    *inner, last = backbone.encoder.layer
    for layer in inner:
        hidden = _layer(layer, hidden, hidden, batch)
    first = _layer(last, hidden.index_select(0, batch.first), hidden, batch)[:, None]
    if is_bert:
        return model.classifier(model.dropout(backbone.pooler(first)))
    return model.classifier(first)


def _embed(backbone: torch.nn.Module, batch: PackedBatch) -> torch.Tensor:
    positions = batch.positions
    if backbone.config.model_type not in ("bert", "electra"):
        positions = positions + (backbone.embeddings.padding_idx + 1)  # RoBERTa's numbering
    hidden = backbone.embeddings(
        input_ids=batch.ids[None],
        token_type_ids=batch.types[None],
        position_ids=positions[None],
    )
    if hasattr(backbone, "embeddings_project"):
        hidden = backbone.embeddings_project(hidden)
    return hidden[0]


def _layer(layer, asking: torch.Tensor, hidden: torch.Tensor, batch: PackedBatch) -> torch.Tensor:
    """Apply one layer for the tokens `asking`: all of `hidden`, or the first of each example."""
    attended = _attend(layer.attention.self, asking, hidden, batch)
    return layer.feed_forward_chunk(layer.attention.output(attended, asking))


def _attend(attention, asking: torch.Tensor, hidden: torch.Tensor, batch: PackedBatch):
    n, everyone = len(batch.first), asking is hidden
    heads = (n, -1, attention.num_attention_heads, attention.attention_head_size)

    def spread(values: torch.Tensor) -> torch.Tensor:
        values = values if batch.slots is None else values.index_select(0, batch.slots)
        return values.view(heads).transpose(1, 2)

    queries = attention.query(asking)
    context = functional.scaled_dot_product_attention(
        spread(queries) if everyone else queries.view(heads).transpose(1, 2),
        spread(attention.key(hidden)),
        spread(attention.value(hidden)),
        attn_mask=batch.mask,
        dropout_p=attention.dropout.p if attention.training else 0.0,
        scale=attention.scaling,
    )
    context = context.transpose(1, 2).reshape(-1, attention.all_head_size)
    if everyone and batch.places is not None:
        context = context.index_select(0, batch.places)
    return context


def plain_logits(model: torch.nn.Module, inputs: dict) -> torch.Tensor:
    """Return the logits by transformers' own forward pass."""
    return model(**inputs).logits


def pad(split: EncodedSplit, rows: np.ndarray, device: torch.device) -> dict:
    """Gather one batch, padded to its longest example, as the model's keyword arguments.

    Without padding there is no mask: attending to everything is then the same and cheaper.
    """
    lengths = split.lengths[rows]
    longest = int(lengths.max())
    inputs = {"input_ids": split.ids[rows, :longest].astype(np.int64)}
    if split.types is not None:
        inputs["token_type_ids"] = split.types[rows, :longest].astype(np.int64)
    if int(lengths.min()) < longest:
        inputs["attention_mask"] = np.arange(longest) < lengths[:, None]
    return {name: _send(values, device) for name, values in inputs.items()}
