"""Of which kind a file really is: a name can be wrong, the first bytes seldom are."""

import re
import zipfile
from pathlib import Path

from knowledge.errors import LoadError

HEAD_BYTES = 4096
# In both patterns below a text can be matched in one way only, so that none takes long to be refused.
# Programs export web pages and tables under these names, and people rename what they download.
BINARY_SUFFIXES = frozenset({".docx", ".epub", ".msg", ".pdf", ".pptx", ".xls", ".xlsb", ".xlsm", ".xlsx", ".ods"})
PAGE_SUFFIXES = frozenset({".htm", ".html", ".xhtml"})
_PACKED = (
    ("word/document.xml", ".docx"),
    ("ppt/presentation.xml", ".pptx"),
    ("xl/workbook.xml", ".xlsx"),
    ("xl/workbook.bin", ".xlsb"),
    ("META-INF/container.xml", ".epub"),
)
_PAGE = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body|table)\b", re.I | re.DOTALL
)
_MAIL = re.compile(rb"\A(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,60}?MIME-Version:", re.I)


def kind(path: Path, suffix: str) -> str:
    """The suffix that tells the truth about the file: `suffix`, unless its content says otherwise.

    Raises LoadError for what no loader can read, and OSError.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(path) or suffix
    if head.startswith(b"PK\x03\x04"):
        return _packed(path) or suffix
    if head.startswith(b"%PDF-"):
        return ".pdf"
    if head.startswith(b"{\\rtf"):
        return ".rtf"
    return _textual(head, suffix)


def _textual(head: bytes, suffix: str) -> str:
    if suffix in BINARY_SUFFIXES | PAGE_SUFFIXES | {".txt", ".text"} and _MAIL.match(head):
        return ".mht"
    if suffix in BINARY_SUFFIXES | {".txt", ".text"} and _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return ".html"
    if suffix in {".xls", ".xlsx"} and head and b"\0" not in head and not head.startswith(b"\t\x08"):
        return ".csv"
    return suffix


def _packed(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            form = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        return ""
    if b"opendocument.spreadsheet" in form:
        return ".ods"
    return next((suffix for part, suffix in _PACKED if part in names), "")


def _compound(path: Path) -> str:
    """What a container of the old Office holds. Raises LoadError for what is encrypted or of an old kind."""
    import olefile

    try:
        with olefile.OleFileIO(path) as container:
            names = {"/".join(entry).lower() for entry in container.listdir()}
    # A damaged container raises what happens to go wrong in it.
    except Exception:  # noqa: BLE001
        return ""
    if "encryptedpackage" in names:
        raise LoadError(f"{path} is protected by a password.", "Save a copy without the password and use that.")
    for part, new in (("worddocument", ".docx"), ("powerpoint document", ".pptx")):
        if part in names:
            raise LoadError(f"{path} is in the format of Office before 2007.", f"Open it and save it as {new}.")
    if "__properties_version1.0" in names:
        return ".msg"
    return ".xls" if names & {"workbook", "book"} else ""
