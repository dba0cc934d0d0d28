"""The two ends of the terminal, and what may be written to them."""

import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# Control characters, but for tab and newline, and the marks that turn the direction of writing: from a document
# or a model they could move the cursor, hide text or make a link of it.
_DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


@cache
def out() -> "Console":
    """Standard output: answers and data."""
    from rich.console import Console

    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False, emoji=False, markup=False)


@cache
def err() -> "Console":
    """Standard error: progress, notes and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def printable(text: str) -> str:
    """The text without what could drive a terminal."""
    return _DANGEROUS.sub("", text)


def short_path(path: str) -> str:
    """A path as a person would type it from here."""
    where = Path(path)
    if where.is_relative_to(Path.cwd()):
        return str(where.relative_to(Path.cwd()))
    if where.is_relative_to(Path.home()):
        return f"~/{where.relative_to(Path.home())}"
    return path


def print_json(value: object) -> None:
    """One JSON value on standard output."""
    import json

    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()
