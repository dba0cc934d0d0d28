"""Whether a claim was put together of words from several sentences that do not belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.grounding.alignment import COPULAS, Alignment, predicate
from assistant.grounding.lexicon import likeness
from assistant.grounding.order import RELATIVES, subject
from assistant.grounding.reading import Reading
from knowledge.words import FUNCTION_WORDS

# A word was replaced where of the words on either side, this far, at least this many stand alike in both.
AROUND, ALIKE = 3, 3
# From one word that stands alike in both to the next, at most, for those between to stand for one another.
GAP = 4
# Stands before what something does as "able to" does, and says as little: "the purpose of a fuse is to melt".
PURPOSES = frozenset("aim function goal job objective point purpose role task".split())
# Content words that were lifted together from another sentence, and how far apart they may stand there.
LIFTED, SPREAD = 2, 4


def borrowed(aligned: Alignment, others: Sequence[Reading]) -> bool:
    """Whether the claim's subject, a word in the place of the evidence's or a part of the claim is that of another
    sentence; `others` are all sentences besides the evidence."""
    missing = {aligned.claim.words[i].root for i in aligned.missing}
    lenders = [other for other in others if any(word.root in missing for word in other.words)]
    known = {word.root for other in lenders for word in other.words}
    return (
        _subject_taken(aligned, known)
        or _attached(aligned, known)
        or any(_replaces(aligned, i) or _added(aligned, i, lenders) for i in _strange(aligned, known))
        or any(_lifted(aligned, one) for one in lenders)
    )


def _subject_taken(aligned: Alignment, known: set[str]) -> bool:
    mine = subject(aligned.claim)
    return bool(mine) and all(i in aligned.missing and aligned.claim.words[i].root in known for i in mine)


def _attached(aligned: Alignment, known: set[str]) -> bool:
    """Whether a clause is attached whose verb is that of another sentence: "a current that kills"."""
    words = aligned.claim.words
    return any(i and words[i - 1].lower in RELATIVES and words[i].root in known for i in aligned.missing)


def _strange(aligned: Alignment, known: set[str]) -> list[int]:
    """Content words of the claim that stand somewhere in the passages, but perhaps not where the evidence has them."""
    claim = aligned.claim
    found = (i for i in claim.content if i in aligned.pairs or claim.words[i].root in known)
    return [i for i in found if not _announces_what_for(claim, i)]


def _announces_what_for(claim: Reading, i: int) -> bool:
    words, verb = claim.words, predicate(claim)
    says = [word.lower for word in (*words[i : i + 2], *words[verb : verb + 2])]
    return len(says) == 4 and says[0] in PURPOSES and says[1] == "of" and says[2] in COPULAS and says[3] == "to"


def _replaces(aligned: Alignment, i: int) -> bool:
    """Whether a word stands where the evidence, otherwise alike, has another that the claim does not use."""
    used = set(aligned.pairs.values()) | set(aligned.opposites.values())
    words = aligned.evidence.words
    frame = _framed(aligned, i)
    there = frame.there
    if not frame.close or all(j in used or words[j].lower in FUNCTION_WORDS for j in there):
        return False
    if i in aligned.missing:
        return frame.alike >= ALIKE
    # A word that the evidence has elsewhere takes a place that as many other words had.
    moved = aligned.pairs.get(i) not in there and len(there) + 1 == frame.after - frame.before
    other = not any(likeness(aligned.claim.words[i].lower, words[j].lower) for j in there)
    return moved and other and frame.alike > ALIKE


def _added(aligned: Alignment, i: int, lenders: Sequence[Reading]) -> bool:
    """Whether a word was put into what the evidence says without it, and stands beside neither neighbour elsewhere."""
    frame, words = _framed(aligned, i), aligned.claim.words
    if i not in aligned.missing or frame.there or not frame.close or frame.alike < ALIKE:
        return False
    beside = {words[n].root for n in (i - 1, i + 1) if 0 <= n < len(words) and words[n].content}
    phrases = {words[n].phrase for n in (frame.before, frame.after) if 0 <= n < len(words)}
    return words[i].phrase in phrases and not any(_beside(words[i].root, beside, one) for one in lenders)


def _beside(root: str, neighbours: set[str], reading: Reading) -> bool:
    return any(
        (one.root == root and other.root in neighbours) or (other.root == root and one.root in neighbours)
        for one, other in pairwise(reading.words)
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The nearest words on either side of one that the evidence has, where they stand in it, and how many words
    around them stand alike in both. The ends of the claim count as such words."""

    before: int
    after: int
    there: range
    alike: int

    @property
    def close(self) -> bool:
        return self.after - self.before <= GAP and len(self.there) < GAP


def _framed(aligned: Alignment, i: int) -> _Frame:
    pairs, end = aligned.pairs, len(aligned.claim.words)
    before = next((n for n in range(i - 1, -1, -1) if n in pairs), -1)
    after = next((n for n in range(i + 1, end) if n in pairs), end)
    left = pairs[before] if before >= 0 else pairs.get(after, 0) - (after - before)
    right = pairs[after] if after < end else left + after - before
    alike = sum(
        (before - n >= 0 and pairs.get(before - n) == left - n) + (pairs.get(after + n) == right + n)
        for n in range(AROUND)
    )
    return _Frame(before, after, range(max(left + 1, 0), min(right, len(aligned.evidence.words))), alike)


def _lifted(aligned: Alignment, other: Reading) -> bool:
    """Whether a run of the claim's missing words stands together in another sentence."""
    places = {word.root: j for j, word in enumerate(other.words)}
    missing, run = set(aligned.missing), 0
    last = -1
    for i in aligned.claim.content:
        place = places.get(aligned.claim.words[i].root) if i in missing else None
        if place is None:
            run = 0
            continue
        run = run + 1 if run and 0 < place - last <= SPREAD else 1
        last = place
        if run >= LIFTED and not _at_home(aligned, other):
            return True
    return False


def _at_home(aligned: Alignment, other: Reading) -> bool:
    """Whether the other sentence speaks of what the claim speaks of."""
    theirs = {other.words[j].root for j in subject(other)}
    mine = {aligned.claim.words[i].root for i in subject(aligned.claim)}
    return not theirs.isdisjoint(mine) or predicate(other) == len(other.words)
