"""The passages' vectors, in an embedded Chroma. The only module that speaks to it."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge.errors import StorageError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

# Chroma refuses larger writes; its own limit is a little over 5,000.
WRITE_SIZE = 2_000


class VectorStore:
    """Cosine search over passage ids, one Chroma collection for each of ours.

    What a passage says is not kept here: the catalog decides what exists, this store only what is near.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._client: ClientAPI | None = None
        self._lock = threading.Lock()

    def _collection(self, name: str) -> "Collection":
        with self._lock:
            if self._client is None:
                self._client = _open(self.folder)
        # Chroma wants names of three characters and more, beginning and ending with a letter or digit.
        return self._client.get_or_create_collection(
            f"kb.{name}.v1", metadata={"hnsw:space": "cosine"}, embedding_function=None
        )

    def add(self, collection: str, ids: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        """Store vectors under their passage ids; writing one twice is harmless."""
        target = self._collection(collection)
        for start in range(0, len(ids), WRITE_SIZE):
            batch = slice(start, start + WRITE_SIZE)
            target.upsert(ids=list(ids[batch]), embeddings=list(vectors[batch]))

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        target = self._collection(collection)
        for start in range(0, len(ids), WRITE_SIZE):
            target.delete(ids=list(ids[start : start + WRITE_SIZE]))

    def nearest(self, collection: str, vector: Sequence[float], count: int) -> list[tuple[str, float]]:
        """(passage id, cosine), nearest first."""
        found = self._collection(collection).query(
            query_embeddings=np.asarray([vector], dtype=np.float32), n_results=count, include=["distances"]
        )
        distances = found["distances"] or [[]]
        return [(id_, 1.0 - distance) for id_, distance in zip(found["ids"][0], distances[0], strict=True)]

    def vectors(self, collection: str, ids: Sequence[str]) -> dict[str, list[float]]:
        """The stored vectors of those ids that are there."""
        found = self._collection(collection).get(ids=list(ids), include=["embeddings"])
        stored = found["embeddings"] if found["embeddings"] is not None else []
        return {id_: np.asarray(vector).tolist() for id_, vector in zip(found["ids"], stored, strict=True)}

    def close(self) -> None:
        with self._lock:
            self._client = None


def _open(folder: Path) -> "ClientAPI":
    import chromadb
    from chromadb.config import Settings

    try:
        return chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
    # Chroma's Rust core raises bare exceptions of its own making, PanicException among them.
    except Exception as error:
        raise StorageError(
            f"The vector store in {folder} cannot be opened: {error}",
            "Check the folder's permissions and free space, or use another one with --data-dir.",
        ) from error
