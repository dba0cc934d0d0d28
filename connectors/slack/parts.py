"""One answer in several messages, because Slack takes only so much in one."""

import re
from dataclasses import dataclass

from connectors.slack.characters import whole
from connectors.slack.neutral import ZWSP

FENCE = "```"
CLOSING = f"\n{FENCE}\n"
# The smallest message that can hold an open and a closed fence and something between them.
SMALLEST = 64
LONGEST_OPENING = 24

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SENTENCE_END = re.compile(r"[.!?…][)\]\"'”’]*[ \t]+|[。！？][」』”’]*|\n")
_WORD_END = re.compile(r"\s+")
# An escaped character, a span of code, or the marks of one that has no end yet.
_SPAN = re.compile(r"\\.|(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)|(`+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to append to message number `part`, from 0."""

    part: int
    text: str


class Parts:
    """Divides formatted text into messages of at most `max_bytes` in UTF-8 and `max_characters`.

    A message that is nearly full ends with the next line or sentence. Code that is open at a seam is closed there and
    opened again in the next message; there is room for that at any time. Raises ValueError for limits below 64.
    """

    def __init__(self, max_bytes: int = 9_000, max_characters: int = 11_000) -> None:
        if min(max_bytes, max_characters) < SMALLEST:
            raise ValueError(f"a message must be allowed {SMALLEST} characters or more")
        self._limits = (max_bytes, max_characters)
        self._pieces: list[Piece] = []
        self._part = 0
        self._bytes = self._characters = 0
        # How many characters the message had when it was opened: those of the code that goes on in it.
        self._opened = 0
        self._full = False
        # The line that is being written, the line that opened a fence, and the marks of a span that a seam has cut.
        self._line = ""
        self._fence = ""
        self._marks = ""

    def add(self, text: str) -> list[Piece]:
        """The pieces to append, in order."""
        for line in _LINE.findall(text):
            rest = line
            while rest:
                rest = self._add_some(rest)
        return self._take_pieces()

    def roll(self) -> list[Piece]:
        """Begin a new message, whatever room there is in this one; nothing to do when this one is empty."""
        if self._characters:
            self._next()
        return self._take_pieces()

    def _take_pieces(self) -> list[Piece]:
        """What was gathered, in one piece for each message."""
        texts: dict[int, list[str]] = {}
        for piece in self._pieces:
            texts.setdefault(piece.part, []).append(piece.text)
        self._pieces.clear()
        return [Piece(part, "".join(text)) for part, text in texts.items()]

    # -- where to cut

    def _add_some(self, line: str) -> str:
        """Add as much of a line as goes into this message, and begin the next if need be; returns the rest."""
        if self._full or (self._begins_fence(line) and self._used() > 3 / 4):
            self._next()
        line = self._open(line)
        length = self._fitting(line)
        if length == len(line):
            self._append(line)
            return ""
        length = self._seam(line, length)
        self._append(line[:length])
        self._next()
        return line[length:]

    def _begins_fence(self, line: str) -> bool:
        return not self._fence and not self._line and line.startswith(FENCE)

    def _used(self) -> float:
        return max(self._bytes / self._limits[0], self._characters / self._limits[1])

    def _fitting(self, line: str) -> int:
        """How many characters of a line leave room to close a fence; the end of one needs no such room."""
        if self._fence and not self._line and line.strip() == FENCE:
            return len(line)
        start = line[: max(0, self._limits[1] - self._characters - len(CLOSING))]
        encoded = start.encode("utf-8", "replace")
        most = max(0, self._limits[0] - self._bytes - len(CLOSING))
        return len(start) if len(encoded) <= most else len(encoded[:most].decode("utf-8", "ignore"))

    def _seam(self, line: str, length: int) -> int:
        """Where to cut a line of which not more than `length` fits; 0 leaves it to the next message."""
        started = self._characters > self._opened
        if started and not self._line:
            return 0
        for end in (_SENTENCE_END, _WORD_END):
            ends = [found.end() for found in end.finditer(line, 0, length) if not line.startswith("`", found.end())]
            if ends:
                return ends[-1]
        if started and self._line[-1:].isspace():
            return 0
        return _anywhere(line, length) or (0 if started else length)

    # -- writing

    def _open(self, rest: str) -> str:
        """Code that was closed at the seam is opened again, unless it would have ended here anyway."""
        if self._characters or not (self._marks or self._fence):
            return rest
        ticks = len(rest) - len(rest.lstrip("`"))
        if ticks == len(self._marks or FENCE):
            self._fence = self._marks = ""
            return rest[ticks:]
        if self._marks:
            self._line = self._marks + ZWSP * bool(ticks)
        self._write(self._line if self._marks else f"{self._fence}\n")
        self._marks = ""
        self._opened = self._characters
        return rest

    def _write(self, text: str) -> None:
        self._pieces.append(Piece(self._part, text))
        self._bytes += len(text.encode("utf-8", "replace"))
        self._characters += len(text)

    def _append(self, text: str) -> None:
        if not text:
            return
        self._write(text)
        self._line += text
        ended = self._line.endswith("\n")
        nearly = self._used() > (7 / 8 if ended else 15 / 16)
        self._full = nearly and not self._open_fence() and bool(_ends_sentence(self._line))
        if ended:
            self._fence, self._line = self._open_fence(), ""

    def _open_fence(self) -> str:
        """The line that opened the fence that is open now, counting the line that is being written."""
        if not self._line.startswith(FENCE):
            return self._fence
        opening = self._line.strip()
        suits = len(opening) <= LONGEST_OPENING and opening.isascii()
        return "" if self._fence else opening if suits else FENCE

    def _open_span(self) -> str:
        """The marks of the span of code that the line that is being written has begun."""
        return next((found.group(2) for found in _SPAN.finditer(self._line) if found.group(2)), "")

    def _next(self) -> None:
        fence = self._open_fence()
        self._marks = "" if fence or self._line.startswith(FENCE) else self._open_span()
        if fence:
            self._write(f"\n{FENCE}" if self._line else FENCE)
        elif self._marks:
            # Directly behind others they would be read as one with them, and would close nothing.
            self._write(ZWSP * self._line.endswith("`") + self._marks)
        self._part += 1
        self._bytes = self._characters = self._opened = 0
        self._fence, self._line, self._full = fence, "", False


def _ends_sentence(line: str) -> bool:
    ends = [found.end() for found in _SENTENCE_END.finditer(line, max(0, len(line) - 16))]
    return bool(ends) and ends[-1] == len(line)


def _anywhere(line: str, length: int) -> int:
    """The last place where no character is torn, and neither an escape nor marks from what they belong to."""
    cut = whole(line, length)
    while cut and line[cut - 1] in "\\`" and cut > length - 16:
        cut -= 1
    return cut
