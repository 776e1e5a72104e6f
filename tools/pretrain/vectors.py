"""What raw text says about its words: vectors, words used alike, words that carry content."""

import numpy as np

from pretrain.corpus import N_SPECIALS

_NEIGHBOURS = 40
_PARTNER_WEIGHT, _CONNECTIVE_WEIGHT = 3.0, 22.0
_FUNCTION_WORD_RATE = 0.006  # more frequent words do not count as carrying content


def _cooccurrences(corpus):
    """Count what is left of, right of and in the partner sentence of each word, and the connective.

    A lone sentence is its own partner.

    Returns:
        shape (n_words, 3 * n_words + n_connectives).
    """
    n, width = corpus.n_words, 3 * corpus.n_words + len(corpus.connectives)
    codes = []
    for first, link, second, _ in corpus.pairs:
        for sentence, partner in ((first, second), (second, first)):
            for i, word in enumerate(sentence):
                base = word * width
                codes += [base + w for w in sentence[max(0, i - 2) : i]]
                codes += [base + n + w for w in sentence[i + 1 : i + 3]]
                codes += [base + 2 * n + w for w in partner or sentence]
                codes.append(base + 3 * n + link)
    counts = np.bincount(np.asarray(codes, dtype=np.int64), minlength=n * width)
    return counts.reshape(n, width).astype(np.float64)


def word_vectors(corpus, size):
    """Factorise the positive pointwise mutual information of words and their contexts.

    Synonyms come to lie together by the partner sentences they share, opinion words of one kind by
    the words that open opinions; both contexts are weighted up, or neighbouring words drown them.

    Returns:
        shape (n_words, size), rows of length sqrt(size); zero rows for words unseen.
    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization"; with all
        singular values set to one, and weighted contexts.
    """
    n, counts = corpus.n_words, _cooccurrences(corpus)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
        ppmi = np.maximum(np.nan_to_num(np.log(counts / expected), neginf=0.0), 0.0)
    ppmi[:, 2 * n : 3 * n] *= _PARTNER_WEIGHT
    ppmi[:, 3 * n :] *= _CONNECTIVE_WEIGHT
    vectors = np.linalg.eigh(ppmi @ ppmi.T)[1][:, -size:]
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = counts.sum(1, keepdims=True) > 0
    return np.where(seen, vectors / np.maximum(norms, 1e-12) * size**0.5, 0).astype(np.float32)


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
