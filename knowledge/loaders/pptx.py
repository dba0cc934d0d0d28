"""Presentations: a document a slide, whose page is the slide's number; its notes are with it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.loaders import archives
from knowledge.loaders.documents import document
from knowledge.loaders.markdown import first_heading

if TYPE_CHECKING:
    from langchain_core.documents import Document

KIND = "a presentation"
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
# What the program calls a picture that nobody described.
_UNNAMED = re.compile(r"(?:Picture|Image|Graphic|Content Placeholder) \d+|\S+\.(?:png|jpe?g|gif|svg|bmp|emf|wmf|tiff?)")


def load(path: Path) -> "list[Document]":
    with archives.opened(path, ("ppt/presentation.xml",), KIND):
        text = _converted(path)
    slides = [_plain(slide) for slide in _slides(text)]
    title = next((heading for heading in map(first_heading, slides) if heading), path.stem)
    return [document(slide, title, page=number) for number, slide in enumerate(slides, start=1)]


def _converted(path: Path) -> str:
    from markitdown import StreamInfo
    from markitdown.converters import PptxConverter

    try:
        with path.open("rb") as file:
            return PptxConverter().convert(file, StreamInfo(extension=".pptx")).markdown
    except (OSError, MemoryError, RecursionError):
        raise
    # Whatever is wrong inside the archive, python-pptx says it in exceptions of many kinds.
    except Exception as error:
        raise archives.broken(path, KIND) from error


def _slides(text: str) -> list[str]:
    """The slides between the converter's marks, which count up: a mark out of turn is a slide's own text."""
    slides: list[str] = []
    rest = text
    while True:
        before, mark, after = rest.partition(f"<!-- Slide number: {len(slides) + 1} -->")
        if slides:
            slides[-1] = before
        if not mark:
            return slides
        slides.append("")
        rest = after


def _plain(slide: str) -> str:
    """Pictures leave the words that describe them."""
    slide = _PICTURE.sub(lambda match: "" if _UNNAMED.fullmatch(match[1]) else match[1], slide.replace("\v", "\n"))
    return slide.strip()
