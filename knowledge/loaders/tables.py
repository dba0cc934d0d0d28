"""Rows of cells into Markdown tables, a range of rows each under the header row."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from knowledge.loaders.documents import document
from knowledge.loaders.ranges import RANGE_CHARACTERS, label, ranges

if TYPE_CHECKING:
    from langchain_core.documents import Document

Row = tuple[int, list[str]]
# The lines above a table that say what it is are not more than these.
MAX_CAPTION_ROWS = 5


def tables(rows: Iterable[list[str]], title: str, sheet: str = "") -> "Iterator[Document]":
    """A document for each range of rows. Rows are counted from 1 as a person sees them; empty ones are passed over.

    The first row of several cells is the header, and stands above every range after the captions that come before it;
    where all rows have one cell, it is the first row. `section` is "Prices, rows 2-51".
    """
    trimmed = ((number, _trimmed(row)) for number, row in enumerate(rows, start=1))
    filled = ((number, row) for number, row in trimmed if row)
    captions, header, body = _parted(filled)
    if not header[1]:
        return
    top = "".join(f"{_caption(row)}\n\n" for _, row in captions)
    top += f"{_line(header[1])}\n{_line(['---'] * len(header[1]))}"
    width = len(header[1])
    any_rows = False
    records = ((number, _line([*row, *[""] * (width - len(row))])) for number, row in body)
    for numbers, lines in ranges(records, max(RANGE_CHARACTERS - len(top), 1)):
        any_rows = True
        yield document("\n".join([top, *lines]), title, section=_section(sheet, numbers), headed=True)
    if not any_rows:
        yield document(top, title, section=_section(sheet, str(header[0])), headed=True)


def _parted(rows: Iterator[Row]) -> tuple[list[Row], Row, Iterator[Row]]:
    """The captions, the header and the rest."""
    first = list(islice(rows, MAX_CAPTION_ROWS + 1))
    at = next((index for index, (_, row) in enumerate(first) if sum(map(bool, row)) > 1), 0)
    header = first[at] if first else (0, [])

    def rest() -> Iterator[Row]:
        yield from first[at + 1 :]
        yield from rows

    return first[:at], header, rest()


def _caption(row: list[str]) -> str:
    return _cell(" ".join(row))


def _section(sheet: str, numbers: str) -> str:
    rows = label("row", numbers)
    return f"{sheet}, {rows}" if sheet else rows[0].upper() + rows[1:]


def _trimmed(row: list[str]) -> list[str]:
    end = max((index for index, cell in enumerate(row, start=1) if cell.strip()), default=0)
    return [cell.strip() for cell in row[:end]]


def _line(row: list[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
