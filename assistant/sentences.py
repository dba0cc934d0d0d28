"""Cut a stream of text into sentences as they are completed."""

import re

import sentencex

_FENCE = re.compile(r"\s*(?:```|~~~)")
# Full stops of the scripts that have one of their own as well; a danda is one.
_ENDING = re.compile(r"[.!?…。！？।؟۔][\"'”’»」』)\]*_`]*\s*$|```\s*$|~~~\s*$")
# A word up to and with the first white space after it, or what there is of it.
_WORD_END = re.compile(r"\S*\s|\S+")


class SentenceStream:
    """Feed it pieces of text; it gives back whole sentences, list items and code blocks.

    Joined, what it gives back is the text that was fed; and it is the same however the text was chopped. Where a
    sentence ends depends on the word after it, so it is only looked at where a word is complete.
    """

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """The sentences that this piece completes. The last one waits: it may still go on."""
        completed: list[str] = []
        for word in _WORD_END.findall(text):
            self._rest += word
            if word[-1].isspace():
                *pieces, self._rest = cut(self._rest)
                completed += pieces
        return completed

    def finish(self) -> list[str]:
        """What is left when the stream has ended."""
        rest, self._rest = self._rest, ""
        return cut(rest)


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


def ends_whole(sentence: str) -> bool:
    """Whether a sentence, an item of a list or a block of code is complete, so that it may be the end of a text."""
    return not sentence.strip() or sentence.endswith("\n") or bool(_ENDING.search(sentence))
