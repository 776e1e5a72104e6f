"""Events, the sentences and questions that tell them, and the ways one event relates to another.

An event is who did what to whom, where. Editing an event (`restate`, `weaken`, `contradict`,
`extend`, `near_miss`) changes its meaning in a known way; `tell` and `ask` put it into words.
"""

import random
from dataclasses import dataclass, replace
from functools import cache

from repro.mini import lexicon as lex

# common ones repeated
SINGULAR_DETERMINERS = (*["the"] * 5, *["a"] * 4, "every")
PLURAL_DETERMINERS = ("the", "the", "some", "some", "two", "three", "few", "many")
# under these a phrase may lose its adjective or take a broader noun and still be entailed
UPWARD_DETERMINERS = ("", "the", "a", "some", "two", "three")
WEAKER_DETERMINER = {"every": "a", "two": "some", "three": "some", "many": "some"}


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
    present: bool = False
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

    The weights fall as rank ** -0.8; at shift 1 the rarest item is the most common one.
    """
    ranks = list(range(1, n + 1))
    random.Random(n).shuffle(ranks)
    total, weights = 0.0, []
    for rank in ranks:
        total += (1 - shift) * rank**-0.8 + shift * (n + 1 - rank) ** -0.8
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
        present=voice.happens(0.3, 0.6),
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
        words += ["who", lex.VERB_FORMS[phrase.relative][1]]
    return " ".join(words)


def _finite(event, subject):
    """Put the verb with its auxiliaries into words, agreeing with the subject phrase."""
    third, past, participle = lex.VERB_FORMS[event.verb]
    many, negation = subject.plural, "not " if event.negated else ""
    if event.passive:
        be = ("are" if many else "is") if event.present else ("were" if many else "was")
        return f"{be} {negation}{participle}"
    if event.negated:
        do = ("do" if many else "does") if event.present else "did"
        return f"{do} not {event.verb}"
    return (event.verb if many else third) if event.present else past


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
    many = subject.plural
    if event.passive:
        be = ("are" if many else "is") if event.present else ("were" if many else "was")
        return be, lex.VERB_FORMS[event.verb][2]
    return ("do" if many else "does") if event.present else "did", event.verb


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


# ---------------------------------------------------------------------- changes of meaning


def synonym(voice, word):
    """Draw a synonym of a word; the word itself where it has none."""
    return voice.rng.choice(lex.SYNONYMS[word]) if word in lex.SYNONYMS else word


def _reword(voice, phrase, rate):
    noun = synonym(voice, phrase.noun) if voice.rng.random() < rate else phrase.noun
    adjective = phrase.adjective
    if adjective and voice.rng.random() < rate:
        adjective = synonym(voice, adjective)
    return replace(phrase, noun=noun, adjective=adjective)


def restate(voice, event, *, rate=0.6):
    """Tell the same event with synonyms and another construction."""
    turned = voice.rng.random() < 0.5
    return replace(
        event,
        agent=_reword(voice, event.agent, rate),
        patient=_reword(voice, event.patient, rate),
        verb=synonym(voice, event.verb) if voice.rng.random() < rate else event.verb,
        place=event.place and _reword(voice, event.place, rate),
        passive=event.passive != turned,
        fronted=event.fronted != (voice.rng.random() < 0.4),
    )


def _weaker_phrases(phrase):
    """List the phrases that say a little less than this one does."""
    weaker = []
    if phrase.determiner in WEAKER_DETERMINER:
        weaker.append(replace(phrase, determiner=WEAKER_DETERMINER[phrase.determiner]))
    if phrase.determiner not in UPWARD_DETERMINERS:
        return weaker
    if phrase.noun in lex.HYPERNYMS:
        indefinite = {"the": "some" if phrase.plural else "a"}
        determiner = indefinite.get(phrase.determiner, phrase.determiner)
        noun = lex.HYPERNYMS[phrase.noun]
        weaker.append(replace(phrase, noun=noun, determiner=determiner))
    if phrase.adjective:
        weaker.append(replace(phrase, adjective=""))
    if phrase.relative:
        weaker.append(replace(phrase, relative=""))
    return weaker


def _weakenings(event):
    """List the single steps that leave an event entailed, as (slot, value) changes."""
    if event.negated:
        return []
    steps = [("place", None)] if event.place else []
    for slot in ("agent", "patient"):
        steps += [(slot, phrase) for phrase in _weaker_phrases(getattr(event, slot))]
    return steps


def weaken(voice, event, *, steps=2):
    """Tell less than the event does, so that it entails the result; the same where it is negated."""
    for _ in range(voice.rng.randint(1, steps)):
        options = _weakenings(event)
        if not options:
            break
        slot, value = voice.rng.choice(options)
        event = replace(event, **{slot: value})
    return event


def contradict(voice, event):
    """Deny the event: toggle its negation or take the opposite verb."""
    if voice.rng.random() < 0.5:
        return replace(event, negated=not event.negated)
    return replace(event, verb=voice.rng.choice(lex.ANTONYMS[event.verb]))


def _swap_noun(voice, event, slot):
    phrase = getattr(event, slot)
    options = lex.SIBLINGS.get(phrase.noun) or lex.HYPONYMS[phrase.noun]
    return replace(event, **{slot: replace(phrase, noun=voice.rng.choice(options))})


def extend(voice, event):
    """Say more than the event does, or something else that neither follows nor contradicts."""
    options = ["agent", "patient"] + (["place"] if event.place else ["new place"])
    choice = voice.rng.choice(options)
    if choice == "new place":
        return replace(event, place=draw_place(voice))
    phrase = getattr(event, choice)
    if not phrase.adjective and phrase.determiner and voice.rng.random() < 0.6:
        adjective = voice.pick(lex.ADJECTIVES[lex.KINDS[phrase.noun]])
        return replace(event, **{choice: replace(phrase, adjective=adjective)})
    return _swap_noun(voice, event, choice)


def near_miss(voice, event, *, avoid=()):
    """Change one thing so that the event is no longer the same.

    Args:
        avoid: slots that stay as they are (`agent`, `patient`, `place`, `verb`).
    """
    options = [s for s in ("agent", "patient", "verb", "roles") if s not in avoid]
    if event.place and "place" not in avoid:
        options.append("place")
    if {"agent", "patient"} & set(avoid):
        options.remove("roles")
    choice = voice.rng.choice(options)
    if choice == "roles" and lex.KINDS[event.agent.noun] == lex.KINDS[event.patient.noun]:
        return replace(event, agent=event.patient, patient=event.agent)
    if choice in ("verb", "roles"):
        return replace(event, verb=voice.rng.choice(lex.ANTONYMS[event.verb]))
    return _swap_noun(voice, event, choice)
