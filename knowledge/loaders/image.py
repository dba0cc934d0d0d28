"""Pictures of text: scanned pages, photographs of them, screenshots."""

from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders import ocr
from knowledge.loaders.documents import document
from knowledge.loaders.pdf import reflow

if TYPE_CHECKING:
    from langchain_core.documents import Document

# A page of A4 at 600 dots an inch has 35 million.
MAX_PIXELS = 60_000_000


def load(path: Path) -> "list[Document]":
    if not ocr.available():
        raise LoadError(f"{path} is a picture, and there is nothing here to recognise its text.", ocr.REMEDY)
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise LoadError(f"{path} has {picture.width} x {picture.height} dots.", "Make it smaller.")
            text = ocr.text_of(picture.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise LoadError(f"{path} is damaged or not a picture.", "Open it in a viewer and save it again.") from error
    if not text:
        raise LoadError(f"{path} has no text in it that can be recognised.", "Nothing was taken from it.")
    return [document(reflow(text), path.stem)]
