"""The words of the miniature language and how their meanings hang together.

About a thousand word forms, written for this project. Each text block below is a small table: a
comma separates synonym sets, a space separates synonyms, `hypernym:` opens a line of nouns and
`~` stands between antonyms. Every content word belongs to one synonym set only.
"""

NOUN_TABLES = {
    "person": """
        artist: painter, singer vocalist, actor performer, writer author, dancer, musician
        medic: doctor physician, nurse, surgeon, dentist, midwife
        official: mayor, judge magistrate, minister, clerk, ambassador envoy
        worker: farmer grower, builder, driver chauffeur, cook chef, tailor, plumber, mechanic
        relative: mother, father, uncle, aunt, cousin, brother sibling
        scholar: teacher instructor, student pupil, professor lecturer, scientist, historian
        athlete: runner sprinter, swimmer, boxer fighter, skier, rower
        officer: soldier trooper, sailor mariner, pilot aviator, guard sentry, captain""",
    "animal": """
        pet: dog hound, cat, rabbit bunny, hamster, parrot
        bird: eagle, owl, duck, crow raven, swan
        beast: wolf, bear, fox, lion, tiger
        grazer: cow, horse pony, goat, pig hog, donkey mule
        insect: bee, ant, beetle bug, moth butterfly, wasp hornet""",
    "thing": """
        vehicle: car automobile, truck lorry, bus coach, boat ship, bicycle bike
        tool: hammer mallet, saw, shovel spade, knife blade, drill
        garment: coat jacket, hat cap, shirt blouse, skirt, scarf shawl
        dish: apple, pear, cake tart, soup broth, sandwich
        furnishing: table desk, chair seat, lamp, sofa couch, shelf rack
        text: book volume, letter note, map chart, poem verse, report
        device: phone telephone, computer laptop, camera, radio, clock watch
        instrument: guitar, piano, violin fiddle, drum, flute""",
    "place": """
        building: school academy, hospital clinic, church chapel, castle fortress, factory
        shop: bakery, market bazaar, pharmacy, bookshop bookstore, butchery
        land: forest wood, beach shore, hill, meadow pasture, valley
        venue: theatre playhouse, stadium arena, museum gallery, restaurant diner, casino
        room: kitchen, garage, attic loft, cellar basement, hall corridor
        junction: station terminal, harbour port, bridge, airport, plaza""",
}

NAMES = tuple(
    "anna ben clara david emma felix grace henry irene jack karen leo maria noah olga paul"
    " rosa sam tina victor".split()
)

VERB_TABLE = """
    praise commend ~ criticise condemn
    help assist ~ hinder obstruct
    greet welcome ~ ignore neglect
    trust believe ~ doubt suspect
    love adore ~ hate detest
    hire employ ~ dismiss sack
    follow pursue ~ avoid evade
    defend protect ~ attack assault
    encourage inspire ~ discourage
    amuse entertain ~ bore
    thank ~ blame accuse
    soothe comfort ~ annoy irritate
    obey ~ defy disobey
    admire respect ~ despise scorn
    reward ~ punish
    invite ~ exclude
    rescue save ~ abandon desert
    repair mend ~ break smash
    buy purchase ~ sell
    find locate ~ lose misplace
    wash scrub ~ soil stain
    open ~ close shut
    construct assemble ~ destroy demolish
    raise lift ~ lower
    hide conceal ~ reveal display
    borrow ~ lend
    push shove ~ pull drag
    accept ~ refuse reject
    keep retain ~ discard
    lock ~ unlock
    improve ~ ruin damage
    feed nourish ~ starve
    catch capture ~ release liberate
    frighten scare ~ calm pacify
"""

# Who can do what to whom: the first word of each synonym set that fits the pair of classes.
FRAME_TABLE = {
    ("person", "person"): """praise criticise help hinder greet ignore trust doubt love hate hire
        dismiss follow avoid defend attack encourage discourage amuse bore thank blame soothe annoy
        obey defy admire despise reward punish invite exclude rescue abandon""",
    ("person", "thing"): """repair break buy sell find lose wash soil open close construct destroy
        raise lower hide reveal borrow lend push pull accept refuse keep discard lock unlock improve
        ruin""",
    (
        "person",
        "animal",
    ): """love hate feed starve catch release frighten calm rescue abandon buy sell
        find lose follow avoid""",
    ("animal", "person"): "love hate frighten calm follow avoid defend attack amuse annoy rescue",
    ("animal", "animal"): "frighten calm follow avoid defend attack catch release find lose",
}

INTRANSITIVE = tuple(
    "smile laugh shout whisper wait arrive vanish stumble dream listen yawn dance".split()
)

