"""Which characters of a text people see, and where one ends as people count them."""

import re

from wcwidth import iter_graphemes

from assistant.untrusted.characters import BREAK, INVISIBLE, SURROGATE

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
        rest = INVISIBLE.sub("", SURROGATE.sub("\ufffd", BREAK.sub("\n", rest)))
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
