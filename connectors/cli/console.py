"""Where the command line writes: answers to stdout, everything else to stderr; text made safe for both."""

import json
import re
import sys
from typing import IO, TYPE_CHECKING

import typer

from assistant.untrusted.characters import SEQUENCE

if TYPE_CHECKING:
    from rich.console import Console

# Control characters but tab and newline, what reverses the direction of text, and halves of characters.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """The text without anything that a terminal would obey instead of show."""
    return _UNSAFE.sub("", SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def one_line(text: str) -> str:
    """Clean text in a single line, without tabs: fit for a table, a heading or a tab-separated list."""
    return " ".join(clean(text).split())


def out() -> "Console":
    return _console(sys.stdout, stderr=False)


def err() -> "Console":
    return _console(sys.stderr, stderr=True)


def _console(stream: IO[str], *, stderr: bool) -> "Console":
    from rich.console import Console

    # FORCE_COLOR, set for a whole build server, must not put escape sequences into what a program reads.
    return Console(stderr=stderr, force_terminal=stream.isatty(), highlight=False, emoji=False, markup=False)


def write_json(value: object) -> None:
    """One JSON value on stdout. Raw control characters are escaped, so it is safe to look at."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    typer.echo(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def write_row(*cells: object) -> None:
    """One line of a tab-separated list on stdout, for the next program in the pipe."""
    typer.echo("\t".join(one_line(str(cell)) for cell in cells))
