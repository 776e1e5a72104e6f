"""Unlabelled text as arrays to pretrain on: word ids, rows, masks, batches."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SPECIALS = {  # padding, unknown, start, end of a segment, mask; in the order of their ids
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "electra": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "roberta": ("<pad>", "<unk>", "<s>", "</s>", "<mask>"),
}
PAD, UNKNOWN, START, END, MASK = range(5)
N_SPECIALS = 5
SPECIAL_SIDE = 2  # the `side` of special tokens and padding; segments are sides 0 and 1

REPLACED, SWAPPED, UNRELATED, BROKEN = "replaced", "swapped", "unrelated", "broken"


class Pair(NamedTuple):
    """Two sentences as word ids; `original` is the second one before it was tampered with.

    A lone sentence has an empty first one.
    """

    first: list[int]
    link: int
    second: list[int]
    original: list[int]


@dataclass(frozen=True)
class Corpus:
    """Pairs of sentences that belong together.

    Args:
        pairs: their links are numbers of connectives.
        connectives: the connectives, in the order of their numbers.
        n_words: vocabulary size, special tokens included.
    """

    pairs: list[Pair]
    connectives: tuple[str, ...]
    n_words: int

    @property
    def links(self):
        """Name the classes of the first token's task: the connectives, then the corruptions."""
        return (*self.connectives, REPLACED, SWAPPED, UNRELATED, BROKEN)


@dataclass(frozen=True)
class Rows:
    """Encoded pairs of one length or padded to one.

    Args:
        ids: shape (n, length), token ids.
        side: shape (n, length), 0 or 1 for the words of a segment, `SPECIAL_SIDE` elsewhere.
        changed: shape (n, length), whether a word was put there by tampering.
        links: shape (n,), number of the link between the segments.
    """

    ids: np.ndarray
    side: np.ndarray
    changed: np.ndarray
    links: np.ndarray


def make_corpus(text, words):
    """Turn connected text into word ids.

    Args:
        text: tuples (first sentence, connective, second sentence).
        words: the vocabulary without special tokens.
    """
    number = {word: i + N_SPECIALS for i, word in enumerate(words)}
    connectives = tuple(dict.fromkeys(connective for _, connective, _ in text))
    which = {connective: i for i, connective in enumerate(connectives)}
    pairs = []
    for first, connective, second in text:
        a, b = ([number[word] for word in sentence.split()] for sentence in (first, second))
        pairs.append(Pair(a, which[connective], b, b))
    return Corpus(pairs, connectives, len(words) + N_SPECIALS)


# ------------------------------------------------------------------------ rows and masks


def encode(pairs, family):
    """Lay pairs out as the family does, padded to the longest of them.

    BERT and ELECTRA: start A end B end. RoBERTa: start A end end B end. A lone sentence is an A.
    """
    middle = [END, END] if family == "roberta" else [END]
    length = max(len(p.first) + len(p.second) for p in pairs) + len(middle) + 2
    ids = np.full((len(pairs), length), PAD, dtype=np.int64)
    side = np.full((len(pairs), length), SPECIAL_SIDE, dtype=np.int64)
    changed = np.zeros((len(pairs), length), dtype=bool)
    for i, pair in enumerate(pairs):
        opening = [*pair.first, *middle] if pair.first else []
        row = [START, *opening, *pair.second, END]
        second = slice(1 + len(opening), len(row) - 1)
        ids[i, : len(row)] = row
        side[i, 1 : 1 + len(pair.first)] = 0
        side[i, second] = 1 if pair.first else 0
        changed[i, second] = np.not_equal(pair.second, pair.original)
    return Rows(ids, side, changed, np.asarray([pair.link for pair in pairs]))


def choose_masked(rng, side, *, one_sided=0.5, rate=0.2, one_sided_rate=0.5):
    """Choose the tokens to predict.

    Args:
        rng: a numpy generator.
        side: see `Rows`.
        one_sided: share of rows where one segment stays intact and half of the other is masked,
            so that the words must be found by looking across.
    Returns:
        shape (n, length), boolean, at least one token a row.
    """
    n = len(side)
    two = (side == 1).any(axis=1)
    only = np.where((rng.random(n) < one_sided) & two, rng.integers(0, 2, n), -1)[:, None]
    rates = np.where(only < 0, rate, np.where(side == only, one_sided_rate, 0.0))
    draws = rng.random(side.shape)
    chosen = (draws < rates) & (side != SPECIAL_SIDE)
    draws[(side == SPECIAL_SIDE) | (rates == 0)] = 2.0
    chosen[np.arange(n), draws.argmin(1)] = True
    return chosen


def hide(rng, ids, chosen, *, near, replaced_share):
    """Mask the chosen tokens, or some of them by words that are used alike.

    Args:
        rng: a numpy generator.
        ids, chosen: shape (n, length).
        near: shape (n_words, k), see `neighbours`.
        replaced_share: share of the chosen tokens that are replaced; BERT's own recipe replaces a
            tenth, by words drawn at random.
    Returns:
        shape (n, length), the ids to show.
    """
    alike = near[ids, rng.integers(0, near.shape[1], ids.shape)]
    replaced = rng.random(ids.shape) < replaced_share
    return np.where(chosen, np.where(replaced, alike, MASK), ids)


def _by_length(pairs, rng):
    lengths = (len(pair.first) + len(pair.second) for pair in pairs)
    keyed = sorted((length + 2 * rng.random(), i) for i, length in enumerate(lengths))
    return [pairs[i] for _, i in keyed]


def paired_batches(first, second, sizes, rng):
    """Group two lists of pairs into batches of about one length, in random order.

    Args:
        sizes: pairs a batch takes from the first list and from the second.
        rng: a `random.Random`.
    Returns:
        tuples (pairs of the first list, pairs of the second); what is left over waits.
    """
    n = min(len(first) // sizes[0], len(second) // sizes[1])
    sides = []
    for pairs, size in ((first, sizes[0]), (second, sizes[1])):
        ordered = _by_length(rng.sample(pairs, n * size), rng)
        sides.append([ordered[i * size : (i + 1) * size] for i in range(n)])
    batches = list(zip(*sides, strict=True))
    rng.shuffle(batches)
    return batches
