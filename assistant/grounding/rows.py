"""The rows of tables: what each cell says under its column, and whether a number is said of the right one."""

import re
from collections.abc import Sequence
from itertools import takewhile, zip_longest

from assistant.grounding.reading import Reading, Word, read

ROW = re.compile(r"\s*\|")
RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?")
_BAR = re.compile(r"(?<!\\)\|")
# A word that a number belongs to stands right before it ("room 12"), or so many words after it ("12 large rooms").
_AFTER = 2


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

    Only numbers count that stand beside a word of the row.
    """
    return not all(_in_place(text, row))


def other(question: Reading, row: Sequence[str]) -> bool:
    """Whether a row is none of those that a question asks for by their numbers ("rooms 12 and 14")."""
    places = _in_place(question, row)
    return bool(places) and not any(places)


def _in_place(text: Reading, row: Sequence[str]) -> list[bool]:
    """For each number beside a word of the row, whether it stands in a cell that has this word."""
    roots = [frozenset(word.root for word in read(cell).words) for cell in row]
    found = []
    for i, word in enumerate(text.words):
        homes = [cell for cell in roots if word.number and cell & _beside(text.words, i)]
        if homes:
            found.append(any(word.root in cell for cell in homes))
    return found


def _beside(words: Sequence[Word], i: int) -> frozenset[str]:
    """Roots of the words that the number may belong to."""
    near = [*words[max(i - 1, 0) : i], *takewhile(lambda word: not word.number, words[i + 1 : i + 1 + _AFTER])]
    return frozenset(word.root for word in near if word.content and word.phrase == words[i].phrase)
