"""The knowledge base: a catalog, a vector store and a writer's lock."""

import difflib
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from langchain_core.documents import Document

from knowledge.access import OPEN, OPERATOR, Access, Caller
from knowledge.attachments import Attachment, AttachmentIndex, read
from knowledge.catalog import Catalog, Generation, Source, StoredPassage
from knowledge.chunking import Chunker
from knowledge.databases import PostgreSQL, SQLite, held
from knowledge.embeddings import SentenceEmbeddings
from knowledge.entailment import open_entailment
from knowledge.errors import NotFoundError, StorageError
from knowledge.fingerprints import cutting_fingerprint, model_fingerprint
from knowledge.fulltext import COUNTED
from knowledge.ingest import IngestEvent, Ingestion, acquire, report, sweep
from knowledge.isolation import Reader
from knowledge.reading import Limits, Loaded, Sources, check_size, cut
from knowledge.rebuilding import Rebuilding, next_generation, rebuild
from knowledge.reranking import CrossEncoderReranker
from knowledge.retriever import HybridRetriever
from knowledge.scan import is_url, scan
from knowledge.vectors import ChromaServer, FolderStore, ServerStore, VectorStore
from knowledge.writing import Writer

MAX_FILE_MB = 50
# Documents that are cut and embedded together when they come from memory.
GROUP = 500
_COLLECTION_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a knowledge base is kept when not in its folder: the catalog in a PostgreSQL database, "" for SQLite; the
    vectors on a Chroma server, None for embedded ones."""

    catalog_url: str = ""
    chroma: ChromaServer | None = None


class KnowledgeBase:
    """Documents that can be ingested, listed, removed and searched. Opening it is quick: models load at first use.

    Raises StorageError when a place cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: SentenceEmbeddings | None = None,
        max_file_mb: int = MAX_FILE_MB,
        access: Access = OPEN,
        place: Place | None = None,
        web_allow_private: bool = False,
        reranker: str = "",
        entailment_model: str = "",
        join_neighbours: bool = False,
    ) -> None:
        place = place or Place()
        self.folder = folder
        self.max_file_mb = max_file_mb
        self.access = access
        self.embeddings = embeddings or SentenceEmbeddings()
        self.catalog = Catalog(
            PostgreSQL(place.catalog_url) if place.catalog_url else SQLite(folder / "catalog.sqlite3")
        )
        self.store = _vector_store(place.chroma, folder / "chroma", self.catalog.id)
        self.vectors = self.store.at(self._live_number)
        self.reader = Reader()
        self._limits = Limits(max_file_mb * 1_000_000, web_allow_private)
        self._reranker = CrossEncoderReranker(reranker) if reranker else None
        self.entailment = open_entailment(entailment_model)
        self._join_neighbours = join_neighbours
        self._attachments = AttachmentIndex(self.embeddings)
        self._model = model_fingerprint(self.embeddings.model)

    # -- generations

    def _live_number(self) -> int:
        live = self.catalog.live()
        return live.number if live else 0

    def check_model(self) -> None:
        """Vectors of two models cannot be compared. Raises StorageError when the documents were embedded by another
        model than this."""
        live = self.catalog.live()
        if live and live.model != self._model:
            raise StorageError(
                f"The documents were embedded by the model {live.model!r}, and the profile asks for {self._model!r}.",
                f'Rebuild them: `assistant ingest --rebuild`. Or set [knowledge] embedding_model = "{live.model}".',
            )

    def _current(self, cutting: str) -> Generation:
        """The generation that an ingestion writes into. Raises StorageError when it has to be rebuilt first."""
        self.check_model()
        live = self.catalog.live() or self.catalog.begin(self._model, cutting, ready=True)
        if live.cutting != cutting:
            raise StorageError(
                "The documents were cut into passages in another way than this version cuts them.",
                "Rebuild them: `assistant ingest --rebuild`.",
            )
        return live

    # -- writing

    def ingest(self, paths: Sequence[str | Path], collection: str = "default") -> Iterator[IngestEvent]:
        """Bring the collection in step with files, folders, web pages and sitemaps; the last event is the report.

        Files that were ingested from one of the folders and are gone are removed. Stopping the iteration
        keeps every file that was finished. Raises StorageError.
        """
        _check_name(collection)
        self.check_model()
        return self._ingest(paths, collection)

    def _ingest(self, paths: Sequence[str | Path], collection: str) -> Iterator[IngestEvent]:
        started = time.monotonic()
        lock = self.catalog.writer()
        yield from acquire(lock)
        try:
            self.reader.start()  # while the model loads
            chunker, generation = self._chunker(), self._current(self._cutting())
            with self._writing() as store, closing(Sources(self.reader, self._limits)) as sources:
                writer = Writer(self.catalog, store, self.embeddings, generation)
                found = scan(paths, sources.web)
                run = Ingestion(self.catalog, writer, sources, chunker, collection)
                yield from run.apply(found)
        finally:
            lock.release()
        yield report([run], started, found.skipped)

    def add(self, documents: Iterable[Loaded]) -> Iterator[int]:
        """Put in documents that are in no file; gives how many are in, whenever that or their embedding goes on."""
        self.check_model()
        done = 0
        with held(self.catalog.writer()), self._writing() as store:
            chunker, generation = self._chunker(), self._current(self._cutting())
            writer = Writer(self.catalog, store, self.embeddings, generation)
            waiting = iter(documents)
            while group := [cut(loaded, chunker, generation) for loaded in islice(waiting, GROUP)]:
                for _, is_in in writer.write(group):
                    done += is_in
                    yield done

    def rebuild(self) -> Iterator[IngestEvent]:
        """Read, cut and embed everything anew. What was there is searched until the new is complete; a rebuild that is
        interrupted goes on with the next. The last event is the report. Raises StorageError."""
        started = time.monotonic()
        lock = self.catalog.writer()
        yield from acquire(lock)
        runs: list[Ingestion] = []
        try:
            generation = next_generation(self.catalog, self._model, self._cutting())
            with self._writing() as store, closing(Sources(self.reader, self._limits)) as sources:
                writer = Writer(self.catalog, store, self.embeddings, generation)
                for event in rebuild(self.catalog, writer, sources, self._chunker()):
                    if isinstance(event, Rebuilding):
                        runs.append(event)
                    else:
                        yield event
        finally:
            lock.release()
        yield report(runs, started, 0)

    @contextmanager
    def _writing(self) -> Iterator[VectorStore]:
        """The store to write into; before and after, what no passage wants is swept out of it."""
        with self.store.writing() as store:
            sweep(self.catalog, store)
            try:
                yield store
            finally:
                sweep(self.catalog, store)
                store.publish()

    def _chunker(self) -> Chunker:
        return Chunker(self.embeddings.tokenizer, self.embeddings.window)

    def _cutting(self) -> str:
        return cutting_fingerprint(self.embeddings.window)

    def remove(self, sources: Sequence[Source]) -> int:
        """Take documents out; they cannot be found from this moment on. Returns the passages removed."""
        with held(self.catalog.writer()):
            live = self.catalog.live()
            if live:
                self.catalog.remove(live, sources)
            with self._writing():
                pass
        return sum(source.passages for source in sources)

    # -- reading

    def documents(self, collection: str | None = None, caller: Caller | None = None) -> list[Source]:
        """The documents that a caller may read; of a collection that is closed there are none."""
        sources = self.catalog.sources(collection)
        return [source for source in sources if self.access.allows(source.collection, caller)]

    def document_count(self, collections: Sequence[str]) -> int:
        """How many documents these collections hold."""
        return self.catalog.source_count(collections)

    def passages(self, source: Source) -> list[StoredPassage]:
        return self.catalog.passages_of(source)

    def find(self, name: str, collection: str | None = None, caller: Caller | None = None) -> list[Source]:
        """The documents that a person means by a path, the end of one, or a folder. Raises NotFoundError."""
        sources = self.documents(collection, caller)
        exact = [s for s in sources if _is_within(s.path, name)]
        found = exact or [s for s in sources if Path(s.path).parts[-len(Path(name).parts) :] == Path(name).parts]
        if not found:
            raise NotFoundError(f"No document is called {name!r}.", _suggestion(name, sources))
        return found

    def retriever(self, k: int = 5, collections: Sequence[str] = (), caller: Caller | None = None) -> HybridRetriever:
        """A LangChain retriever over the named collections, or all, that finds what the caller may read.

        Raises NotFoundError for a collection that is unknown or closed: nobody can tell the one from the other; and
        StorageError when the documents were embedded by another model.
        """
        self.check_model()
        known = self.collections(caller)
        for name in collections:
            if name not in known:
                raise NotFoundError(
                    f"There is no collection {name!r}.", f"There are: {', '.join(known) or 'none yet'}."
                )
        return HybridRetriever(
            catalog=self.catalog,
            vectors=self.vectors,
            embeddings=self.embeddings,
            k=k,
            collections=tuple(collections),
            access=self.access,
            caller=caller,
            reranker=self._reranker,
            complete=self._join_neighbours,
        )

    def search(
        self, query: str, k: int = 5, collections: Sequence[str] = (), caller: Caller | None = None
    ) -> list[Document]:
        """The passages nearest to the query, best first: LangChain Documents with their place and score."""
        return self.retriever(k, collections, caller).invoke(query)

    def search_in(self, query: str, attachments: Sequence[Attachment], k: int = 5) -> list[Document]:
        """The passages of texts, which are kept nowhere, that are nearest to the query, best first."""
        return self._attachments.nearest(query, attachments, k)

    def passages_in(self, attachments: Sequence[Attachment]) -> list[Document]:
        """All passages of texts in their order; the score says how central each is among them, -1 to 1."""
        return self._attachments.all(attachments)

    def read_file(self, path: Path, name: str = "", url: str = "") -> list[Attachment]:
        """A file to be asked about, a page each where it has pages. `name` is what people call it, and says its kind;
        `url` is where they open it. Blocks, for seconds when the file is large.

        Raises LoadError, which names the file by `name`: it is too large, of another kind, damaged, or holds no text.
        """
        name = name or path.name
        check_size(path, self.max_file_mb * 1_000_000, name)
        return read(self.reader, path, name, url)

    def collections(self, caller: Caller | None = None) -> list[str]:
        """The names of the collections that hold anything and that the caller may read."""
        return self.access.readable(self.catalog.collections(), caller)

    def warm_up(self) -> None:
        """Load the models and open the vector store, which else the first question does."""
        if self.entailment:
            self.entailment.load()
        self.search("warm up", 1, caller=OPERATOR)

    def rarity_for(self, caller: Caller | None = None) -> Callable[[str], float]:
        """How telling a word is in what the caller may read: its inverse document frequency, about 0.7 for one that is
        everywhere. What others may read must not show in whether a question is answered.

        The function remembers what it was asked, so it is for one question.
        """
        closed = self.access.closed(caller)
        count = self.catalog.passage_count(closed)
        return cache(lambda word: math.log(1 + (count + 1) / (self.catalog.frequency(word, closed) + 1)))

    def rarest(self, words: Sequence[str], count: int, caller: Caller | None = None) -> list[str]:
        """Those of the words that tell most of what they stand in, in the order they were given: the rarest ones that
        occur in what the caller may read."""
        closed = self.access.closed(caller)
        found = self.catalog.frequencies(words, COUNTED, closed)
        known = sorted((word for word in words if found[word]), key=lambda word: found[word])[:count]
        return [word for word in words if word in known]

    def close(self) -> None:
        self.reader.close()
        self.store.close()
        self.catalog.close()


def _vector_store(server: ChromaServer | None, folder: Path, owner: str) -> VectorStore:
    return ServerStore(server, owner) if server else FolderStore(folder, owner)


def _check_name(collection: str) -> None:
    if not _COLLECTION_NAME.fullmatch(collection):
        raise NotFoundError(
            f"{collection!r} cannot be the name of a collection.",
            "Use up to 64 letters, digits, hyphens and underscores, beginning and ending with a letter or digit.",
        )


def _is_within(path: str, name: str) -> bool:
    """Whether a source's path is what was named, or below it."""
    if is_url(name) or is_url(path):
        return path == name or path.startswith(name.rstrip("/") + "/")
    return Path(path).is_relative_to(Path(name).absolute())


def _suggestion(name: str, sources: Sequence[Source]) -> str:
    names = {Path(source.path).name for source in sources}
    near = difflib.get_close_matches(Path(name).name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else "`assistant documents list` shows what there is."
