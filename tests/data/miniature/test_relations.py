import random
from dataclasses import replace

import pytest

from repro.data.miniature.grammar import Event, Phrase, Voice
from repro.data.miniature.pairs import event_similarity
from repro.data.miniature.relations import contradict, extend, near_miss, restate, weaken

EVENT = Event(
    Phrase("doctor", "the", "young"),
    "praise",
    Phrase("owl", "a"),
    place=Phrase("market", "the"),
)


def voice(seed):
    return Voice(random.Random(seed))


def test_changes_of_meaning_are_graded_as_such():
    for seed in range(50):
        assert event_similarity(EVENT, restate(voice(seed), EVENT)) > 0.9
        for change, most in ((near_miss, 0.96), (contradict, 0.8), (extend, 0.99)):
            assert event_similarity(EVENT, change(voice(seed), EVENT)) < most
    assert event_similarity(EVENT, EVENT) == pytest.approx(1.0)


def test_weakening_never_strengthens():
    """`every` and `few` keep nouns and adjectives, negated events stay as they are."""
    every = replace(EVENT, agent=Phrase("doctor", "every", "young"), place=None)
    few = replace(every, agent=Phrase("doctor", "few", "young", plural=True))
    for seed in range(30):
        agent = weaken(voice(seed), every, steps=1).agent
        assert agent in (every.agent, replace(every.agent, determiner="a"))
        assert weaken(voice(seed), few).agent == few.agent
        assert weaken(voice(seed), replace(EVENT, negated=True)) == replace(EVENT, negated=True)
