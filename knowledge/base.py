"""The knowledge base: one folder with a catalog, a vector store and a writer's lock."""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from filelock import FileLock
from langchain_core.documents import Document

from knowledge.access import OPEN, OPERATOR, Access, Caller
from knowledge.attachments import Attachment, AttachmentIndex, read
from knowledge.catalog import Catalog, Source, StoredPassage
from knowledge.embeddings import SentenceEmbeddings
from knowledge.errors import NotFoundError, StorageError
from knowledge.ingest import IngestEvent, Ingestion, check_size, sweep
from knowledge.retriever import HybridRetriever
from knowledge.vectors import VectorStore

MAX_FILE_MB = 50
_COLLECTION_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


class KnowledgeBase:
    """Documents that can be ingested, listed, removed and searched. Opening it is quick: models load at first use."""

    def __init__(
        self,
        folder: Path,
        embeddings: SentenceEmbeddings | None = None,
        max_file_mb: int = MAX_FILE_MB,
        access: Access = OPEN,
    ) -> None:
        self.folder = folder
        self.max_file_mb = max_file_mb
        self.access = access
        self.embeddings = embeddings or SentenceEmbeddings()
        self.catalog = Catalog(folder / "catalog.sqlite3")
        self.vectors = VectorStore(folder / "chroma")
        self._attachments = AttachmentIndex(self.embeddings)
        self._check_model(self.embeddings.model)

    def _check_model(self, model: str) -> None:
        """Vectors of two models cannot be compared, so a folder belongs to the model it was filled with."""
        known = self.catalog.get_meta("embedding_model")
        if known is None:
            self.catalog.set_meta("embedding_model", model)
        elif known != model:
            raise StorageError(
                f"{self.folder} was filled with the embedding model {known!r}, and the profile asks for {model!r}.",
                f'Set [knowledge] embedding_model = "{known}", or ingest into another folder with --data-dir.',
            )

    def ingest(self, paths: Sequence[Path], collection: str = "default") -> Iterator[IngestEvent]:
        """Bring the collection in step with the files; the last event is the report.

        Files that were ingested from one of the folders and are gone are removed. Stopping the iteration
        keeps every file that was finished.
        """
        _check_name(collection)
        limit = self.max_file_mb * 1_000_000
        run = Ingestion(self.catalog, self.vectors, self.embeddings, collection, limit)
        return run.events(paths, FileLock(self.folder / "writer.lock"))

    def documents(self, collection: str | None = None, caller: Caller | None = None) -> list[Source]:
        """The documents that a caller may read; of a collection that is closed there are none."""
        sources = self.catalog.sources(collection)
        return [source for source in sources if self.access.allows(source.collection, caller)]

    def passages(self, source: Source) -> list[StoredPassage]:
        return self.catalog.passages_of(source)

    def find(self, name: str, collection: str | None = None, caller: Caller | None = None) -> list[Source]:
        """The documents that a person means by a path, the end of one, or a folder. Raises NotFoundError."""
        sources = self.documents(collection, caller)
        absolute = Path(name).absolute()
        exact = [s for s in sources if Path(s.path).is_relative_to(absolute)]
        found = exact or [s for s in sources if Path(s.path).parts[-len(Path(name).parts) :] == Path(name).parts]
        if not found:
            raise NotFoundError(f"No document is called {name!r}.", _suggestion(name, sources))
        return found

    def remove(self, sources: Sequence[Source]) -> int:
        """Take documents out; they cannot be found from this moment on. Returns the passages removed."""
        with FileLock(self.folder / "writer.lock"):
            for source in sources:
                self.catalog.remove(source)
            sweep(self.catalog, self.vectors)
        return sum(source.passages for source in sources)

    def retriever(self, k: int = 5, collections: Sequence[str] = (), caller: Caller | None = None) -> HybridRetriever:
        """A LangChain retriever over the named collections, or all, that finds what the caller may read.

        Raises NotFoundError for a collection that is unknown or closed: nobody can tell the one from the other.
        """
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
        return read(path, name, url)

    def collections(self, caller: Caller | None = None) -> list[str]:
        """The names of the collections that hold anything and that the caller may read."""
        return self.access.readable(self.catalog.collections(), caller)

    def warm_up(self) -> None:
        """Load the embedding model and open the vector store, which else the first search does."""
        self.search("warm up", 1, caller=OPERATOR)

    def rarity_for(self, caller: Caller | None = None) -> Callable[[str], float]:
        """How telling a word is in what the caller may read: its inverse document frequency, about 0.7 for one that is
        everywhere. What others may read must not show in whether a question is answered.

        The function remembers what it was asked, so it is for one question.
        """
        closed = self.access.closed(caller)
        count = self.catalog.passage_count(closed)
        return cache(lambda word: math.log(1 + (count + 1) / (self.catalog.frequency(word, closed) + 1)))

    def close(self) -> None:
        self.vectors.close()
        self.catalog.close()


def _check_name(collection: str) -> None:
    if not _COLLECTION_NAME.fullmatch(collection):
        raise NotFoundError(
            f"{collection!r} cannot be the name of a collection.",
            "Use up to 64 letters, digits, hyphens and underscores, beginning and ending with a letter or digit.",
        )


def _suggestion(name: str, sources: Sequence[Source]) -> str:
    names = {Path(source.path).name for source in sources}
    near = difflib.get_close_matches(Path(name).name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else "`assistant documents list` shows what there is."
