"""Markdown as a model writes it, made into Markdown that Slack shows right and harms nobody.

An answer arrives in pieces and is shown while it arrives, so text is released as soon as nothing that follows can
change what it means, and never taken back. How it was cut into pieces makes no difference.
"""

import html
import re
from urllib.parse import quote, urlsplit

from connectors.slack.columns import aligned, is_table
from connectors.slack.mathematics import readable
from connectors.slack.neutral import ZWSP, neutral, open_end, visible
from connectors.slack.parts import Parts, Piece

__all__ = ["Formatter", "Parts", "Piece", "formatted", "link", "mrkdwn", "plain"]

# What opens something and is not closed within so many characters opened nothing.
WINDOW = 1_000
# A table with more text than this goes on as plain lines.
TABLE_CHARACTERS = 6_000
# The longest fence that is taken for one.
LONGEST_FENCE = 16
FENCE = "```"

_FENCE_LINE = re.compile(r" {0,3}(`{3,16}|~{3,16})([^`\n]*)")
_MAYBE_FENCE = re.compile(r" {0,3}(?:`{0,16}|~{0,16})$|(?: {0,3}(?:`{3}|~{3}))")
_INFO = re.compile(r"[^\w+#.-]")
_DISPLAY = ((r"\[", r"\]"), ("$$", "$$"))
_SPECIAL = re.compile(r"[`$\\\[\]!<&@]")
_OPENERS = frozenset("`$\\[]!<&@#*_~|>")
_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_OPENERS = frozenset("`$\\[]!<&@#*_~|>")
_HALF_ENTITY = re.compile(r"&(?:lt|#0*60|#x0*3c)", re.IGNORECASE)
_MAYBE_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{0,30}|#[xX]?[0-9a-fA-F]{0,7})?$")
_TICKS = re.compile("`+")
_WORD = re.compile(r"channel\b|here\b|everyone\b|group\b", re.IGNORECASE)
_MAYBE_WORD = re.compile(
    r"(?:c|ch|cha|chan|chann|channe|h|he|her|e|ev|eve|ever|every|everyo|everyon|g|gr|gro|grou|"
    r"channel|here|everyone|group)?$",
    re.IGNORECASE,
)


class _Wait(Exception):  # noqa: N818 (it is not an error)
    """What follows decides what this is."""


