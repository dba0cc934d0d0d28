"""Which characters of a text people see, and where one ends as people count them."""

import re

from wcwidth import iter_graphemes

# Controls, characters without width and what turns the direction round: tricks, or nothing that a reader would miss.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Joiners and selectors shape the scripts and emoji that they follow; after other characters they only hide something.
_STRAY = re.compile("(?<![0-9#*\x80-\U0010ffff])[\u200c\u200d\ufe00-\ufe0f]+")
# So far back a character that is made of several is looked for: the longest emoji have ten.
_REACH = 40


class Visible:
    """Drops from a text, piece by piece, what nobody sees. Tabs stay; any kind of line break becomes a newline."""

    def __init__(self) -> None:
        self._before = ""
        self._returned = False

    def feed(self, text: str) -> str:
        if not text:
            return ""
        rest = text[1:] if self._returned and text[0] == "\n" else text
        self._returned = text[-1] == "\r"
        rest = _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", _BREAK.sub("\n", rest)))
        shown = _STRAY.sub("", self._before + rest)[len(self._before) :]
        # Any letter does for one that a joiner may follow, a joiner among them.
        self._before = ("é" if shown[-1] >= "\x80" else shown[-1]) if shown else self._before
        return shown


def visible(text: str) -> str:
    """The same for a whole text."""
    return Visible().feed(text)


def one_line(text: str) -> str:
    """What people see of a text, on one line."""
    return " ".join(visible(text).split())


def whole(text: str, at: int) -> int:
    """The last place up to `at` that tears no character apart; `at` when there is none near."""
    start = max(0, at - _REACH)
    end = start
    for cluster in iter_graphemes(text[start : at + _REACH]):
        if end + len(cluster) > at:
            break
        end += len(cluster)
    return end if end > start else at
