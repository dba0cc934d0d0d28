"""Which files and web pages there are under what a person names."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge import loaders
from knowledge.errors import GoneError, LoadError

if TYPE_CHECKING:
    from knowledge.web import Web


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read, and why, in one line."""

    source: str
    error: str


def failure(source: str, error: LoadError) -> Failure:
    return Failure(source, f"{error.problem} {error.remedy}".strip())


@dataclass(frozen=True, slots=True)
class Item:
    """A file or a web page. `path` is the file's or the page's URL; `origin` is the sitemap that named it."""

    path: str
    origin: str = ""

    @property
    def is_page(self) -> bool:
        return is_url(self.path)

    @property
    def url(self) -> str:
        """Where a person opens it."""
        return self.path if self.is_page else Path(self.path).as_uri()


@dataclass(slots=True)
class Scan:
    """What is under the given paths, the folders and sitemaps among those, and what could not be looked at."""

    items: list[Item] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0


def is_url(path: str) -> bool:
    return path.startswith(("http://", "https://"))


def scan(paths: Iterable[str | Path], web: "Callable[[], Web]") -> Scan:
    """Every readable file and page, each once, in order. Hidden files and folders are passed over."""
    found = Scan()
    for path in dict.fromkeys(str(p) for p in paths):
        if is_url(path):
            _scan_url(path, web, found)
        else:
            _scan_path(Path(os.path.abspath(path)), found)  # noqa: PTH100 (keeps symlinks)
    items = list(dict.fromkeys(found.items))
    found.items = [item for item in items if _has_readable_name(item.path)]
    found.failures += [_badly_named(item.path) for item in items if not _has_readable_name(item.path)]
    return found


def _scan_url(url: str, web: "Callable[[], Web]", found: Scan) -> None:
    from knowledge.web import page_url

    left_out: list[LoadError] = []
    try:
        pages = web().expand(url, left_out.append)
        is_page = pages == [page_url(url)]
    except GoneError:
        pages, is_page = [url], True  # taking it out, if it was in, is for whoever reads it
    except LoadError as error:
        left_out, pages, is_page = [error], [], False
    found.items += [Item(page, "" if is_page else url) for page in pages]
    found.failures += [failure(url, error) for error in left_out]
    # What a sitemap that was read whole names no more is gone.
    if not (is_page or left_out):
        found.sitemaps.append(url)


def _scan_path(path: Path, found: Scan) -> None:
    if path.is_dir():
        _scan_folder(path, found)
    elif path.is_file():
        found.items.append(Item(str(path)))
    else:
        found.failures.append(_not_a_file(path) if path.exists() else _missing(path))


def _scan_folder(folder: Path, scan: Scan) -> None:
    scan.folders.append(folder)
    found, skipped, suffixes = [], 0, loaders.suffixes()
    for where, folders, files in os.walk(folder, onerror=lambda error: scan.failures.append(_closed(error))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = [Path(where) / name for name in sorted(files) if not name.startswith(".")]
        # A pipe or a device by such a name would never end.
        readable = [file for file in visible if file.suffix.lower() in suffixes and file.is_file()]
        found += readable
        skipped += len(visible) - len(readable)
    scan.items += [Item(str(file)) for file in found]
    scan.skipped += skipped
    if not found:
        scan.failures.append(_nothing_in(folder, skipped))


def _missing(path: Path) -> Failure:
    return Failure(
        str(path),
        f"{path} does not exist. Check the spelling; to take it out, run `assistant documents remove`.",
    )


def _not_a_file(path: Path) -> Failure:
    return Failure(str(path), f"{path} is a device or a pipe. Name a file or a folder.")


def _has_readable_name(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _badly_named(path: str) -> Failure:
    name = path.encode("utf-8", "replace").decode("utf-8")
    return Failure(name, f"{name} has a name that is not UTF-8. Rename it.")


def _closed(error: OSError) -> Failure:
    return Failure(str(error.filename), f"{error.filename} cannot be opened: {error.strerror}. Check its permissions.")


def _nothing_in(folder: Path, skipped: int) -> Failure:
    kinds = " ".join(sorted(loaders.suffixes()))
    return Failure(
        str(folder),
        f"{folder} holds no file that can be read ({skipped} of other kinds). Readable kinds: {kinds}.",
    )
