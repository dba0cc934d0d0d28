"""Cut a stream of text into sentences as they are completed."""

import re

import sentencex

_FENCE = re.compile(r"\s*(?:```|~~~)")


class SentenceStream:
    """Feed it pieces of text; it gives back whole sentences, list items and code blocks.

    Joined, what it gives back is the text that was fed.
    """

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """The sentences that this piece completes. The last one waits: it may still go on."""
        self._rest += text
        pieces = cut(self._rest)
        self._rest = pieces.pop() if pieces else ""
        return pieces

    def finish(self) -> str:
        """What is left when the stream has ended."""
        rest, self._rest = self._rest, ""
        return rest


def cut(text: str) -> list[str]:
    """Sentences, each with the white space after it; a code block is one piece, a line's end always ends one."""
    pieces: list[str] = []
    block = ""
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if block or fence:
            closes = bool(block and fence)
            block += line
            if closes:
                pieces.append(block)
                block = ""
        else:
            pieces += _cut_line(line)
    return [*pieces, block] if block else pieces


def _cut_line(line: str) -> list[str]:
    pieces: list[str] = sentencex.segment("en", line)
    return pieces if "".join(pieces) == line else [line]
