"""Text from pictures by Tesseract, where the extra `ocr` and the program `tesseract` are both there."""

import importlib.util
import shutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

REMEDY = (
    "Install Tesseract and `pip install 'solar-assistant[ocr]'` to have such pages recognised, "
    "or run it through text recognition (OCR) and use the result."
)
# A page that takes longer is no page of text.
PAGE_SECONDS = 30


@cache
def available() -> bool:
    return importlib.util.find_spec("pytesseract") is not None and shutil.which("tesseract") is not None


def text_of(picture: "Image") -> str:
    """The words in a picture, in every language that Tesseract has here. Raises LoadError's cause as RuntimeError."""
    import pytesseract

    text: str = pytesseract.image_to_string(picture, lang=_languages(), timeout=PAGE_SECONDS)
    return text.strip()


@cache
def _languages() -> str:
    """Tesseract's own list, joined as it wants them; `osd` is no language."""
    import pytesseract

    return "+".join(name for name in pytesseract.get_languages(config="") if name != "osd")
