"""Source code and settings, as they are, in runs of lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.loaders.documents import document
from knowledge.loaders.ranges import label
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

# A function of a common length; a run ends before the next line that begins something.
MIN_LINES = 20
MAX_LINES = 60


def load(path: Path) -> "list[Document]":
    lines = read_text(path).split("\n")
    # Two files of the same stem are told apart by their suffixes.
    return [
        document("\n".join(lines[start:end]), path.name, section=_section(start, end), format="text")
        for start, end in runs(lines)
    ]


def runs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Runs of lines, from and up to, cut where something begins at the margin after an empty line."""
    start = 0
    while start < len(lines):
        candidates = range(start + MIN_LINES, min(start + MAX_LINES, len(lines)))
        end = next((n for n in candidates if _begins(lines, n)), min(start + MAX_LINES, len(lines)))
        yield start, end
        start = end


def _begins(lines: list[str], number: int) -> bool:
    return not lines[number - 1].strip() and bool(lines[number].strip()) and not lines[number][0].isspace()


def _section(start: int, end: int) -> str:
    lines = label("line", str(end) if end == start + 1 else f"{start + 1}-{end}")
    return lines[0].upper() + lines[1:]
