"""The passages' vectors, in Chroma: embedded, or on a server that several machines share.

The only module that speaks to it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import numpy as np

from knowledge.errors import StorageError
from knowledge.snapshots import Snapshots

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

T = TypeVar("T")

# Chroma refuses larger writes; its own limit is a little over 5,000.
WRITE_SIZE = 2_000
# Names asked for at once.
PAGE = 500
# How many neighbours its index looks at, which is approximate: more find what Chroma's own 100 miss, and take longer.
SEARCH_EF = 200


@dataclass(frozen=True, slots=True)
class ChromaServer:
    """Where a Chroma server answers, and as whom to speak to it."""

    url: str
    token: str = ""
    tenant: str = "default_tenant"
    database: str = "default_database"


class VectorStore:
    """Cosine search over passage ids, one Chroma collection for each collection of ours and each generation.

    What a passage says is not kept here: the catalog decides what exists, this store only what is near. `owner` sets
    our collections apart from others' on the same server. Methods raise StorageError.
    """

    place: str

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._client: Client | None = None
        self._collections: dict[str, Collection] = {}
        self._lock = threading.RLock()

    @contextmanager
    def writing(self) -> Iterator["VectorStore"]:
        """The store to write into, for whoever holds the catalog's lock."""
        yield self

    def changing(self) -> None:
        """Said before anything is written."""

    def publish(self) -> None:
        """Let others find what was written so far."""

    def at(self, generation: int | Callable[[], int]) -> "Vectors":
        """The vectors of one generation, or of the one that is live whenever they are asked for."""
        return Vectors(self, generation)

    def generations(self) -> set[int]:
        """Those that there are vectors of."""
        prefix = f"kb.{self.owner}.g"
        return {int(name.removeprefix(prefix).split(".")[0]) for name in self._names() if name.startswith(prefix)}

    def drop(self, generation: int) -> None:
        """Delete every vector of a generation."""
        self.changing()
        for name in self._names():
            if name.startswith(self.name(generation, "")):
                with self.client() as client:
                    client.delete_collection(name)
                self._collections.pop(name, None)

    def _names(self) -> list[str]:
        names: list[str] = []
        with self.client() as client:
            while page := client.list_collections(limit=PAGE, offset=len(names)):
                names += [collection.name for collection in page]
        return names

    def close(self) -> None:
        with self._lock:
            if self._client:
                self._client.close()
            self._client = None
            self._collections.clear()

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """The client, opened when it is first wanted; what Chroma raises becomes a StorageError."""
        try:
            with self._lock:
                self._client = self._client or self._open()
            yield self._client
        except StorageError:
            raise
        except Exception as error:
            raise self._unusable(error) from error

    def _open(self) -> "Client":
        raise NotImplementedError

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(
            f"The vector store in {self.place} cannot be used: {first_line(error)}",
            "Check the folder's permissions and free space, or use another one with --data-dir.",
        )

    def name(self, generation: int, collection: str) -> str:
        """Chroma's name of one: it wants three to 512 letters, digits, dots, hyphens and underscores."""
        return f"kb.{self.owner}.g{generation}.{collection}"

    def find(self, name: str) -> "Collection | None":
        """One that exists."""
        from chromadb.errors import NotFoundError

        if name not in self._collections:
            try:
                with self.client() as client:
                    self._collections[name] = client.get_collection(name, embedding_function=None)
            except StorageError as error:
                if isinstance(error.__cause__, NotFoundError):
                    return None
                raise
        return self._collections[name]

    def make(self, name: str) -> "Collection":
        with self.client() as client:
            return self.find(name) or client.get_or_create_collection(
                name, configuration={"hnsw": {"space": "cosine", "ef_search": SEARCH_EF}}, embedding_function=None
            )

    def ask(self, name: str, question: "Callable[[Collection], T]", nothing: T) -> T:
        """What a collection answers; `nothing` when there is no such collection."""
        from chromadb.errors import NotFoundError

        for _ in range(2):
            target = self.find(name)
            if target is None:
                break
            try:
                with self.client():
                    return question(target)
            except StorageError as error:
                if not isinstance(error.__cause__, NotFoundError):
                    raise
                # It is not what it was when we found it: somebody made it anew.
                self._collections.pop(name, None)
        return nothing


class ServerStore(VectorStore):
    """On a Chroma server, which any number of processes may ask and write."""

    def __init__(self, server: ChromaServer, owner: str) -> None:
        super().__init__(owner)
        self.server = server
        self.place = server.url

    def _open(self) -> "Client":
        import chromadb
        from chromadb.config import Settings

        parts, server = urlsplit(self.server.url), self.server
        settings = Settings(anonymized_telemetry=False)
        if server.token:
            settings.chroma_client_auth_provider = "chromadb.auth.token_authn.TokenAuthClientProvider"
            settings.chroma_client_auth_credentials = server.token
        secure = parts.scheme == "https"
        client = chromadb.HttpClient(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 8000),
            ssl=secure,
            settings=settings,
            tenant=server.tenant,
            database=server.database,
        )
        return cast("Client", client)

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(
            f"The Chroma server at {self.place} cannot be used: {first_line(error)}",
            "See that it runs and is reachable from here, and that token, tenant and database are right: "
            "chroma_url, chroma_tenant and chroma_database under [knowledge], ASSISTANT_KNOWLEDGE__CHROMA_TOKEN.",
        )


