"""Finding the passages that speak of a question: by meaning and by words, fused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from knowledge import lexical, scoring
from knowledge.access import OPEN, Access, Caller
from knowledge.catalog import Catalog, StoredPassage
from knowledge.duplicates import distinct_first
from knowledge.fusion import fused
from knowledge.neighbours import MAX_JOINED, joined
from knowledge.reranking import Reranker
from knowledge.vectors import Vectors

# Candidates asked of each half before they are fused.
CANDIDATES = 50
# Candidates that a reranker reads: each takes it tens of milliseconds on a CPU.
RERANKED = 30
# Passages that the words looked up may occur in, all together: a few milliseconds of BM25.
MATCHING_ROWS = 4_000
# Where counting the passages that hold a word stops: beyond, it is common, however common it is.
COUNTED_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as both halves see it. `frequencies` says in how many passages each of its tokens occurs; `trust`,
    0 to 1, how much of the question the embedding model reads; `vector` is empty where only words are searched.
    """

    text: str
    frequencies: Mapping[str, int]
    trust: float
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, and the passages whose texts make up its document, in their order."""

    passage: StoredPassage
    parts: tuple[StoredPassage, ...]


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 in the catalog, fused. A LangChain retriever.

    Documents carry `id`, `source`, `title`, `collection`, `page`, `section`, `url`, `score` and `joined`, best first; a
    passage that says almost the same as a better one comes after the others. `score`, -1 to 1, can be compared between
    questions: it is the cosine of question and passage. As far as the embedding model cannot read the question, it is
    the share of the question's words that the passage holds instead, rare words counting for more. The order also
    heeds the words, and the reranker where there is one, so it need not be the order of the scores.

    `halves` leaves one of the two searches out, for comparison. `complete` joins a passage that is cut in mid-thought
    with its neighbours in the source; `joined` lists the ids of all passages in a document, else only its own.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    catalog: Catalog
    vectors: Vectors
    embeddings: Embeddings
    k: int = 5
    collections: tuple[str, ...] = ()
    halves: Literal["both", "dense", "lexical"] = "both"
    reranker: Reranker | None = None
    complete: bool = False
    access: Access = OPEN
    caller: Caller | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        collections = self._readable()
        asked = self._asked(query)
        matches = self._matches(asked, collections)
        cosines = self._nearest(asked, collections)
        passages = self.catalog.passages([*dict.fromkeys([*cosines, *matches])])
        cosines |= self._cosines(asked, [passages[id_] for id_ in matches if id_ in passages and id_ not in cosines])
        order = [passages[id_] for id_ in fused(cosines, matches, asked.trust) if id_ in passages]
        best = islice(self._completed(distinct_first(self._reranked(query, order))), self.k)
        rarity = self._rarity(asked)
        return [_document(found, _score(asked, rarity, found.passage, cosines)) for found in best]

    def _readable(self) -> list[str]:
        """The collections to search: of those that are wanted, what the caller may read now."""
        return self.access.readable(self.collections or self.catalog.collections(), self.caller)

    @property
    def _closed(self) -> tuple[str, ...]:
        """What others may read must not show in what a passage is worth to this caller."""
        return tuple(self.access.closed(self.caller))

    @property
    def _depth(self) -> int:
        return max(CANDIDATES, self.k)

    def _asked(self, query: str) -> Asked:
        tokens = lexical.query(query).tokens if self.halves != "dense" else ()
        trust = self._trust(query)
        vector = self.embeddings.embed_query(query) if self.halves != "lexical" else []
        return Asked(query, self.catalog.frequencies(tokens, COUNTED_ROWS, self._closed), trust, vector)

    def _trust(self, query: str) -> float:
        """How much of the question the embedding model reads."""
        if self.halves != "both":
            return 1.0 if self.halves == "dense" else 0.0
        return scoring.trust(self.embeddings, query)

    def _matches(self, asked: Asked, collections: Sequence[str]) -> dict[str, float]:
        tokens = lexical.telling(asked.frequencies, MATCHING_ROWS)
        return dict(self.catalog.matching(tokens, collections, self._depth))

    def _nearest(self, asked: Asked, collections: Sequence[str]) -> dict[str, float]:
        """Cosines of the passages that are nearest in meaning, over all collections."""
        if not asked.vector:
            return {}
        near = [found for name in collections for found in self.vectors.nearest(name, asked.vector, self._depth)]
        return dict(sorted(near, key=lambda found: -found[1])[: self._depth])

    def _cosines(self, asked: Asked, passages: Iterable[StoredPassage]) -> dict[str, float]:
        """Cosines of passages that the words found and the meaning did not."""
        ids: dict[str, list[str]] = {}
        for passage in passages:
            ids.setdefault(passage.collection, []).append(passage.id)
        if not asked.vector:
            return {}
        stored = {id_: v for name, some in ids.items() for id_, v in self.vectors.vectors(name, some).items()}
        cosines = np.asarray(list(stored.values())) @ np.asarray(asked.vector) if stored else ()
        return dict(zip(stored, map(float, cosines), strict=True))

    def _reranked(self, query: str, passages: list[StoredPassage]) -> list[StoredPassage]:
        if self.reranker is None:
            return passages
        read = passages[:RERANKED]
        scores = self.reranker.scores(query, [f"{p.section or p.title}\n{p.text}" for p in read])
        order = sorted(range(len(read)), key=lambda at: -scores[at])
        return [read[at] for at in order] + passages[RERANKED:]

    def _completed(self, passages: Iterable[StoredPassage]) -> Iterator[Found]:
        """Each passage with what completes it; one that became a part of a better one is not repeated."""
        shown: set[str] = set()
        for passage in passages:
            if passage.id not in shown:
                parts = self._parts(passage) if self.complete else (passage,)
                shown.update(part.id for part in parts)
                yield Found(passage, parts)

    def _parts(self, passage: StoredPassage) -> tuple[StoredPassage, ...]:
        before, after = self.catalog.neighbours([passage.id]).get(passage.id, (None, None))
        beside = self.catalog.passages([id_ for id_ in (before, after) if id_])
        return joined(beside.get(before or ""), passage, beside.get(after or ""), MAX_JOINED)

    def _rarity(self, asked: Asked) -> Mapping[str, float]:
        """How much each token counts for; nothing is counted where the model reads the whole question."""
        if asked.trust == 1.0:
            return {}
        return lexical.rarities(asked.frequencies, self.catalog.passage_count(self._closed))


def _score(asked: Asked, rarity: Mapping[str, float], passage: StoredPassage, cosines: Mapping[str, float]) -> float:
    cosine = cosines.get(passage.id, 0.0)
    if not rarity:
        return cosine
    return scoring.score(cosine, asked.trust, rarity, lexical.held(f"{passage.section}\n{passage.text}"))


def _document(found: Found, score: float) -> Document:
    passage = found.passage
    page = f"#page={passage.page}" if passage.page else ""
    return Document(
        id=passage.id,
        # Nothing but white space stands between passages in their source.
        page_content="\n".join(part.text for part in found.parts),
        metadata={
            "id": passage.id,
            "source": passage.source,
            "title": passage.title,
            "collection": passage.collection,
            "page": passage.page,
            "section": passage.section,
            "url": passage.url + page,
            "score": round(score, 4),
            "joined": [part.id for part in found.parts],
        },
    )
