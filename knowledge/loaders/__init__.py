"""Files into LangChain Documents of Markdown or plain text, one small module a format.

A document's metadata are its `title`, its `page` (from 1; None where a format has none) and its `format`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders import docx, html, markdown, pdf, text

if TYPE_CHECKING:
    from langchain_core.documents import Document

LOADERS: dict[str, Callable[[Path], "list[Document]"]] = {
    ".docx": docx.load,
    ".htm": html.load,
    ".html": html.load,
    ".markdown": markdown.load,
    ".md": markdown.load,
    ".pdf": pdf.load,
    ".text": text.load,
    ".txt": text.load,
}
SUFFIXES = frozenset(LOADERS)


def load(path: Path, name: str = "") -> "list[Document]":
    """The documents in a file: one, or one a page. Raises LoadError, which names the file and the way out.

    `name` is what people call the file, and says of which kind it is, where its path does not.
    """
    name = name or str(path)
    loader = LOADERS.get(Path(name).suffix.lower())
    if loader is None:
        raise LoadError(f"{name} is of a kind that cannot be read.", f"Readable kinds: {' '.join(sorted(LOADERS))}.")
    try:
        documents = [_encodable(document) for document in _guarded(loader, path) if document.page_content.strip()]
    except LoadError as error:
        raise LoadError(error.problem.replace(str(path), name), error.remedy.replace(str(path), name)) from error
    if not documents:
        raise LoadError(f"{name} is empty.", "Nothing was taken from it.")
    return documents


def _encodable(document: "Document") -> "Document":
    """Without halves of surrogate pairs, which no database and no tokenizer takes."""
    document.page_content = document.page_content.encode("utf-8", "replace").decode("utf-8")
    return document


def _guarded(loader: Callable[[Path], "list[Document]"], path: Path) -> "list[Document]":
    try:
        return loader(path)
    except OSError as error:
        raise LoadError(
            f"{path} cannot be read: {error.strerror or error}.", "Check that it may be read and try again."
        ) from error
    except LoadError:
        raise
    except RecursionError as error:
        raise LoadError(f"{path} is nested too deeply.", "Save a simpler copy of it.") from error
    except Exception as error:
        raise LoadError(
            f"{path} cannot be read: {type(error).__name__}: {str(error)[:200]}.", "Save it anew, or in another format."
        ) from error


def suffixes() -> frozenset[str]:
    return SUFFIXES
