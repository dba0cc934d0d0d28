"""Mails as Outlook keeps them."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.documents import document
from knowledge.loaders.mail import literal, written

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from olefile import OleFileIO

# MAPI's properties, [MS-OXPROPS]: when it was sent, when it was delivered, an attachment's long and short names.
_TIMES = (0x00390040, 0x0E060040)
_NAMES = ("__substg1.0_3707001F", "__substg1.0_3704001F")
_PROPERTIES = "__properties_version1.0"
# [MS-OXMSG] 2.4: a header of 32 bytes, then entries of 16: tag, flags, value.
_HEADER_BYTES = 32
_ENTRY = struct.Struct("<IIQ")
# A FILETIME counts tenths of microseconds from here.
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def load(path: Path) -> "list[Document]":
    import olefile
    from markitdown import StreamInfo
    from markitdown.converters import OutlookMsgConverter

    path.open("rb").close()
    if not olefile.isOleFile(path):
        raise _broken(path)
    try:
        with path.open("rb") as file:
            result = OutlookMsgConverter().convert(file, StreamInfo(extension=".msg"))
        with olefile.OleFileIO(path) as container:
            date, attached = _date(container), _attached(container)
    except (MemoryError, RecursionError):
        raise
    # A damaged container raises what happens to go wrong in it.
    except Exception as error:
        raise _broken(path) from error
    head, _, body = result.markdown.partition("\n## Content\n")
    headers = _headers(head) | ({"Date": date} if date else {})
    subject = headers.pop("Subject", "")
    return [document(written(subject, headers, literal(body), attached), subject or path.stem)]


def _headers(head: str) -> dict[str, str]:
    """What the converter writes as "**From:** …", a line each."""
    lines = (line.removeprefix("**").partition(":** ") for line in head.split("\n") if line.startswith("**"))
    return {name: value for name, _, value in lines if value}


def _date(container: "OleFileIO") -> str:
    """When it was sent, in UTC, or else delivered; "" when it does not say."""
    if not container.exists(_PROPERTIES):
        return ""
    data = container.openstream(_PROPERTIES).read()[_HEADER_BYTES:]
    entries = _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size])
    values = {tag: value for tag, _, value in entries if tag in _TIMES}
    value = next((values[tag] for tag in _TIMES if tag in values), 0)
    if not 0 < value < 1 << 58:
        return ""
    return (_EPOCH + timedelta(microseconds=value // 10)).strftime("%Y-%m-%d %H:%M UTC")


def _attached(container: "OleFileIO") -> list[str]:
    folders = sorted({entry[0] for entry in container.listdir() if entry[0].startswith("__attach")})
    names = (next((f"{f}/{name}" for name in _NAMES if container.exists(f"{f}/{name}")), "") for f in folders)
    return [container.openstream(name).read().decode("utf-16-le", "replace").strip("\0 ") for name in names if name]


def _broken(path: Path) -> LoadError:
    return LoadError(f"{path} is damaged or not an Outlook mail.", "Open it in Outlook and save it again.")