class Formatter:
    """Feed it the pieces of an answer; it returns what can be shown of them by now."""

    def __init__(self) -> None:
        self._held = ""
        self._at_line_start = True
        self._fence = ""
        self._table: list[str] = []

    def feed(self, text: str) -> str:
        """What can be released now."""
        self._held += visible(text)
        return self._release(complete=False)

    def finish(self) -> str:
        """The rest; a fence that is open is closed."""
        rest = self._release(complete=True)
        if not self._fence:
            return rest
        line = "" if self._at_line_start else "\n"
        self._fence = ""
        return f"{rest}{line}{FENCE}"

    def _release(self, *, complete: bool) -> str:
        released = []
        try:
            while self._held:
                released.append(self._step(complete))
        except _Wait:
            pass
        if complete and self._table:
            released.append(self._end_table())
        return "".join(released)

    def _step(self, complete: bool) -> str:
        """Take something from what is held. Raises _Wait when it is too early for that."""
        if self._fence:
            return self._code(complete)
        if self._at_line_start:
            return self._line_start(complete)
        return self._prose(complete)

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        self._at_line_start = taken.endswith("\n")
        return taken

    # -- code

    def _code(self, complete: bool) -> str:
        end = self._held.find("\n")
        if self._at_line_start and re.match(r" {0,3}(?:`*|~*)\s*(?:\n|$)", self._held[:WINDOW]):
            if end < 0 and not complete and len(self._held) < WINDOW:
                raise _Wait
            line = self._held if end < 0 else self._held[:end]
            if self._closes(line):
                self._fence = ""
                self._take(len(line) if end < 0 else end + 1)
                return f"{FENCE}\n" if end >= 0 else FENCE
        return self._code_text(end, complete)

    def _closes(self, line: str) -> bool:
        mark = line.strip()
        return len(mark) >= len(self._fence) and set(mark) == {self._fence[0]} and len(line) - len(line.lstrip(" ")) < 4

    def _code_text(self, end: int, complete: bool) -> str:
        length = end + 1 if end >= 0 else len(self._held) if complete else open_end(self._held)
        if not length:
            raise _Wait
        # Our own fence is the shortest there is: inside a longer one a short one is only text.
        started = self._at_line_start
        text = neutral(self._take(length))
        return ZWSP + text if started and text.lstrip(" ").startswith(FENCE) else text

    # -- the beginning of a line

    def _line_start(self, complete: bool) -> str:
        end = self._held.find("\n")
        line = self._held if end < 0 else self._held[:end]
        whole = end >= 0 or complete
        start = line.lstrip(" ")
        if not whole and len(line) < WINDOW and (not start or start[0] in "|`~$\\"):
            return self._maybe(line, start)
        if start.startswith("|") and whole and len(line) < WINDOW:
            return self._row(line, end)
        if self._table:
            return self._end_table()
        fence = _FENCE_LINE.fullmatch(line) if whole else None
        if fence:
            return self._open(fence, end)
        return self._display(line, complete) or self._begin_prose(start)

    def _maybe(self, line: str, start: str) -> str:
        """Only the beginning of a line is there, and it could be the beginning of something special."""
        if not start or start[0] in "|`~" or start in ("$", "\\") or start.startswith(("$$", r"\[")):
            raise _Wait
        if self._table:
            return self._end_table()
        return self._begin_prose(start)

    def _begin_prose(self, start: str) -> str:
        self._at_line_start = False
        return ""

    def _open(self, fence: re.Match[str], end: int) -> str:
        self._fence = fence.group(1)
        info = _INFO.sub("", fence.group(2).strip().partition(" ")[0])[:20]
        self._take(len(self._held) if end < 0 else end + 1)
        self._at_line_start = True
        return f"{FENCE}{info}\n"

    def _display(self, line: str, complete: bool) -> str:
        """A formula that stands for itself, on one line or on several."""
        start = len(line) - len(line.lstrip(" "))
        for opening, closing in _DISPLAY:
            if not self._held.startswith(opening, start):
                continue
            inner = start + len(opening)
            close = self._held.find(closing, inner, inner + WINDOW)
            if close < 0 and not complete and len(self._held) < inner + WINDOW + len(closing):
                raise _Wait
            shown = readable(self._held[inner:close]) if close >= 0 else None
            if shown:
                self._take(close + len(closing))
                self._held = self._held.removeprefix("\n")
                self._at_line_start = True
                return f"{FENCE}\n{neutral(shown).replace(FENCE, '')}\n{FENCE}\n"
        return ""

    # -- tables

    def _row(self, line: str, end: int) -> str:
        self._table.append(line)
        self._take(len(line) if end < 0 else end + 1)
        self._at_line_start = True
        if sum(map(len, self._table)) > TABLE_CHARACTERS:
            return self._end_table()
        return ""

    def _end_table(self) -> str:
        lines, self._table = self._table, []
        if is_table(lines):
            return f"{FENCE}\n{neutral(aligned(lines))}\n{FENCE}\n"
        return "".join(f"{_whole(line)}\n" for line in lines)

    # -- prose

    def _prose(self, complete: bool) -> str:
        """Whatever is decided of the rest of the line."""
        end = self._held.find("\n")
        whole = end >= 0 or complete
        line = self._held if end < 0 else self._held[: end + 1]
        released, position = [], 0
        while position < len(line):
            found = _SPECIAL.search(line, position)
            if not found:
                released.append(line[position:])
                position = len(line)
                break
            released.append(line[position : found.start()])
            position = found.start()
            token = _token(line, position, whole)
            if token is None:
                break
            text, length = token
            released.append(text)
            position += length
        return self._done(line, position, end, "".join(released))

    def _done(self, line: str, position: int, end: int, released: str) -> str:
        """Keep what is not decided."""
        rest = "" if end < 0 else self._held[end + 1 :]
        self._held = line[position:] + rest
        if position:
            self._at_line_start = line[:position].endswith("\n")
        elif not released:
            raise _Wait
        return released


