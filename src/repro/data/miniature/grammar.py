"""Events (who did what to whom, where), and the statements and questions that tell them."""

import random
from dataclasses import dataclass, replace
from functools import cache

from repro.data.miniature import lexicon as lex

SINGULAR_DETERMINERS = (*["the"] * 5, *["a"] * 4, "every")
PLURAL_DETERMINERS = ("the", "the", "some", "some", "two", "three", "few", "many")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun with its determiner, adjective and relative clause; empty strings where absent."""

    noun: str
    determiner: str = ""
    adjective: str = ""
    plural: bool = False
    relative: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what to whom, where, and how it is told."""

    agent: Phrase
    verb: str
    patient: Phrase
    place: Phrase | None = None
    preposition: str = "in"
    negated: bool = False
    passive: bool = False
    fronted: bool = False


@dataclass(frozen=True)
class Voice:
    """How often each construction and word is used; drifts from common to rare with `shift`.

    Args:
        shift: 0 for the usual frequencies, 1 for the reversed ones.
    """

    rng: random.Random
    shift: float = 0.0

    def happens(self, usual, shifted=None):
        """Flip a coin whose probability moves from `usual` to `shifted` with the shift."""
        shifted = usual if shifted is None else shifted
        return self.rng.random() < usual + self.shift * (shifted - usual)

    def pick(self, items):
        """Draw one of `items`, common ones more often."""
        weights = _cumulative_weights(len(items), self.shift)
        return self.rng.choices(items, cum_weights=weights)[0]


@cache
def _cumulative_weights(n, shift):
    """Accumulate rank-frequency weights, rank shuffled by a fixed permutation.

    The weights fall as 1 / rank; at shift 1 the rarest item is the most common one.
    """
    ranks = list(range(1, n + 1))
    random.Random(n).shuffle(ranks)
    total, weights = 0.0, []
    for rank in ranks:
        total += (1 - shift) / rank + shift / (n + 1 - rank)
        weights.append(total)
    return weights


def draw_phrase(voice, kind, adjective=(0.25, 0.4)):
    """Draw a noun phrase of a class (`person`, `animal`, `thing`, `place`)."""
    if kind == "person" and voice.happens(0.2, 0.05):
        return Phrase(voice.pick(lex.NAMES))
    noun = voice.pick(lex.NOUNS[kind])
    plural = voice.happens(0.2, 0.4)
    determiner = voice.rng.choice(PLURAL_DETERMINERS if plural else SINGULAR_DETERMINERS)
    adjective = voice.pick(lex.ADJECTIVES[kind]) if voice.happens(*adjective) else ""
    relative = voice.pick(lex.INTRANSITIVE) if voice.happens(0.05, 0.1) else ""
    return Phrase(noun, determiner, adjective, plural, relative if kind == "person" else "")


def draw_place(voice):
    """Draw a place: always `the`, always singular."""
    adjective = voice.pick(lex.ADJECTIVES["place"]) if voice.happens(0.15, 0.3) else ""
    return Phrase(voice.pick(lex.NOUNS["place"]), "the", adjective)


def draw_event(voice, *, placed=0.35):
    """Draw an event; `placed` is the probability that it says where."""
    agent_kind, patient_kind = frame = voice.pick(tuple(lex.FRAMES))
    agent, patient = draw_phrase(voice, agent_kind), draw_phrase(voice, patient_kind)
    while patient.noun == agent.noun:
        patient = draw_phrase(voice, patient_kind)
    return Event(
        agent,
        voice.pick(lex.FRAMES[frame]),
        patient,
        place=draw_place(voice) if voice.rng.random() < placed else None,
        preposition=voice.pick(("in", "at", "near")),
        negated=voice.happens(0.12),
        passive=voice.happens(0.25, 0.6),
        fronted=voice.happens(0.15, 0.5),
    )


# ---------------------------------------------------------------------------- into words


def tell_phrase(phrase):
    """Put a noun phrase into words."""
    noun = lex.PLURALS[phrase.noun] if phrase.plural else phrase.noun
    words = [w for w in (phrase.determiner, phrase.adjective, noun) if w]
    if words[0] == "a" and words[1][0] in "aeiou":
        words[0] = "an"
    if phrase.relative:
        words += ["who", lex.VERB_FORMS[phrase.relative][0]]
    return " ".join(words)


def _be(subject):
    return "were" if subject.plural else "was"


def _finite(event, subject):
    """Put the verb with its auxiliaries into words, agreeing with the subject phrase."""
    past, participle = lex.VERB_FORMS[event.verb]
    negation = "not " if event.negated else ""
    if event.passive:
        return f"{_be(subject)} {negation}{participle}"
    return f"did not {event.verb}" if event.negated else past


def _where(event):
    return f"{event.preposition} {tell_phrase(event.place)}"


def tell(event):
    """Put an event into words as a statement, without final punctuation."""
    subject, other = (event.patient, event.agent) if event.passive else (event.agent, event.patient)
    by = "by " if event.passive else ""
    clause = f"{tell_phrase(subject)} {_finite(event, subject)} {by}{tell_phrase(other)}"
    if event.place is None:
        return clause
    return f"{_where(event)} , {clause}" if event.fronted else f"{clause} {_where(event)}"


def _auxiliary(event, subject):
    """Name the auxiliary of a question and the verb form that follows it."""
    if event.passive:
        return _be(subject), lex.VERB_FORMS[event.verb][1]
    return "did", event.verb


def ask(event, slot):
    """Put an event into words as a question for one of its slots.

    Args:
        slot: `agent`, `patient`, `place` or `truth` (yes or no).
    """
    subject, other = (event.patient, event.agent) if event.passive else (event.agent, event.patient)
    by = "by " if event.passive else ""
    auxiliary, verb = _auxiliary(event, subject)
    where = f" {_where(event)}" if event.place is not None and slot != "place" else ""
    if slot in ("agent", "patient"):
        unknown = getattr(event, slot)
        word = "who" if lex.KINDS[unknown.noun] == "person" else f"which {lex.KINDS[unknown.noun]}"
        if unknown is subject:
            asked = replace(event, negated=False)
            return f"{word} {_finite(asked, Phrase('someone'))} {by}{tell_phrase(other)}{where} ?"
        word = "by whom" if by and word == "who" else f"{by}{word}"
        return f"{word} {auxiliary} {tell_phrase(subject)} {verb}{where} ?"
    opening = "where " if slot == "place" else ""
    return f"{opening}{auxiliary} {tell_phrase(subject)} {verb} {by}{tell_phrase(other)}{where} ?"
