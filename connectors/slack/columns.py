"""Markdown tables as text in columns, for where a table is not rendered or too wide."""

import re
from collections.abc import Sequence

from wcwidth import width, wrap

from connectors.slack.mathematics import readable

# In characters of fixed width: a phone shows some forty, and wraps a longer line.
MAX_WIDTH = 28
MAX_TOTAL = 64
MIN_WIDTH = 8
# A table with more columns is left as it is.
MAX_COLUMNS = 16
# What has come of a table by then decides how wide its columns are.
SETTLING_CHARACTERS = 2_000
FENCE = "```"

_DELIMITER = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?([^\s()<>]+)>?(?:\s[^()]*)?\)")
_MARKUP = re.compile(r"\*\*|__|`+|~~|\\(?=[!-/:-@\[-`{-~])")
_FORMULA = re.compile(r"\$(?![\s\d])([^$]+)(?<!\s)\$(?!\d)")


def is_table(head: str, delimiter: str) -> bool:
    """Whether these two lines, without what they are indented by, begin a table."""
    if not _DELIMITER.fullmatch(delimiter.strip()):
        return False
    count = len(cells(head))
    return count == len(cells(delimiter)) and count <= MAX_COLUMNS


def cells(line: str) -> list[str]:
    """The cells of a row, still in Markdown."""
    inner = line.strip().removeprefix("|")
    parts = _BAR.split(inner)
    return parts if parts[-1].strip() or len(parts) == 1 else parts[:-1]


class Columns:
    """A table that grows row by row. Its columns are as wide as what had come when it was first shown needs."""

    def __init__(self, head: str) -> None:
        self._rows = [[_shown(cell) for cell in cells(head)]]
        self._widths: list[int] = []
        self._characters = len(head)

    def add(self, line: str) -> str:
        """A row; returns what can be shown now, which is code in a fence that is still open."""
        count = len(self._rows[0])
        row = [_shown(cell) for cell in cells(line)[:count]]
        row += [""] * (count - len(row))
        if self._widths:
            return _lines(row, self._widths)
        self._rows.append(row)
        self._characters += len(line)
        return self._settle() if self._characters > SETTLING_CHARACTERS else ""

    def finish(self) -> str:
        """The rest of the table and the end of its fence."""
        return f"{'' if self._widths else self._settle()}{FENCE}\n"

    def _settle(self) -> str:
        self._widths = _widths(self._rows)
        rule = "  ".join("─" * across for across in self._widths)
        head, *rows = (_lines(row, self._widths) for row in self._rows)
        return f"{FENCE}\n{head}{rule}\n{''.join(rows)}"


def _shown(cell: str) -> str:
    """A cell as plain text, for in a fence nothing of its markup is rendered."""
    text = _FORMULA.sub(lambda found: readable(found.group(1)) or found.group(), _BREAK.sub(" ", cell))
    text = _LINK.sub(lambda found: f"{found.group(1)} ({found.group(2)})".strip(), text)
    return " ".join(_MARKUP.sub("", text).split())


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    needed = [min(MAX_WIDTH, max(1, *map(width, column))) for column in zip(*rows, strict=True)]
    most = max(MIN_WIDTH, MAX_TOTAL // len(needed))
    return needed if sum(needed) <= MAX_TOTAL else [min(most, across) for across in needed]


def _lines(row: Sequence[str], widths: Sequence[int]) -> str:
    """A row, on as many lines as its longest cell needs."""
    wrapped = [wrap(cell, max(2, across)) or [""] for cell, across in zip(row, widths, strict=True)]
    height = max(map(len, wrapped))
    lines = [[column[number] if number < len(column) else "" for column in wrapped] for number in range(height)]
    return "".join(f"{_line(line, widths)}\n" for line in lines)


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * max(0, across - width(cell)) for cell, across in zip(line, widths, strict=True))
    return "  ".join(padded).rstrip()
