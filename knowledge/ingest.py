"""Files into the knowledge base: scan the paths, compare with the catalog, apply the difference."""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout
from langchain_core.documents import Document

from knowledge import loaders
from knowledge.catalog import Catalog, NewPassage, Source
from knowledge.chunking import Chunker, embedded_text
from knowledge.errors import LoadError
from knowledge.scan import Failure, Scan, scan_paths
from knowledge.vectors import VectorStore

if TYPE_CHECKING:
    from knowledge.embeddings import SentenceEmbeddings

# Passages embedded in one call: enough to sort by length and fill batches, little enough to show progress.
EMBED_SIZE = 256
LOCK_POLL_SECONDS = 0.5
_HEADING_ONLY = re.compile(r"#{1,6} [^\n]*")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process is writing; ingestion goes on when it is done."""

    lock: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` files are in; `passages` counts those embedded so far."""

    source: str
    done: int
    total: int
    passages: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an ingestion did. `skipped` counts files of kinds that are not documents."""

    added: int
    updated: int
    unchanged: int
    removed: int
    failed: tuple[Failure, ...]
    passages: int
    seconds: float
    skipped: int = 0


IngestEvent = Waiting | Progress | Failure | Report


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read and cut into passages, waiting for its vectors."""

    source: Source
    passages: list[NewPassage]
    texts: list[str]
    kind: Literal["added", "updated"]


class Ingestion:
    """One run of `ingest`. Iterate `events()`; stopping at any point keeps what was finished."""

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorStore,
        embeddings: "SentenceEmbeddings",
        collection: str,
        max_file_bytes: int,
    ) -> None:
        self.catalog = catalog
        self.vectors = vectors
        self.embeddings = embeddings
        self.collection = collection
        self.max_file_bytes = max_file_bytes
        self.counts = {"added": 0, "updated": 0, "unchanged": 0, "removed": 0}
        self.failures: list[Failure] = []
        self.passages = 0
        self.done = 0

    @cached_property
    def _chunker(self) -> Chunker:
        return Chunker(self.embeddings.tokenizer, self.embeddings.window)

    def events(self, paths: Sequence[Path], lock: FileLock) -> Iterator[IngestEvent]:
        started = time.monotonic()
        yield from _acquire(lock)
        try:
            sweep(self.catalog, self.vectors)
            scan = scan_paths(paths)
            yield from self._apply(scan)
            sweep(self.catalog, self.vectors)
        finally:
            lock.release()
        seconds = round(time.monotonic() - started, 3)
        yield Report(
            **self.counts,
            failed=tuple(self.failures),
            passages=self.passages,
            seconds=seconds,
            skipped=scan.skipped,
        )

    def _apply(self, scan: Scan) -> Iterator[IngestEvent]:
        known = {source.path: source for source in self.catalog.sources(self.collection)}
        for failure in scan.failures:
            yield self._failed(failure)
        yield from self._remove_missing(scan, known)
        waiting: list[Reading] = []
        for file in scan.files:
            reading = self._read(file, known.get(str(file)))
            if isinstance(reading, Failure):
                yield self._failed(reading)
            elif reading:
                waiting.append(reading)
            if sum(len(r.texts) for r in waiting) >= EMBED_SIZE:
                yield from self.write(waiting, len(scan.files))
                waiting = []
            if reading is None or isinstance(reading, Failure):
                self.done += 1
                yield Progress(str(file), self.done, len(scan.files), self.passages)
        yield from self.write(waiting, len(scan.files))

    def _failed(self, failure: Failure) -> Failure:
        self.failures.append(failure)
        return failure

    def _remove_missing(self, scan: Scan, known: dict[str, Source]) -> Iterator[IngestEvent]:
        """Drop the sources whose files are gone, unless a whole folder is: that may be a drive not mounted."""
        present = {str(file) for file in scan.files}
        for folder in scan.folders:
            inside = [s for s in known.values() if Path(s.path).is_relative_to(folder)]
            missing = [s for s in inside if s.path not in present and not Path(s.path).exists()]
            if missing and not any(file.is_relative_to(folder) for file in scan.files):
                yield self._failed(_emptied(folder, len(missing)))
                continue
            for source in missing:
                self.catalog.remove(source)
                self.counts["removed"] += 1

    def _read(self, file: Path, known: Source | None) -> Reading | Failure | None:
        """The file's passages; None when it has not changed; a Failure, which is also recorded."""
        source = _describe(file, self.collection)
        try:
            check_size(file, self.max_file_bytes)
            source = replace(source, hash=_hash(file))
            if known and known.hash == source.hash and known.state == "ready":
                self.counts["unchanged"] += 1
                return None
            return self.cut(source, loaders.load(file), "updated" if known and known.passages else "added")
        except LoadError as error:
            failure = Failure(str(file), f"{error.problem} {error.remedy}")
            self.catalog.record_failure(replace(source, state="failed", error=failure.error))
            return failure

    def cut(self, source: Source, documents: Sequence[Document], kind: Literal["added", "updated"]) -> Reading:
        """The passages of a source's documents."""
        title = documents[0].metadata["title"]
        passages: list[NewPassage] = []
        texts: list[str] = []
        for document in documents:
            for chunk in self._chunker.split(document.page_content, document.metadata["format"], title):
                if _HEADING_ONLY.fullmatch(chunk.text):
                    continue  # it stands in the section of the next passage
                section = " > ".join(part for part in (document.metadata.get("section"), chunk.section) if part)
                id_ = _passage_id(source, len(passages))
                passages.append(NewPassage(id_, chunk.text, section, document.metadata["page"]))
                texts.append(embedded_text(title, section, chunk.text))
        return Reading(replace(source, title=title, passages=len(passages)), passages, texts, kind)

    def write(self, readings: list[Reading], total: int) -> Iterator[Progress]:
        """Embed all the readings together, then switch each source to its new version."""
        texts = [text for reading in readings for text in reading.texts]
        vectors: list[list[float]] = []
        for start in range(0, len(texts), EMBED_SIZE):
            vectors += self.embeddings.embed_documents(texts[start : start + EMBED_SIZE])
            yield Progress(readings[-1].source.path, self.done, total, self.passages + min(len(vectors), len(texts)))
        for reading in readings:
            self._commit(reading, [vectors.pop(0) for _ in reading.texts])
            self.done += 1
            yield Progress(reading.source.path, self.done, total, self.passages)

    def _commit(self, reading: Reading, vectors: list[list[float]]) -> None:
        ids = [passage.id for passage in reading.passages]
        self.catalog.expect_vectors(self.collection, ids)
        self.vectors.add(self.collection, ids, vectors)
        self.catalog.put(reading.source, reading.passages)
        self.counts[reading.kind] += 1
        self.passages += len(ids)


