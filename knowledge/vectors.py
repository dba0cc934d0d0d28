"""The passages' vectors, in Chroma: embedded, or on a server that several machines share.

The only module that speaks to it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import numpy as np

from knowledge.errors import StorageError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

T = TypeVar("T")

# Chroma refuses larger writes; its own limit is a little over 5,000.
WRITE_SIZE = 2_000
# Names asked for at once.
PAGE = 500
# How many neighbours its index looks at: more find what fewer miss, and take longer. At Chroma's own 100 a search for
# fifty leaves out one in a hundred.
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

    def __init__(self, place: Path | ChromaServer, owner: str) -> None:
        self.place = place
        self.owner = owner
        self._client: ClientAPI | None = None
        self._collections: dict[str, Collection] = {}
        self._lock = threading.Lock()

    def at(self, generation: int | Callable[[], int]) -> "Vectors":
        """The vectors of one generation, or of the one that is live whenever they are asked for."""
        return Vectors(self, generation)

    def generations(self) -> set[int]:
        """Those that there are vectors of."""
        prefix = f"kb.{self.owner}.g"
        with self.explained():
            names = [name for name in self._names() if name.startswith(prefix)]
        return {int(name.removeprefix(prefix).split(".")[0]) for name in names}

    def drop(self, generation: int) -> None:
        """Delete every vector of a generation."""
        with self.explained():
            for name in self._names():
                if name.startswith(self.name(generation, "")):
                    self._connected().delete_collection(name)
                    self.forget(name)

    def _names(self) -> list[str]:
        names: list[str] = []
        while page := self._connected().list_collections(limit=PAGE, offset=len(names)):
            names += [collection.name for collection in page]
        return names

    def close(self) -> None:
        with self._lock:
            self._client = None
            self._collections.clear()

    def name(self, generation: int, collection: str) -> str:
        """Chroma's name of one: it wants three to 512 letters, digits, dots, hyphens and underscores."""
        return f"kb.{self.owner}.g{generation}.{collection}"

    def _connected(self) -> "ClientAPI":
        with self._lock:
            if self._client is None:
                self._client = _embedded(self.place) if isinstance(self.place, Path) else _connect(self.place)
            return self._client

    def find(self, name: str) -> "Collection | None":
        """One that exists."""
        from chromadb.errors import NotFoundError

        if name not in self._collections:
            try:
                self._collections[name] = self._connected().get_collection(name, embedding_function=None)
            except NotFoundError:
                return None
        return self._collections[name]

    def make(self, name: str) -> "Collection":
        return self.find(name) or self._connected().get_or_create_collection(
            name, configuration={"hnsw": {"space": "cosine", "ef_search": SEARCH_EF}}, embedding_function=None
        )

    def forget(self, name: str) -> None:
        """It is not what it was when we found it: somebody made it anew."""
        self._collections.pop(name, None)

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except Exception as error:
            raise _unusable(self.place, error) from error


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
        with self._store.explained():
            target = self._store.make(self._name(collection))
            for start in range(0, len(ids), WRITE_SIZE):
                batch = slice(start, start + WRITE_SIZE)
                target.upsert(ids=list(ids[batch]), embeddings=np.asarray(vectors[batch], dtype=np.float32))

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        with self._store.explained():
            target = self._store.find(self._name(collection))
            for start in range(0, len(ids) if target else 0, WRITE_SIZE):
                assert target is not None  # noqa: S101 (else the range is empty)
                target.delete(ids=list(ids[start : start + WRITE_SIZE]))

    def nearest(self, collection: str, vector: Sequence[float], count: int) -> list[tuple[str, float]]:
        """(passage id, cosine), nearest first."""

        def query(target: "Collection") -> list[tuple[str, float]]:
            wanted = np.asarray([vector], dtype=np.float32)
            found = target.query(query_embeddings=wanted, n_results=count, include=["distances"])
            distances = found["distances"] or [[]]
            return [(id_, 1.0 - distance) for id_, distance in zip(found["ids"][0], distances[0], strict=True)]

        return self._asked(collection, query, [])

    def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """The stored vectors of those ids that are there."""

        def get(target: "Collection") -> dict[str, np.ndarray]:
            found = target.get(ids=list(ids), include=["embeddings"])
            stored = found["embeddings"] if found["embeddings"] is not None else []
            return dict(zip(found["ids"], (np.asarray(vector, dtype=np.float32) for vector in stored), strict=True))

        return self._asked(collection, get, {})

    def count(self, collection: str) -> int:
        return self._asked(collection, lambda target: target.count(), 0)

    def _asked(self, collection: str, ask: "Callable[[Collection], T]", nothing: T) -> T:
        from chromadb.errors import NotFoundError

        with self._store.explained():
            name = self._name(collection)
            for _ in range(2):
                target = self._store.find(name)
                if target is None:
                    return nothing
                try:
                    return ask(target)
                except NotFoundError:
                    self._store.forget(name)
            return nothing


def _embedded(folder: Path) -> "ClientAPI":
    import chromadb
    from chromadb.config import Settings

    return chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))


def _connect(server: ChromaServer) -> "ClientAPI":
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(server.url)
    settings = Settings(anonymized_telemetry=False)
    if server.token:
        settings.chroma_client_auth_provider = "chromadb.auth.token_authn.TokenAuthClientProvider"
        settings.chroma_client_auth_credentials = server.token
    secure = parts.scheme == "https"
    return chromadb.HttpClient(
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 8000),
        ssl=secure,
        settings=settings,
        tenant=server.tenant,
        database=server.database,
    )


def _unusable(place: Path | ChromaServer, error: Exception) -> StorageError:
    """Chroma raises exceptions of many kinds, and its Rust core some of its own making."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(place, Path):
        return StorageError(
            f"The vector store in {place} cannot be used: {reason}",
            "Check the folder's permissions and free space, or use another one with --data-dir.",
        )
    return StorageError(
        f"The Chroma server at {place.url} cannot be used: {reason}",
        "See that it runs and is reachable from here, and that token, tenant and database are right: "
        "chroma_url, chroma_tenant and chroma_database under [knowledge], ASSISTANT_KNOWLEDGE__CHROMA_TOKEN.",
    )
