"""What can stand within a line of Markdown, read at one place of a source of which the end may still be missing.

Every reader takes the source, the place and whether the source is whole, and returns what it found there; None when
only what follows will tell. What it found once stays true however the source goes on, and nothing is waited for
longer than `LONGEST`.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connectors.slack.characters import visible
from connectors.slack.mathematics import readable
from connectors.slack.neutral import ZWSP

# What opens something and is not closed within so many characters opened nothing.
LONGEST = 2_000
LONGEST_LABEL = 300
LONGEST_FORMULA = 400
# A dollar before a figure is money more often than not, so it holds the text up for less.
LONGEST_AMOUNT = 100
LONGEST_WORD = 200
# Of the same mark, one after the other.
LONGEST_RUN = 100

Kind = Literal["words", "code", "display", "source"]


@dataclass(frozen=True, slots=True)
class Found:
    """Up to `end` the source says `text`: words, code, a formula on its own lines, or source to be read again."""

    end: int
    text: str
    kind: Kind = "words"
    # The dollars behind a formula that stays as it is written: they open no other.
    dollars: int = 0


Reader = Callable[[str, int, bool], Found | None]

# Words with what follows them, as long as none of it can mean something.
_EASY = re.compile(r"(?:(?!https?:)[A-Za-z0-9]{1,200}+[ \t,;.\x80-\U0010ffff]+|[ \t]+|[^\x00-\x7f]+)++", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9]{1,200}")
_ADDRESS = re.compile(r"https?://[^\s<>\[\]`|\\\"]{0,2000}", re.IGNORECASE)
_TICKS = re.compile(f"`{{1,{LONGEST_RUN}}}")
_LABEL = re.compile(r"\[([^\[\]\n]{0,300})")
_TARGET = re.compile(
    r"\([ \t]*<?(https?://[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?"
    r"(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'|\([^()\n]*\)))?[ \t]*\)",
    re.IGNORECASE,
)
_ANGLE = re.compile(r"<(https?://[^\s<>|]{1,1500})(?:\|([^<>\n]{0,300}))?>", re.IGNORECASE)
_OPEN_ANGLE = re.compile(r"<[^\s<>|]*(?:\|[^<>\n]*)?\Z")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_HALF_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{0,30}|#[xX]?[0-9a-fA-F]{0,7})?")
_DOLLARS = re.compile(r"\${1,3}")
_FORMULA = re.compile(r"(?:\\.|[^$\n\\]){0,400}+")
_PROSE = re.compile(r"\d[^\\{}]* [a-z]{2,} ")
_DISPLAY = re.compile(r"[^$]{0,2000}")
_BLANK_LINE = re.compile(r"\n[ \t>]*\n")
_BRACKETED = re.compile(r"(?:[^\\]|\\[^()\[\]]){0,2000}+")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_MARKUP = frozenset("\\`*_{}[]()#+-.!~>|")
# An address ends here, in Slack's eyes, or at a closing bracket before one of these.
_AFTER_ADDRESS = frozenset(" \t\n.,;:!?)*_~\"'")


def words(source: str, at: int, whole: bool) -> Found | None:
    """Prose. A word is told when it has ended, for only then is it known for an address or not."""
    if easy := _EASY.match(source, at):
        return Found(easy.end(), easy.group())
    if source[at] in "hH" and not whole and _address_goes_on(source, at):
        return None
    if address := _ADDRESS.match(source, at):
        return Found(address.end(), address.group())
    word = _WORD.match(source, at)
    if not word:
        return Found(at + 1, source[at])
    ended = whole or word.end() < len(source) or word.end() - at == LONGEST_WORD
    return Found(word.end(), word.group()) if ended else None


def _address_goes_on(source: str, at: int) -> bool:
    """Whether the source ends within what may be an address."""
    address = _ADDRESS.match(source, at)
    if address:
        return address.end() == len(source) and address.end() - at < LONGEST
    return len(source) - at < len("https://") and _begins_address(source[at:])


def _begins_address(text: str) -> bool:
    text = text[:8].lower()
    return text.startswith("http://") or "https://".startswith(text) or "http://".startswith(text)


def ticks(source: str, at: int, whole: bool) -> Found | None:
    """A span of code on one line; without an end on that line, just the marks."""
    run = _TICKS.match(source, at)
    mark = run.group() if run else "`"
    literal = Found(at + len(mark), "\\`" * len(mark))
    if len(mark) == LONGEST_RUN:
        return literal
    if at + len(mark) == len(source) and not whole:
        return None
    line_end = source.find("\n", at, at + LONGEST)
    stop = line_end if line_end >= 0 else min(len(source), at + LONGEST)
    for closing in _TICKS.finditer(source, at + len(mark), stop):
        if closing.end() == len(source) and not whole:
            return None
        if closing.group() == mark and "`" not in (
            source[closing.start() - 1],
            source[closing.end() : closing.end() + 1],
        ):
            return Found(closing.end(), _code(source[at + len(mark) : closing.start()]), "code")
    ended = whole or line_end >= 0 or len(source) - at >= LONGEST
    return literal if ended else None


def _code(text: str) -> str:
    """A span with one mark or two, because Slack takes three for the beginning of a block."""
    inside = {len(run) for run in _TICKS.findall(text)}
    if {1, 2} <= inside:
        text, inside = text.replace("`", f"`{ZWSP}"), {1}
    mark = "`" if 1 not in inside else "``"
    return f"{mark}{text}{mark}"


def bracket(source: str, at: int, whole: bool) -> Found | None:
    """A link to the web is read again with its address after its label. Other brackets stay."""
    label = _LABEL.match(source, at)
    end = label.end() if label else at + 1
    if end == len(source):
        return Found(at + 1, "[") if whole or end - at > LONGEST_LABEL else None
    if source[end] != "]":
        return Found(at + 1, "[")
    if end + 1 == len(source) and not whole:
        return None
    target = _TARGET.match(source, end + 1, end + LONGEST)
    if target and label:
        return _link(label.group(1), target.group(1), source, target.end(), whole)
    return None if not whole and _target_goes_on(source[end + 1 : end + LONGEST]) else Found(at + 1, "[")


def _target_goes_on(target: str) -> bool:
    address = target[1:].lstrip(" \t").removeprefix("<")
    return target[0] == "(" and "\n" not in target and len(target) < LONGEST - 1 and _begins_address(address)


def _link(label: str, address: str, source: str, end: int, whole: bool) -> Found | None:
    if end == len(source) and not whole:
        return None
    label = label.strip()
    shown = address if label in ("", address) else f"{label} ({address})"
    apart = "" if source[end : end + 1] in ("", *_AFTER_ADDRESS) else " "
    return Found(end, shown + apart, "source")


def exclamation(source: str, at: int, whole: bool) -> Found | None:
    """An image is a link that would be fetched."""
    if at + 1 == len(source):
        return Found(at + 1, "!") if whole else None
    image = bracket(source, at + 1, whole) if source[at + 1] == "[" else Found(at + 1, "!")
    return Found(at + 1, "!") if image and image.kind == "words" else image


def angle(source: str, at: int, whole: bool) -> Found | None:
    """`<https://…|label>` is read again like a link."""
    if found := _ANGLE.match(source, at):
        return _link(found.group(2) or "", found.group(1), source, found.end(), whole)
    goes_on = _OPEN_ANGLE.match(source, at, at + LONGEST) and len(source) - at < LONGEST
    return None if goes_on and not whole and _begins_address(source[at + 1 :]) else Found(at + 1, "<")


def ampersand(source: str, at: int, whole: bool) -> Found | None:
    """An entity becomes its character, which then means nothing but itself."""
    if entity := _ENTITY.match(source, at):
        shown = visible(html.unescape(entity.group())).replace("\n", " ")
        return Found(at + 1, "&") if shown.startswith("&") and len(shown) > 1 else Found(entity.end(), _literal(shown))
    half = _HALF_ENTITY.match(source, at)
    return None if half and half.end() == len(source) and not whole else Found(at + 1, "&")


def _literal(shown: str) -> str:
    """A character that is to mean nothing but itself."""
    if shown == "&":
        return f"&{ZWSP}"
    return f"\\{shown}" if shown in _MARKUP else shown


def backslash(source: str, at: int, whole: bool) -> Found | None:
    r"""A formula in `\(…\)` or `\[…\]`, an escaped character, or just itself."""
    if at + 1 == len(source):
        return Found(at + 1, "\\") if whole else None
    if source[at + 1] in "([":
        return _bracketed(source, at, whole)
    return Found(at + 2, _literal(source[at + 1])) if source[at + 1] in _PUNCTUATION else Found(at + 1, "\\")


def _bracketed(source: str, at: int, whole: bool) -> Found | None:
    display = source[at + 1] == "["
    inner = _BRACKETED.match(source, at + 2)
    end = inner.end() if inner else at + 2
    latex = source[at + 2 : end]
    could = not (_BLANK_LINE.search(latex) if display else "\n" in latex or len(latex) > LONGEST_FORMULA)
    could = could and end - at < LONGEST
    if could and end + 2 > len(source) and not whole:
        return None
    closes = could and source.startswith(r"\]" if display else r"\)", end) and not latex.strip().isdigit()
    return (_formula(latex, end + 2, display) if closes else None) or Found(at + 2, source[at : at + 2])


def _formula(latex: str, end: int, display: bool) -> Found | None:
    latex = re.sub(r"\n[ \t>]*", "\n", latex)
    shown = readable(latex)
    if shown is None:
        return None
    return Found(end, shown, "display") if display else Found(end, shown.replace("\n", "; "))


def dollar(source: str, at: int, whole: bool, before: str) -> Found | None:
    """pandoc's rule: no space inside the dollars, and no figure before or behind them, or it is money."""
    mark = _DOLLARS.match(source, at)
    length = len(mark.group()) if mark else 1
    if at + length == len(source) and length < 3 and not whole:
        return None
    if length == 3:
        return Found(at + 3, "$$$")
    return _dollars(source, at, whole) if length == 2 else _dollared(source, at, whole, before)


