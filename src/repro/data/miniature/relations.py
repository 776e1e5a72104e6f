"""Changes of an event with a known effect on its meaning: same, less, more, opposite, other."""

from dataclasses import replace

from repro.data.miniature import lexicon as lex
from repro.data.miniature.grammar import draw_place

# under these a phrase may lose its adjective or take a broader noun and still be entailed
UPWARD_DETERMINERS = ("", "the", "a", "some", "two", "three")
WEAKER_DETERMINER = {"every": "a", "two": "some", "three": "some", "many": "some"}


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
    """Tell less than the event does, so that it entails the result; negated, it stays as it is."""
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
