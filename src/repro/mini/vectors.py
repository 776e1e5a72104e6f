"""What raw text says about its words: vectors, words used alike, words that carry content."""

import numpy as np

from repro.mini.corpus import N_SPECIALS

_NEIGHBOURS = 40
_CONNECTIVE_WEIGHT = 10.0  # a few columns, or they would drown among the thousands of words'
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

    Opinion words of one kind come to lie together by the words that open and join opinions.

    Returns:
        shape (n_words, size), standard deviation 1 over all entries; zero rows for words unseen.
    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization".
    """
    counts = _cooccurrences(corpus)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
        ppmi = np.maximum(np.nan_to_num(np.log(counts / expected), neginf=0.0), 0.0)
    ppmi[:, -len(corpus.connectives) :] *= _CONNECTIVE_WEIGHT
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
