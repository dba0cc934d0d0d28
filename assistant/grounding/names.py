"""Names, by how they are written, and whether the evidence has them."""

import re

from assistant.grounding.alignment import Alignment
from assistant.grounding.quantities import dates
from assistant.grounding.reading import Reading, Word

# Names of files and of what programs are made of: "settings.json", "max_size".
_IDENTIFIER = re.compile(r"\b[^\W\d_]\w+(?:[._][^\W\d_]\w+)+\b")
# A long name and its adjective begin alike: "Egypt", "Egyptian".
COMMON_LETTERS = 5
_WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())


def foreign(aligned: Alignment, passage: frozenset[str]) -> bool:
    """Whether the claim names what neither the evidence nor the rest of its passage does.

    `passage`: its words and those of its headings in lower case. Whether a name took the place of another is asked of
    all words; see borrowing.
    """
    evidence = aligned.evidence
    if any(not _spelt(one, evidence) for one in _IDENTIFIER.findall(aligned.claim.text)):
        return True
    known = {word.root for word in evidence.words}
    missing = [word for word in names(aligned.claim) if not _there(word, known, evidence)]
    return not all(word.lower in passage for word in missing)


def _spelt(identifier: str, evidence: Reading) -> bool:
    """Whether the evidence has it, or at least its last part, as "pow" of "math.pow"."""
    low = identifier.lower()
    return low in evidence.text.lower() or re.split(r"[._]", low)[-1] in {word.lower for word in evidence.words}


def _there(word: Word, known: set[str], evidence: Reading) -> bool:
    if word.root in known or (len(word.lower) > 3 and word.lower in "".join(other.lower for other in evidence.words)):
        return True
    if word.written.isupper() and len(word.written) > 1:
        initials = "".join(other.lower[0] for other in evidence.words)
        return word.lower in initials or word.lower in "".join(evidence.words[j].lower[0] for j in evidence.content)
    return any(_begins(word.root, other) or _begins(other, word.root) for other in known)


def _begins(short: str, long: str) -> bool:
    return len(short) >= COMMON_LETTERS and long.startswith(short)


def names(reading: Reading) -> list[Word]:
    """Words with capitals or digits inside, and words with a capital after the first of the sentence."""
    undated = dates(reading.text)[1]
    found = []
    for position, word in enumerate(reading.words):
        inner = word.written[1:]
        odd = any(c.isupper() or c.isdigit() for c in inner) and not word.number
        opening = position == 0 and word.lower not in _WEEKDAYS
        capital = not opening and word.written[0].isupper() and len(word.written) > 1
        if odd or (capital and word.written in undated):
            found.append(word)
    return found
