"""One answer in several messages, because Slack takes only so much in one."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[^`\n]*")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+")
_SPACE = re.compile(r"\s+")
# What is kept free for closing a fence.
CLOSING_BYTES = 24
# A seam in the last half of what would fit is worth looking for.
WORTH = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to append to message number `part`, from 0."""

    part: int
    text: str


class Parts:
    """Divides formatted text into messages of at most `max_bytes` in UTF-8 and `max_characters`.

    A code fence that is open at a seam is closed there and opened again in the next message.
    """

    def __init__(self, max_bytes: int = 9_000, max_characters: int = 11_000) -> None:
        self.max_bytes = max_bytes - CLOSING_BYTES
        self.max_characters = max_characters - CLOSING_BYTES
        self._part = 0
        self._bytes = self._characters = 0
        self._line = ""
        self._fence = ""

    def add(self, text: str) -> list[Piece]:
        """The pieces to append, in order."""
        pieces: list[Piece] = []
        for line in text.splitlines(keepends=True) if "\n" in text else [text] if text else []:
            self._put(line, pieces)
        return pieces

    def roll(self) -> list[Piece]:
        """Begin the next message now. Nothing when this one is empty."""
        pieces: list[Piece] = []
        if self._bytes:
            self._next(pieces)
        return pieces

    def _put(self, line: str, pieces: list[Piece]) -> None:
        while not self._fits(line):
            head = self._head(line)
            if head:
                self._append(head, pieces)
            line = line[len(head) :]
            self._next(pieces)
        if line:
            self._append(line, pieces)

    def _fits(self, text: str) -> bool:
        return (
            self._bytes + len(text.encode()) <= self.max_bytes and self._characters + len(text) <= self.max_characters
        )

    def _head(self, line: str) -> str:
        """As much of a line as fits and ends well; nothing when a new message is the better place for it."""
        if self._bytes > self.max_bytes // WORTH and not self._line:
            return ""
        room = line[: self.max_characters - self._characters]
        room = room.encode()[: self.max_bytes - self._bytes].decode("utf-8", "ignore")
        for seam in (_SENTENCE, _SPACE):
            ends = [found.end() for found in seam.finditer(room)]
            if ends and ends[-1] > len(room) // WORTH:
                return room[: ends[-1]]
        return _without_torn_cluster(room)

    def _append(self, text: str, pieces: list[Piece]) -> None:
        pieces.append(Piece(self._part, text))
        self._bytes += len(text.encode())
        self._characters += len(text)
        self._line += text
        if text.endswith("\n"):
            self._mind_fence(self._line[:-1])
            self._line = ""

    def _mind_fence(self, line: str) -> None:
        found = _FENCE.fullmatch(line)
        if not found:
            return
        if not self._fence:
            self._fence = line.strip()[:40]
        elif found.group(1)[0] == self._fence[0] and line.strip() == found.group(1):
            self._fence = ""

    def _next(self, pieces: list[Piece]) -> None:
        if self._fence:
            line = "\n" if self._line else ""
            pieces.append(Piece(self._part, f"{line}{self._fence[:3]}"))
        self._part += 1
        self._bytes = self._characters = 0
        self._line = ""
        if self._fence:
            opening = f"{self._fence}\n"
            pieces.append(Piece(self._part, opening))
            self._bytes, self._characters = len(opening.encode()), len(opening)


def _without_torn_cluster(text: str) -> str:
    """Not cut before a joiner, a selector or a mark that belongs to the character before it."""
    cut = len(text)
    while cut > 1 and text[cut - 1] in "\u200d\ufe0f":
        cut -= 1
    return text[:cut]
