"""Which files there are under the paths that a person names."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from knowledge import loaders


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read, and why, in one line."""

    source: str
    error: str


@dataclass(slots=True)
class Scan:
    """The files under the given paths, the folders among those, and what could not be looked at."""

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0


def scan_paths(paths: Iterable[Path]) -> Scan:
    """Every readable file under the paths, each once, in order. Hidden files and folders are passed over."""
    scan = Scan()
    for path in dict.fromkeys(Path(os.path.abspath(p)) for p in paths):  # noqa: PTH100 (keeps symlinks)
        if path.is_dir():
            _scan_folder(path, scan)
        elif path.is_file():
            scan.files.append(path)
        else:
            scan.failures.append(_not_a_file(path) if path.exists() else _missing(path))
    files = list(dict.fromkeys(scan.files))
    scan.files = [file for file in files if _has_readable_name(file)]
    scan.failures += [_badly_named(file) for file in files if not _has_readable_name(file)]
    return scan


def _scan_folder(folder: Path, scan: Scan) -> None:
    scan.folders.append(folder)
    suffixes = loaders.suffixes()
    found, skipped = [], 0
    for where, folders, files in os.walk(folder, onerror=lambda error: scan.failures.append(_closed(error))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = [Path(where) / name for name in sorted(files) if not name.startswith(".")]
        # A pipe or a device by such a name would never end.
        readable = [file for file in visible if file.suffix.lower() in suffixes and file.is_file()]
        found += readable
        skipped += len(visible) - len(readable)
    scan.files += found
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


def _has_readable_name(file: Path) -> bool:
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _badly_named(file: Path) -> Failure:
    name = str(file).encode("utf-8", "replace").decode("utf-8")
    return Failure(name, f"{name} has a name that is not UTF-8. Rename it.")


def _closed(error: OSError) -> Failure:
    return Failure(str(error.filename), f"{error.filename} cannot be opened: {error.strerror}. Check its permissions.")


def _nothing_in(folder: Path, skipped: int) -> Failure:
    kinds = " ".join(sorted(loaders.suffixes()))
    return Failure(
        str(folder),
        f"{folder} holds no file that can be read ({skipped} of other kinds). Readable kinds: {kinds}.",
    )
