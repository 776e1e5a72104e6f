"""Unlabelled text as arrays to pretrain on: word ids, near misses, masks, first word vectors.

Everything here is learned from or done to raw text; no task label and no word list is used.
"""

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

REPLACED, SWAPPED, UNRELATED = "replaced", "swapped", "unrelated"
_GENUINE_SHARE, _REPLACED_SHARE, _SWAPPED_SHARE = 0.5, 0.3, 0.1  # the rest is unrelated
_NEIGHBOURS = 40
_FUNCTION_WORD_RATE = 0.006  # a word more frequent than this is left alone when corrupting


class Pair(NamedTuple):
    """Two sentences as word ids; `original` is the second one before it was tampered with."""

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
        return (*self.connectives, REPLACED, SWAPPED, UNRELATED)


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


# ------------------------------------------------------------------------- word vectors


def _cooccurrences(corpus):
    """Count words left of, right of and in the partner sentence of each word.

    Returns:
        shape (n_words, 3 * n_words).
    """
    n = corpus.n_words
    codes = []
    for first, _, second, _ in corpus.pairs:
        for sentence, partner in ((first, second), (second, first)):
            for i, word in enumerate(sentence):
                base = word * 3 * n
                codes += [base + w for w in sentence[max(0, i - 2) : i]]
                codes += [base + n + w for w in sentence[i + 1 : i + 3]]
                codes += [base + 2 * n + w for w in partner]
    counts = np.bincount(np.asarray(codes, dtype=np.int64), minlength=3 * n * n)
    return counts.reshape(n, 3 * n).astype(np.float64)


def word_vectors(corpus, size):
    """Factorise the positive pointwise mutual information of words and their contexts.

    Returns:
        shape (n_words, size), standard deviation 1 over all entries; zero rows for words unseen.
    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization".
    """
    counts = _cooccurrences(corpus)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
        ppmi = np.maximum(np.nan_to_num(np.log(counts / expected), neginf=0.0), 0.0)
    values, vectors = np.linalg.eigh(ppmi @ ppmi.T)
    order = np.argsort(values)[::-1][:size]
    vectors = vectors[:, order] * np.maximum(values[order], 0) ** 0.25
    return (vectors / vectors.std()).astype(np.float32)


def neighbours(vectors):
    """Rank the words used most like each word.

    Returns:
        shape (n_words, 40), ids of the words with the highest cosine, the word itself left out.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = (vectors / np.maximum(norms, 1e-9)) @ (vectors / np.maximum(norms, 1e-9)).T
    cosine[:, :N_SPECIALS] = -np.inf
    np.fill_diagonal(cosine, -np.inf)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :_NEIGHBOURS]


def content_words(corpus):
    """Tell which words are rare enough to carry content: shape (n_words,), boolean."""
    words = np.concatenate([np.asarray(a + b) for a, _, b, _ in corpus.pairs])
    share = np.bincount(words, minlength=corpus.n_words) / len(words)
    return (share > 0) & (share < _FUNCTION_WORD_RATE)


# -------------------------------------------------------------------- genuine or near miss


def _replace_word(rng, sentence, near, content):
    """Replace one content word, or about half of them, by words that are used alike."""
    spots = [i for i, w in enumerate(sentence) if content[w]]
    if not spots:
        return None
    several = rng.random() < 0.4
    chosen = [i for i in spots if several and rng.random() < 0.5] or [rng.choice(spots)]
    changed = list(sentence)
    for i in chosen:
        changed[i] = rng.choice(near[sentence[i]])
    return changed


def _swap_words(rng, sentence, near, content):
    """Exchange two content words that are used alike; None where there are none."""
    spots = [i for i, w in enumerate(sentence) if content[w]]
    alike = [
        (i, j) for i in spots for j in spots if i < j and sentence[j] in near[sentence[i]]
    ]  # fmt: skip
    if not alike:
        return None
    i, j = rng.choice(alike)
    changed = list(sentence)
    changed[i], changed[j] = changed[j], changed[i]
    return changed


def corrupt(corpus, rng, near, content):
    """Give half of the pairs another second sentence: a near miss of it or an unrelated one.

    Args:
        rng: a `random.Random`.
        near: per word a list of the words used alike (see `neighbours`).
        content: per word whether it carries content.
    Returns:
        pairs whose links are numbers of `corpus.links`.
    """
    links = {name: i for i, name in enumerate(corpus.links)}
    pairs = []
    for pair in corpus.pairs:
        draw = rng.random() - _GENUINE_SHARE
        changed, name = None, UNRELATED
        if 0 <= draw < _REPLACED_SHARE:
            changed, name = _replace_word(rng, pair.second, near, content), REPLACED
        elif 0 <= draw < _REPLACED_SHARE + _SWAPPED_SHARE:
            changed, name = _swap_words(rng, pair.second, near, content), SWAPPED
        elif draw >= 0:
            other = rng.choice(corpus.pairs).second
            pair = Pair(pair.first, links[name], other, other)
        if changed is not None:
            pair = pair._replace(second=changed, link=links[name])
        pairs.append(pair)
    return pairs


# ------------------------------------------------------------------------ rows and masks


def encode(pairs, family):
    """Lay pairs out as the family does, padded to the longest of them.

    BERT and ELECTRA: start A end B end. RoBERTa: start A end end B end.
    """
    middle = [END, END] if family == "roberta" else [END]
    length = max(len(p.first) + len(p.second) for p in pairs) + len(middle) + 2
    ids = np.full((len(pairs), length), PAD, dtype=np.int64)
    side = np.full((len(pairs), length), SPECIAL_SIDE, dtype=np.int64)
    changed = np.zeros((len(pairs), length), dtype=bool)
    for i, pair in enumerate(pairs):
        row = [START, *pair.first, *middle, *pair.second, END]
        start = len(row) - 1 - len(pair.second)
        ids[i, : len(row)] = row
        side[i, 1 : 1 + len(pair.first)] = 0
        side[i, start : len(row) - 1] = 1
        changed[i, start : len(row) - 1] = np.not_equal(pair.second, pair.original)
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
    only = np.where(rng.random(n) < one_sided, rng.integers(0, 2, n), -1)[:, None]
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
