"""Plain text, in whatever encoding it was saved."""

import codecs
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.documents import document

if TYPE_CHECKING:
    from langchain_core.documents import Document

# Longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPE = b"\x1b$B"
# Any bytes are UTF-16: a short text would be taken for rare signs.
_NOT_GUESSED = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7"]


def load(path: Path) -> "list[Document]":
    return [document(read_text(path), path.stem, format="text")]


def read_text(path: Path) -> str:
    """The text of a file with plain line ends. Raises LoadError when it is not text."""
    return decode(path.read_bytes(), path)


def decode(data: bytes, path: Path) -> str:
    """Text of bytes, by its byte order mark, as UTF-8, or by the likeliest encoding. Raises LoadError."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding, path)
    if b"\0" in data:
        return _decoded(data, _unmarked_utf16(data, path), path)
    try:
        # Japanese mail's encoding is all ASCII, with escapes.
        return _plain(data.decode("iso2022_jp" if _ESCAPE in data else "utf-8"))
    except UnicodeDecodeError:
        return _guessed(data, path)


def _decoded(data: bytes, encoding: str, path: Path) -> str:
    try:
        return _plain(data.decode(encoding))
    except UnicodeDecodeError as error:
        raise _not_text(path) from error


def _unmarked_utf16(data: bytes, path: Path) -> str:
    """In UTF-16 most western text has a zero in every second byte; anything else with zeros is not text."""
    even, odd = data[0::2].count(0), data[1::2].count(0)
    half = len(data) // 2
    if odd > 0.4 * half and even < 0.02 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.02 * half:
        return "utf-16-be"
    raise _not_text(path)


def _guessed(data: bytes, path: Path) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:500_000], cp_exclusion=_NOT_GUESSED).best()
    if best is None or _mostly_control(data):
        raise _not_text(path)
    return _plain(data.decode(best.encoding, "replace"))


def _mostly_control(data: bytes) -> bool:
    sample = data[:10_000]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return control > len(sample) * 0.02


def _plain(text: str) -> str:
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _not_text(path: Path) -> LoadError:
    return LoadError(f"{path} is not a text file, whatever its name says.", "Give it its right name, or leave it out.")
