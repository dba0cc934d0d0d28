"""The knowledge base that a profile describes. Apart from the assistant, which brings in LangGraph: who only searches,
ingests or lists does not wait for that."""

from pydantic import SecretStr

from assistant.settings import KnowledgeSettings, Settings
from knowledge import Access, ChromaServer, KnowledgeBase, Place, SentenceEmbeddings


def open_knowledge(settings: Settings, embeddings: SentenceEmbeddings | None = None) -> KnowledgeBase:
    """The knowledge base of a profile. Quick: no model is loaded. Raises StorageError."""
    knowledge = settings.knowledge
    return KnowledgeBase(
        settings.data_dir,
        embeddings or SentenceEmbeddings(knowledge.embedding_model),
        knowledge.max_file_mb,
        access=Access.of(knowledge.readers),
        place=Place(_revealed(knowledge.catalog_url), _chroma(knowledge)),
        web_allow_private=knowledge.web_allow_private,
        reranker=knowledge.reranker,
        entailment_model=knowledge.entailment_model,
        join_neighbours=knowledge.join_neighbours,
    )


def _chroma(knowledge: KnowledgeSettings) -> ChromaServer | None:
    if not knowledge.chroma_url:
        return None
    token = _revealed(knowledge.chroma_token)
    return ChromaServer(knowledge.chroma_url, token, knowledge.chroma_tenant, knowledge.chroma_database)


def _revealed(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
