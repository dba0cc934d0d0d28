"""Finding the passages that speak of a question: by meaning and by words, fused."""

from collections.abc import Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from knowledge.catalog import Catalog, StoredPassage
from knowledge.vectors import VectorStore
from knowledge.words import content_words, words

# Candidates asked of each half before they are fused.
CANDIDATES = 50
# More than a question ever needs, and few enough for SQLite's query parser.
MAX_QUERY_WORDS = 64
# Reciprocal rank fusion and its constant: Cormack, Clarke and Büttcher, SIGIR 2009.
RRF_K = 60


class HybridRetriever(BaseRetriever):
    """Dense search in Chroma and BM25 in SQLite, fused by reciprocal rank.

    Documents carry `id`, `source`, `title`, `collection`, `page`, `section`, `url` and `score`. The order is the
    fusion's; the score is the cosine of question and passage, which can be compared between questions.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    catalog: Catalog
    vectors: VectorStore
    embeddings: Embeddings
    k: int = 5
    collections: tuple[str, ...] = ()

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        vector = self.embeddings.embed_query(query)
        cosines: dict[str, float] = {}
        rankings: list[list[str]] = []
        for collection in self.collections or self.catalog.collections():
            dense = self.vectors.nearest(collection, vector, CANDIDATES)
            lexical = self.catalog.matching(_query_words(query), collection, CANDIDATES)
            cosines |= dict(dense) | self._cosines(collection, vector, set(lexical) - dict(dense).keys())
            rankings += [lexical]
        dense_ranking = sorted(cosines, key=lambda id_: -cosines[id_])[:CANDIDATES]
        passages = self.catalog.passages(list(cosines))
        order = [id_ for id_ in reciprocal_rank_fusion([dense_ranking, *rankings]) if id_ in passages]
        return [_document(passages[id_], cosines[id_]) for id_ in order[: self.k]]

    def _cosines(self, collection: str, vector: Sequence[float], ids: set[str]) -> dict[str, float]:
        """Cosines of passages that the words found and the meaning did not."""
        if not ids:
            return {}
        stored = self.vectors.vectors(collection, sorted(ids))
        return {id_: sum(a * b for a, b in zip(vector, other, strict=True)) for id_, other in stored.items()}


def reciprocal_rank_fusion(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Ids by the sum of 1 / (60 + rank) over the rankings, best first; ties keep the first ranking's order."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + 1.0 / (RRF_K + rank)
    return sorted(scores, key=lambda id_: -scores[id_])


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
