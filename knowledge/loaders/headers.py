"""A long Markdown table as several, each under the header row: a row far from its header says nothing."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

# A table up to this many tokens goes into one passage of the bundled embedding model, headings and all.
TABLE_TOKENS = 190
_RULE = re.compile(r"^[ \t]*(?:\|[ \t]*)?:?-+:?[ \t]*\|", re.MULTILINE)
# About what a subword tokenizer makes one token of. The embedding model's own is not at hand where files are read.
_TOKEN = re.compile(r"[A-Za-z]{1,6}|\d{1,3}|[^\s]")


def repeat_headers(text: str, room: int = TABLE_TOKENS) -> str:
    """The Markdown with the header row of each long table repeated over every run of rows of about `room` tokens.

    A header that is long itself stands over rows of as many tokens, so that the text has twice its tokens at most.
    """
    if not _RULE.search(text):
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for first, end in reversed(_tables("\n".join(lines))):
        lines[first:end] = _divided(lines[first : first + 2], lines[first + 2 : end], room)
    return "\n".join(lines)


def _tables(text: str) -> list[tuple[int, int]]:
    """The lines of every table that stands in no list or quotation: of its header row, and after its last row."""
    from markdown_it import MarkdownIt

    # What stands inside the lines does not matter, and takes most of the time.
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(text)
    return [
        (token.map[0], token.map[1])
        for token in tokens
        if token.type == "table_open" and token.map and token.level == 0
    ]


def _divided(header: Sequence[str], rows: Sequence[str], room: int) -> list[str]:
    top = sum(map(_tokens, header))
    several: list[list[str]] = [[]]
    size = 0
    for row in rows:
        size += _tokens(row)
        if several[-1] and size > max(room - top, top):
            several.append([])
            size = _tokens(row)
        several[-1].append(row)
    return list(_headed(header, several))


def _headed(header: Sequence[str], several: Sequence[Sequence[str]]) -> Iterator[str]:
    for number, rows in enumerate(several):
        if number:
            yield ""
        yield from header
        yield from rows


def _tokens(line: str) -> int:
    # A syllable of Hangul is several tokens.
    return len(_TOKEN.findall(unicodedata.normalize("NFD", line)))
