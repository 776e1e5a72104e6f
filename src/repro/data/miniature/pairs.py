"""Sentence pairs of the miniature tasks, drawn for a given label."""

from dataclasses import replace

from repro.data.miniature import lexicon as lex
from repro.data.miniature.grammar import Phrase, ask, draw_event, draw_phrase, draw_place, tell
from repro.data.miniature.relations import contradict, extend, near_miss, restate, weaken

SLOTS = ("agent", "patient", "verb", "place")
_SLOT_WEIGHTS = {"agent": 0.3, "patient": 0.3, "verb": 0.3, "place": 0.1}


def draw_mrpc(voice, label):
    """Draw two statements that say the same (label 1) or differ in one thing (label 0)."""
    event = draw_event(voice)
    other = event if label else near_miss(voice, event)
    return tell(event), tell(restate(voice, other))


def draw_qqp(voice, label):
    """Draw two questions that ask the same (label 1) or not (label 0)."""
    event = draw_event(voice, placed=0.25)
    slot = voice.pick(("agent", "truth", "patient", "place"))
    other, other_slot = event, slot
    if not label and voice.rng.random() < 0.25:
        other_slot = voice.rng.choice([s for s in ("agent", "patient", "place") if s != slot])
    elif not label:
        other = near_miss(voice, event, avoid=(slot,))
    return ask(event, slot), ask(restate(voice, other), other_slot)


def draw_mnli(voice, label):
    """Draw a premise and a hypothesis it entails (0), leaves open (1) or contradicts (2)."""
    premise = draw_event(voice)
    hypothesis = premise if voice.rng.random() < 0.4 else weaken(voice, premise)
    if label == 0:
        hypothesis = weaken(voice, hypothesis, steps=1)
    elif label == 1:
        hypothesis = extend(voice, hypothesis)
    else:
        hypothesis = contradict(voice, hypothesis)
    return tell(premise), tell(restate(voice, hypothesis, rate=0.3))


def draw_rte(voice, label):
    """Draw a text, often of two clauses, and what it entails (0) or does not (1)."""
    premise = draw_event(voice, placed=0.2)
    hypothesis = weaken(voice, premise)
    if label == 1:
        change = voice.rng.choice((extend, contradict, near_miss))
        hypothesis = change(voice, hypothesis)
    text = tell(premise)
    if voice.happens(0.3, 0.6):
        clauses = [text, tell(draw_event(voice, placed=0.0))]
        voice.rng.shuffle(clauses)
        text = " and ".join(clauses)
    return text, tell(restate(voice, hypothesis, rate=0.3))


def draw_qnli(voice, label):
    """Draw a question and a sentence that answers it (0) or does not (1)."""
    event = replace(draw_event(voice, placed=0.4), negated=False)
    slot = voice.pick(("agent", "patient", "place"))
    if slot == "place" and event.place is None:
        event = replace(event, place=draw_place(voice))
    answer = event if voice.rng.random() < 0.6 else weaken(voice, event, steps=1)
    answer = replace(answer, place=event.place)
    question = ask(event if slot == "place" else replace(event, place=None), slot)
    if label == 1:
        answer = _evade(voice, answer, slot)
    return question, tell(restate(voice, answer, rate=0.3))


def _evade(voice, answer, slot):
    """Change an answer so that it no longer says what was asked."""
    if slot == "place" and voice.rng.random() < 0.4:
        return replace(answer, place=None)
    return near_miss(voice, answer, avoid=(slot, "place"))


# ------------------------------------------------------------------------------ STS-B


def word_similarity(first, second):
    """Grade how close two words are, from 0 to 1."""
    if first == second:
        return 1.0
    if second in lex.SYNONYMS.get(first, ()):
        return 0.95
    if lex.HYPERNYMS.get(first) == second or lex.HYPERNYMS.get(second) == first:
        return 0.7
    if second in lex.SIBLINGS.get(first, ()):
        return 0.4
    return 0.25 if second in lex.ANTONYMS.get(first, ()) else 0.05


def _phrase_similarity(first, second):
    """Grade two noun phrases from 0 to 1, the noun counting four times the adjective."""
    if first is None or second is None:
        return 1.0 if first is second else 0.3
    noun = word_similarity(first.noun, second.noun)
    adjective = word_similarity(first.adjective, second.adjective)
    return noun * (0.8 + 0.2 * adjective)


def event_similarity(first, second):
    """Grade how much two events say the same, from 0 to 1."""
    total = _SLOT_WEIGHTS["verb"] * word_similarity(first.verb, second.verb)
    for slot in ("agent", "patient", "place"):
        total += _SLOT_WEIGHTS[slot] * _phrase_similarity(
            getattr(first, slot), getattr(second, slot)
        )
    return total if first.negated == second.negated else 0.6 * total


def _replace_slot(voice, event, slot):
    """Replace what fills one slot of an event by something near or far."""
    if slot == "verb":
        near, far = lex.ANTONYMS[event.verb], tuple(lex.ANTONYMS)[: len(lex.VERB_FORMS)]
        verbs = near if voice.rng.random() < 0.4 else [v for v in far if v in lex.VERB_FORMS]
        return replace(event, verb=voice.rng.choice(verbs))
    if voice.rng.random() < 0.4 and getattr(event, slot) is not None:
        kept = tuple(s for s in SLOTS if s != slot)
        return near_miss(voice, event, avoid=kept)
    if slot == "place":
        return replace(event, place=draw_place(voice))
    kind = lex.KINDS[getattr(event, slot).noun]
    return replace(event, **{slot: draw_phrase(voice, kind)})


def draw_stsb(voice, score=None):
    """Draw two statements and how similar they are.

    Returns:
        first, second, and the similarity in [0, 5], in steps of 0.2, with human-like noise of
        standard deviation 0.3.
    """
    event = draw_event(voice)
    other = event
    for slot in voice.rng.sample(SLOTS, voice.rng.choice((0, 0, 1, 1, 2, 2, 3, 3, 4))):
        other = _replace_slot(voice, other, slot)
    similarity = 5 * (event_similarity(event, other) - 0.1) / 0.9
    noisy = min(5.0, max(0.0, similarity + voice.rng.gauss(0, 0.3)))
    return tell(event), tell(restate(voice, other)), round(noisy * 5) / 5


# ------------------------------------------------------------------------------- WNLI


def _plain(phrase):
    """Reduce a noun phrase to `the` and a singular noun, or to a name."""
    return Phrase(phrase.noun, "the" if phrase.determiner else "")


def draw_winograd(voice):
    """Draw a sentence with an ambiguous pronoun and its two candidate readings.

    In this language nothing tells which candidate is meant, so a coin decides: what GLUE's WNLI
    amounts to for a model that has no common sense (see `tasks.load_mini_task`).
    """
    event = draw_event(voice, placed=0.0)
    while "person" not in (lex.KINDS[event.agent.noun], lex.KINDS[event.patient.noun]):
        event = draw_event(voice, placed=0.0)
    agent, patient = _plain(event.agent), _plain(event.patient)
    plain = replace(event, agent=agent, patient=patient, passive=False, negated=False)
    quality = voice.pick(lex.ADJECTIVES["person"])
    sentence = f"{tell(plain)} because it was {quality}"
    readings = [f"{p.determiner} {p.noun} was {quality}".strip() for p in (agent, patient)]
    return sentence, readings
