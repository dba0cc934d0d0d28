"""What the assistant knows: documents in, passages out."""

from knowledge.access import OPERATOR, UNSURE, Access, Audience, Caller
from knowledge.attachments import Attachment
from knowledge.base import KnowledgeBase
from knowledge.catalog import Source, StoredPassage
from knowledge.embeddings import SentenceEmbeddings
from knowledge.errors import LoadError, NotFoundError, StorageError, UserError
from knowledge.ingest import IngestEvent, Progress, Report, Waiting
from knowledge.scan import Failure

__all__ = [
    "OPERATOR",
    "UNSURE",
    "Access",
    "Attachment",
    "Audience",
    "Caller",
    "Failure",
    "IngestEvent",
    "KnowledgeBase",
    "LoadError",
    "NotFoundError",
    "Progress",
    "Report",
    "SentenceEmbeddings",
    "Source",
    "StorageError",
    "StoredPassage",
    "UserError",
    "Waiting",
]
