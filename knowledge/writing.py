"""Passages into the vector store and the catalog, a source at a time, and no passage embedded twice."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from knowledge.catalog import Catalog, Generation
from knowledge.reading import Reading
from knowledge.vectors import VectorStore

if TYPE_CHECKING:
    from knowledge.embeddings import SentenceEmbeddings

PUBLISH_SECONDS = 30.0


class Writer:
    """Writes into one generation. `written` counts the passages that are in, `embedded` also those on their way."""

    def __init__(
        self, catalog: Catalog, store: VectorStore, embeddings: "SentenceEmbeddings", generation: Generation
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.embeddings = embeddings
        self.generation = generation
        self.vectors = store.at(generation.number)
        self.written = self.embedded = 0
        self._published = time.monotonic()

    def write(self, readings: Sequence[Reading]) -> Iterator[tuple[Reading, bool]]:
        """Embed what has no vector yet, then switch each source to its new version.

        Gives a reading and False while texts are embedded, and each reading and True when it is in.
        """
        if not readings:
            return
        texts = {p.digest: text for r in readings for p, text in zip(r.passages, r.texts, strict=True)}
        vectors = self._known(list(texts))
        new = [digest for digest in texts if digest not in vectors]
        for positions, embedded in self.embeddings.stream([texts[digest] for digest in new]):
            vectors |= zip((new[position] for position in positions), embedded, strict=True)
            self.embedded += len(positions)
            yield readings[-1], False
        for reading in readings:
            self._commit(reading, vectors)
            yield reading, True
        self._delete_replaced()
        self._publish_now_and_then()

    def _known(self, digests: Sequence[str]) -> dict[str, np.ndarray]:
        """Vectors that the same model made of the same texts before, wherever they stand."""
        places: dict[tuple[int, str], dict[str, str]] = {}
        for digest, (generation, collection, id_) in self.catalog.same(digests, self.generation.model).items():
            places.setdefault((generation, collection), {})[id_] = digest
        known: dict[str, np.ndarray] = {}
        for (generation, collection), ids in places.items():
            stored = self.store.at(generation).vectors(collection, list(ids))
            known |= {ids[id_]: vector for id_, vector in stored.items()}
        return known

    def _commit(self, reading: Reading, vectors: dict[str, np.ndarray]) -> None:
        ids = [passage.id for passage in reading.passages]
        collection = reading.source.collection
        self.catalog.expect_vectors(self.generation, collection, ids)
        self.vectors.add(collection, ids, np.asarray([vectors[passage.digest] for passage in reading.passages]))
        self.catalog.put(self.generation, reading.source, reading.passages)
        self.written += len(ids)
        self.embedded = max(self.embedded, self.written)

    def _publish_now_and_then(self) -> None:
        """A long ingestion is found by others while it goes on."""
        if time.monotonic() - self._published > PUBLISH_SECONDS:
            self.store.publish()
            self._published = time.monotonic()

    def _delete_replaced(self) -> None:
        """At once: vectors of old versions would take places among the nearest."""
        for (generation, collection), ids in self.catalog.loose_vectors().items():
            if generation == self.generation.number:
                self.vectors.delete(collection, ids)
                self.catalog.forget_vectors(ids)