def formatted(text: str) -> str:
    """The whole of an answer at once."""
    formatter = Formatter()
    return formatter.feed(text) + formatter.finish()


def _whole(line: str) -> str:
    """One line of prose that is all there."""
    released, position = [], 0
    while position < len(line):
        found = _SPECIAL.search(line, position)
        if not found:
            released.append(line[position:])
            break
        released.append(line[position : found.start()])
        token = _token(line, found.start(), whole=True)
        text, length = token if token else (line[found.start()], 1)
        released.append(text)
        position = found.start() + length
    return "".join(released)


Token = tuple[str, int]


def _token(line: str, at: int, whole: bool) -> Token | None:
    """What stands at a special character: what to show, and how long it is. None when what follows decides."""
    return _TOKENS[line[at]](line, at, whole)


def _ended(line: str, at: int, whole: bool) -> bool:
    """Whether nothing more of what could close something can come."""
    return whole or len(line) - at > WINDOW


def _literal(line: str, at: int, length: int = 1) -> Token:
    return line[at : at + length], length


def _code_span(line: str, at: int, whole: bool) -> Token | None:
    ticks = _TICKS.match(line, at)
    length = len(ticks.group()) if ticks else 1
    if at + length == len(line) and not whole:
        return None
    for closing in _TICKS.finditer(line, at + length, min(len(line), at + WINDOW)):
        if len(closing.group()) == length and (closing.end() < len(line) or whole):
            return neutral(line[at : closing.end()]), closing.end() - at
    return _literal(line, at, length) if _ended(line, at, whole) else None


def _dollar(line: str, at: int, whole: bool) -> Token | None:
    """pandoc's rule: no space inside the dollars, and no figure behind them, or it is money."""
    mark = "$$" if line.startswith("$$", at) else "$"
    inner = at + len(mark)
    if inner >= len(line):
        return _literal(line, at, len(mark)) if whole else None
    if line[inner].isspace():
        return _literal(line, at, len(mark))
    close = line.find("$", inner, at + WINDOW)
    if close < 0:
        return _literal(line, at, len(mark)) if _ended(line, at, whole) else None
    after = close + len(mark)
    if after >= len(line) and not whole:
        return None
    closes = line.startswith(mark, close) and not line[close - 1].isspace() and not line[after : after + 1].isdigit()
    shown = readable(line[inner:close]) if closes else None
    return (_prosaic(shown), after - at) if shown else _literal(line, at, len(mark))


def _backslash(line: str, at: int, whole: bool) -> Token | None:
    if at + 1 == len(line):
        return _literal(line, at) if whole else None
    closing = {"(": r"\)", "[": r"\]"}.get(line[at + 1])
    if closing is None:
        return _literal(line, at)
    close = line.find(closing, at + 2, at + WINDOW)
    if close < 0:
        return _literal(line, at) if _ended(line, at, whole) else None
    shown = readable(line[at + 2 : close])
    return (_prosaic(shown), close + 2 - at) if shown else _literal(line, at)


def _prosaic(formula: str) -> str:
    """A formula within a sentence, where nothing of it may be read as Markdown."""
    return neutral(
        " ".join(formula.split()).replace("](", f"]{ZWSP}(").replace("<", f"<{ZWSP}").replace("&", f"&{ZWSP}")
    )


def _bracket(line: str, at: int, whole: bool) -> Token | None:
    """A link shows where it leads; everything else in brackets stays."""
    close = line.find("]", at + 1, at + WINDOW)
    if close < 0:
        return _literal(line, at) if _ended(line, at, whole) else None
    if close + 1 == len(line) and not whole:
        return None
    if line[close + 1 : close + 2] != "(":
        return _literal(line, at)
    end = line.find(")", close + 2, close + WINDOW)
    if end < 0:
        return _literal(line, at) if _ended(line, close, whole) else None
    label, address = _whole(line[at + 1 : close]).strip(), _whole(line[close + 2 : end].strip())
    shown = address if label in ("", address) else f"{label} ({address})"
    return _unlinked(shown), end + 1 - at


