"""Archives that office programs and books are packed in: opened only when what is in them is of a bearable size."""

import copy
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knowledge.errors import LoadError

MAX_UNPACKED_BYTES = 200_000_000
MAX_ENTRIES = 20_000
BLOCK_BYTES = 1 << 20
# No office program writes an entity; a few of them can unfold to more than any memory holds.
_ENTITY = b"<!ENTITY"
_XML = (".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html", ".htm", ".vml")


@contextmanager
def opened(path: Path, parts: tuple[str, ...], kind: str) -> Iterator[zipfile.ZipFile]:
    """The archive, which has one of `parts` in it. Raises LoadError: damaged, of another kind, too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            if not set(parts) & set(archive.namelist()):
                raise broken(path, kind)
            _check(archive, path)
            yield archive
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise broken(path, kind) from error


def broken(path: Path, kind: str) -> LoadError:
    return LoadError(f"{path} is damaged or not {kind}.", "Open it in its program and save it again.")


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    """Unpack once and count, since what an archive declares can be false."""
    entries = archive.infolist()
    declared = sum(entry.file_size for entry in entries)
    if declared > MAX_UNPACKED_BYTES or len(entries) > MAX_ENTRIES:
        raise _too_large(path, declared, len(entries))
    unpacked = 0
    for entry in entries:
        if entry.flag_bits & 1:
            raise LoadError(f"{path} is protected by a password.", "Save a copy without the password and use that.")
        for size, block in _blocks(archive, entry):
            unpacked += size
            if unpacked > MAX_UNPACKED_BYTES:
                raise _too_large(path, unpacked, len(entries))
            if entry.filename.lower().endswith(_XML) and _ENTITY in block.replace(b"\0", b""):
                raise LoadError(f"{path} defines XML entities, which can unfold without end.", "Save it anew.")


def _blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[tuple[int, bytes]]:
    """The real content: sizes of blocks, and the blocks after the last one's end, so that nothing hides between."""
    unbounded = copy.copy(entry)
    unbounded.file_size = 1 << 62
    end = b""
    with archive.open(unbounded) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield len(block), end + block
            end = block[-2 * len(_ENTITY) :]


def _too_large(path: Path, unpacked: int, entries: int) -> LoadError:
    size = f"{unpacked / 1e6:.0f} MB" if unpacked > MAX_UNPACKED_BYTES else f"{entries:,} files"
    return LoadError(f"{path} unpacks to {size}.", "Split it into smaller documents.")
