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
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}(?=\s|\Z)")
_QUOTED = re.compile(r"[ \t]*>")
_MARGIN = re.compile(r"[ \t>]*")
_SPACE = re.compile(rf"[ \t]{{0,{LONGEST_PREFIX}}}")
_TICKS = re.compile("``(?=`)")
# An address with a label, as Slack writes links, within code.
_LABELLED = re.compile(r"<(?=[a-z]{2,10}:[^\s<>|]{0,500}\|)", re.IGNORECASE)
# A line of these alone, with a bar among them, would make the line before it the head of a table.
_BARE = re.compile(r"[ \t>:*+\-0-9.)]*")
# Where something invisible keeps apart what would be a link, a definition, a tag or an address not of the web.
_HIDING = re.compile(
    r"(?<=\])(?=[(:])|(?<=<)(?=[^\s\d=-])|(?<=:/)(?<!http:/)(?<!https:/)(?=/)"
    r"|(?:(?<=mailto:)|(?<=javascript:)|(?<=vbscript:)|(?<=data:)|(?<=file:)|(?<=tel:)|(?<=sms:))(?=\S)",
    re.IGNORECASE,
)
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
        self._after_display = False
        self._left_open = False
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
            self._fenced("")
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
            self._tail = (self._tail + text)[-_LONGEST_SCHEME:]

    def _say(self, text: str) -> None:
        """Prose, in which nothing may hide."""
        joined = self._tail + text
        self._write(_HIDING.sub(ZWSP, joined)[len(_HIDING.sub(ZWSP, self._tail)) :])
        self._bare = self._bare and bool(_BARE.fullmatch(text))

    def _new_line(self) -> None:
        if self._tail and not self._tail.endswith("\n"):
            self._write("\n")

    def _fenced(self, text: str) -> None:
        """Code within a fence. No line of it can end the fence."""
        text = _LABELLED.sub(f"<{ZWSP}", _TICKS.sub(f"``{ZWSP}", text))
        self._write(text)
        if not text:
            self._new_line()

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
        return True

    def _read(self, end: int) -> str:
        text = self._source[self._at : end]
        self._at = end
        self._before = text[-1:] or self._before
        return text

    # -- fences

    def _begin_fence(self, fence: re.Match[str], whole: bool) -> bool:
        """Quotes and lists end before code: in Slack they hold none."""
        line = self._source[fence.end() : fence.end() + LONGEST_INFO].partition("\n")
        goes_on = not line[1] and fence.end() + LONGEST_INFO > len(self._source)
        if "`" in line[0] and fence.group()[0] == "`":
            return self._begin_prose(fence.start())
        if not whole and (goes_on or fence.end() == len(self._source)):
            return False
        prefix = self._read(fence.start())
        self._read(fence.end() + len(line[0]) + len(line[1]))
        self._open_fence(fence.group(), prefix, line[0])
        return True

    def _open_fence(self, mark: str, prefix: str, info: str) -> None:
        self._new_line()
        if prefix.strip(" \t>"):
            self._say(f"{prefix.rstrip()}\n")
        language = _LANGUAGE.match(info.strip())
        self._write(f"{FENCE}{language.group() if language else ''}\n")
        indent = len(prefix) - len(prefix.rstrip(" \t"))
        self._block = _Block(mark, indent if prefix.strip() else len(prefix), prefix.count(">"))

    def _read_code(self, block: _Block, whole: bool) -> bool:
        end = self._source.find("\n", self._at, self._at + LONGEST)
        if end >= 0:
            return self._read_code_line(block, end, "\n")
        if len(self._source) - self._at < LONGEST:
            return whole and self._read_code_line(block, len(self._source), "")
        return self._read_code_line(block, self._middle(), None)

    def _middle(self) -> int:
        """Where a long line of code is cut: not within what could be a link or a run of ticks."""
        stop = self._at + LONGEST // 2
        angle = self._source.rfind("<", stop - 520, stop)
        stop = angle if angle > self._at else stop
        while self._source[stop - 1] == "`" and stop > self._at + LONGEST // 4:
            stop -= 1
        return stop

    def _read_code_line(self, block: _Block, end: int, line_break: str | None) -> bool:
        """`line_break` is None in the middle of a line."""
        line = self._source[self._at : end]
        if not block.within:
            quotes = self._quotes(line, block)
            if quotes is None:
                return self._end_fence()
            line = _outdented(line[quotes:], block.indent)
            if line_break is not None and _closes(line, block.mark):
                self._read(end + len(line_break))
                return self._end_fence()
        self._read(end + len(line_break or ""))
        block.within = line_break is None
        self._fenced(line + (line_break if line_break is not None else ""))
        return True

    def _quotes(self, line: str, block: _Block) -> int | None:
        """How long the marks of the quotes are that the fence stands in; None where those have ended."""
        length = 0
        for _ in range(block.quotes):
            mark = _QUOTED.match(line, length)
            if not mark:
                break
            length = mark.end()
        return None if block.quotes and not length else length

    def _end_fence(self) -> bool:
        self._new_line()
        self._write(f"{FENCE}\n")
        self._block, self._line_start = None, True
        return True

    # -- tables

    def _begin_table(self, start: int, whole: bool) -> bool:
        """A line that begins with a bar waits for the next one, which tells whether it is the head of a table."""
        end = self._source.find("\n", start, start + LONGEST)
        if end < 0:
            return (whole or len(self._source) - start >= LONGEST) and self._begin_prose(start)
        below = self._source[end + 1 : end + LONGEST]
        delimiter, closed, _ = below.partition("\n")
        delimiter = delimiter.lstrip(" \t>")
        could = not delimiter.strip(" \t|:-")
        if could and not closed and len(below) < LONGEST - 1 and not whole:
            return False
        if not (could and is_table(self._source[start:end], delimiter)):
            return self._begin_prose(start)
        self._table = Columns(self._source[start:end])
        self._read(min(len(self._source), end + 1 + len(below.partition("\n")[0]) + 1))
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
        self._block_of_table(table.add(self._source[start:end]))
        self._read(min(len(self._source), end + 1))
        return True

    def _block_of_table(self, text: str) -> None:
        if text.startswith(FENCE):
            self._new_line()
        self._write(text)

    def _end_table(self) -> bool:
        if self._table:
            self._block_of_table(self._table.finish())
        self._table, self._line_start = None, True
        return True

    # -- within a line

    def _read_inline(self, whole: bool) -> bool:
        sign = self._source[self._at]
        if sign == "\n":
            self._say(self._read(self._at + 1))
            self._line_start = True
            return True
        found = self._found(sign, whole)
        if found:
            self._take(found)
        return bool(found)

    def _found(self, sign: str, whole: bool) -> Found | None:
        if sign == "$":
            return self._dollar(whole)
        if sign == "|":
            return Found(self._at + 1, f"{ZWSP}|" if self._bare else "|")
        return READERS.get(sign, words)(self._source, self._at, whole)

    def _dollar(self, whole: bool) -> Found | None:
        found = dollar(self._source, self._at, whole, self._before)
        if found and self._left_open:
            mark = len(self._source[self._at : self._at + 2].rstrip("\n")) if False else 1
            self._left_open = False
            return Found(self._at + mark, "$")
        return found

    def _take(self, found: Found) -> None:
        if found.kind == "source":
            self._source, self._at = found.text + self._source[found.end :], 0
            return
        self._left_open = found.left_open or self._left_open
        self._read(found.end)
        if found.kind == "display":
            self._display(found.text)
        elif found.kind == "code":
            self._span(found.text)
        else:
            self._say(f"{ZWSP}{found.text}" if self._bare and found.text.startswith("~~~") else found.text)

    def _span(self, text: str) -> None:
        self._say("`")
        self._write(_LABELLED.sub(f"<{ZWSP}", text)[1:])

    def _display(self, text: str) -> None:
        """A formula on lines of its own."""
        self._new_line()
        self._write(f"{FENCE}\n")
        self._fenced(f"{text}\n")
        self._write(f"{FENCE}\n")
        self._after_display = True

    def _read_after_display(self, whole: bool) -> bool:
        """The line has ended with the formula, whether it is written so or not."""
        space = _SPACE.match(self._source, self._at)
        end = space.end() if space else self._at
        if end == len(self._source) and not whole and end - self._at < LONGEST_PREFIX:
            return False
        self._read(end)
        if self._source.startswith("\n", end):
            self._read(end + 1)
        self._after_display, self._line_start = end - self._at == LONGEST_PREFIX, True
        return True


def _outdented(line: str, indent: int) -> str:
    return line[min(indent, len(line) - len(line.lstrip(" \t"))) :]


def _closes(line: str, mark: str) -> bool:
    """Whether this line of code is the end of a fence that began with this mark."""
    rest = line.rstrip(" \t").lstrip(" ")
    return len(line) - len(line.lstrip(" ")) < 4 and len(rest) >= len(mark) and not rest.strip(mark[0])