def _closing_bracket(line: str, at: int, whole: bool) -> Token | None:
    """Neither a link nor a definition may come of what we did not take for one."""
    if at + 1 == len(line):
        return _literal(line, at) if whole else None
    return (f"]{ZWSP}", 1) if line[at + 1] in "(:[" else _literal(line, at)


def _image(line: str, at: int, whole: bool) -> Token | None:
    if at + 1 == len(line):
        return _literal(line, at) if whole else None
    return ("", 1) if line[at + 1] == "[" else _literal(line, at)


def _less_than(line: str, at: int, whole: bool) -> Token | None:
    """Before a tag, an address or a mention; not in `a < b` or `<=`."""
    if at + 1 == len(line):
        return _literal(line, at) if whole else None
    following = line[at + 1]
    return _literal(line, at) if following.isspace() or following in "=-0123456789" else (f"<{ZWSP}", 1)


def _ampersand(line: str, at: int, whole: bool) -> Token | None:
    """An entity becomes its character, which then opens nothing, so that nothing is hidden in one."""
    entity = _ENTITY.match(line, at)
    if entity:
        shown = visible(html.unescape(entity.group())).replace("\n", " ")
        if shown == entity.group():
            return f"&{ZWSP}", 1
        return shown + ZWSP * (shown in _OPENERS), len(entity.group())
    if not whole and _MAYBE_ENTITY.match(line, at):
        return None
    return (f"&{ZWSP}", 1) if _HALF_ENTITY.match(line, at) else _literal(line, at)


def _at_sign(line: str, at: int, whole: bool) -> Token | None:
    if not whole and _MAYBE_WORD.match(line, at + 1):
        return None
    return (f"@{ZWSP}", 1) if _WORD.match(line, at + 1) else _literal(line, at)


def _unlinked(text: str) -> str:
    return text.replace("](", f"]{ZWSP}(")


_TOKENS = {
    "`": _code_span,
    "$": _dollar,
    "\\": _backslash,
    "[": _bracket,
    "]": _closing_bracket,
    "!": _image,
    "<": _less_than,
    "&": _ampersand,
    "@": _at_sign,
}


# -- texts in other places than answers

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Look like what they stand for, and are no markup: * _ ~ `
_LOOKALIKES = {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}


def plain(text: str, limit: int) -> str:
    """One line of plain text, cut with an ellipsis: for titles, buttons and notifications."""
    line = neutral(" ".join(visible(text).split()))
    return line if len(line) <= limit else line[: max(0, limit - 1)].rstrip() + "…"[:limit]


def mrkdwn(text: str, limit: int) -> str:
    """One line that shows exactly these words inside a mrkdwn text, and is no longer than `limit` when escaped."""
    line = _SHOUTING.sub(f"@{ZWSP}", " ".join(visible(text).split()))
    shown = [_ESCAPES.get(c) or _LOOKALIKES.get(c) or c for c in line]
    if sum(map(len, shown)) <= limit:
        return "".join(shown)
    kept, length = [], 0
    for piece in shown:
        length += len(piece)
        if length > limit - 1:
            break
        kept.append(piece)
    return "".join(kept) + "…"[:limit]


_SHOUTING = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
# Slack takes no longer address.
MAX_URL = 2_000


def link(url: str, label: str, limit: int) -> str:
    """A link in mrkdwn, its label no longer than `limit`; the label alone where the address is not one of the web."""
    shown = mrkdwn(label, limit)
    try:
        parts = urlsplit(visible(url).strip())
    except ValueError:
        return shown
    address = quote(parts.geturl(), safe="%/:?#[]@!$&'()+,;=~-._")
    if parts.scheme not in ("http", "https") or not parts.hostname or len(address) > MAX_URL or not shown:
        return shown
    return f"<{address.replace('&', '&amp;')}|{shown.replace('|', '¦')}>"
