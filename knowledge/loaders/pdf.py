"""PDF, a document a page, so that a citation can name the page."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError

if TYPE_CHECKING:
    import pypdfium2
    from langchain_core.documents import Document

_PAGE_NUMBER = re.compile(r"\A\W*(?:page\s*)?\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?\W*\Z", re.IGNORECASE)
_STARTS_ITEM = re.compile(r"\s*(?:[-*•▪–]\s|\(?\d{1,3}[.)]\s|\(?[a-z][.)]\s)")
# A line shorter than this share of the page's longest ends a paragraph.
SHORT_LINE = 0.75


def load(path: Path) -> "list[Document]":
    from langchain_core.documents import Document

    title, pages = _read(path)
    if not any(page.strip() for page in pages):
        raise LoadError(
            f"{path} has no text in it; its pages look like scanned pictures.",
            "Run it through text recognition (OCR) and use the result.",
        )
    return [
        Document(text, metadata={"title": title or path.stem, "page": number, "format": "markdown"})
        for number, text in enumerate(pages, start=1)
        if text.strip()
    ]


def _read(path: Path) -> tuple[str, list[str]]:
    import pypdfium2

    path.open("rb").close()
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _unreadable(path, str(error)) from error
    try:
        title = str(document.get_metadata_value("Title")).strip()
        return title, [_page_text(document, number) for number in range(len(document))]
    except pypdfium2.PdfiumError as error:
        raise _unreadable(path, str(error)) from error
    finally:
        document.close()


def _unreadable(path: Path, reason: str) -> LoadError:
    if "password" in reason.lower():
        return LoadError(f"{path} is protected by a password.", "Save a copy without the password and use that.")
    return LoadError(f"{path} is damaged or not a PDF.", "Open it in a viewer and save it again.")


def _page_text(document: "pypdfium2.PdfDocument", number: int) -> str:
    page = document[number]
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_bounded()
    finally:
        text_page.close()
        page.close()
    return reflow(text)


def reflow(text: str) -> str:
    """Paragraphs from lines: words broken at a line's end are joined, bare page numbers dropped."""
    # U+FFFE is how the library writes a hyphen that broke a word.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufffe\n", "").replace("\ufffe", "")
    lines = [" ".join(line.split()) for line in text.split("\n")]
    while lines and (not lines[-1] or _PAGE_NUMBER.match(lines[-1])):
        lines.pop()
    width = max((len(line) for line in lines), default=0)
    paragraphs: list[str] = []
    fresh = True
    for line in lines:
        if not line:
            fresh = True
            continue
        if fresh or _STARTS_ITEM.match(line):
            paragraphs.append(line)
        else:
            paragraphs[-1] = _join(paragraphs[-1], line)
        fresh = len(line) < SHORT_LINE * width
    return "\n\n".join(_literal(paragraph) for paragraph in paragraphs)


def _join(before: str, line: str) -> str:
    if re.search(r"[^\W\d_]-$", before) and line[:1].islower():
        return before[:-1] + line
    return f"{before} {line}"


def _literal(paragraph: str) -> str:
    """A number sign that begins a paragraph of a PDF is not a Markdown heading."""
    return f"\\{paragraph}" if re.match(r"#{1,6} ", paragraph) else paragraph
