"""Text that was piped in."""

import codecs
import os
import stat
import sys
import threading
from collections.abc import Callable
from typing import IO

MAX_BYTES = 1_000_000
# By now a person wonders why nothing happens.
NOTICE_SECONDS = 3.0


def is_piped() -> bool:
    """Whether standard input brings text: a pipe, a file or a socket, not a terminal and not /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False  # closed, or not a real file
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def read(stream: IO[bytes], notice: Callable[[], None], after: float = NOTICE_SECONDS) -> str:
    """All of the text. Gives notice when that takes long. Raises UserError."""
    timer = threading.Timer(after, notice)
    timer.daemon = True
    timer.start()
    try:
        data = stream.read(MAX_BYTES + 1)
    finally:
        timer.cancel()
    return decode(data)


def decode(data: bytes) -> str:
    """UTF-8, or UTF-16 with a byte order mark. Raises UserError."""
    from knowledge import UserError

    if len(data) > MAX_BYTES:
        raise UserError(
            "More than 1 MB of text was piped in; a question can take no more along.",
            "Save it to a file, add it with `assistant ingest FILE`, then ask.",
        )
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UserError(
            "What was piped in is not text.",
            "Pipe text in, or add the document with `assistant ingest FILE`, then ask.",
        )
    return text