def sweep(catalog: Catalog, vectors: VectorStore) -> None:
    """Delete the vectors that no passage wants: of removed sources, or of a run that was interrupted."""
    for collection, ids in catalog.loose_vectors().items():
        vectors.delete(collection, ids)
        catalog.forget_vectors(ids)


def _acquire(lock: FileLock) -> Iterator[Waiting]:
    try:
        lock.acquire(timeout=0)
        return
    except Timeout:
        yield Waiting(lock.lock_file)
    # Not one endless acquire: a short one lets Ctrl-C through at once.
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOCK_POLL_SECONDS)
        except Timeout:
            continue


def _describe(file: Path, collection: str) -> Source:
    return Source(
        path=str(file),
        collection=collection,
        title=file.stem,
        state="ready",
        error=None,
        passages=0,
        size=_size(file),
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        url=file.as_uri(),
        hash="",
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


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise LoadError(
            f"{file} cannot be read: {error.strerror}.", "Check that it may be read and try again."
        ) from error


def _passage_id(source: Source, position: int) -> str:
    """Tied to the content, so that writing the same version twice leaves one copy."""
    key = f"{source.collection}\0{source.path}\0{source.hash}\0{position}"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _emptied(folder: Path, count: int) -> Failure:
    return Failure(
        str(folder),
        f"{count} documents that were in {folder} are gone, so they are kept in case the folder is not mounted. "
        f"To take them out, run `assistant documents remove {folder}`.",
    )
