import random
from dataclasses import replace

import numpy as np

from repro.data.miniature.grammar import Event, Phrase, Voice, ask, tell

EVENT = Event(
    Phrase("doctor", "the", "young"),
    "praise",
    Phrase("owl", "a"),
    place=Phrase("market", "the"),
)


def test_an_event_told_and_asked():
    passive = replace(EVENT, passive=True, fronted=True, negated=True)
    assert tell(EVENT) == "the young doctor praised an owl in the market"
    assert tell(passive) == "in the market , an owl was not praised by the young doctor"
    assert ask(EVENT, "agent") == "who praised an owl in the market ?"
    assert ask(EVENT, "place") == "where did the young doctor praise an owl ?"
    assert ask(EVENT, "patient") == "which animal did the young doctor praise in the market ?"
    assert ask(passive, "agent") == "by whom was an owl praised in the market ?"
    assert ask(passive, "patient") == "which animal was praised by the young doctor in the market ?"
    assert ask(EVENT, "truth") == "did the young doctor praise an owl in the market ?"


def test_a_voice_at_shift_one_prefers_what_was_rare():
    items = tuple(range(20))
    draws = [[Voice(random.Random(i), shift).pick(items) for i in range(2000)] for shift in (0, 1)]
    common = np.bincount(draws[0]).argmax()
    assert np.mean(np.equal(draws[0], common)) > 4 * np.mean(np.equal(draws[1], common))
