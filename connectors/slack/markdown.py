"""Markdown as a model writes it, rewritten for Slack line by line while it arrives.

What is written here is read the same by every reader of Markdown. A fence stands at the beginning of a line, and
nothing else that begins a line could be one. A span of code ends on its line, and marks that begin none are escaped.
So what we take for code is code, and what we take for prose can neither link nor fetch nor be a tag.
"""

import re
from dataclasses import dataclass

from connectors.slack.columns import Columns, is_table
from connectors.slack.inline import LONGEST, LONGEST_RUN, READERS, Found, dollar, words
from connectors.slack.neutral import ZWSP

FENCE = "```"
# What a line is set in: quotes and lists. One that goes deeper is read in steps.
LONGEST_PREFIX = 200
LONGEST_INFO = 300

_PREFIX = re.compile(r"(?:[ \t]|>|(?:[-*+]|\d{1,9}[.)])(?=[ \t\n]))*")
# Where a line ends within what could become more of its prefix, or a fence.
_HALF = re.compile(r"(?:[-*+]|\d{1,9}[.)]?|`{1,2}|~{1,2})?\Z")
_FENCE = re.compile(f"`{{3,{LONGEST_RUN}}}|~{{3,{LONGEST_RUN}}}")
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z0-9_+#.-]{1,30})?(?:[ \t][^\n]*[={][^\n]*)?[ \t]*\n")
_QUOTED = re.compile(r"[ \t]*>")
_MARGIN = re.compile(r"[ \t>]*")
_SPACE = re.compile(rf"[ \t]{{0,{LONGEST_PREFIX}}}")
_TICKS = re.compile("``(?=`)")
# An address with a label, as Slack writes links, within code.
_LABELLED = re.compile(r"<(?=[a-z]{2,10}:[^\s<>|]*(?:\||\Z))", re.IGNORECASE)
# A line of these alone, with a bar among them, would make the line before it the head of a table.
_BARE = re.compile(r"[ \t>:*+\-0-9.)]*")
# Where something invisible keeps apart what would be a link, a definition, a fence, a tag or an address not of the web.
_HIDING = re.compile(
    r"(?<=\])(?=[(:])|(?<=~~)(?=~)|(?<=<)(?=[^\s\d=-])|(?<=:/)(?<!http:/)(?<!https:/)(?=/)"
    r"|(?:(?<=mailto:)|(?<=javascript:)|(?<=vbscript:)|(?<=data:)|(?<=file:)|(?<=tel:)|(?<=sms:))(?=\S)",
    re.IGNORECASE,
)
_RISKY = re.compile(r"[\]<:~]")
_LONGEST_SCHEME = len("javascript:")


@dataclass(slots=True)
class _Block:
    """An open fence: its mark, how far it is set in, and within how many quotes. `within` is the middle of a line."""

    mark: str
    indent: int
    quotes: int
    within: bool = False


