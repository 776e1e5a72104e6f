"""The words of the miniature language (`words.yaml`) and how their meanings hang together."""

from pathlib import Path

from repro.checked import read_yaml

_WORDS = read_yaml(Path(__file__).with_name("words.yaml"))
NAMES = tuple(_WORDS["names"].split())
INTRANSITIVE = tuple(_WORDS["intransitive"].split())
OPINION_TARGETS = tuple(_WORDS["opinion_targets"].split())
FUNCTION_WORDS = tuple(_WORDS["function_words"].split())


def _antonym_pairs(text):
    """Split `left ~ right` entries, by lines and semicolons, into pairs of synonym sets."""
    entries = [entry for line in text.splitlines() for entry in line.split(";") if entry.strip()]
    return [tuple(tuple(side.split()) for side in entry.split("~")) for entry in entries]


def pluralise(noun):
    """Spell the plural of a noun."""
    if noun in _WORDS["irregular_plurals"]:
        return _WORDS["irregular_plurals"][noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def conjugate(verb):
    """Spell a verb's past and participle."""
    if verb in _WORDS["irregular_verbs"]:
        return tuple(_WORDS["irregular_verbs"][verb])
    if verb.endswith("y") and verb[-2] not in "aeiou":
        past = verb[:-1] + "ied"
    else:
        past = verb + ("d" if verb.endswith("e") else "ed")
    return past, past


NOUN_GROUPS = [  # class, broader noun, its synonym sets
    (kind, hypernym, [tuple(synonyms.split()) for synonyms in members.split(",")])
    for kind, table in _WORDS["nouns"].items()
    for hypernym, members in table.items()
]
VERB_PAIRS = _antonym_pairs(_WORDS["verbs"])
ADJECTIVE_PAIRS = {kind: _antonym_pairs(table) for kind, table in _WORDS["adjectives"].items()}
SENTIMENT_PAIRS = _antonym_pairs(_WORDS["sentiment"])

_OPPOSED = [
    *VERB_PAIRS,
    *(pair for pairs in ADJECTIVE_PAIRS.values() for pair in pairs),
    *SENTIMENT_PAIRS,
]
SYNONYM_SETS = [s for _, _, sets in NOUN_GROUPS for s in sets] + [
    side for pair in _OPPOSED for side in pair
]

# word -> its synonyms; only words that have one
SYNONYMS = {w: tuple(o for o in s if o != w) for s in SYNONYM_SETS for w in s if len(s) > 1}
ANTONYMS = {w: pair[1 - i] for pair in _OPPOSED for i in (0, 1) for w in pair[i]}
HYPERNYMS = {w: hyper for _, hyper, sets in NOUN_GROUPS for s in sets for w in s}
HYPERNYMS |= {name: "someone" for name in NAMES}
HYPONYMS = {hyper: tuple(w for s in sets for w in s) for _, hyper, sets in NOUN_GROUPS}
HYPONYMS |= {"someone": NAMES}
# word -> the words of the other synonym sets under its hypernym
SIBLINGS = {
    w: tuple(o for other in sets if other is not s for o in other)
    for _, _, sets in NOUN_GROUPS for s in sets for w in s
}  # fmt: skip
SIBLINGS |= {name: tuple(n for n in NAMES if n != name) for name in NAMES}

KINDS = {
    w: kind for kind, hyper, sets in NOUN_GROUPS for w in (hyper, *(w for s in sets for w in s))
}
KINDS |= {name: "person" for name in NAMES} | {"someone": "person"}
NOUNS = {
    kind: tuple(w for k, _, sets in NOUN_GROUPS if k == kind for s in sets for w in s)
    for kind in _WORDS["nouns"]
}
ADJECTIVES = {
    kind: tuple(w for pair in pairs for side in pair for w in side)
    for kind, pairs in ADJECTIVE_PAIRS.items()
}
PLURALS = {noun: pluralise(noun) for noun in KINDS if noun not in NAMES and noun != "someone"}
PLURALS |= {target: pluralise(target) for target in OPINION_TARGETS}
VERB_FORMS = {w: conjugate(w) for pair in VERB_PAIRS for side in pair for w in side}
VERB_FORMS |= {w: conjugate(w) for w in INTRANSITIVE}
FRAMES = {
    tuple(frame.split()): tuple(
        w for head in heads.split() for w in (head, *SYNONYMS.get(head, ()))
    )
    for frame, heads in _WORDS["frames"].items()
}
PRAISE = tuple(w for pair in SENTIMENT_PAIRS for w in pair[0])
SCORN = tuple(w for pair in SENTIMENT_PAIRS for w in pair[1])


def all_words():
    """List every word form of the language, each once, in a fixed order."""
    forms = [*FUNCTION_WORDS, *NAMES, *OPINION_TARGETS]
    for word, kind in KINDS.items():
        places = kind == "place"  # they come in the singular, under their own names only
        forms += [] if places and word in HYPONYMS else [word]
        forms += [] if places else [PLURALS.get(word, word)]
    for verb, conjugated in VERB_FORMS.items():
        forms += [*([] if verb in INTRANSITIVE else [verb]), *conjugated]
    forms += [w for words in ADJECTIVES.values() for w in words] + [*PRAISE, *SCORN]
    return list(dict.fromkeys(forms))
