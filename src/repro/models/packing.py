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
class DeviceSplit:
    """A split on the device; its lengths are here too, so that nobody waits for the device."""

    ids: torch.Tensor  # (n, longest)
    types: torch.Tensor | None  # (n, longest)
    lengths: torch.Tensor  # (n,)
    known_lengths: np.ndarray  # (n,)

    @classmethod
    def of(cls, split: EncodedSplit, device: torch.device) -> "DeviceSplit":
        """Bring a split to the device, once."""
        types = None if split.types is None else torch.from_numpy(split.types).to(device)
        arrays = (torch.from_numpy(values).to(device) for values in (split.ids, split.lengths))
        ids, lengths = arrays
        return cls(ids, types, lengths, split.lengths)


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


def pack(split: DeviceSplit, rows: np.ndarray, order: torch.Tensor) -> PackedBatch:
    """Lay the examples of one batch end to end.

    All is computed on the device, from sizes that are known here.

    Args:
        rows: positions of the examples.
        order: the same, on the device.
    """
    known, lengths = split.known_lengths[rows], split.lengths.index_select(0, order)
    n, longest, total = len(rows), int(known.max()), int(known.sum())
    device, padded = lengths.device, int(known.min()) < longest
    first = lengths.cumsum(0) - lengths
    example = torch.repeat_interleave(torch.arange(n, device=device), lengths, output_size=total)
    positions = torch.arange(total, device=device) - first.index_select(0, example)
    places, columns = example * longest + positions, torch.arange(longest, device=device)
    mask = columns < lengths[:, None]

    def lay(values: torch.Tensor) -> torch.Tensor:
        return values[:, :longest].index_select(0, order).reshape(-1).index_select(0, places)

    return PackedBatch(
        ids=lay(split.ids),
        types=torch.zeros_like(places) if split.types is None else lay(split.types).int(),
        positions=positions,
        first=first,
        slots=torch.where(mask, first[:, None] + columns, 0).reshape(-1) if padded else None,
        places=places if padded else None,
        mask=mask[:, None, None] if padded else None,
    )


def packed_logits(model: torch.nn.Module, batch: PackedBatch) -> torch.Tensor:
    """Return the logits, shape (B, outputs), of a model that `can_pack`."""
    backbone, is_bert = model.base_model, model.config.model_type == "bert"
    hidden = _embed(backbone, batch)
    *inner, last = backbone.encoder.layer
    for layer in inner:
        hidden = _layer(layer, hidden, hidden, batch)
    first = _layer(last, hidden.index_select(0, batch.first), hidden, batch)[:, None]
    return model.classifier(model.dropout(backbone.pooler(first)) if is_bert else first)


def _embed(backbone: torch.nn.Module, batch: PackedBatch) -> torch.Tensor:
    positions = batch.positions
    if backbone.config.model_type not in ("bert", "electra"):
        positions = positions + (backbone.embeddings.padding_idx + 1)  # RoBERTa's numbering
    hidden = backbone.embeddings(
        input_ids=batch.ids[None], token_type_ids=batch.types[None], position_ids=positions[None]
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


def pad(split: DeviceSplit, rows: np.ndarray, order: torch.Tensor) -> dict:
    """Gather one batch, padded to its longest example, as the model's keyword arguments.

    Without padding there is no mask: attending to everything is then the same and cheaper.

    Args:
        rows, order: as those of `pack`.
    """
    known = split.known_lengths[rows]
    longest = int(known.max())
    inputs = {"input_ids": split.ids[:, :longest].index_select(0, order).long()}
    if split.types is not None:
        inputs["token_type_ids"] = split.types[:, :longest].index_select(0, order).long()
    if int(known.min()) < longest:
        columns = torch.arange(longest, device=order.device)
        inputs["attention_mask"] = columns < split.lengths.index_select(0, order)[:, None]
    return inputs
