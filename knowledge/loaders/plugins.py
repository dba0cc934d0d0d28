"""Loaders of third parties: entry points of the group `assistant.loaders`.

The name is a suffix without its dot, the value a callable `load(path: Path) -> list[Document]`. A third party's loader
wins over ours for its suffix, since somebody installed it for that; two of them for one suffix are refused by name.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError

if TYPE_CHECKING:
    from langchain_core.documents import Document

GROUP = "assistant.loaders"


@cache
def found() -> dict[str, tuple[EntryPoint, ...]]:
    """What is installed, by suffix with its dot; nothing is imported."""
    by_suffix: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        suffix = f".{entry.name.lower().lstrip('.')}"
        by_suffix[suffix] = (*by_suffix.get(suffix, ()), entry)
    return by_suffix


def loader(suffix: str) -> "Callable[[Path], list[Document]] | None":
    """The third party's loader for a suffix, if there is one. Raises LoadError, which names who brought it."""
    entries = found().get(suffix, ())
    if not entries:
        return None
    if len(entries) > 1:
        names = " and ".join(sorted(_distribution(entry) for entry in entries))
        raise LoadError(f"{names} both bring a loader for {suffix}.", "Uninstall one of them.")
    return _imported(entries[0], suffix)


def _imported(entry: EntryPoint, suffix: str) -> "Callable[[Path], list[Document]]":
    try:
        loaded = entry.load()
    # Importing runs code of theirs, which may raise anything.
    except Exception as error:
        raise _broken(entry, suffix, f"{type(error).__name__}: {str(error)[:200]}") from error
    if not callable(loaded):
        raise _broken(entry, suffix, "it is not callable")

    def load(path: Path) -> "list[Document]":
        try:
            return [_complete(document, path) for document in loaded(path)]
        except (LoadError, OSError, MemoryError, RecursionError):
            raise
        except Exception as error:
            raise _broken(entry, suffix, f"{type(error).__name__}: {str(error)[:200]}") from error

    return load


def _complete(document: "Document", path: Path) -> "Document":
    """With the metadata that ours have; what else it carries is left out."""
    from knowledge.loaders.documents import document as made

    told = document.metadata
    page, form = told.get("page"), told.get("format")
    return made(
        document.page_content,
        str(told.get("title") or path.stem),
        page=page if isinstance(page, int) else None,
        section=str(told.get("section") or ""),
        format="text" if form == "text" else "markdown",
    )


def _broken(entry: EntryPoint, suffix: str, reason: str) -> LoadError:
    return LoadError(
        f"The loader for {suffix} ({entry.value}, from {_distribution(entry)}) does not work: {reason}.",
        "Update or uninstall that distribution, or report this to its authors.",
    )


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
