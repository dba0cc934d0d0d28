"""Whether claim and evidence say the same of the same: who does what to whom."""

from assistant.grounding.alignment import AUXILIARIES, COPULAS, Alignment, is_verb, predicate
from assistant.grounding.reading import Reading

# Words that say how the two beside them are related; a verb does so too.
_RELATIONS = frozenset(
    """about above after against around at because before behind below beside between beyond despite during for from if
    in inside into like near off on onto out outside over past per since than through throughout to toward towards under
    unless until unlike upon when whereas while with within without replacing""".split()
)
# Farther apart, two words have nothing to do with one another.
REACH = 12
# What stands at the beginning of a sentence that speaks of what was named before.
PRONOUNS = frozenset("it they he she this these that those his her its their we you i such both there".split())


def swapped(aligned: Alignment) -> bool:
    """Whether two words changed places around the word that relates them: "heat into motion", "motion into heat"."""
    pairs = sorted((i, j) for i, j in aligned.pairs.items() if aligned.claim.words[i].content or aligned.claim.words[i].number)
    for n, (i, place) in enumerate(pairs):
        for other, there in pairs[n + 1 :]:
            if there < place and other - i <= REACH and place - there <= REACH and _related(aligned, i, other, there, place):
                return True
    return False


def _related(aligned: Alignment, i: int, other: int, there: int, place: int) -> bool:
    claim, evidence = aligned.claim, aligned.evidence
    if claim.words[i].phrase != claim.words[other].phrase or evidence.words[there].phrase != evidence.words[place].phrase:
        return False
    between = [word.lower for word in claim.words[i + 1 : other]]
    between_there = [word.lower for word in evidence.words[there + 1 : place]]
    if ("by" in between) != ("by" in between_there) or COPULAS.isdisjoint(between) != COPULAS.isdisjoint(between_there):
        return False
    telling = [
        word for n, word in enumerate(between, start=i + 1) if word in _RELATIONS or (word not in AUXILIARIES and is_verb(claim.words, n))
    ]
    both = [word for word in telling if word in between_there]
    return bool(both) and both == [word for word in between_there if word in both]


def subject(reading: Reading) -> list[int]:
    """Positions of the content words before the first verb of the main clause, without an introductory phrase."""
    end = predicate(reading)
    if end == len(reading.words):
        return []
    clause = reading.words[end].clause
    return [i for i in range(end) if reading.words[i].clause == clause and reading.words[i].content]


def _main_verb(reading: Reading) -> tuple[int, bool]:
    """The position of the verb after its auxiliaries, and whether it is in the passive; past the end if there is none."""
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
    mine, theirs = subject(aligned.claim), subject(aligned.evidence)
    used = set(aligned.pairs.values())
    if not theirs or any(j in used for j in theirs):
        return False
    if mine and all(i in aligned.missing for i in mine):
        return True
    verb, passive = _main_verb(aligned.claim)
    same_verb = verb in aligned.pairs and (aligned.pairs[verb], passive) == _main_verb(aligned.evidence)
    return same_verb and not aligned.claim.words[0].lower in PRONOUNS


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


def _same_complement(aligned: Alignment, verb: int) -> bool:
    """Whether both go on alike after "is". "A is B" may be turned to "B is A", but "A is the B of C" not to "C is the B of A"."""
    first = next((i for i in aligned.claim.content if i > verb), None)
    there = next((j for j in aligned.evidence.content if j > aligned.pairs[verb]), None)
    return first is not None and aligned.pairs.get(first) == there