def _dollared(source: str, at: int, whole: bool, before: str) -> Found | None:
    literal = Found(at + 1, "$")
    if at + 1 == len(source) or source[at + 1].isspace() or (before.isascii() and before.isalnum()):
        return literal
    most = LONGEST_AMOUNT if source[at + 1].isdigit() else LONGEST_FORMULA
    inner = _FORMULA.match(source, at + 1)
    latex = inner.group() if inner else ""
    end = at + 1 + len(latex)
    if len(latex) >= most:
        return literal
    if end + 2 > len(source) and source[end:] in ("", "$", "\\") and not whole:
        return None
    if not _closes(source, end, latex):
        return literal
    return _formula(latex, end + 1, display=False) or Found(at + 1, "$", dollars=1)


def _closes(source: str, end: int, latex: str) -> bool:
    following = source[end + 1 : end + 2]
    formula = latex and not latex[-1].isspace() and not _PROSE.match(latex)
    return bool(formula) and source.startswith("$", end) and not following.isdigit() and following != "$"


def _dollars(source: str, at: int, whole: bool) -> Found | None:
    literal = Found(at + 2, "$$")
    inner = _DISPLAY.match(source, at + 2)
    latex = inner.group() if inner else ""
    end = at + 2 + len(latex)
    if _BLANK_LINE.search(latex) or not latex or len(latex) >= LONGEST:
        return literal
    if source[end:] in ("", "$") and not whole:
        return None
    if not source.startswith("$$", end):
        return literal
    return _formula(latex, end + 2, display=True) or Found(at + 2, "$$", dollars=2)


READERS: dict[str, Reader] = {
    "`": ticks,
    "[": bracket,
    "!": exclamation,
    "<": angle,
    "&": ampersand,
    "\\": backslash,
}