class FolderStore(VectorStore):
    """Embedded, for reading: the newest copy of what was written."""

    def __init__(self, folder: Path, owner: str) -> None:
        super().__init__(owner)
        self.place = str(folder)
        self.snapshots = Snapshots(folder)
        self._opened: Path | None = None

    @contextmanager
    def writing(self) -> Iterator[VectorStore]:
        self.snapshots.clean()
        store = WrittenStore(self.snapshots, self.owner)
        try:
            yield store
        finally:
            store.close()

    def ask(self, name: str, question: "Callable[[Collection], T]", nothing: T) -> T:
        # One at a time, so that nobody closes what another is reading.
        with self._lock:
            self._follow()
            if self._opened is None:
                return nothing
            try:
                return super().ask(name, question, nothing)
            except StorageError:
                # The copy was deleted under us, as those are that newer ones have replaced.
                if self._opened == self.snapshots.newest():
                    raise
                self._follow()
                return super().ask(name, question, nothing)

    def _follow(self) -> None:
        newest = self.snapshots.newest()
        if newest != self._opened:
            self.close()
            self._opened = newest

    def _open(self) -> "Client":
        assert self._opened  # noqa: S101 (else nothing is asked)
        return _embedded(self._opened)


class WrittenStore(VectorStore):
    """Embedded, for the one process that writes."""

    def __init__(self, snapshots: Snapshots, owner: str) -> None:
        super().__init__(owner)
        self.place = str(snapshots.folder)
        self.snapshots = snapshots

    def changing(self) -> None:
        self.snapshots.changing()

    def publish(self) -> None:
        if not self.snapshots.changed:
            return
        # Chroma takes in what was written when it is next asked. Readers of a copy must find nothing left to take in.
        for name in self._names():
            self.ask(name, _settle, None)
        # And what it still has open it may write any time.
        self.close()
        try:
            self.snapshots.publish()
        except OSError as error:
            raise self._unusable(error) from error

    def _open(self) -> "Client":
        return _embedded(self.snapshots.original)


class Vectors:
    """The vectors of one generation."""

    def __init__(self, store: VectorStore, generation: int | Callable[[], int]) -> None:
        self._store = store
        self._generation = generation

    def _name(self, collection: str) -> str:
        generation = self._generation if isinstance(self._generation, int) else self._generation()
        return self._store.name(generation, collection)

    def add(self, collection: str, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Store vectors, one a row, under their passage ids; writing one twice is harmless."""
        self._store.changing()
        with self._store.client():
            target = self._store.make(self._name(collection))
            for start in range(0, len(ids), WRITE_SIZE):
                batch = slice(start, start + WRITE_SIZE)
                target.upsert(ids=list(ids[batch]), embeddings=np.asarray(vectors[batch], dtype=np.float32))

    def delete(self, collection: str, ids: Sequence[str]) -> None:

        def delete(target: "Collection") -> None:
            for start in range(0, len(ids), WRITE_SIZE):
                target.delete(ids=list(ids[start : start + WRITE_SIZE]))

        self._store.changing()
        self._store.ask(self._name(collection), delete, None)

    def nearest(self, collection: str, vector: Sequence[float], count: int) -> list[tuple[str, float]]:
        """(passage id, cosine), nearest first."""

        def query(target: "Collection") -> list[tuple[str, float]]:
            wanted = np.asarray([vector], dtype=np.float32)
            found = target.query(query_embeddings=wanted, n_results=count, include=["distances"])
            distances = found["distances"] or [[]]
            return [(id_, 1.0 - distance) for id_, distance in zip(found["ids"][0], distances[0], strict=True)]

        return self._store.ask(self._name(collection), query, [])

    def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """The stored vectors of those ids that are there."""

        def get(target: "Collection") -> dict[str, np.ndarray]:
            found = target.get(ids=list(ids), include=["embeddings"])
            stored = found["embeddings"] if found["embeddings"] is not None else []
            return dict(zip(found["ids"], (np.asarray(vector, dtype=np.float32) for vector in stored), strict=True))

        return self._store.ask(self._name(collection), get, {})

    def count(self, collection: str) -> int:
        return self._store.ask(self._name(collection), lambda target: target.count(), 0)


def _embedded(folder: Path) -> "Client":
    import chromadb
    from chromadb.config import Settings

    return cast("Client", chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False)))


def _settle(target: "Collection") -> None:
    found = target.get(limit=1, include=["embeddings"])["embeddings"]
    if found is not None and len(found):
        target.query(query_embeddings=np.asarray(found, dtype=np.float32), n_results=1)


def first_line(error: Exception) -> str:
    """Chroma raises exceptions of many kinds, and its Rust core some of its own making."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
