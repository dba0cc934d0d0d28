"""Markdown tables as text in columns, for where tables are not rendered."""

import re
from collections.abc import Sequence

from wcwidth import wcswidth, wcwidth

# A phone shows some forty columns of fixed width before it wraps.
MAX_WIDTH = 28
_DELIMITER = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*")
_CELL = re.compile(r"(?<!\\)\|")


def is_table(lines: Sequence[str]) -> bool:
    """Whether these lines, each with bars, are a table: a head, a delimiter, and rows."""
    return len(lines) >= 2 and "-" in lines[1] and bool(_DELIMITER.fullmatch(lines[1]))


def aligned(lines: Sequence[str]) -> str:
    """The table's lines with columns of the same width, each cut at `MAX_WIDTH`."""
    rows = [_cells(line) for number, line in enumerate(lines) if number != 1]
    count = len(rows[0])
    rows = [[_cut(cell) for cell in (row + [""] * count)[:count]] for row in rows]
    widths = [max(_width(row[column]) for row in rows) for column in range(count)]
    shown = ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = "  ".join("─" * max(1, width) for width in widths)
    return "\n".join([shown[0], rule, *shown[1:]])


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [" ".join(cell.replace("\\|", "|").replace("`", "'").split()) for cell in _CELL.split(inner)]


def _cut(cell: str) -> str:
    if _width(cell) <= MAX_WIDTH:
        return cell
    kept, width = "", 0
    for character in cell:
        width += max(0, wcwidth(character))
        if width > MAX_WIDTH - 1:
            break
        kept += character
    return kept + "…"


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    return max(0, wcswidth(text)) if wcswidth(text) >= 0 else len(text)
