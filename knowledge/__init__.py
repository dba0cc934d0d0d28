"""What the assistant knows: documents in, passages out."""

from knowledge.access import OPERATOR, UNSURE, Access, Audience, Caller
from knowledge.attachments import Attachment
from knowledge.base import KnowledgeBase, Place
from knowledge.catalog import Source, StoredPassage
from knowledge.embeddings import SentenceEmbeddings
from knowledge.errors import LoadError, NotFoundError, StorageError, UserError
from knowledge.evaluation import DatasetError, Figures, Step, evaluate, read_dataset
from knowledge.ingest import IngestEvent, Progress, Report, Waiting
from knowledge.scan import Failure
from knowledge.vectors import ChromaServer

__all__ = [
    "OPERATOR",
    "UNSURE",
    "Access",
    "Attachment",
    "Audience",
    "Caller",
    "ChromaServer",
    "DatasetError",
    "Failure",
    "Figures",
    "IngestEvent",
    "KnowledgeBase",
    "LoadError",
    "NotFoundError",
    "Place",
    "Progress",
    "Report",
    "SentenceEmbeddings",
    "Source",
    "Step",
    "StorageError",
    "StoredPassage",
    "UserError",
    "Waiting",
    "evaluate",
    "read_dataset",
]
