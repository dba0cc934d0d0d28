"""Which word of the evidence each word of a claim stands for."""

from collections import defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from assistant.grounding.lexicon import DERIVED, SAME, SIMILAR, bases, denied, likeness, opposed, verbs
from assistant.grounding.reading import NEGATORS, Reading, Word
from knowledge.words import FUNCTION_WORDS

AUXILIARIES = frozenset(
    """am is are was were be been being has have had do does did can could may might must shall should will would
    isn't aren't cannot""".split()
)
# Two words are opposites where this near to both there is something that both sides have.
COMPANY = 4
COPULAS = frozenset("am is are was were be been being".split())


@dataclass(frozen=True, slots=True)
class Alignment:
    """Positions of words: in the claim -> in the evidence.

    `pairs` are words that mean the same, `worth` how surely (see lexicon.likeness), `opposites` words that mean the
    contrary and stand for nothing else, `missing` the claim's content words that the evidence has no word for.
    """

    claim: Reading
    evidence: Reading
    pairs: dict[int, int]
    worth: dict[int, float]
    opposites: dict[int, int]
    missing: tuple[int, ...]

    @property
    def coverage(self) -> float:
        """The share of the claim's content words and numbers that the evidence has, 0 to 1."""
        content = [*self.claim.content, *(i for i, word in enumerate(self.claim.words) if word.number)]
        found = sum(self.worth.get(i, SIMILAR if i in self.opposites else 0.0) for i in content)
        return found / len(content) if content else 0.0

    @property
    def unused(self) -> list[int]:
        """Content words of the evidence that no word of the claim stands for."""
        used = set(self.pairs.values())
        return [i for i in self.evidence.content if i not in used]


@lru_cache(maxsize=4_000)
def align(claim: Reading, evidence: Reading) -> Alignment:
    """Equal roots first, in their order; then what means the same; then opposites."""
    pairs, opposites = _equal(claim, evidence)
    worth = dict.fromkeys(pairs, SAME)
    free = [j for j in evidence.content if j not in set(pairs.values())]
    open_words = [i for i in claim.content if i not in pairs and i not in opposites]
    for i in open_words:
        _pair_alike(i, claim, evidence, free, pairs, worth, DERIVED)
    opposites |= _opposites(claim, evidence, pairs | opposites)
    for i in open_words:
        if i not in pairs and i not in opposites:
            _pair_alike(i, claim, evidence, free, pairs, worth, 0.0)
    for find in (_acronym, _again):
        for i in claim.content:
            if i not in pairs and i not in opposites and (j := find(i, claim, evidence, pairs)) is not None:
                pairs[i], worth[i] = j, SAME
    missing = tuple(i for i in claim.content if i not in pairs and i not in opposites)
    return Alignment(claim, evidence, pairs, worth, opposites, missing)


def _equal(claim: Reading, evidence: Reading) -> tuple[dict[int, int], dict[int, int]]:
    """Words that both have, and opposites that stand in the place of one another."""
    pairs = _in_order(claim, evidence)
    opposites = _in_its_place(claim, evidence, pairs)
    opposites |= _prefixed(claim, evidence, pairs | opposites)
    _add_equal(claim, evidence, pairs, opposites)
    displaced = _displaced(claim, evidence, pairs)
    return {i: j for i, j in pairs.items() if i not in displaced}, opposites | displaced


def _in_order(claim: Reading, evidence: Reading) -> dict[int, int]:
    """Runs of words that stand in both in the same order; a light word, only beside one that tells something."""
    roots, there = ([word.root for word in reading.words] for reading in (claim, evidence))
    light = {word.root for word in evidence.words if not word.content and not word.number}
    blocks = SequenceMatcher(light.__contains__, roots, there, autojunk=False).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(block.size)}


def _add_equal(claim: Reading, evidence: Reading, pairs: dict[int, int], opposites: dict[int, int]) -> None:
    """Words that both have, though in another order."""
    taken = set(pairs.values()) | set(opposites.values())
    places: dict[str, list[int]] = defaultdict(list)
    for j, word in enumerate(evidence.words):
        if j not in taken:
            places[word.root].append(j)
    for i, word in enumerate(claim.words):
        if i not in pairs and i not in opposites and places[word.root]:
            pairs[i] = places[word.root].pop(0)


def _again(i: int, claim: Reading, evidence: Reading, pairs: dict[int, int]) -> int | None:
    """A word that is said twice stands for the same word of the evidence."""
    return next((j for n, j in pairs.items() if claim.words[n].root == claim.words[i].root), None)


def _in_its_place(claim: Reading, evidence: Reading, pairs: dict[int, int]) -> dict[int, int]:
    """Opposites that stand between the same neighbours.

    A word that the evidence has elsewhere counts as one only in the middle of a run of equal words: "was absent in"
    against "was present in", though the sentence goes on to say what is absent.
    """
    used = set(pairs.values())
    free = {word.root for j, word in enumerate(evidence.words) if j not in used}
    found: dict[int, int] = {}
    for i, word in enumerate(claim.words):
        if i in pairs or word.number:
            continue
        for j in (pairs.get(i - 1, -2) + 1, pairs.get(i + 1, -1) - 1):
            if word.root in free and not _amid(i, j, pairs):
                continue
            if 0 <= j < len(evidence.words) and j not in used and opposed(word.lower, evidence.words[j].lower):
                found[i] = j
    return found


