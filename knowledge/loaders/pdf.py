"""PDF, a document a page, so that a citation can name the page."""

import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders import ocr
from knowledge.loaders.documents import document

if TYPE_CHECKING:
    import pypdfium2
    from langchain_core.documents import Document

_PAGE_NUMBER = re.compile(r"\A\W*(?:page\s*)?\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?\W*\Z", re.IGNORECASE)
_STARTS_ITEM = re.compile(r"\s*(?:[-*•▪–]\s|\(?\d{1,3}[.)]\s|\(?[a-z][.)]\s)")
# A line shorter than this share of the page's longest ends a paragraph.
SHORT_LINE = 0.75
# No manual has as many; a file made to keep the reader busy has.
MAX_PAGES = 5_000
# Dots a point: 300 an inch, which Tesseract's authors advise; and no more in all than a large sheet has.
OCR_SCALE = 300 / 72
OCR_PIXELS = 30_000_000
# Within the time that a file is given.
OCR_SECONDS = 45


def load(path: Path) -> "list[Document]":
    path.open("rb").close()
    title, pages = _read(path)
    if not any(page.strip() for page in pages):
        raise LoadError(f"{path} has no text in it; its pages look like scanned pictures.", ocr.REMEDY)
    return [
        document(text, title or path.stem, page=number) for number, text in enumerate(pages, start=1) if text.strip()
    ]


def _read(path: Path) -> tuple[str, list[str]]:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as pdf:
            if len(pdf) > MAX_PAGES:
                raise LoadError(f"{path} has {len(pdf):,} pages; up to {MAX_PAGES:,} are read.", "Split it.")
            return _title(pdf), _pages(pdf, path)
    except pypdfium2.PdfiumError as error:
        raise _unreadable(path, str(error)) from error


def _title(pdf: "pypdfium2.PdfDocument") -> str:
    """What the file calls itself, unless a program wrote that in for want of a title."""
    title = str(pdf.get_metadata_value("Title")).strip()
    return "" if title.lower() in ("untitled", "(anonymous)", "anonymous", "(untitled)") else title


def _pages(pdf: "pypdfium2.PdfDocument", path: Path) -> list[str]:
    """The text of each page. Where there is none and OCR is at hand, what it recognises."""
    pages = [_page_text(pdf, number) for number in range(len(pdf))]
    without = [number for number, text in enumerate(pages) if not text.strip()]
    if not ocr.available():
        return pages
    end = time.monotonic() + OCR_SECONDS
    for number in without:
        if time.monotonic() > end:
            raise LoadError(
                f"{path} has {len(without):,} pages without text, too many to recognise in {OCR_SECONDS} s.",
                "Split it, or run it through text recognition (OCR) and use the result.",
            )
        pages[number] = _recognised(pdf, number)
    return pages


def _recognised(pdf: "pypdfium2.PdfDocument", number: int) -> str:
    page = pdf[number]
    try:
        if not any(True for _ in page.get_objects(max_depth=3)):
            return ""  # It is blank.
        width, height = page.get_size()
        scale = min(OCR_SCALE, math.sqrt(OCR_PIXELS / max(width * height, 1)))
        return reflow(ocr.text_of(page.render(scale=scale, grayscale=True).to_pil()))
    finally:
        page.close()


def _unreadable(path: Path, reason: str) -> LoadError:
    if "password" in reason.lower():
        return LoadError(f"{path} is protected by a password.", "Save a copy without the password and use that.")
    return LoadError(f"{path} is damaged or not a PDF.", "Open it in a viewer and save it again.")


def _page_text(pdf: "pypdfium2.PdfDocument", number: int) -> str:
    page = pdf[number]
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
