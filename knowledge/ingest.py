"""Files and web pages into the knowledge base: scan, compare with the catalog, apply the difference."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import Timeout

from knowledge.catalog import Catalog, Generation, Source
from knowledge.chunking import Chunker
from knowledge.databases import Lock
from knowledge.reading import Gone, Loaded, Read, Reading, Sources, Unchanged, Unreadable, cut
from knowledge.scan import Failure, Item, Scan, is_url
from knowledge.vectors import VectorStore
from knowledge.writing import Writer

# Passages gathered before they are embedded: enough to sort by length, little enough to lose when it is stopped.
GATHERED = 256
LOCK_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process is writing; ingestion goes on when it is done."""

    lock: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` sources are in; `passages` counts those embedded so far."""

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


class Ingestion:
    """Brings one collection of a generation in step with what was found. Stopping keeps what was finished."""

    def __init__(self, catalog: Catalog, writer: Writer, sources: Sources, chunker: Chunker, collection: str) -> None:
        self.catalog = catalog
        self.writer = writer
        self.generation: Generation = writer.generation
        self.sources = sources
        self.chunker = chunker
        self.collection = collection
        self.counts: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.done = 0

    def apply(self, scan: Scan) -> Iterator[IngestEvent]:
        known = {source.path: source for source in self.catalog.sources(self.collection, self.generation)}
        for failure in scan.failures:
            if failure.source in known:
                self.catalog.record_failure(self.generation, replace(known[failure.source], error=failure.error))
            yield self._failed(failure)
        yield from self._remove_missing(scan, known)
        yield from self._read(scan.items, known)

    def _read(self, items: Sequence[Item], known: dict[str, Source]) -> Iterator[IngestEvent]:
        total = len(items)
        gathered: list[Reading] = []
        for item, read in zip(items, self.sources.read(items, self.collection, known), strict=True):
            if isinstance(read, Unreadable):
                yield self._failed(read.failure)
            reading = self._taken(item, read, known.get(item.path))
            if reading:
                gathered.append(reading)
            else:
                self.done += 1
                yield Progress(item.path, self.done, total, self.writer.embedded)
            if sum(len(reading.texts) for reading in gathered) >= GATHERED:
                yield from self._write(gathered, total)
                gathered = []
        yield from self._write(gathered, total)

    def _taken(self, item: Item, read: Read, known: Source | None) -> Reading | None:
        """What is to be written of a source, if anything."""
        match read:
            case Loaded():
                return cut(read, self.chunker, self.generation)
            case Unreadable():
                return self._unreadable(read)
            case Gone():
                self._remove(known)
            case Unchanged():
                self.counts["unchanged"] += 1
        return None

    def _unreadable(self, read: Unreadable) -> Reading | None:
        """Passages of a version that could be read stay."""
        self.catalog.record_failure(self.generation, read.source)
        return None

    def _write(self, readings: Sequence[Reading], total: int) -> Iterator[IngestEvent]:
        """Embed all the readings together, then switch each source to its new version."""
        for reading, kept in self.writer.write(readings):
            if kept:
                self.counts["updated" if reading.source.version > 1 else "added"] += 1
                self.done += 1
            yield Progress(reading.source.path, self.done, total, self.writer.embedded)

    def _failed(self, failure: Failure) -> Failure:
        self.failures.append(failure)
        return failure

    def _remove_missing(self, scan: Scan, known: dict[str, Source]) -> Iterator[IngestEvent]:
        """Drop the sources that are gone, unless a whole folder is: that may be a drive not mounted."""
        present = {item.path for item in scan.items}
        for folder in scan.folders:
            inside = [s for s in known.values() if not is_url(s.path) and Path(s.path).is_relative_to(folder)]
            missing = [s for s in inside if s.path not in present and not Path(s.path).exists()]
            if missing and not any(Path(path).is_relative_to(folder) for path in present):
                yield self._failed(_emptied(folder, len(missing)))
                continue
            for source in missing:
                self._remove(source)
        for source in known.values():
            if source.origin in scan.sitemaps and source.path not in present:
                self._remove(source)

    def _remove(self, source: Source | None) -> None:
        if source:
            self.catalog.remove(self.generation, [source])
            self.counts["removed"] += 1


def report(runs: Sequence[Ingestion], started: float, skipped: int) -> Report:
    """What the runs did together, since `started` on the monotonic clock."""
    counts = sum((run.counts for run in runs), Counter[str]())
    return Report(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        removed=counts["removed"],
        failed=tuple(failure for run in runs for failure in run.failures),
        passages=_written(runs),
        seconds=round(time.monotonic() - started, 3),
        skipped=skipped,
    )


def _written(runs: Sequence[Ingestion]) -> int:
    """Runs of a rebuild have their writer in common."""
    return sum(writer.written for writer in {id(run.writer): run.writer for run in runs}.values())


def sweep(catalog: Catalog, vectors: VectorStore) -> None:
    """Delete the vectors that no passage wants: of removed sources, of a run that was interrupted, of generations."""
    for (generation, collection), ids in catalog.loose_vectors().items():
        vectors.at(generation).delete(collection, ids)
        catalog.forget_vectors(ids)
    for generation in vectors.generations() - catalog.generations():
        vectors.drop(generation)


def acquire(lock: Lock) -> Iterator[Waiting]:
    """Wait for the lock, and say so."""
    try:
        lock.acquire(timeout=0)
        return
    except Timeout as error:
        yield Waiting(error.lock_file)
    # Not one endless acquire: a short one lets Ctrl-C through at once.
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOCK_POLL_SECONDS)
        except Timeout:
            continue


def _emptied(folder: Path, count: int) -> Failure:
    return Failure(
        str(folder),
        f"{count} documents that were in {folder} are gone, so they are kept in case the folder is not mounted. "
        f"To take them out, run `assistant documents remove {folder}`.",
    )