ADJECTIVE_TABLES = {
    "person": """
        young youthful ~ old elderly; tall ~ short; kind gentle ~ cruel harsh
        rich wealthy ~ poor needy; proud ~ humble modest
        clever smart ~ foolish silly; brave bold ~ timid cowardly; happy cheerful ~ sad gloomy
        strong sturdy ~ weak frail; polite courteous ~ rude impolite; truthful ~ deceitful
        busy ~ idle lazy; famous renowned ~ unknown obscure; tired ~ rested""",
    "animal": """
        wild ~ domestic; fierce savage ~ docile; fat plump ~ lean; noisy loud ~ quiet silent
        hungry ~ sated; healthy ~ sick ill; curious ~ indifferent""",
    "thing": """
        big large ~ small little; new ~ ancient; heavy ~ light; cheap inexpensive ~ costly expensive
        spotless ~ filthy; bright vivid ~ dim faint; hot ~ cold chilly; soft ~ hard; round ~ angular
        rare unusual ~ common ordinary; fast quick ~ slow; wide broad ~ narrow; thick ~ thin
        dry ~ wet damp; useful handy ~ useless""",
    "place": """
        crowded packed ~ deserted empty; nearby neighbouring ~ remote distant; modern ~ historic
        safe secure ~ dangerous risky; sunny ~ shady""",
}

# Opinions on films and books. Left of `~` is praise, right of it the opposite of the same quality.
SENTIMENT_TABLE = """
    charming delightful ~ irritating tiresome; brilliant superb ~ awful dreadful
    funny hilarious ~ humourless unfunny; moving touching ~ cold-hearted soulless
    fresh original ~ stale derivative; gripping thrilling ~ dull boring
    tender ~ cynical; beautiful gorgeous ~ ugly hideous; witty ~ witless dumb
    elegant graceful ~ clumsy awkward; memorable unforgettable ~ forgettable bland
    sincere ~ phony fake; lively energetic ~ lifeless sluggish; subtle ~ crude
    coherent ~ messy muddled; convincing credible ~ implausible; deep profound ~ shallow
    imaginative inventive ~ predictable formulaic; pleasant enjoyable ~ unpleasant painful
    wise ~ pretentious; polished ~ sloppy; satisfying ~ disappointing
    exciting ~ tedious; excellent great ~ terrible horrible; fine good ~ bad poor-quality
"""
OPINION_TARGETS = tuple(
    "film movie story plot script screenplay cast acting ending finale dialogue soundtrack comedy"
    " drama thriller scene performance novel direction documentary".split()
)

IRREGULAR_PLURALS = {
    "wolf": "wolves", "knife": "knives", "scarf": "scarves", "shelf": "shelves",
    "midwife": "midwives",
}  # fmt: skip
IRREGULAR_VERBS = {  # base: past, participle
    "break": ("broke", "broken"), "buy": ("bought", "bought"), "sell": ("sold", "sold"),
    "find": ("found", "found"), "lose": ("lost", "lost"), "hide": ("hid", "hidden"),
    "lend": ("lent", "lent"), "drag": ("dragged", "dragged"), "keep": ("kept", "kept"),
    "feed": ("fed", "fed"), "catch": ("caught", "caught"), "shut": ("shut", "shut"),
    "scrub": ("scrubbed", "scrubbed"),
}  # fmt: skip


def sets_of(text):
    """Split a comma-separated list of synonym sets into tuples of words."""
    return [tuple(part.split()) for part in text.split(",")]


def antonym_pairs(text):
    """Split a table of `left ~ right` entries into pairs of synonym sets."""
    entries = [entry for line in text.splitlines() for entry in line.split(";") if entry.strip()]
    return [tuple(tuple(side.split()) for side in entry.split("~")) for entry in entries]


def pluralise(noun):
    """Spell the plural of a noun."""
    if noun in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def conjugate(verb):
    """Spell a verb's past and participle."""
    if verb in IRREGULAR_VERBS:
        return IRREGULAR_VERBS[verb]
    if verb.endswith("y") and verb[-2] not in "aeiou":
        past = verb[:-1] + "ied"
    else:
        past = verb + ("d" if verb.endswith("e") else "ed")
    return past, past


def _noun_groups():
    """List (class, hypernym, synonym sets) of every line of the noun tables."""
    groups = []
    for kind, table in NOUN_TABLES.items():
        for line in filter(None, map(str.strip, table.splitlines())):
            hypernym, members = line.split(":")
            groups.append((kind, hypernym, sets_of(members)))
    return groups


NOUN_GROUPS = _noun_groups()
VERB_PAIRS = antonym_pairs(VERB_TABLE)
ADJECTIVE_PAIRS = {kind: antonym_pairs(table) for kind, table in ADJECTIVE_TABLES.items()}
SENTIMENT_PAIRS = antonym_pairs(SENTIMENT_TABLE)

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
    for kind in NOUN_TABLES
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
    frame: tuple(w for head in heads.split() for w in (head, *SYNONYMS.get(head, ())))
    for frame, heads in FRAME_TABLE.items()
}
PRAISE = tuple(w for pair in SENTIMENT_PAIRS for w in pair[0])
SCORN = tuple(w for pair in SENTIMENT_PAIRS for w in pair[1])

FUNCTION_WORDS = tuple(
    """the a an some every two three few many not did was were is by in at near who where which whom
    person animal thing someone ? , and but because it very quite truly rather too never hardly
    despite""".split()
)


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
