"""Finding the passages that speak of a question: by meaning and by words, fused."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from knowledge.fusion import best_first, worths
from knowledge.neighbours import MAX_JOINED, joined
from knowledge.reranking import Reranker
from knowledge.vectors import Vectors

# Candidates asked of each half before they are fused.
CANDIDATES = 50
# Candidates that a reranker reads: each takes it tens of milliseconds on a CPU.
RERANKED = 30
# Passages that the words looked up may occur in, all together: a few milliseconds of BM25.
MATCHING_ROWS = 4_000
# Where counting the passages that hold a word stops: beyond, it is common, however common it is, and looking it up
# takes tens of milliseconds and tells next to nothing.
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
class Candidates:
    """What one query says of passages by their ids: `cosines` of all that any of the queries found, `matches`, BM25, of
    those that its words found."""

    asked: Asked
    cosines: Mapping[str, float]
    matches: Mapping[str, float]

    @property
    def worth(self) -> dict[str, float]:
        return worths(self.cosines, self.matches, self.asked.trust)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, and the passages whose texts make up its document, in their order."""

    passage: StoredPassage
    parts: tuple[StoredPassage, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one of several queries finds by itself: documents, best first by its own scores and not reranked."""

    query: str
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Rankings:
    """What several queries find together, best first, and what each finds by itself."""

    documents: tuple[Document, ...]
    alone: tuple[Ranking, ...]


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
        return list(self.together([query]).documents)

    def together(
        self, queries: Sequence[str], vectors: Sequence[Sequence[float]] | np.ndarray | None = None, read_as: str = ""
    ) -> Rankings:
        """What several forms of one question find: a passage is worth the sum of what it is worth for each of them, and
        its score is the best of theirs. `vectors` are those of the queries, where they are known already; a reranker
        reads `read_as`, or else the first query.

        Sums of scores lose less than sums of ranks when one of the queries is astray: what it finds, it finds with low
        scores.
        """
        candidates, passages = self._candidates(queries, self._vectors_of(queries) if vectors is None else vectors)
        order = self._reranked(read_as or queries[0], _order(candidates, passages))
        best = list(islice(self._completed(distinct_first(order)), self.k))
        return Rankings(self._documents(best, candidates), tuple(self._alone(one, passages) for one in candidates))

    def _alone(self, one: Candidates, passages: Mapping[str, StoredPassage]) -> Ranking:
        best = [Found(passage, (passage,)) for passage in _order([one], passages)[: self.k]]
        return Ranking(one.asked.text, self._documents(best, [one]))

    def _candidates(
        self, queries: Sequence[str], vectors: Sequence[Sequence[float]] | np.ndarray
    ) -> tuple[list[Candidates], dict[str, StoredPassage]]:
        """What each query says of the passages that any of them found, and those passages by their ids."""
        collections = self._readable()
        asked = [self._asked(query, vector) for query, vector in zip(queries, vectors, strict=True)]
        # Both halves wait most of their time for code that is not Python, so they go side by side.
        with ThreadPoolExecutor(1, thread_name_prefix="words") as beside:
            matching = beside.submit(lambda: [self._matches(one, collections) for one in asked])
            near = [self._nearest(one, collections) for one in asked]
            matches = matching.result()
        passages = self.catalog.passages([*dict.fromkeys(id_ for found in (*near, *matches) for id_ in found)])
        stored = self._stored([p for id_, p in passages.items() if any(id_ not in found for found in near)], asked)
        candidates = [
            Candidates(one, _complete(found, one, stored), matched)
            for one, found, matched in zip(asked, near, matches, strict=True)
        ]
        return candidates, passages

    def _documents(self, best: Sequence[Found], candidates: Sequence[Candidates]) -> tuple[Document, ...]:
        weighed = [(one, self._rarity(one.asked)) for one in candidates]

        def score(passage: StoredPassage) -> float:
            return max(_score(one.asked, rarity, passage, one.cosines) for one, rarity in weighed)

        return tuple(_document(found, score(found.passage)) for found in best)

    def _vectors_of(self, queries: Sequence[str]) -> Sequence[Sequence[float]] | np.ndarray:
        if self.halves == "lexical":
            return [[] for _ in queries]
        several = getattr(self.embeddings, "embed_queries", None)
        vectors: Sequence[Sequence[float]] | np.ndarray = (
            several(queries) if several else [self.embeddings.embed_query(query) for query in queries]
        )
        return vectors

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

    def _asked(self, query: str, vector: Sequence[float]) -> Asked:
        tokens = lexical.query(query).tokens if self.halves != "dense" else ()
        frequencies = self.catalog.frequencies(tokens, COUNTED_ROWS, self._closed)
        return Asked(query, frequencies, self._trust(query), [float(x) for x in vector])

    def _trust(self, query: str) -> float:
        """How much of the question the embedding model reads."""
        if self.halves != "both":
            return 1.0 if self.halves == "dense" else 0.0
        return scoring.trust(self.embeddings, query)

    def _matches(self, asked: Asked, collections: Sequence[str]) -> dict[str, float]:
        # What the embedding model reads can do without common words; the rest has nothing else.
        common = COUNTED_ROWS if asked.trust == 1.0 else math.inf
        tokens = lexical.telling(asked.frequencies, MATCHING_ROWS, common)
        return dict(self.catalog.matching(tokens, collections, self._depth))

    def _nearest(self, asked: Asked, collections: Sequence[str]) -> dict[str, float]:
        """Cosines of the passages that are nearest in meaning, over all collections."""
        if not asked.vector:
            return {}
        near = [found for name in collections for found in self.vectors.nearest(name, asked.vector, self._depth)]
        return dict(sorted(near, key=lambda found: -found[1])[: self._depth])

    def _stored(self, passages: Iterable[StoredPassage], asked: Sequence[Asked]) -> dict[str, np.ndarray]:
        """The vectors of passages that one of the searches found and another did not."""
        if not any(one.vector for one in asked):
            return {}
        ids: dict[str, list[str]] = {}
        for passage in passages:
            ids.setdefault(passage.collection, []).append(passage.id)
        return {id_: v for name, some in ids.items() for id_, v in self.vectors.vectors(name, some).items()}

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


def _order(candidates: Sequence[Candidates], passages: Mapping[str, StoredPassage]) -> list[StoredPassage]:
    """All passages, best first by what they are worth for all queries."""
    worth: Counter[str] = Counter()
    for one in candidates:
        worth.update(one.worth)
    return [passages[id_] for id_ in best_first(worth) if id_ in passages]


def _complete(near: Mapping[str, float], asked: Asked, stored: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The cosines that the vector search gave, and those of the other passages."""
    if not asked.vector or not stored:
        return dict(near)
    cosines = np.asarray(list(stored.values())) @ np.asarray(asked.vector)
    return dict(zip(stored, map(float, cosines), strict=True)) | dict(near)


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
