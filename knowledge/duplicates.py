"""Passages that say almost the same: copies of a file, boilerplate, versions of one page."""

import unicodedata
from collections.abc import Iterable, Iterator

from knowledge.catalog import StoredPassage
from knowledge.lexical import grams
from knowledge.words import words

# Words in a row that are compared, as Broder does: On the Resemblance and Containment of Documents (1997).
SHINGLE = 3
# Two passages are near-duplicates when they share so many of all their shingles. Among 1,152 passages of real sites,
# pages of one template that speak of different places share up to 0.83.
RESEMBLANCE = 0.85

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str) -> Shingles:
    """Every run of three words, or of three pairs of characters where no spaces part words."""
    plain = unicodedata.normalize("NFKC", text)
    found = grams(plain).split() or words(plain)
    return frozenset(tuple(found[at : at + SHINGLE]) for at in range(max(1, len(found) - SHINGLE + 1)))


def resemblance(a: Shingles, b: Shingles) -> float:
    """The share, 0 to 1, of the shingles of both that they have in common."""
    return len(a & b) / len(a | b) if a or b else 1.0


def distinct_first(passages: Iterable[StoredPassage]) -> Iterator[StoredPassage]:
    """The passages in their order, except that those which resemble an earlier one come after all others."""
    seen: list[Shingles] = []
    repeated: list[StoredPassage] = []
    for passage in passages:
        found = shingles(passage.text)
        if any(_similar(found, other) for other in seen):
            repeated.append(passage)
        else:
            seen.append(found)
            yield passage
    yield from repeated


def _similar(a: Shingles, b: Shingles) -> bool:
    # Sets of very different size cannot share enough, which is quicker to see.
    small, large = sorted((len(a), len(b)))
    return small >= RESEMBLANCE * large and resemblance(a, b) >= RESEMBLANCE