def _displaced(claim: Reading, evidence: Reading, pairs: dict[int, int]) -> dict[int, int]:
    """Opposites in the very place of one another, though the claim's word stands somewhere else in the evidence."""
    used = set(pairs.values())
    found: dict[int, int] = {}
    for i, place in pairs.items():
        j = pairs.get(i - 1, -2) + 1
        framed = j not in (place, -1) and j not in used and pairs.get(i + 1) == j + 1
        if framed and opposed(claim.words[i].lower, evidence.words[j].lower):
            found[i] = j
    return found


def _prefixed(claim: Reading, evidence: Reading, pairs: dict[int, int]) -> dict[int, int]:
    """What only one of both has with a prefix that denies it: "not committed", "uncommitted"."""
    there = {word.root for word in evidence.words}
    free = set(evidence.content) - set(pairs.values())
    return {
        i: j
        for i in claim.content
        for j in free
        if i not in pairs and claim.words[i].root not in there and denied(claim.words[i].lower, evidence.words[j].lower)
    }


def _pair_alike(
    i: int,
    claim: Reading,
    evidence: Reading,
    free: list[int],
    pairs: dict[int, int],
    worth: dict[int, float],
    least: float,
) -> None:
    """Pair a word with the one most like it, if it is at least so like it."""
    word = claim.words[i].lower
    best = max(free, key=lambda j: likeness(word, evidence.words[j].lower), default=None)
    value = likeness(word, evidence.words[best].lower) if best is not None else 0.0
    if best is None or not value:
        # A word may stand for one that another word of the claim has already taken, or for a light one.
        best = max(range(len(evidence.words)), key=lambda j: likeness(word, evidence.words[j].lower), default=None)
        value = likeness(word, evidence.words[best].lower) if best is not None else 0.0
    if best is not None and value and value >= least:
        pairs[i], worth[i] = best, value
        if best in free:
            free.remove(best)


def _acronym(i: int, claim: Reading, evidence: Reading, pairs: dict[int, int]) -> int | None:
    """Where the words begin whose first letters are this word."""
    word = claim.words[i]
    if not (word.written.isupper() and 2 <= len(word.written) <= 6):
        return None
    for telling in (range(len(evidence.words)), evidence.content):
        place = "".join(evidence.words[j].lower[0] for j in telling).find(word.lower)
        if place >= 0:
            return telling[place]
    return None


def _opposites(claim: Reading, evidence: Reading, pairs: dict[int, int]) -> dict[int, int]:
    used = {evidence.words[j].root for j in pairs.values()}
    # What denies is weighed by its scope; see negation.
    skipped = {j for j, word in enumerate(evidence.words) if word.root in used or word.number or word.lower in NEGATORS}
    free = [j for j in range(len(evidence.words)) if j not in skipped]
    found: dict[int, int] = {}
    for i, word in enumerate(claim.words):
        if i in pairs or word.number or word.lower in NEGATORS:
            continue
        plain = word.lower in FUNCTION_WORDS
        for j in free:
            other = evidence.words[j].lower
            if plain == (other in FUNCTION_WORDS) and opposed(word.lower, other) and _same_company(i, j, pairs):
                found[i] = j
                break
    return found


def _same_company(i: int, j: int, pairs: dict[int, int]) -> bool:
    """Whether a word near the one stands for a word near the other."""
    near = (pairs.get(n) for n in range(i - COMPANY, i + COMPANY + 1))
    return any(place is not None and abs(place - j) <= COMPANY for place in near)


def _amid(i: int, j: int, pairs: dict[int, int]) -> bool:
    """Whether the words on either side of the two are equal, four of them or more."""
    if pairs.get(i - 1) != j - 1 or pairs.get(i + 1) != j + 1:
        return False
    return sum(pairs.get(i + n) == j + n for n in (-3, -2, -1, 1, 2, 3)) >= 4


@lru_cache(maxsize=20_000)
def predicate(reading: Reading) -> int:
    """The position of the first verb, as far as forms tell; the number of words if there is none."""
    words = reading.words
    for i, word in enumerate(words):
        if word.lower in AUXILIARIES and i:
            return i
        if i and is_verb(words, i):
            return i
    return len(words)


_BEFORE_NOUN = frozenset(
    """a an the this that these those its his her their our your my of in on for with to by most many some all few
    several other each every any no more both such""".split()
)
_AFTER_VERB = frozenset(
    """a an the this that these those its his her their our your my to in on at by from for with as into not no each
    every all any both only""".split()
)


def _goes_on(words: tuple[Word, ...], i: int) -> bool:
    """Whether something follows that may be an object: "and reflects green light", not "pumps and valves of steel"."""
    if i + 1 == len(words) or words[i + 1].phrase != words[i].phrase:
        return False
    return words[i + 1].lower in _AFTER_VERB or (words[i + 1].content and words[i].lower.endswith("s"))


def is_verb(words: tuple[Word, ...], i: int) -> bool:
    word, previous = words[i], words[i - 1]
    if previous.lower in _BEFORE_NOUN or not (bases(word.lower) & verbs()) or word.number:
        return False
    if previous.clause != word.clause:
        return False
    following = words[i + 1].lower if i + 1 < len(words) else ""
    if following in AUXILIARIES:
        return False
    if previous.lower in ("and", "or") and not _goes_on(words, i):
        return False
    return (word.lower.endswith(("s", "ed", "en")) and len(word.lower) > 3) or following in _AFTER_VERB
