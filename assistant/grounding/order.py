"""Whether claim and evidence say the same of the same: who does what to whom."""

import re
from collections import Counter

from assistant.grounding.alignment import AUXILIARIES, COPULAS, Alignment, is_verb, predicate
from assistant.grounding.reading import Reading, Word

# Words that say how the two beside them are related; a verb does so too.
_RELATIONS = frozenset(
    """about above after against around at because before behind below beside between beyond despite during for from if
    in inside into like near off on onto out outside over past per since than through throughout to toward towards under
    unless until unlike upon when whereas while within replacing""".split()
)
# A preposition relates only what stands close to it on both sides; those of place and time, only their neighbours.
TIGHT, TIGHTEST = 4, 2
_PLACES = frozenset("about around at beside by during for in near of off on per since through within".split())
# Content words after a verb that may be its object.
OBJECT = 3
# Letters of an adverb in -ly, more than: "fly" and "supply" are none.
SHORTEST_ADVERB = 6
RELATIVES = frozenset("which who that whose where".split())
# Farther apart, two words have nothing to do with one another.
REACH = 12
# What stands at the beginning of a sentence that speaks of what was named before.
PRONOUNS = frozenset("it they them he she this these that those his her its their we you i such both there".split())


def swapped(aligned: Alignment) -> bool:
    """Whether two words changed places around the word that relates them: "heat into motion", "motion into heat"."""
    pairs = sorted((i, j) for i, j in aligned.pairs.items() if _movable(aligned.claim.words[i]))
    for n, (i, place) in enumerate(pairs):
        for other, there in pairs[n + 1 :]:
            if (
                there < place
                and other - i <= REACH
                and place - there <= REACH
                and _related(aligned, i, other, there, place)
            ):
                return True
    return False


def _movable(word: Word) -> bool:
    """A year stands now at the beginning of a sentence, now at its end."""
    return word.content or (word.number and not re.fullmatch(r"[12]\d{3}", word.lower))


def _related(aligned: Alignment, i: int, other: int, there: int, place: int) -> bool:
    claim, evidence = aligned.claim, aligned.evidence
    if (
        claim.words[i].phrase != claim.words[other].phrase
        or evidence.words[there].phrase != evidence.words[place].phrase
    ):
        return False
    between = [word.lower for word in claim.words[i + 1 : other]]
    between_there = [word.lower for word in evidence.words[there + 1 : place]]
    if ("by" in between) != ("by" in between_there) or COPULAS.isdisjoint(between) != COPULAS.isdisjoint(between_there):
        return False
    telling = [
        word
        for n, word in enumerate(between, start=i + 1)
        if word in _RELATIONS or (word not in AUXILIARIES and is_verb(claim.words, n))
    ]
    both = [word for word in telling if word in between_there]
    if not both or both != [word for word in between_there if word in both]:
        return False
    allowed = TIGHTEST if _PLACES.issuperset(both) else TIGHT if _RELATIONS.issuperset(both) else REACH
    return max(len(between), len(between_there)) <= allowed


def subject(reading: Reading) -> list[int]:
    """Positions of the content words before the first verb of the main clause, without an introductory phrase."""
    end = predicate(reading)
    if end == len(reading.words):
        return []
    clause = reading.words[end].clause
    words = reading.words[:end]
    return [i for i, word in enumerate(words) if word.clause == clause and word.content and not _adverb(word)]


def _adverb(word: Word) -> bool:
    return word.lower.endswith("ly") and len(word.lower) > SHORTEST_ADVERB


def _main_verb(reading: Reading) -> tuple[int, bool]:
    """The position of the verb after its auxiliaries, past the end if there is none; and whether it is passive."""
    i = predicate(reading)
    passive = False
    while i < len(reading.words) and reading.words[i].lower in AUXILIARIES | {"not"}:
        passive = reading.words[i].lower in COPULAS
        i += 1
    if passive and (i == len(reading.words) or not reading.words[i].lower.endswith(("ed", "en"))):
        return i - 1, False
    return i, passive


def other_subject(aligned: Alignment) -> bool:
    """Whether claim and evidence say it of different things: the evidence of one that the claim does not speak of."""
    verb, passive = _main_verb(aligned.claim)
    mine = subject(aligned.claim)
    if _says_the_same_there(aligned, mine):
        return False
    same_clause = (aligned.pairs.get(verb), passive) == _main_verb(aligned.evidence)
    theirs = subject(aligned.evidence) if same_clause else _subject_there(aligned, mine)
    told = {aligned.claim.words[i].root for i in mine}
    used = set(aligned.pairs.values())
    if not theirs or any(j in used or aligned.evidence.words[j].root in told for j in theirs):
        return False
    if mine and all(i in aligned.missing for i in mine):
        return True
    place = aligned.pairs.get(verb)
    same_verb = place is not None and passive == _passive(aligned.evidence, place)
    return same_verb and aligned.claim.words[0].lower not in PRONOUNS


def _says_the_same_there(aligned: Alignment, mine: list[int]) -> bool:
    """Whether the evidence has the claim's subject, its verb and what comes next in one run, in whatever clause."""
    words, pairs = aligned.claim.words, aligned.pairs
    verb = predicate(aligned.claim)
    following = next((i for i in range(verb + 1, len(words)) if words[i].content or words[i].number), verb)
    if not mine or following == verb or any(i not in pairs for i in mine):
        return False
    place = pairs[mine[-1]] - mine[-1]
    return all(pairs.get(i) == place + i for i in range(mine[-1], following + 1))


