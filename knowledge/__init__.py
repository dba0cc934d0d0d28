"""What the assistant knows: documents in, passages out.

What is imported from here is loaded when it is first used: whoever only reads a file needs no search.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knowledge.access import OPERATOR, UNSURE, Access, Audience, Caller
    from knowledge.attachments import Attachment
    from knowledge.base import KnowledgeBase, Place
    from knowledge.catalog import Source, StoredPassage
    from knowledge.embeddings import SentenceEmbeddings
    from knowledge.entailment import Entailment, open_entailment
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
    "Entailment",
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
    "open_entailment",
    "read_dataset",
]

_MODULES = {
    "knowledge.access": "OPERATOR UNSURE Access Audience Caller",
    "knowledge.attachments": "Attachment",
    "knowledge.base": "KnowledgeBase Place",
    "knowledge.catalog": "Source StoredPassage",
    "knowledge.embeddings": "SentenceEmbeddings",
    "knowledge.entailment": "Entailment open_entailment",
    "knowledge.errors": "LoadError NotFoundError StorageError UserError",
    "knowledge.evaluation": "DatasetError Figures Step evaluate read_dataset",
    "knowledge.ingest": "IngestEvent Progress Report Waiting",
    "knowledge.scan": "Failure",
    "knowledge.vectors": "ChromaServer",
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
