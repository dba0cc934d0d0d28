"""Documents into passages: slices of the text that know the headings they stand under.

Every character that is not white space is in exactly one passage. Sizes are in the embedding model's tokens, since
what lies beyond its window it does not read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter
    from tokenizers import Tokenizer

Format = Literal["markdown", "text"]

# Raised when texts are cut otherwise than before: what was ingested has to be rebuilt then.
VERSION = 2
# A passage that is nothing but a heading, which stands in the section of the next one.
HEADING_ONLY = re.compile(r"#{1,6} [^\n]*")

# The heading path is put before a passage when it is embedded; a long one may not crowd out the passage.
MAX_HEADING_TOKENS = 48
# Sections shorter than this join a neighbour when both make one passage: alone they say too little to be found by.
SMALL_TOKENS = 16
# Capacities are rounded down to multiples of this, so that sections under headings of similar length share a splitter.
CAPACITY_STEP = 8
# A word of any length can be one unknown token, so tokens alone do not bound a passage.
MAX_CHARACTERS = 2_000
# Longer texts are cut at blank lines first, so that splitting takes time in proportion to the text.
BLOCK_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` begins at `start` in the document; `section` is its heading path: "Loops > The for loop"."""

    text: str
    start: int
    section: str


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document under one heading. `path` holds the headings from the top."""

    start: int
    end: int
    path: tuple[str, ...]


def embedded_text(title: str, section: str, text: str) -> str:
    """What is embedded for a passage: its heading path (or its document's title) and its text."""
    return f"{section or title}\n{text}"


class Chunker:
    """Cuts documents to at most `max_tokens` of the tokenizer, heading path and special tokens included."""

    def __init__(self, tokenizer: "Tokenizer", max_tokens: int = 256) -> None:
        self.tokenizer = _whole(tokenizer)
        self.max_tokens = max_tokens
        self._splitters: dict[tuple[Format, int], MarkdownSplitter | TextSplitter] = {}

    def split(self, text: str, format: Format = "markdown", title: str = "") -> list[Chunk]:  # noqa: A002
        """The passages of a text, in order."""
        found: list[Chunk] = []
        for section in self._sections(text, format):
            path = self._shortened(" > ".join(section.path))
            capacity = self.max_tokens - self._count(embedded_text(self._shortened(title), path, ""))
            splitter = self._splitter(format, capacity)
            for start, piece in _pieces(text[section.start : section.end], splitter):
                found += _trimmed(piece, section.start + start, path)
        return found

    def _sections(self, text: str, format: Format) -> list[Section]:  # noqa: A002
        if format == "text":
            return [Section(0, len(text), ())]
        return self._joined(text, _sections(text))

    def _joined(self, text: str, sections: Sequence[Section]) -> list[Section]:
        """Let a section that is small go on into the next one, under the headings they share."""
        joined: list[Section] = []
        for section in sections:
            last = joined[-1] if joined else None
            if last and _is_heading(text, last) and _related(last, section):
                joined[-1] = Section(last.start, section.end, section.path)
            elif last and _related(last, section) and self._fit_together(text, last, section):
                joined[-1] = Section(last.start, section.end, _common(last.path, section.path))
            else:
                joined.append(section)
        return joined

    def _fit_together(self, text: str, last: Section, section: Section) -> bool:
        """Whether one of two sections is small and both make one passage."""
        if section.end - last.start > MAX_CHARACTERS:
            return False
        sizes = [self._count(text[s.start : s.end]) for s in (last, section)]
        return min(sizes) < SMALL_TOKENS and sum(sizes) < self.max_tokens - MAX_HEADING_TOKENS

    def _count(self, text: str) -> int:
        return len(self.tokenizer.encode(text).ids)

    def _shortened(self, heading: str) -> str:
        encoding = self.tokenizer.encode(heading, add_special_tokens=False)
        if len(encoding.ids) <= MAX_HEADING_TOKENS and len(heading) < MAX_CHARACTERS:
            return heading
        return heading[: encoding.offsets[: MAX_HEADING_TOKENS - 1][-1][1]][:MAX_CHARACTERS] + "…"

    def _splitter(self, format: Format, capacity: int) -> "MarkdownSplitter | TextSplitter":  # noqa: A002
        """Splitters are kept: making one copies the tokenizer, which takes longer than cutting a section."""
        from semantic_text_splitter import MarkdownSplitter, TextSplitter

        key = (format, capacity // CAPACITY_STEP * CAPACITY_STEP)
        if key not in self._splitters:
            kind = MarkdownSplitter if format == "markdown" else TextSplitter
            self._splitters[key] = kind.from_huggingface_tokenizer(self.tokenizer, key[1], trim=False)
        return self._splitters[key]


def _whole(tokenizer: "Tokenizer") -> "Tokenizer":
    """A copy that counts all of a text: the model's own stops at its window."""
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _sections(text: str) -> list[Section]:
    """One section for each heading, and one for what comes before the first."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    path: list[tuple[int, str]] = []
    sections = [Section(0, len(text), ())]
    for number, level, title in _headings(text):
        start = lines[number]
        path = [*((depth, name) for depth, name in path if depth < level), (level, title)]
        sections[-1] = Section(sections[-1].start, start, sections[-1].path)
        sections.append(Section(start, len(text), _named(path)))
    return [section for section in sections if section.end > section.start]


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """(line, level, plain title) of every heading outside code."""
    from markdown_it import MarkdownIt

    # A line's end as Python's splitlines sees it, too; Markdown knows only the first two.
    tokens = MarkdownIt("commonmark").parse(_with_plain_line_ends(text))
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.map and token.level == 0:
            title = "".join(c.content for c in inline.children or [] if c.type in ("text", "code_inline"))
            yield token.map[0], int(token.tag[1:]), " ".join(title.split())


def _with_plain_line_ends(text: str) -> str:
    return "\n".join(text.splitlines()) if text else text


def _named(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    """The headings of a path without empty ones and immediate repetitions."""
    names: list[str] = []
    for _, name in path:
        if name and (not names or names[-1] != name):
            names.append(name)
    return tuple(names)


def _is_heading(text: str, section: Section) -> bool:
    """Whether a section is nothing but its heading."""
    return bool(section.path) and "\n" not in text[section.start : section.end].strip()


def _related(a: Section, b: Section) -> bool:
    """Whether two sections have a heading in common; before the first heading everything is related."""
    return not a.path or bool(_common(a.path, b.path))


def _common(a: Sequence[str], b: Sequence[str]) -> tuple[str, ...]:
    shared = []
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        shared.append(one)
    return tuple(shared)


def _pieces(text: str, splitter: "MarkdownSplitter | TextSplitter") -> Iterator[tuple[int, str]]:
    at = 0
    for block in _blocks(text):
        for start, piece in splitter.chunk_indices(block):
            for cut in range(0, len(piece), MAX_CHARACTERS):
                yield at + start + cut, piece[cut : cut + MAX_CHARACTERS]
        at += len(block)


def _blocks(text: str) -> Iterator[str]:
    """The text in stretches of bounded length, ended at blank lines where there are any."""
    while len(text) > BLOCK_CHARACTERS:
        end = max(text.rfind("\n\n", 0, BLOCK_CHARACTERS), text.rfind("\n", BLOCK_CHARACTERS // 2, BLOCK_CHARACTERS))
        end = end + 1 if end > 0 else BLOCK_CHARACTERS
        yield text[:end]
        text = text[end:]
    yield text


def _trimmed(piece: str, start: int, section: str) -> list[Chunk]:
    text = piece.strip()
    return [Chunk(text, start + piece.index(text), section)] if text else []
