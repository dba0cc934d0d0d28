"""Scanned pages and pictures, read by Tesseract where it is installed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from knowledge import LoadError, loaders
from knowledge.loaders import ocr

Write = Callable[[str, str | bytes], Path]
needs_tesseract = pytest.mark.skipif(not ocr.available(), reason="Tesseract is not installed")
WORDS = "The relief valve opens at nine bar"


@pytest.fixture
def without_tesseract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", "")
    ocr.available.cache_clear()
    yield
    ocr.available.cache_clear()


def picture(path: Path, words: str = WORDS) -> Path:
    image = Image.new("RGB", (1200, 200), "white")
    ImageDraw.Draw(image).text((40, 70), words, fill="black", font=ImageFont.load_default(48))
    image.save(path)
    return path


def scan(path: Path, text: str = "A page of text.") -> Path:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica", size=12)
    document.multi_cell(0, 8, text)
    document.add_page()
    document.image(str(picture(path.with_suffix(".png"))), w=180)
    document.add_page()
    document.output(str(path))
    return path


@needs_tesseract
@pytest.mark.slow
def test_a_page_without_text_is_recognised(tmp_path: Path) -> None:
    first, second = loaders.load(scan(tmp_path / "a.pdf"))
    assert (first.page_content, first.metadata["page"]) == ("A page of text.", 1)
    assert WORDS in second.page_content
    assert second.metadata["page"] == 2


@needs_tesseract
@pytest.mark.slow
def test_a_picture_of_text_is_read(tmp_path: Path) -> None:
    assert ".png" not in loaders.suffixes(), "a folder may be full of pictures that are no text"
    assert WORDS in loaders.load(picture(tmp_path / "a.png"))[0].page_content


@needs_tesseract
@pytest.mark.slow
def test_a_picture_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"a\.png has no text in it"):
        loaders.load(picture(tmp_path / "a.png", ""))


@needs_tesseract
def test_what_is_no_picture_is_damaged(write: Write) -> None:
    with pytest.raises(LoadError, match=r"a\.png is damaged or not a picture"):
        loaders.load(write("a.png", b"\x89PNG\r\n\x1a\nrubbish"))


@needs_tesseract
def test_a_picture_that_unfolds_beyond_measure_is_refused(tmp_path: Path) -> None:
    Image.new("1", (60_000, 1_100)).save(tmp_path / "a.png")
    with pytest.raises(LoadError, match=r"a\.png has 60000 x 1100 dots"):
        loaders.load(tmp_path / "a.png")


@pytest.mark.usefixtures("without_tesseract")
def test_without_tesseract_a_scan_is_named_as_such_with_the_way_out(tmp_path: Path) -> None:
    document = FPDF()
    document.add_page()
    document.image(str(picture(tmp_path / "b.png")), w=180)
    document.output(str(tmp_path / "a.pdf"))
    for name, says in (("a.pdf", "no text in it; its pages look like scanned pictures"), ("b.png", "is a picture")):
        with pytest.raises(LoadError, match=f"{name}.*{says}") as error:
            loaders.load(tmp_path / name)
        assert "Install Tesseract" in error.value.remedy


@pytest.mark.usefixtures("without_tesseract")
def test_without_tesseract_the_pages_that_have_text_are_read(tmp_path: Path) -> None:
    (document,) = loaders.load(scan(tmp_path / "a.pdf"))
    assert document.page_content == "A page of text."
