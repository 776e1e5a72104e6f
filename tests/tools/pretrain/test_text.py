from pretrain.text import unlabelled_pairs


def test_unlabelled_text_depends_on_its_seed_alone():
    assert unlabelled_pairs(20, seed=1) == unlabelled_pairs(30, seed=1)[:20]
    assert unlabelled_pairs(20, seed=1) != unlabelled_pairs(20, seed=2)
