"""Rich text."""

from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.documents import document

if TYPE_CHECKING:
    from langchain_core.documents import Document


def load(path: Path) -> "list[Document]":
    from striprtf.striprtf import rtf_to_text

    data = path.read_bytes()
    if not data.lstrip().startswith(b"{\\rtf") or b"\0" in data:
        raise LoadError(f"{path} is damaged or not rich text.", "Open it in its program and save it again.")
    # The format is ASCII: other letters stand in it as numbers of the code page that it names.
    text: str = rtf_to_text(data.decode("latin-1"), encoding="cp1252", errors="replace")
    return [document(text, path.stem, format="text")]
