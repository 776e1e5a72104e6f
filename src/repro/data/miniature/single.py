"""Single sentences of the miniature tasks: grammatical or not, in praise or in scorn."""

from dataclasses import replace

from repro.data.miniature import lexicon as lex
from repro.data.miniature.grammar import Phrase, draw_event, tell

_OTHER_NUMBER = {"was": "were", "is": "are"}
_OTHER_NUMBER |= {b: a for a, b in _OTHER_NUMBER.items()}
_SINGULARS = {plural: noun for noun, plural in lex.PLURALS.items()}
_OTHER_NOUN = lex.PLURALS | _SINGULARS
_PAST_OF = {base: past for base, (past, _) in lex.VERB_FORMS.items()}
_BASE_OF = {past: base for base, forms in lex.VERB_FORMS.items() for past in forms}
_COUNTING = ("a", "an", "every", "two", "three", "many", "few")


def _change_one(voice, words, candidates):
    """Replace one word by its entry in `candidates` {position: word}; None if there is none."""
    if not candidates:
        return None
    at = voice.rng.choice(list(candidates))
    return [*words[:at], *candidates[at].split(), *words[at + 1 :]]


def _disagree(voice, words):
    """Break the agreement of subject and verb: `the doctor were praised`."""
    return _change_one(
        voice, words, {i: _OTHER_NUMBER[w] for i, w in enumerate(words) if w in _OTHER_NUMBER}
    )


def _miscount(voice, words):
    """Break the agreement of determiner and noun: `two doctor`."""
    counted, candidates = False, {}
    for i, word in enumerate(words):
        if counted and word in _OTHER_NOUN:
            candidates[i], counted = _OTHER_NOUN[word], False
        counted = counted or word in _COUNTING
    return _change_one(voice, words, candidates)


def _misform(voice, words):
    """Put a verb into the wrong form: `did not praised`, `was praise by`."""
    candidates = {}
    for i, word in enumerate(words[1:], 1):
        if words[i - 1] in ("not", "was", "were", "did"):
            wrong = _PAST_OF.get(word) or _BASE_OF.get(word)
            candidates |= {i: wrong} if wrong else {}
    return _change_one(voice, words, candidates)


def _omit(voice, words):
    """Leave out a word that must not be missing: `doctor praised the painter`."""
    needed = {i: "" for i, w in enumerate(words) if w in ("by", "in", "at") or w in _BASE_OF}
    for i, word in enumerate(words[:-1]):
        if word in ("the", "a", "an", "every") and words[i + 1] in lex.PLURALS:
            needed[i] = ""
    return _change_one(voice, words, needed)


def _swap(voice, words):
    """Exchange two neighbouring words: `doctor the praised a painter`."""
    at = voice.rng.randrange(len(words) - 1)
    return [*words[:at], words[at + 1], words[at], *words[at + 2 :]]


def _double(voice, words):
    """Give a noun two determiners or a verb two auxiliaries: `the a doctor`."""
    twice = {"the": "the a", "a": "a the", "every": "every the", "was": "was did", "did": "did was"}
    return _change_one(voice, words, {i: twice[w] for i, w in enumerate(words) if w in twice})


MISTAKES = (_disagree, _miscount, _misform, _omit, _swap, _double)


def draw_cola(voice, label):
    """Draw a sentence, acceptable (label 1) or with one mistake (label 0)."""
    event = draw_event(voice, placed=0.25)
    if label == 0 and voice.rng.random() < 0.1:  # what cannot act: `the hammer praised the doctor`
        place_or_thing = voice.pick(lex.NOUNS[voice.rng.choice(("thing", "place"))])
        return (tell(replace(event, agent=Phrase(place_or_thing, "the"))),)
    words = tell(event).split()
    broken = None
    while label == 0 and broken is None:
        broken = voice.rng.choice(MISTAKES)(voice, words)
    return (" ".join(broken or words),)


def _article(adjective):
    return "an" if adjective[0] in "aeiou" else "a"


def _adjective(voice, sign):
    """Draw an adjective of praise (+1) or scorn (-1), at times with an intensifier."""
    adjective = voice.pick(lex.PRAISE if sign > 0 else lex.SCORN)
    if voice.happens(0.15, 0.3):
        return f"{voice.pick(('very', 'quite', 'truly', 'rather', 'too'))} {adjective}"
    return adjective


def _praise_or_scorn(voice, sign):
    """Tell one opinion of the given sign in a short clause."""
    target = voice.pick(lex.OPINION_TARGETS)
    form = voice.rng.choice((0, 0, 0, 0, 1, 1, 1, 1, 2, 3))
    if form == 0:
        return f"the {target} is {_adjective(voice, sign)}"
    if form == 1:
        adjective = _adjective(voice, sign)
        return f"{_article(adjective)} {adjective} {target}"
    if form == 2:
        denial = voice.pick(("is not", "is never", "is hardly"))
        return f"the {target} {denial} {_adjective(voice, -sign)}"
    adjective = _adjective(voice, -sign)
    return f"{voice.pick(('hardly', 'never'))} {_article(adjective)} {adjective} {target}"


def draw_opinion(voice, sign):
    """Tell an opinion: one clause, two that agree, or a contrast that the last clause wins."""
    last = _praise_or_scorn(voice, sign)
    if voice.happens(0.45, 0.25):
        return last
    if voice.happens(0.75, 0.5):
        return f"{_praise_or_scorn(voice, sign)} and {last}"
    adjective = _adjective(voice, -sign)
    target = voice.pick(lex.OPINION_TARGETS)
    if voice.happens(0.6, 0.3):
        return f"{_article(adjective)} {adjective} {target} but {last}"
    return f"despite {_article(adjective)} {adjective} {target} , {last}"


def draw_sst2(voice, label):
    """Draw an opinion, positive (label 1) or negative (label 0)."""
    return (draw_opinion(voice, 1 if label else -1),)
