"""Files into LangChain Documents of Markdown or plain text, one small module a format.

A document's metadata are its `title`, its `page` (from 1; a slide's number is its page; None where a format has none),
its `format` ("markdown" or "text") and its `section`: "", or a place above the text's headings that a person can open.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders import kinds, plugins
from knowledge.loaders.documents import encodable

if TYPE_CHECKING:
    from langchain_core.documents import Document

# Which module reads which suffixes. A module is imported when its first file comes.
_MODULES = {
    "code": ".bash .c .cc .cpp .cs .go .h .hpp .ini .java .js .jsx .kt .lua .php .pl .ps1 .py .r .rb .rs .scala .sh "
    ".sql .swift .tex .toml .ts .tsx .yaml .yml",
    "csv": ".csv .tsv",
    "docx": ".docx",
    "epub": ".epub",
    "html": ".htm .html .xhtml",
    "image": ".bmp .jpeg .jpg .png .tif .tiff .webp",
    "json": ".json .jsonl .ndjson",
    "mail": ".eml .mht .mhtml",
    "markdown": ".markdown .md",
    "msg": ".msg",
    "notebook": ".ipynb",
    "pdf": ".pdf",
    "pptx": ".pptx",
    "restructuredtext": ".rst",
    "rtf": ".rtf",
    "sheets": ".ods .xls .xlsb .xlsm .xlsx",
    "text": ".text .txt",
    "xml": ".atom .rss .xml",
}
LOADERS = {suffix: module for module, suffixes in _MODULES.items() for suffix in suffixes.split()}
PICTURES = frozenset(_MODULES["image"].split())
SUFFIXES = frozenset(LOADERS) - PICTURES
# Text beyond this is no document that anybody reads: some five hundred books.
MAX_CHARACTERS = 200_000_000
_WAYS_OUT = {
    ".7z": "Unpack it and give the folder.",
    ".doc": "Open it and save it as .docx.",
    ".gz": "Unpack it and give the folder.",
    ".ppt": "Open it and save it as .pptx.",
    ".tar": "Unpack it and give the folder.",
    ".zip": "Unpack it and give the folder.",
}


def suffixes() -> frozenset[str]:
    """The suffixes of the files in a folder that are read: ours and third parties'.

    Pictures are read where they are named one by one: most of those in a folder are no pages of text.
    """
    return SUFFIXES | frozenset(plugins.found())


def load(path: Path, name: str = "") -> "list[Document]":
    """The documents in a file: one, or one for each part. Raises LoadError, which names the file and the way out.

    `name` is what people call the file, and says of which kind it is, where its path does not. What a file holds counts
    for more than its name where the two differ; a third party's loader takes every file with its suffix.
    """
    name = name or str(path)
    try:
        documents = [document for document in _read(path, name) if document.page_content.strip()]
    except LoadError as error:
        error.problem = error.problem.replace(str(path), name)
        error.remedy = error.remedy.replace(str(path), name)
        raise
    if not documents:
        raise LoadError(f"{name} is empty: there is no text in it.", "Nothing was taken from it.")
    return documents


def _read(path: Path, name: str) -> "list[Document]":
    try:
        documents = _loader(path, name)(path)
    except LoadError:
        raise
    except OSError as error:
        raise LoadError(
            f"{path} cannot be read: {error.strerror or error}.", "Check that it may be read and try again."
        ) from error
    except MemoryError as error:
        raise LoadError(f"{path} needs too much memory to be read.", "Split it into smaller documents.") from error
    except RecursionError as error:
        raise LoadError(f"{path} is nested too deeply.", "Save a simpler copy of it.") from error
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {encodable(str(error))}".split())[:200]
        raise LoadError(f"{path} cannot be read: {reason}.", "Save it anew, or in another format.") from error
    _check_length(documents, path)
    return documents


def _loader(path: Path, name: str) -> "Callable[[Path], list[Document]]":
    suffix = Path(name).suffix.lower()
    if theirs := plugins.loader(suffix):
        return theirs
    if suffix not in LOADERS:
        raise _of_another_kind(name, suffix)
    loader: Callable[[Path], list[Document]] = import_module(
        f"knowledge.loaders.{LOADERS[kinds.kind(path, suffix)]}"
    ).load
    return loader


def _of_another_kind(name: str, suffix: str) -> LoadError:
    readable = f"Readable kinds: {' '.join(sorted(suffixes()))}."
    return LoadError(f"{name} is of a kind that cannot be read.", _WAYS_OUT.get(suffix, readable))


def _check_length(documents: "Iterable[Document]", path: Path) -> None:
    characters = sum(len(document.page_content) for document in documents)
    if characters > MAX_CHARACTERS:
        raise LoadError(f"{path} holds {characters:,} characters of text.", "Split it into smaller documents.")