class Markdown:
    """Give it the source in any pieces; it returns what is decided."""

    def __init__(self) -> None:
        self._source = ""
        self._at = 0
        self._shown: list[str] = []
        # The end of what was shown, and of what was read.
        self._tail = ""
        self._before = ""
        self._line_start = True
        self._bare = True
        # Whether there is a bar in this line, and whether there was one in the line before.
        self._barred = (False, False)
        self._after_display = False
        # How many dollars to come are just dollars.
        self._dollars = 0
        self._block: _Block | None = None
        self._table: Columns | None = None

    def feed(self, text: str) -> str:
        """What can be released now."""
        return self._advance(text, whole=False)

    def finish(self) -> str:
        """The rest; what is open is closed."""
        rest = self._advance("", whole=True)
        if self._table:
            self._end_table()
        if self._block:
            self._new_line()
            self._write(FENCE)
        return rest + self._take_shown()

    def _advance(self, text: str, *, whole: bool) -> str:
        self._source += text
        while self._at < len(self._source) and self._step(whole):
            pass
        self._source, self._at = self._source[self._at :], 0
        return self._take_shown()

    def _take_shown(self) -> str:
        shown = "".join(self._shown)
        self._shown.clear()
        return shown

    def _step(self, whole: bool) -> bool:
        """Read something. False when what follows must be known first."""
        if self._block:
            return self._read_code(self._block, whole)
        if self._table:
            return self._read_row(self._table, whole)
        if self._after_display:
            return self._read_after_display(whole)
        return self._begin_line(whole) if self._line_start else self._read_inline(whole)

    # -- writing

    def _write(self, text: str) -> None:
        """Without looking at it."""
        if text:
            self._shown.append(text)
            self._barred = (self._barred[0] or "|" in text, self._barred[1])
            self._tail = (self._tail + text)[-_LONGEST_SCHEME:]

    def _say(self, text: str) -> None:
        """Prose, in which nothing may hide."""
        joined = self._tail + text
        if _RISKY.search(joined):
            text = _HIDING.sub(ZWSP, joined)[len(_HIDING.sub(ZWSP, self._tail)) :]
        self._write(text)
        self._bare = self._bare and bool(_BARE.fullmatch(text))

    def _new_line(self) -> None:
        if self._tail and not self._tail.endswith("\n"):
            self._write("\n")

    def _write_code(self, text: str) -> None:
        """Code within a fence, which no line of it can end."""
        apart = ZWSP if self._tail.endswith("`") and text.startswith("`") else ""
        self._write(apart + _unlabelled(_TICKS.sub(f"``{ZWSP}", text)))

    def _leave(self, prefix: str) -> None:
        """Quotes and lists end before code, for in Slack they hold none; the number of an item stays."""
        self._new_line()
        if prefix.strip(" \t>"):
            self._say(f"{prefix.rstrip()}\n")

    # -- the beginning of a line

    def _begin_line(self, whole: bool) -> bool:
        prefix = _PREFIX.match(self._source, self._at, self._at + LONGEST_PREFIX)
        end = prefix.end() if prefix else self._at
        if end - self._at == LONGEST_PREFIX:
            self._say(self._read(end))
            return True
        if not whole and _HALF.match(self._source, end):
            return False
        fence = _FENCE.match(self._source, end)
        if fence:
            return self._begin_fence(fence, whole)
        if self._source.startswith("|", end):
            return self._begin_table(end, whole)
        return self._begin_prose(end)

    def _begin_prose(self, end: int) -> bool:
        self._line_start, self._bare = False, True
        self._say(self._read(end))
        if self._barred[1] and self._source.startswith(("-", ":"), end):
            self._write(ZWSP)
        return True

    def _read(self, end: int) -> str:
        text = self._source[self._at : end]
        self._at = end
        self._before = text[-1:] or self._before
        return text

    # -- fences

    def _begin_fence(self, fence: re.Match[str], whole: bool) -> bool:
        info, closed, _ = self._source[fence.end() : fence.end() + LONGEST_INFO].partition("\n")
        if "`" in info and fence.group()[0] == "`":
            return self._begin_prose(fence.start())
        if not whole and not closed and len(info) < LONGEST_INFO:
            return False
        prefix = self._read(fence.start())
        self._read(fence.end())
        if closed or info.strip():
            self._open_fence(fence.group(), prefix, f"{info}{closed}")
        return True

    def _open_fence(self, mark: str, prefix: str, line: str) -> None:
        """What stands behind the mark and names no language is the first line of the code."""
        language = _LANGUAGE.match(line)
        if language:
            self._read(self._at + len(line))
        self._leave(prefix)
        self._write(f"{FENCE}{(language and language.group(1)) or ''}\n")
        self._block = _Block(mark, len(prefix.rpartition(">")[2]), prefix.count(">"))
        self._block.within = not language

    def _read_code(self, block: _Block, whole: bool) -> bool:
        """A line of code, or a part of a long one."""
        end = self._source.find("\n", self._at, self._at + LONGEST)
        if end >= 0:
            return self._read_code_line(block, end)
        if len(self._source) - self._at >= LONGEST:
            self._write_code(self._code_of(block, self._read(self._middle())))
            block.within = True
            return True
        return whole and self._read_code_line(block, len(self._source))

    def _middle(self) -> int:
        """Where a long line of code is cut: not within what could be an address with a label."""
        stop = self._at + LONGEST // 2
        angle = self._source.rfind("<", stop - LONGEST // 4, stop)
        return angle if angle > self._at else stop

    def _read_code_line(self, block: _Block, end: int) -> bool:
        line = self._source[self._at : end]
        if not block.within and block.quotes and not _QUOTED.match(line):
            return self._end_fence("\n")
        code, ended = self._code_of(block, line), self._source[end : end + 1]
        self._read(end + len(ended))
        if not block.within and _closes(code, block.mark):
            return self._end_fence(ended)
        self._write_code(code + ended)
        block.within = False
        return True

    def _code_of(self, block: _Block, line: str) -> str:
        """A line without what it is set in."""
        if block.within:
            return line
        for _ in range(block.quotes):
            mark = _QUOTED.match(line)
            line = line[mark.end() :] if mark else line
        return line[min(block.indent, len(line) - len(line.lstrip(" \t"))) :]

    def _end_fence(self, ended: str) -> bool:
        self._new_line()
        self._write(f"{FENCE}{ended}")
        self._block, self._line_start = None, True
        return True

    # -- tables

    def _begin_table(self, start: int, whole: bool) -> bool:
        """A line that begins with a bar waits for the next one, which tells whether it is the head of a table."""
        end = self._source.find("\n", start, start + LONGEST)
        if end < 0:
            return (whole or len(self._source) - start >= LONGEST) and self._begin_prose(start)
        below, closed, _ = self._source[end + 1 : end + LONGEST].partition("\n")
        could = not below.strip(" \t>|:-") and len(below) < LONGEST - 1
        if could and not closed and not whole:
            return False
        if not could or not is_table(self._source[start:end], below.lstrip(" \t>")):
            return self._begin_prose(start)
        self._leave(self._read(start))
        self._table = Columns(self._source[start:end])
        self._read(end + 1 + len(below) + len(closed))
        return True

    def _read_row(self, table: Columns, whole: bool) -> bool:
        margin = _MARGIN.match(self._source, self._at, self._at + LONGEST_PREFIX)
        start = margin.end() if margin else self._at
        if start == len(self._source) and not whole:
            return False
        end = self._source.find("\n", start, start + LONGEST)
        if not self._source.startswith("|", start) or (end < 0 and len(self._source) - start >= LONGEST):
            return self._end_table()
        if end < 0 and not whole:
            return False
        end = end if end >= 0 else len(self._source)
        self._write(_unlabelled(table.add(self._source[start:end])))
        self._read(min(len(self._source), end + 1))
        return True

    def _end_table(self) -> bool:
        if self._table:
            self._write(_unlabelled(self._table.finish()))
        self._table, self._line_start = None, True
        return True

    # -- within a line

    def _read_inline(self, whole: bool) -> bool:
        sign = self._source[self._at]
        if sign == "\n":
            self._say(self._read(self._at + 1))
            self._line_start, self._barred = True, (False, self._barred[0])
            return True
        found = self._found(sign, whole)
        if found:
            self._take(found)
        return bool(found)

    def _found(self, sign: str, whole: bool) -> Found | None:
        if sign == "$" and self._dollars:
            self._dollars -= 1
            return Found(self._at + 1, "$")
        if sign == "$":
            return dollar(self._source, self._at, whole, self._before)
        if sign == "|":
            return Found(self._at + 1, f"{ZWSP}|" if self._bare else "|")
        return READERS.get(sign, words)(self._source, self._at, whole)

    def _take(self, found: Found) -> None:
        if found.kind == "source":
            self._source, self._at = found.text + self._source[found.end :], 0
            return
        self._dollars = found.dollars or self._dollars
        self._read(found.end)
        if found.kind == "display":
            self._display(found.text)
        elif found.kind == "code":
            self._span(found.text)
        else:
            self._say(found.text)

    def _span(self, text: str) -> None:
        """Its marks must not join those before it."""
        self._say(f"{ZWSP}`" if self._tail.endswith("`") else "`")
        self._write(_unlabelled(text)[1:])

    def _display(self, text: str) -> None:
        """A formula on lines of its own."""
        self._new_line()
        self._write(f"{FENCE}\n")
        self._write_code(f"{text}\n")
        self._write(f"{FENCE}\n")
        self._after_display = True

    def _read_after_display(self, whole: bool) -> bool:
        """The line has ended with the formula, whether it is written so or not."""
        space = _SPACE.match(self._source, self._at)
        end = space.end() if space else self._at
        if end == len(self._source) and not whole and end - self._at < LONGEST_PREFIX:
            return False
        self._after_display, self._line_start = end - self._at == LONGEST_PREFIX, True
        self._read(end + self._source.startswith("\n", end))
        return True


def _unlabelled(code: str) -> str:
    return _LABELLED.sub(f"<{ZWSP}", code)


def _closes(line: str, mark: str) -> bool:
    """Whether this line of code is the end of a fence that began with this mark."""
    rest = line.rstrip(" \t").lstrip(" ")
    return len(line) - len(line.lstrip(" ")) < 4 and len(rest) >= len(mark) and not rest.strip(mark[0])