def _passive(reading: Reading, verb: int) -> bool:
    before = [word.lower for word in reading.words[max(verb - 3, 0) : verb]]
    return reading.words[verb].lower.endswith(("ed", "en")) and not COPULAS.isdisjoint(before)


def _subject_there(aligned: Alignment, mine: list[int]) -> list[int]:
    """The subject, in the evidence, of the clause that has most of what the claim says of its own."""
    words = aligned.evidence.words
    said = Counter(
        words[aligned.pairs[i]].clause for i in aligned.claim.content if i in aligned.pairs and i not in mine
    )
    if not said:
        return []
    clause = max(said, key=lambda one: (said[one], -one))
    first = next((j for j in range(len(words)) if words[j].clause == clause), 0)
    if words[first].lower in RELATIVES:
        return []
    end = next((j for j in range(first + 1, len(words)) if words[j].clause == clause and _verbal(words, j)), first)
    return [j for j in range(first, end) if words[j].content] or subject(aligned.evidence)


def _verbal(words: tuple[Word, ...], j: int) -> bool:
    return words[j].lower in AUXILIARIES or is_verb(words, j)


def interchanged(aligned: Alignment) -> bool:
    """Whether two words stand each in the other's place around something that stays: "the anode is positive and the
    cathode negative" turned round."""
    moved = sorted((i, j) for i, j in aligned.pairs.items() if aligned.claim.words[i].content)
    return any(
        there < place
        and _in_place_of(aligned, i, there)
        and _in_place_of(aligned, other, place)
        and any(i < k < other and there < kept < place for k, kept in moved)
        for n, (i, place) in enumerate(moved)
        for other, there in moved[n + 2 :]
    )


def _in_place_of(aligned: Alignment, i: int, place: int) -> bool:
    """Whether a word of the claim has a neighbour that stands beside that place in the evidence."""
    return aligned.pairs.get(i - 1) == place - 1 or aligned.pairs.get(i + 1) == place + 1


def exchanged(aligned: Alignment) -> bool:
    """Whether the subject of each side is something else on the other, though both say it with the same verb."""
    verb, passive = _main_verb(aligned.claim)
    if verb not in aligned.pairs or (aligned.pairs[verb], passive) != _main_verb(aligned.evidence):
        return False
    mine, theirs = set(subject(aligned.claim)), set(subject(aligned.evidence))
    back = {j: i for i, j in aligned.pairs.items()}
    if not mine or not theirs:
        return False
    if aligned.claim.words[verb].lower in COPULAS and not _same_complement(aligned, verb):
        return False
    moved = sum(i in aligned.pairs and aligned.pairs[i] not in theirs for i in mine)
    moved_there = sum(j in back and back[j] not in mine for j in theirs)
    return 2 * moved > len(mine) and 2 * moved_there > len(theirs)


def objects_exchanged(aligned: Alignment) -> bool:
    """Whether what follows a verb follows another on the other side: "takes in air and gives off water"."""
    back = {j: i for i, j in aligned.pairs.items()}
    for verb, place in aligned.pairs.items():
        if not _same_verb(aligned, verb, place):
            continue
        mine, theirs = _objects(aligned.claim, verb), _objects(aligned.evidence, place)
        if not mine or not theirs or mine[0] not in aligned.pairs or theirs[0] not in back:
            continue
        elsewhere = aligned.pairs[mine[0]]
        if elsewhere not in theirs and back[theirs[0]] not in mine and _apart(aligned.evidence, theirs[0], elsewhere):
            return True
    return False


def _apart(reading: Reading, one: int, other: int) -> bool:
    """Whether a verb stands between two words, so that they are not items of one list."""
    first, last = sorted((one, other))
    return any(is_verb(reading.words, i) for i in range(first + 1, last))


def _same_verb(aligned: Alignment, verb: int, place: int) -> bool:
    claim, evidence = aligned.claim.words, aligned.evidence.words
    if claim[verb].lower != evidence[place].lower or claim[verb].lower in AUXILIARIES:
        return False
    active = not _passive(aligned.claim, verb) and not _passive(aligned.evidence, place)
    return active and verb > 0 and place > 0 and is_verb(claim, verb) and is_verb(evidence, place)


def _objects(reading: Reading, verb: int) -> list[int]:
    """The next content words after a verb, in its clause, if no preposition comes first."""
    words = reading.words
    if verb + 1 == len(words) or words[verb + 1].lower in _RELATIONS:
        return []
    return [i for i in reading.content if i > verb and words[i].clause == words[verb].clause][:OBJECT]


def _same_complement(aligned: Alignment, verb: int) -> bool:
    """Whether both go on alike after "is".

    "A is B" may be turned to "B is A", but not "A is the B of C" to "C is the B of A".
    """
    first = next((i for i in aligned.claim.content if i > verb), None)
    there = next((j for j in aligned.evidence.content if j > aligned.pairs[verb]), None)
    return first is not None and aligned.pairs.get(first) == there
