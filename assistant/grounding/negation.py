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


# What limits may be told as a negation: "only with a key" as "not without a key"; and so may what else happens.
_LIMITS = frozenset("only unless until except excluded exclusively solely instead".split())
_OTHERWISE = frozenset(["else", "otherwise"])
_REASONS = frozenset("because since as otherwise or".split())
_CHANCES = frozenset("can could may might".split())


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
    sides = _Sides.of(aligned)
    added = sum(not sides.answers(negation) for negation in sides.mine)
    lost = sum(sides.loses(negation) for negation in sides.theirs)
    turned = sum(sides.turns(i) for i in aligned.opposites)
    # A limit told as what is beyond it: "only if it is locked" as "not if it is unlocked".
    beyond = added and added + lost + turned == 2 and _limits(aligned)
    return 0 if beyond else added + lost + turned


@dataclass(frozen=True, slots=True)
class _Sides:
    """The negations of a claim and of its evidence, and the positions of the words that these govern."""

    aligned: Alignment
    mine: list[Negation]
    theirs: list[Negation]
    denied_here: set[int]
    denied_there: set[int]

    @classmethod
    def of(cls, aligned: Alignment) -> "_Sides":
        mine, theirs = negations(aligned.claim), negations(aligned.evidence)
        here, there = ({i for negation in side for i in negation.governs} for side in (mine, theirs))
        return cls(aligned, mine, theirs, here, there)

    @property
    def pairs(self) -> dict[int, int]:
        return self.aligned.pairs | self.aligned.opposites

    def answers(self, negation: Negation) -> bool:
        """Whether what a negation of the claim governs is denied in the evidence as well, or is not there to be."""
        pairs, turned = self.pairs, self.aligned.opposites
        there = [i for i in negation.governs if i in pairs]
        if not there or any((pairs[i] in self.denied_there) != (i in turned) for i in there):
            return True
        # What is denied in words of its own may be what the evidence denies in others.
        return _says_otherwise(self.aligned) or (negation.governs[0] not in pairs and self._spare())

    def _spare(self) -> bool:
        """Whether the evidence denies or limits something that the claim does not tell in the same words."""
        told = set(self.pairs.values())
        denied = any(not negation.governs or negation.governs[0] not in told for negation in self.theirs)
        return denied or _limits(self.aligned)

    def loses(self, negation: Negation) -> bool:
        """Whether the claim has what a negation of the evidence governs, and does not deny it."""
        governed = [i for i, j in self.pairs.items() if j in negation.governs]
        first = negation.governs and negation.governs[0] in self.pairs.values()
        if not first or _warns(self.aligned, negation):
            return False
        return not any((i in self.denied_here) != (i in self.aligned.opposites) for i in governed)

    def turns(self, i: int) -> bool:
        """Whether an opposite says the contrary; beside a negation on one side it does not: "not allowed" is
        "forbidden"."""
        same = (i in self.denied_here) == (self.aligned.opposites[i] in self.denied_there)
        return same and not _turned_round(self.aligned, i)


def _turned_round(aligned: Alignment, i: int) -> bool:
    """Whether the two that an opposite relates changed sides as well: "a before b" is "b after a"."""
    place = aligned.opposites[i]
    before = next((aligned.pairs[n] for n in reversed(aligned.claim.content) if n < i and n in aligned.pairs), None)
    after = next((aligned.pairs[n] for n in aligned.claim.content if n > i and n in aligned.pairs), None)
    return before is not None and after is not None and after < place < before


def _warns(aligned: Alignment, negation: Negation) -> bool:
    """Whether the evidence forbids something and says why, and the claim only tells what may come of it."""
    words = aligned.evidence.words
    forbids = negation.place <= 1 and words[0].lower in ("do", "never")
    reasons = any(word.lower in _REASONS for word in words)
    return forbids and reasons and any(word.lower in _CHANCES for word in aligned.claim.words)


def _limits(aligned: Alignment) -> bool:
    """Whether the evidence limits what it says with a word that the claim does not repeat."""
    told = {word.lower for word in aligned.claim.words}
    return any(word.lower in _LIMITS - told for word in aligned.evidence.words)


def _says_otherwise(aligned: Alignment) -> bool:
    """Whether the evidence tells what happens if not, and the claim may say the same with a negation."""
    told = {word.lower for word in aligned.claim.words}
    return told.isdisjoint(_OTHERWISE) and any(word.lower in _OTHERWISE for word in aligned.evidence.words)
