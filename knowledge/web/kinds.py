"""Under which name a page becomes a file: its own, with the suffix that its content type calls for."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from knowledge import loaders
from knowledge.errors import LoadError
from knowledge.web.answers import Answer

_OFFICE = "application/vnd.openxmlformats-officedocument"
# Registered media types (IANA), and what servers say instead.
_SUFFIXES = {
    "application/atom+xml": ".atom",
    "application/epub+zip": ".epub",
    "application/json": ".json",
    "application/jsonl": ".jsonl",
    "application/pdf": ".pdf",
    "application/rss+xml": ".rss",
    "application/rtf": ".rtf",
    "application/x-ipynb+json": ".ipynb",
    "application/x-ndjson": ".jsonl",
    "application/xhtml+xml": ".html",
    "application/xml": ".xml",
    f"{_OFFICE}.presentationml.presentation": ".pptx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    "application/vnd.ms-outlook": ".msg",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "message/rfc822": ".eml",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/prs.fallenstein.rst": ".rst",
    "text/rtf": ".rtf",
    "text/tab-separated-values": ".tsv",
    "text/x-markdown": ".md",
    "text/x-rst": ".rst",
    "text/xml": ".xml",
}
# What servers say of any file: here the name in the address knows better, if it has a suffix that can be read.
_VAGUE = ("", "application/octet-stream", "application/zip", "binary/octet-stream", "text/plain", "application/json")
# Together with a suffix, below the 255 bytes that file systems allow, whatever the letters.
_LONGEST_STEM = 60


def file_name(answer: Answer) -> str:
    """As in "guide.html". Raises LoadError for content of a kind that cannot be read."""
    path = PurePosixPath(unquote(answer.url.path))
    stem = re.sub(r"[^\w.-]+", "_", path.stem).strip("._-")[:_LONGEST_STEM]
    return (stem or "index") + _suffix(answer, path.suffix.lower())


def _suffix(answer: Answer, named: str) -> str:
    if _is_vague(answer.media_type) and named in loaders.suffixes():
        return named
    suffix = _SUFFIXES.get(answer.media_type, "")
    if suffix not in loaders.suffixes():
        kind = answer.media_type or "of no kind that its server tells"
        raise LoadError(
            f"{answer.url} is {kind}, which cannot be read.", "Name a page of text, a PDF or an office document."
        )
    return suffix


def _is_vague(media_type: str) -> bool:
    return media_type in _VAGUE or (media_type.startswith("text/") and media_type not in _SUFFIXES)
