import random

from repro.data.miniature.grammar import Voice
from repro.data.miniature.single import MISTAKES


def test_every_mistake_changes_a_sentence():
    voice = Voice(random.Random(0))
    words = "every young doctor was not praised by the tall nurse".split()
    for mistake in MISTAKES:
        assert mistake(voice, words) not in (None, words)
        assert mistake(voice, ["never", "never"]) in (None, ["never", "never"])
