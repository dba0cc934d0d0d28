"""The rows of tables: what each cell says under its column, and whether a number is said of the right one."""

import re
from collections.abc import Sequence
from itertools import takewhile, zip_longest

from assistant.grounding.quantities import numbers
from assistant.grounding.reading import Reading, Word, read

ROW = re.compile(r"\s*\|")
RULE = re.compile(r"\s*(?:\|\s*)?(?::?-+:?\s*\|\s*)+(?::?-+:?\s*)?")
_BAR = re.compile(r"(?<!\\)\|")
# A word that a number belongs to stands right before it ("room 12"), or so many words after it ("12 large rooms").
_AFTER = 2
_WHEN = frozenset("in on since during by until before after".split())


def cells(line: str) -> list[str]:
    """The cells of a row, an empty one as well; a bar behind a backslash is part of its cell."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in _BAR.split(inner)]


def under_columns(row: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """ "price: 2 euros" for each cell that holds something; a cell alone where nobody knows the columns."""
    both = zip_longest(columns, row, fillvalue="")
    return tuple(f"{name}: {cell}" if name else cell for name, cell in both if cell)


def misplaced(text: Reading, row: Sequence[str]) -> bool:
    """Whether the text says a number of another cell than it stands in: "71 seats" of the row "room: 71", "seats: 81".

    Only numbers count that stand beside a word of a cell with a number.
    """
    return not all(_in_place(text, row))


def asked_for(question: Reading, row: Sequence[str]) -> bool:
    """Whether a question names a row by one of its numbers ("rooms 12 and 14")."""
    return any(_in_place(question, row))


def _in_place(text: Reading, row: Sequence[str]) -> list[bool]:
    """For each number beside a word of a cell with a number, whether it is the number of such a cell."""
    cells = [(frozenset(word.root for word in read(cell).words), numbers(cell)) for cell in row]
    found = []
    for i, word in enumerate(text.words):
        homes = [values for roots, values in cells if values and word.number and roots & _beside(text.words, i)]
        if homes:
            found.append(any(values & numbers(word.written) for values in homes))
    return found


def _beside(words: Sequence[Word], i: int) -> frozenset[str]:
    """Roots of the words that the number may belong to: to none after it where it says when ("in 2024 sales")."""
    before, after = words[max(i - 1, 0) : i], words[i + 1 : i + 1 + _AFTER]
    if any(word.lower in _WHEN for word in before):
        return frozenset()
    near = [*before, *takewhile(lambda word: not word.number, after)]
    return frozenset(word.root for word in near if word.content and word.phrase == words[i].phrase)
