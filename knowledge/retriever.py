"""Finding the passages that speak of a question: by meaning and by words, fused."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from knowledge.access import OPEN, Access, Caller
from knowledge.catalog import Catalog, StoredPassage
from knowledge.vectors import Vectors
from knowledge.words import content_words, words

# Candidates asked of each half before they are fused.
CANDIDATES = 50
# More than a question ever needs, and few enough for SQLite's query parser.
MAX_QUERY_WORDS = 64
# What the best match of words is worth beside a cosine. On four public sets a sum with this weight ranked as well as
# reciprocal rank fusion or better (nDCG@10 0.738 against 0.709 on scientific claims); 0.2 to 0.4 differ little.
WORD_WEIGHT = 0.3


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 in SQLite: a passage is worth its cosine and its share of the best BM25.

    Documents carry `id`, `source`, `title`, `collection`, `page`, `section`, `url` and `score`. The score is the cosine
    of question and passage, which can be compared between questions; the order also heeds the words.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    catalog: Catalog
    vectors: Vectors
    embeddings: Embeddings
    k: int = 5
    collections: tuple[str, ...] = ()
    halves: Literal["both", "dense", "lexical"] = "both"
    access: Access = OPEN
    caller: Caller | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        vector = self.embeddings.embed_query(query)
        cosines: dict[str, float] = {}
        matches: dict[str, float] = {}
        for collection in self._readable():
            near = dict(self.vectors.nearest(collection, vector, CANDIDATES)) if self.halves != "lexical" else {}
            words_ = _query_words(query) if self.halves != "dense" else []
            matching = dict(self.catalog.matching(words_, collection, CANDIDATES))
            cosines |= near | self._cosines(collection, vector, matching.keys() - near.keys())
            matches |= matching
        order = fused(cosines, matches) if self.halves == "both" else _by_worth(matches or cosines)
        passages = self.catalog.passages(order)
        return [_document(passages[id_], cosines[id_]) for id_ in order if id_ in passages][: self.k]

    def _readable(self) -> list[str]:
        """The collections to search: of those that are wanted, what the caller may read now."""
        return self.access.readable(self.collections or self.catalog.collections(), self.caller)

    def _cosines(self, collection: str, vector: Sequence[float], ids: set[str]) -> dict[str, float]:
        """Cosines of passages that the words found and the meaning did not."""
        if not ids:
            return {}
        stored = self.vectors.vectors(collection, sorted(ids))
        return {id_: float(np.dot(vector, other)) for id_, other in stored.items()}


def fused(cosines: Mapping[str, float], matches: Mapping[str, float]) -> list[str]:
    """Ids by cosine plus the weighted share of the best BM25, best first."""
    best = max(matches.values(), default=1.0)
    worth = {id_: cosine + WORD_WEIGHT * matches.get(id_, 0.0) / best for id_, cosine in cosines.items()}
    return sorted(worth, key=lambda id_: -worth[id_])


def _by_worth(worth: Mapping[str, float]) -> list[str]:
    return sorted(worth, key=lambda id_: -worth[id_])


def _query_words(query: str) -> list[str]:
    """Words that carry the question; all of them when it has none ("What is it?")."""
    return (content_words(query) or list(dict.fromkeys(words(query))))[:MAX_QUERY_WORDS]


def _document(passage: StoredPassage, score: float) -> Document:
    page = f"#page={passage.page}" if passage.page else ""
    return Document(
        id=passage.id,
        page_content=passage.text,
        metadata={
            "id": passage.id,
            "source": passage.source,
            "title": passage.title,
            "collection": passage.collection,
            "page": passage.page,
            "section": passage.section,
            "url": passage.url + page,
            "score": round(score, 4),
        },
    )
