"""Are the quotes of citations really in the files that they name, on that page, in that section?

    python -m tests.quotes FOLDER [--answers N] [--profile NAME]

Asks about every section of the documents in FOLDER, with the profile's own model, and looks each quote up in its file,
read anew and apart from the knowledge base.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import unquote, urlparse

from langchain_core.documents import Document
from markdown_it import MarkdownIt
from rich.console import Console

from assistant import Answer, Assistant, Citation, Question
from knowledge.loaders import load
from tests.conftest import ingest

AT_ONCE = 16
QUESTIONS = (
    "What is said about {}?",
    "What does {} mean?",
    "How does {} work?",
    "When is {} needed?",
    "Why does {} matter?",
    "What should I know about {}?",
)


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of the answers. `wrong` names each citation whose quote is not where it says."""

    answers: int
    answered: int
    citations: int
    wrong: tuple[str, ...]


def questions(sections: Sequence[str]) -> Iterator[Question]:
    """Questions about each section, without end."""
    names = [section.rpartition(" > ")[2] for section in sections]
    for form in cycle(QUESTIONS):
        for name in names:
            yield Question(form.format(name))


async def answers(assistant: Assistant, asked: Iterable[Question], at_once: int) -> AsyncIterator[Answer]:
    waiting = iter(asked)
    while group := list(islice(waiting, at_once)):
        for answer in await asyncio.gather(*map(assistant.ask, group)):
            yield answer


def is_found(citation: Citation) -> bool:
    """Whether the quote stands, to the letter, in the file, on the page and below the headings that are cited."""
    documents = read(Path(unquote(urlparse(citation.url).path)))
    return any(
        document.metadata.get("page") == citation.page and _stands_in(citation, document) for document in documents
    )


@lru_cache(maxsize=256)
def read(path: Path) -> list[Document]:
    return load(path)


def _stands_in(citation: Citation, document: Document) -> bool:
    text, place = document.page_content, str(document.metadata.get("section") or "")
    headings = [] if document.metadata.get("format") == "text" else _headings(text)
    at = text.find(citation.quote)
    while at >= 0:
        path = [place] if place else []
        for _, title in _path(headings, at):
            path.append(title)
        if " > ".join(path).startswith(citation.section.removesuffix("…")):
            return True
        at = text.find(citation.quote, at + 1)
    return False


@lru_cache(maxsize=256)
def _headings(text: str) -> list[tuple[int, int, str]]:
    """(offset, level, title) of each heading."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    tokens = MarkdownIt("commonmark").parse(text)
    return [
        (starts[token.map[0]], int(token.tag[1:]), _plain(tokens[number + 1]))
        for number, token in enumerate(tokens)
        if token.type == "heading_open" and token.map
    ]


def _plain(inline: object) -> str:
    children = getattr(inline, "children", None) or []
    return " ".join("".join(child.content for child in children).split())


def _path(headings: Sequence[tuple[int, int, str]], at: int) -> list[tuple[int, str]]:
    path: list[tuple[int, str]] = []
    for start, level, title in headings:
        if start > at:
            break
        path = [*((depth, name) for depth, name in path if depth < level), (level, title)]
    return path


async def check(assistant: Assistant, folder: Path, count: int, console: Console) -> Tally:
    """Ask until there are `count` answers that cite something."""
    ingest(assistant.knowledge, folder)
    sources = assistant.knowledge.documents()
    sections = [p.section or p.title for source in sources for p in assistant.knowledge.passages(source)]
    asked = answered = cited = 0
    wrong: list[str] = []
    async for answer in answers(assistant, questions(list(dict.fromkeys(sections))), min(count, AT_ONCE)):
        asked += 1
        answered += bool(answer.citations)
        cited += len(answer.citations)
        wrong += [f"{c.source} {c.page or c.section}: {c.quote!r}" for c in answer.citations if not is_found(c)]
        if asked % AT_ONCE == 0:
            console.print(f"{asked} questions, {answered} answered, {cited} citations, {len(wrong)} wrong", end="\r")
        if answered >= count or asked > 10 * count:
            break
    return Tally(asked, answered, cited, tuple(wrong))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--profile", default="docs")
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as data:
        async with Assistant.from_profile(given.profile, Path(data)) as assistant:
            tally = await check(assistant, given.folder, given.answers, console)
    console.print(f"{tally.answered} answers to {tally.answers} questions, {tally.citations} citations")
    for line in tally.wrong:
        console.print(f"wrong: {line}", style="red")
    console.print(f"{len(tally.wrong)} quotes not found where their citation says")


if __name__ == "__main__":
    asyncio.run(main())
