"""Tables as text: comma, semicolon, tab or bar between the cells."""

import csv
import io
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.tables import tables
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

SEPARATORS = ",;\t|"
MAX_CELL = 100_000
MAX_ROWS = 500_000


def load(path: Path) -> "list[Document]":
    text = read_text(path)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text, path.suffix.lower()))
    try:
        rows = list(islice(reader, MAX_ROWS + 1))
    except csv.Error as error:
        raise LoadError(
            f"{path} cannot be read as a table: {error} (line {reader.line_num}).", "Correct that line, or split it."
        ) from error
    if len(rows) > MAX_ROWS:
        raise LoadError(f"{path} has more than {MAX_ROWS:,} rows.", "Split it.")
    return list(tables(rows, path.stem))


def separator(text: str, suffix: str = "") -> str:
    """What stands between the cells: by the suffix, or what the first lines have most evenly."""
    if suffix == ".tsv":
        return "\t"
    lines = [line for line in text[:20_000].split("\n")[:20] if line.strip()]
    return max(SEPARATORS, key=lambda mark: min((line.count(mark) for line in lines), default=0))
