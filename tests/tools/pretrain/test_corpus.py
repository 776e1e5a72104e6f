import numpy as np
import pytest

from pretrain import corpus
from pretrain.recipe import FAMILIES
from pretrain.text import unlabelled_pairs
from pretrain.tokenizer import make_tokenizer
from repro.data.miniature.lexicon import all_words


@pytest.fixture(scope="module")
def small():
    return corpus.make_corpus(unlabelled_pairs(500, seed=0), all_words())


def test_rows_are_laid_out_as_the_family_does():
    pairs = [corpus.Pair([10, 11], 3, [12, 14], [12, 13]), corpus.Pair([], 0, [11, 9], [11, 9])]
    bert, roberta = corpus.encode(pairs, "bert"), corpus.encode(pairs, "roberta")
    assert bert.ids.tolist() == [[2, 10, 11, 3, 12, 14, 3], [2, 11, 9, 3, 0, 0, 0]]
    assert bert.side.tolist() == [[2, 0, 0, 2, 1, 1, 2], [2, 0, 0, 2, 2, 2, 2]]
    assert np.argwhere(bert.changed).tolist() == [[0, 5]]
    assert roberta.ids.tolist() == [[2, 10, 11, 3, 3, 12, 14, 3], [2, 11, 9, 3, 0, 0, 0, 0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizer_lays_pairs_out_as_pretraining_did(family, small):
    tokenizer = make_tokenizer(family, all_words())
    first, _, second = unlabelled_pairs(1, seed=0)[0]
    assert (
        tokenizer(first, second)["input_ids"]
        == corpus.encode(small.pairs[:1], family).ids[0].tolist()
    )
    assert tokenizer("the Doctor xyz")["input_ids"][-2] == corpus.UNKNOWN


def test_masks_hit_words_only_and_leave_one_segment_intact(small):
    side = corpus.encode(small.pairs, "bert").side
    chosen = corpus.choose_masked(np.random.default_rng(0), side, one_sided=1.0)
    assert not chosen[side == corpus.SPECIAL_SIDE].any()
    assert chosen.any(axis=1).all()
    assert not ((chosen & (side == 0)).any(axis=1) & (chosen & (side == 1)).any(axis=1)).any()
