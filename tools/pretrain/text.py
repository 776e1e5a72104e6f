"""Connected unlabelled text of the miniature language, to pretrain on."""

import random
from dataclasses import replace

from repro.data.miniature import single
from repro.data.miniature.grammar import Voice, ask, draw_event, tell
from repro.data.miniature.pairs import draw_winograd
from repro.data.miniature.relations import contradict, extend, restate, weaken

PRETRAINING_SHIFT = 0.2  # so that rare words and constructions are met as well
OPENERS = ("hooray", "alas")
_LIKELY = 6 / 7  # how often a joining or opening word fits; else any other of its kind


def unlabelled_pairs(n, *, seed):
    """Draw connected text to pretrain on: pairs of sentences and the word that joins them.

    A pair restates (`namely`), weakens (`so`), contrasts (`but`), adds (`also`), rephrases a
    question (`or`), continues an opinion (`and`) or answers (no connective). Lone sentences have an
    empty first one; `hooray` or `alas` opens a lone opinion, `well` anything else. As in real text
    the word is no sure sign.

    Returns:
        n tuples (first sentence, connective, second sentence).
    """
    voice = Voice(random.Random(f"unlabelled/{seed}"), PRETRAINING_SHIFT)
    return [_passage(voice) for _ in range(n)]


def _passage(voice):
    """Draw two sentences and the word that joins them, or one and the word that opens it."""
    draw = voice.rng.random()
    if draw < 0.02:
        sentence, readings = draw_winograd(voice)
        return sentence, "so", voice.rng.choice(readings)
    if draw < 0.08:
        return _opinions(voice)
    if draw < 0.22:
        sign, likely = voice.rng.choice((1, -1)), voice.rng.random() < _LIKELY
        opener = OPENERS[(sign > 0) != likely]
        return "", opener, single.draw_opinion(voice, sign)
    event = draw_event(voice)
    if draw < 0.31:
        return "", "well", tell(event) if voice.rng.random() < 0.8 else ask(event, "agent")
    if draw < 0.53:
        return _question(voice, event)
    return _statements(voice, event)


def _statements(voice, event):
    """Join a statement to one that says the same, less, more or the opposite."""
    kind = voice.rng.choice(("namely", "namely", "so", "but", "also"))
    change = {"so": weaken, "but": contradict, "also": extend}.get(kind)
    other = restate(voice, change(voice, event) if change else event, rate=0.5)
    first = tell(event)
    if voice.rng.random() < 0.15:
        first = f"{first} and {tell(draw_event(voice, placed=0.0))}"
    if voice.rng.random() > _LIKELY:
        kind = voice.rng.choice(("namely", "so", "but", "also"))
    return first, kind, tell(other)


def _question(voice, event):
    """Join a question to its rephrasing or to its answer."""
    slots = ("agent", "patient", "truth", *(["place"] if event.place else []))
    slot = voice.rng.choice(slots)
    event = replace(event, negated=False)
    other = restate(voice, event, rate=0.5)
    if voice.rng.random() < 0.5:
        return ask(event, slot), "or", ask(other, slot)
    return ask(event, slot), "", tell(other)


def _opinions(voice):
    """Join two opinions that agree (`and`), as most do, or not (`but`)."""
    sign, agree = voice.rng.choice((-1, 1)), voice.rng.random() < 0.75
    first = single.draw_opinion(voice, sign)
    return first, "and" if agree else "but", single.draw_opinion(voice, sign if agree else -sign)
