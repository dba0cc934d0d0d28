"""Rows of cells into Markdown tables, a range of rows each under the header row."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from knowledge.loaders.documents import document
from knowledge.loaders.ranges import RANGE_CHARACTERS, label, ranges

if TYPE_CHECKING:
    from langchain_core.documents import Document


def tables(rows: Iterable[list[str]], title: str, sheet: str = "") -> "Iterator[Document]":
    """A document for each range of rows. Rows are counted from 1 as a person sees them; empty ones are passed over.

    The first row that is not empty is the header, and stands above every range. `section` is "Prices, rows 2-51".
    """
    filled = ((number, _trimmed(row)) for number, row in enumerate(rows, start=1))
    numbered = iter((number, row) for number, row in filled if row)
    first, header = next(numbered, (0, []))
    if not header:
        return
    top = f"{_line(header)}\n{_line(['---'] * len(header))}"
    any_rows = False
    for numbers, lines in ranges(((n, _line(row)) for n, row in numbered), max(RANGE_CHARACTERS - len(top), 1)):
        any_rows = True
        yield document("\n".join([top, *lines]), title, section=_section(sheet, numbers))
    if not any_rows:
        yield document(_line(header), title, section=_section(sheet, str(first)))


def _section(sheet: str, numbers: str) -> str:
    rows = label("row", numbers)
    return f"{sheet}, {rows}" if sheet else rows[0].upper() + rows[1:]


def _trimmed(row: list[str]) -> list[str]:
    end = max((index for index, cell in enumerate(row, start=1) if cell.strip()), default=0)
    return row[:end]


def _line(row: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row) + " |"
