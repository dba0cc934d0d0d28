"""Word documents, by way of HTML."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from knowledge.loaders import archives
from knowledge.loaders.documents import document
from knowledge.loaders.html import to_markdown
from knowledge.loaders.markdown import first_heading

if TYPE_CHECKING:
    from langchain_core.documents import Document

KIND = "a Word document"
BODY = "word/document.xml"


def load(path: Path) -> "list[Document]":
    import mammoth
    from bs4 import BeautifulSoup

    with archives.opened(path, (BODY,), KIND) as archive:
        has_equations = b":oMath" in archive.read(BODY)
    try:
        with path.open("rb") as file:
            source = _with_equations(file) if has_equations else file
            html = mammoth.convert_to_html(source, convert_image=mammoth.images.img_element(_no_image)).value
    except (OSError, MemoryError, RecursionError):
        raise
    # Whatever is wrong inside the archive, mammoth and the XML parser say it in exceptions of many kinds.
    except Exception as error:
        raise archives.broken(path, KIND) from error
    text = to_markdown(BeautifulSoup(html, "lxml"))
    return [document(text, first_heading(text) or path.stem)]


def _with_equations(file: BinaryIO) -> BinaryIO:
    """The document with its equations as LaTeX between dollar signs, which mammoth would leave out."""
    from markitdown.converter_utils.docx.pre_process import pre_process_docx

    return pre_process_docx(io.BytesIO(file.read()))


def _no_image(image: object) -> dict[str, str]:
    return {"src": ""}
