"""Word documents, by way of HTML."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.html import to_markdown
from knowledge.loaders.markdown import first_heading

if TYPE_CHECKING:
    from langchain_core.documents import Document

MAX_UNPACKED_BYTES = 200_000_000


def load(path: Path) -> "list[Document]":
    import mammoth
    from bs4 import BeautifulSoup
    from langchain_core.documents import Document

    _check(path)
    try:
        with path.open("rb") as file:
            html = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(_no_image)).value
    # Whatever is wrong inside the archive, mammoth and the XML parser say it in exceptions of many kinds.
    except Exception as error:
        raise _broken(path) from error
    text = to_markdown(BeautifulSoup(html, "lxml"))
    title = first_heading(text) or path.stem
    return [Document(text, metadata={"title": title, "page": None, "format": "markdown"})]


def _no_image(image: object) -> dict[str, str]:
    return {"src": ""}


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise _broken(path) from error
    if "word/document.xml" not in names:
        raise _broken(path)
    if unpacked > MAX_UNPACKED_BYTES:
        raise LoadError(f"{path} unpacks to {unpacked / 1e6:.0f} MB.", "Split it into smaller documents.")


def _broken(path: Path) -> LoadError:
    return LoadError(f"{path} is damaged or not a Word document.", "Open it in Word and save it again as .docx.")
