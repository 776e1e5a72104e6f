from pretrain.text import unlabelled_pairs
from repro.data.definitions import TASKS
from repro.data.miniature import lexicon
from repro.data.miniature.tasks import SIZES, load_mini_task


def test_every_word_is_in_the_vocabulary_once():
    words = lexicon.all_words()
    assert len(words) == len(set(words))
    assert 900 <= len(words) <= 1100
    used = {w for row in unlabelled_pairs(3000, seed=0) for s in row[::2] for w in s.split()}
    for name in SIZES:
        texts = load_mini_task(name)["test"][list(TASKS[name].text_fields)]
        used |= {word for text in texts.to_numpy().ravel() for word in text.split()}
    assert used <= set(words)
    assert len(used) > 0.95 * len(words)


def test_no_content_word_has_two_meanings():
    words = [w for group in lexicon.SYNONYM_SETS for w in group]
    assert len(words) == len(set(words))
