import random

from pretrain import corpus
from pretrain.tampering import corrupt
from pretrain.text import unlabelled_pairs
from pretrain.vectors import content_words, neighbours, word_vectors
from repro.data.miniature.lexicon import all_words


def test_tampering_is_labelled_as_what_it_is():
    small = corpus.make_corpus(unlabelled_pairs(500, seed=0), all_words())
    near = neighbours(word_vectors(small, 8)).tolist()
    tampered = corrupt(small, random.Random(0), near, content_words(small).tolist())
    for before, after in zip(small.pairs, tampered, strict=True):
        link = small.links[after.link]
        if link in small.connectives:
            assert after == before
        elif link == corpus.SWAPPED:
            assert sorted(after.second) == sorted(before.second)
        elif link == corpus.REPLACED:
            assert after.original == before.second != after.second
        elif link == corpus.BROKEN:
            assert not after.first
            assert after.second != before.second
    assert {small.links[pair.link] for pair in tampered} == set(small.links)
