"""reStructuredText: its headings become Markdown's, and its marks go, without running what a document asks for.

A full parser drops what is in directives that it does not know, which is most of a Sphinx page.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.loaders.documents import document
from knowledge.loaders.markdown import first_heading
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

_RULE = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")
_DIRECTIVE = re.compile(r"(\s*)\.\. (?:\|[^|]+\| )?([\w:.-]+)::\s*(.*)")
_OPTION = re.compile(r"\s+:[\w-]+:(?:\s|$)")
_COMMENT = re.compile(r"(\s*)\.\.(?:\s|$)")
_ROLE = re.compile(r":[\w:+.-]+:`([^`]+)`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{0,2}")
_LITERAL = re.compile(r"``(.+?)``")
_REFERENCE = re.compile(r"(?<!`)`([^`\n]+)`_{1,2}")
# Of these nothing is there to be read.
_SILENT = frozenset(
    "contents currentmodule highlight image include index meta module moduleauthor raw sectionauthor toctree".split()
)
# A rule this long may be shorter than its heading: letters of Chinese and Korean are two wide.
SHORT_RULE = 4


def load(path: Path) -> "list[Document]":
    text = to_markdown(read_text(path))
    return [document(text, first_heading(text) or path.stem)]


def to_markdown(text: str) -> str:
    lines = text.expandtabs(8).split("\n")
    return "\n".join(_plain(_headed(lines)))


def _headed(lines: list[str]) -> Iterator[str]:
    """The lines with Markdown headings; ranks are in the order in which their styles appear, as the format says."""
    ranks: list[tuple[str, bool]] = []
    at = 0
    while at < len(lines):
        over = _is_rule(lines, at) and _is_heading(lines, at + 1) and lines[at + 2].rstrip() == lines[at].rstrip()
        title = at + 1 if over else at
        if not over and not (_is_heading(lines, at) and _begins(lines, at)):
            yield lines[at]
            at += 1
            continue
        style = (lines[title + 1][0], over)
        if style not in ranks:
            ranks.append(style)
        yield f"{'#' * min(ranks.index(style) + 1, 6)} {lines[title].strip()}"
        at = title + 2


def _is_rule(lines: list[str], at: int) -> bool:
    return at < len(lines) and _RULE.fullmatch(lines[at]) is not None


def _is_heading(lines: list[str], at: int) -> bool:
    """Whether a line of text stands above a rule that is long enough."""
    if at + 1 >= len(lines) or not lines[at].strip() or _is_rule(lines, at) or not _is_rule(lines, at + 1):
        return False
    length = len(lines[at + 1].rstrip())
    return length >= min(len(lines[at].strip()), SHORT_RULE)


def _begins(lines: list[str], at: int) -> bool:
    """Whether a line stands at the margin and is a paragraph's first."""
    return not lines[at].startswith((" ", ".. ")) and not (at and lines[at - 1].strip())


def _plain(lines: Iterator[str]) -> Iterator[str]:
    """Without comments, options and what is only for the page: what is said in directives stays."""
    hidden: int | None = None
    in_head = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if hidden is not None and (not line.strip() or indent > hidden):
            continue
        hidden = None
        if in_head and _OPTION.match(line):
            continue
        in_head = False
        if directive := _DIRECTIVE.match(line):
            if directive[2] in _SILENT:
                hidden = indent
                continue
            in_head = True
            yield _announced(directive)
        elif _COMMENT.match(line):
            hidden = indent
        else:
            yield line if line.startswith("#") and not line.strip("# ") else _inline(line)


def _announced(directive: re.Match[str]) -> str:
    """A directive's argument with its name where that says something: "note: …"."""
    indent, name, words = directive.groups()
    if name in ("code-block", "code", "sourcecode", "literalinclude", "figure", "math"):
        return ""
    return f"{indent}{name.rpartition(':')[2]}: {_inline(words)}".rstrip()


def _inline(line: str) -> str:
    if "`" in line:
        line = _LITERAL.sub("\0\\1\0", line)
        line = _ROLE.sub(lambda match: _LINK.sub(r"\1", f"`{match[1]}`").strip("`"), line)
        line = _REFERENCE.sub(r"\1", _LINK.sub(r"\1", line)).replace("\0", "`")
    return line[:-1] if line.endswith("::") else line
