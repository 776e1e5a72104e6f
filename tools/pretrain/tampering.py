"""Near misses made from raw text: second sentences that are no longer what was written.

No task label and no word list is used, only which words are used alike (`vectors.neighbours`).
"""

from pretrain.corpus import BROKEN, REPLACED, SWAPPED, UNRELATED, Pair

_TAMPERED_SHARE = 0.5
_REPLACED_SHARE, _SWAPPED_SHARE = 0.6, 0.2  # of the pairs tampered with; the rest is unrelated


def _replace_words(rng, sentence, near, content):
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


def _break_sentence(rng, sentence, near):
    """Drop a word, exchange two neighbours or replace any word by one that is used alike."""
    at = rng.randrange(len(sentence) - 1)
    kind = rng.random()
    if kind < 0.3:
        return sentence[:at] + sentence[at + 1 :]
    if kind < 0.5:
        return [*sentence[:at], sentence[at + 1], sentence[at], *sentence[at + 2 :]]
    return [*sentence[:at], rng.choice(near[sentence[at]]), *sentence[at + 1 :]]


def _tamper(rng, pair, near, content):
    """Tamper with a pair's second sentence.

    Returns:
        the sentence and what was done to it; None for the sentence if it offers no way.
    """
    if not pair.first:
        return _break_sentence(rng, pair.second, near), BROKEN
    draw = rng.random()
    if draw < _REPLACED_SHARE:
        return _replace_words(rng, pair.second, near, content), REPLACED
    if draw < _REPLACED_SHARE + _SWAPPED_SHARE:
        return _swap_words(rng, pair.second, near, content), SWAPPED
    return None, UNRELATED


def corrupt(corpus, rng, near, content):
    """Tamper with half of the passages: a near miss, an unrelated or a broken second sentence.

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
        if rng.random() < _TAMPERED_SHARE:
            changed, name = _tamper(rng, pair, near, content)
            if name == UNRELATED:
                changed = rng.choice(corpus.pairs).second
            if changed is not None:
                known = name != UNRELATED and len(changed) == len(pair.second)
                original = pair.second if known else changed
                pair = Pair(pair.first, links[name], changed, original)
        pairs.append(pair)
    return pairs
