"""Whether claim and evidence deny the same: negations with what they govern, and opposites."""

from dataclasses import dataclass

from assistant.grounding.alignment import Alignment
from assistant.grounding.reading import NEGATORS, Reading

# These deny what follows the word by which they are kept here.
_REFUSALS = {"to": frozenset("fail fails failed failing unable refuse refuses refused unwilling".split())}
_REFUSALS["from"] = frozenset("excluded exclude excludes exempt exempted prohibited barred banned prevented".split())
_REFUSALS["of"] = frozenset(["free"])
# Fixed phrases that deny nothing, by what follows the negation.
_NO_DENIAL = frozenset("only matter doubt just merely wonder".split())
# They bound a number, if there is one.
_BOUNDS = frozenset("later less more fewer sooner earlier longer least".split())
# A negation governs this many content words after it, in its own clause; without such, the ones before it.
SCOPE = 3
_STOPS = frozenset("and but because due if when unless so than".split())


@dataclass(frozen=True, slots=True)
class Negation:
    """Where it stands and the positions of the words that it governs, the nearest first."""

    place: int
    governs: tuple[int, ...]


def negations(reading: Reading) -> list[Negation]:
    return [Negation(i, _governed(reading, i)) for i in range(len(reading.words)) if _denies(reading, i)]


def _denies(reading: Reading, i: int) -> bool:
    word = reading.words[i]
    # "None" in the middle of a sentence is a value of a programming language.
    following = reading.words[i + 1].lower if i + 1 < len(reading.words) else ""
    if word.lower in _REFUSALS.get(following, ()):
        return True
    if word.lower == "none" and not i:
        return following == "of"
    return word.lower in NEGATORS and not _fixed(reading, i) and not (i and word.written == "None")


def _fixed(reading: Reading, i: int) -> bool:
    following = reading.words[i + 1].lower if i + 1 < len(reading.words) else ""
    if i and reading.words[i].lower == "not" and reading.words[i - 1].lower == "or":
        return True
    if following in _BOUNDS:
        return any(word.number for word in reading.words[i + 2 : i + 5])
    return following in _NO_DENIAL


def _governed(reading: Reading, i: int) -> tuple[int, ...]:
    found: list[int] = []
    words = reading.words
    for j in range(i + 1, len(words)):
        if (
            words[j].clause != words[i].clause
            or words[j].lower in NEGATORS - {"none"}
            or (found and words[j].lower in _STOPS)
            or len(found) == SCOPE
        ):
            break
        if _telling(reading, j):
            found.append(j)
    if (
        not found
        and i + 1 < len(words)
        and words[i + 1].phrase == words[i].phrase
        and words[i + 1].lower not in NEGATORS
    ):
        found = [i + 1]
    if not found:
        found = [j for j in range(i - 1, -1, -1) if words[j].clause == words[i].clause and _telling(reading, j)][:SCOPE]
    return tuple(found)


# Verbs and adjectives too plain to count as content, which a negation may well be about.
_PLAIN = frozenset(
    """able allow allowed allows available based become becomes begin called contain contains different enable enables
    exist exists follow follows have has had include included includes need needs needed necessary occur occurs possible
    provide provided provides require required requires take taken takes use used uses do does did know none make made
    makes get give given say see show want different same be""".split()
)


def _telling(reading: Reading, j: int) -> bool:
    word = reading.words[j]
    return (
        (word.content or word.lower in _PLAIN)
        and (word.written == "None" or word.lower not in NEGATORS)
        and word.lower != "longer"
    )


def denials(aligned: Alignment) -> int:
    """How many negations and opposites of one side the other side has nothing for, of words that both have."""
    mine = negations(aligned.claim)
    theirs = negations(aligned.evidence)
    pairs = aligned.pairs | aligned.opposites
    back: dict[int, list[int]] = {}
    for i, j in pairs.items():
        back.setdefault(j, []).append(i)
    denied_here = {i for negation in mine for i in negation.governs}
    denied_there = {j for negation in theirs for j in negation.governs}
    turned = set(aligned.opposites)
    count = 0
    for negation in mine:
        count += not _answered(negation.governs, pairs, denied_there, turned)
    for negation in theirs:
        governed = [i for j in negation.governs for i in back.get(j, ())]
        first = back.get(negation.governs[0], ()) if negation.governs else ()
        if governed and first:
            count += not any((i in denied_here) != (i in turned) for i in governed)
    for i in turned:
        # An opposite beside a negation on one side says the same as neither: "not allowed" is "forbidden".
        count += (i in denied_here) == (pairs[i] in denied_there)
    return count


def _answered(governs: tuple[int, ...], pairs: dict[int, int], denied_there: set[int], turned: set[int]) -> bool:
    """Whether what a negation of the claim governs is denied in the evidence as well, or is not there to be denied."""
    there = [i for i in governs if i in pairs]
    return not there or any((pairs[i] in denied_there) != (i in turned) for i in there)
