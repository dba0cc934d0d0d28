"""A file or a web page into passages, and the little that has to be known before it is worth the work."""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from knowledge.catalog import Generation, NewPassage, Source
from knowledge.chunking import HEADING_ONLY, Chunk, Chunker, embedded_text
from knowledge.errors import GoneError, LoadError
from knowledge.lexical import grams
from knowledge.scan import Failure, Item, failure

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from knowledge.isolation import Reader
    from knowledge.web import Web

# So many sources are read ahead while those before them are embedded.
AHEAD = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may have, and whether web pages may be on addresses inside the network."""

    bytes: int
    private_pages: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What is here is what was there."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A web page that its server says is no more."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`source` is how it is recorded."""

    source: Source
    failure: Failure


@dataclass(frozen=True, slots=True)
class Loaded:
    source: Source
    documents: "list[Document]"


@dataclass(frozen=True, slots=True)
class Reading:
    """A source cut into passages, and for each what is embedded of it."""

    source: Source
    passages: list[NewPassage]
    texts: list[str]


Read = Unchanged | Gone | Unreadable | Loaded


class Sources:
    """Reads files and web pages for one run, each no further than it has changed. Close it at the end."""

    def __init__(self, reader: "Reader", limits: Limits) -> None:
        self.reader = reader
        self.limits = limits
        self._web: Web | None = None
        self._lock = threading.Lock()

    def web(self) -> "Web":
        """The way to web pages, which takes a while to import. For one thread at a time."""
        from knowledge.web import Web

        self._web = self._web or Web(allow_private=self.limits.private_pages)
        return self._web

    def close(self) -> None:
        if self._web:
            self._web.close()

    def read(self, items: Sequence[Item], collection: str, known: dict[str, Source]) -> Iterator[Read]:
        """Each in its order; some are read ahead. `known` is what is in the catalog of them, by path."""
        waiting: deque[Future[Read]] = deque()
        todo = iter(items)
        pool = ThreadPoolExecutor(AHEAD, "knowledge-reading")
        try:
            while True:
                for item in islice(todo, AHEAD - len(waiting)):
                    waiting.append(pool.submit(self._read, item, collection, known.get(item.path)))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, item: Item, collection: str, known: Source | None) -> Read:
        source = _described(item, collection, known)
        try:
            with TemporaryDirectory(prefix="assistant-") as folder:
                path, name, url = self._opened(item, Path(folder))
                source = replace(source, size=_size(path), hash=_hash(path, name), url=url)
                if known and known.hash == source.hash and known.state == "ready":
                    return Unchanged()
                return Loaded(source, self.reader.read(path, name))
        except GoneError:
            return Gone()
        except LoadError as error:
            failed = failure(item.path, error)
            return Unreadable(replace(source, state="failed", error=failed.error), failed)

    def _opened(self, item: Item, folder: Path) -> tuple[Path, str, str]:
        """(where it lies, what people call it, where they open it)."""
        if item.is_page:
            # One page after another: a site is asked no more often than it likes.
            with self._lock:
                download = self.web().fetch(item.path, folder)
            return download.path, download.name, download.url
        path = Path(item.path)
        check_size(path, self.limits.bytes)
        return path, str(path), item.url


def cut(loaded: Loaded, chunker: Chunker, generation: Generation) -> Reading:
    """The passages of what was loaded."""
    source, documents = loaded.source, loaded.documents
    title = documents[0].metadata["title"]
    passages: list[NewPassage] = []
    texts: list[str] = []
    for document in documents:
        place = document.metadata.get("section", "")
        for chunk in _telling(chunker.split(document.page_content, document.metadata["format"], title)):
            section = under(place, chunk.section)
            text = embedded_text(title, section, chunk.text)
            id_ = _passage_id(generation, source, len(passages))
            passages.append(new_passage(id_, chunk.text, section, document.metadata["page"], text))
            texts.append(text)
    return Reading(replace(source, title=title, passages=len(passages)), passages, texts)


def _telling(chunks: list[Chunk]) -> list[Chunk]:
    """Without bare headings, which stand in the section of the next passage; unless a page is nothing else."""
    return [chunk for chunk in chunks if not HEADING_ONLY.fullmatch(chunk.text)] or chunks


def under(place: str, section: str) -> str:
    """A heading path below a place. A chapter is often its own first heading, and then said once."""
    if section == place or section.startswith(f"{place} > "):
        return section
    return " > ".join(part for part in (place, section) if part)


def new_passage(id_: str, text: str, section: str, page: int | None, embedded: str) -> NewPassage:
    digest = hashlib.sha256(embedded.encode("utf-8", "surrogatepass")).hexdigest()
    # PostgreSQL takes no zero in a text, and nobody reads one.
    text, section = text.replace("\0", " "), section.replace("\0", " ")
    return NewPassage(id_, text, section, page, grams(f"{section}\n{text}"), digest)


def _passage_id(generation: Generation, source: Source, position: int) -> str:
    """Tied to the content, so that writing the same version twice leaves one copy."""
    key = f"{generation.number}\0{source.collection}\0{source.path}\0{source.hash}\0{position}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def carried_over(
    source: Source, error: str, passages: Sequence[tuple[str, str, int | None]], generation: Generation
) -> Reading:
    """The passages (text, section, page) of a source that cannot be read any more, as they were."""
    texts = [embedded_text(source.title, section, text) for text, section, _ in passages]
    new = [
        new_passage(_passage_id(generation, source, n), text, section, page, texts[n])
        for n, (text, section, page) in enumerate(passages)
    ]
    return Reading(replace(source, state="outdated", error=error), new, texts)


def _described(item: Item, collection: str, known: Source | None) -> Source:
    path = Path(item.path)
    return Source(
        path=item.path,
        collection=collection,
        title=path.name if item.is_page else path.stem,
        state="ready",
        error=None,
        passages=0,
        size=0,
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        url=item.url,
        hash="",
        version=known.version + 1 if known else 1,
        origin=item.origin,
    )


def _size(file: Path) -> int:
    """Bytes; 0 for a file that vanished, which reading it will tell."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def check_size(file: Path, limit: int, name: str = "") -> None:
    """Raises LoadError when the file has more than `limit` bytes."""
    size = _size(file)
    if size > limit:
        raise LoadError(
            f"{name or file} has {size / 1e6:.0f} MB; files up to {limit / 1e6:.0f} MB are read.",
            "Split it, or raise max_file_mb under [knowledge] in the profile.",
        )


def _hash(file: Path, name: str) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise LoadError(
            f"{name} cannot be read: {error.strerror}.", "Check that it may be read and try again."
        ) from error
