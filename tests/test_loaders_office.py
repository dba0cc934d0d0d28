"""Spreadsheets, presentations, books, mails of Outlook and documents with equations, made here by other libraries."""

import itertools
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter
from docx.oxml import parse_xml
from pptx.util import Inches

from knowledge import LoadError, loaders

Write = Callable[[str, str | bytes], Path]
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def sections(path: Path) -> list[str]:
    return [document.metadata["section"] for document in loaders.load(path)]


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


# Shorter streams are kept in another way, which `compound` does not write.
SMALLEST = 4096


def wide(text: str) -> bytes:
    return text.ljust(SMALLEST // 2).encode("utf-16-le")


def compound(path: Path, streams: dict[str, bytes]) -> Path:
    """A container of the old Office with these streams; "folder/name" puts one into a folder. [MS-CFB] in small."""
    sector, free, chain_end, fat_mark = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    names = list(dict.fromkeys(part for key in streams for part in (key.rpartition("/")[0], key) if part))
    children: dict[str, list[int]] = {}
    for number, name in enumerate(names, start=1):
        children.setdefault(name.rpartition("/")[0], []).append(number)
    after = {a: b for several in children.values() for a, b in itertools.pairwise(several)}
    fat, body = [fat_mark], b""
    starts: dict[str, int] = {}
    for name, data in streams.items():
        count = max(1, -(-len(data) // sector))
        starts[name] = len(fat)
        fat += [*range(len(fat) + 1, len(fat) + count), chain_end]
        body += data.ljust(count * sector, b"\0")

    def entry(number: int, name: str, kind: int) -> bytes:
        label = name.rpartition("/")[2].encode("utf-16-le")
        child = children.get(name if number else "", [free])[0] if kind != 2 else free
        start, size = (starts[name], len(streams[name])) if kind == 2 else (0 if number else chain_end, 0)
        head = struct.pack("<64sHBBIII", label, len(label) + 2, kind, 1, free, after.get(number, free), child)
        return head + bytes(36) + struct.pack("<IQ", start, size)

    entries = [entry(0, "Root Entry", 5), *(entry(n, s, 2 if s in streams else 1) for n, s in enumerate(names, 1))]
    directory = b"".join(entries).ljust(-(-len(entries) // 4) * sector, b"\0")
    first = len(fat)
    count = len(directory) // sector
    fat += [*range(first + 1, first + count), chain_end]
    header = struct.pack(
        "<8s16sHHHHH6xIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 62, 3, 0xFFFE, 9, 6, 0, 1, first, 0
    )
    header += struct.pack("<IIIII", 0, chain_end, 0, chain_end, 0) + struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(sector, b"\xff")
    path.write_bytes(header + table + body + directory)
    return path


def test_a_spreadsheet_gives_ranges_of_rows_each_under_its_header(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Part", "Price"], *([f"Valve of kind {n}", n + 0.5] for n in range(100))]
    documents = loaders.load(workbook(tmp_path / "a.xlsx", Prices=rows, Notes=[["Nothing", "else"], ["a", "b"]]))
    assert len(documents) > 3
    assert all(d.page_content.startswith("| Part | Price |\n| --- | --- |\n") for d in documents[:-1])
    assert documents[0].metadata["section"].startswith("Prices, rows 2-")
    assert documents[-1].metadata["section"] == "Notes, row 2"
    named = [d.metadata["section"].removeprefix("Prices, rows ").split("-") for d in documents[:-1]]
    assert [int(start) for start, _ in named[1:]] == [int(end) + 1 for _, end in named[:-1]]
    assert "| Valve of kind 99 | 99.5 |" in documents[-2].page_content


def test_rows_of_a_spreadsheet_are_counted_as_a_person_sees_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], ["Report of 2026"], [], ["Month", "Sales"], ["May", 3], [], ["June", 4]]
    (document,) = loaders.load(workbook(tmp_path / "a.xlsx", Year=rows))
    assert document.metadata["section"] == "Year, rows 5-7"
    assert document.page_content == "Report of 2026\n\n| Month | Sales |\n| --- | --- |\n| May | 3 |\n| June | 4 |"


def test_cells_are_written_as_people_see_them(tmp_path: Path) -> None:
    row: list[object] = [3.0, 0.1 + 0.2, True, date(2026, 5, 1), "a|b\nc"]
    (document,) = loaders.load(workbook(tmp_path / "a.xlsx", S=[["n", "f", "b", "d", "t"], row]))
    assert document.page_content.endswith("| 3 | 0.3 | TRUE | 2026-05-01 | a\\|b c |")


def test_a_sheet_of_nothing_but_a_header_is_read(tmp_path: Path) -> None:
    assert sections(workbook(tmp_path / "a.xlsx", S=[["only", "this"]])) == ["S, row 1"]


def test_a_web_page_or_a_table_of_text_by_the_name_of_a_spreadsheet_is_read_as_what_it_is(write: Write) -> None:
    page = "<html><body><h1>Sales</h1><table><tr><th>Month</th></tr><tr><td>May</td></tr></table></body></html>"
    assert loaders.load(write("a.xls", page))[0].metadata["title"] == "Sales"
    assert "| May | 3 |" in loaders.load(write("b.xls", "Month;Sales\nMay;3\n"))[0].page_content


def test_a_slide_is_a_page_with_its_notes(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for number in (1, 2, 3):
        slide = deck.slides.add_slide(deck.slide_layouts[5 if number != 2 else 6])
        if number != 2:
            assert slide.shapes.title is not None
            slide.shapes.title.text = f"Loops, part {number}"
    box = slide.shapes.add_textbox(Inches(1), Inches(3), Inches(5), Inches(1))
    box.text_frame.text = "A loop repeats. <!-- Slide number: 2 -->"
    assert slide.notes_slide.notes_text_frame is not None
    slide.notes_slide.notes_text_frame.text = "Ask who knows recursion."
    deck.save(str(tmp_path / "a.pptx"))
    first, third = loaders.load(tmp_path / "a.pptx")
    assert (first.metadata["page"], third.metadata["page"]) == (1, 3)
    assert first.metadata["title"] == third.metadata["title"] == "Loops, part 1"
    assert third.page_content.startswith("# Loops, part 3")
    assert "A loop repeats." in third.page_content
    assert "Ask who knows recursion." in third.page_content


CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>A Book of Pumps</dc:title></metadata><manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="two%20more.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="three.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol><li><a href="one.xhtml">The Pump</a></li>
<li><a href="two%20more.xhtml#x">The <b>Valve</b></a></li></ol></nav></body></html>"""


def book(path: Path, **more: str) -> Path:
    pages = {name: f"<html><body><p>Text of {name}.</p></body></html>" for name in ("one", "two more", "three")}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", PACKAGE)
        archive.writestr("OEBPS/nav.xhtml", NAV)
        for name, page in pages.items():
            archive.writestr(f"OEBPS/{name}.xhtml", page)
        for name, text in more.items():
            archive.writestr(f"META-INF/{name}.xml", text)
    return path


def test_a_book_gives_its_chapters_in_the_order_of_reading(tmp_path: Path) -> None:
    documents = loaders.load(book(tmp_path / "a.epub"))
    assert [d.metadata["section"] for d in documents] == ["The Pump", "The Valve", "Chapter 3"]
    assert [d.page_content.strip() for d in documents] == ["Text of one.", "Text of two more.", "Text of three."]
    assert {d.metadata["title"] for d in documents} == {"A Book of Pumps"}


def test_a_book_that_its_seller_locked_says_so(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"a\.epub is locked by its seller"):
        loaders.load(book(tmp_path / "a.epub", rights="<x/>"))


def test_equations_of_a_word_document_are_kept(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Ohm's law is ")
    runs = "".join(f"<m:r><m:t>{part}</m:t></m:r>" for part in ("U=", "RI"))
    paragraph._p.append(parse_xml(f'<m:oMath xmlns:m="{MATH}">{runs}</m:oMath>'))
    document.save(str(tmp_path / "a.docx"))
    assert "Ohm's law is $U=RI$" in loaders.load(tmp_path / "a.docx")[0].page_content


def test_a_mail_of_outlook_says_who_wrote_what_when_and_what_was_attached(tmp_path: Path) -> None:
    sent = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
    ticks = int((sent - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds() * 10_000_000)
    streams = {
        "__properties_version1.0": (bytes(32) + struct.pack("<IIQ", 0x00390040, 6, ticks)).ljust(SMALLEST, b"\0"),
        "__substg1.0_0037001F": wide("The pump is late"),
        "__substg1.0_0C1F001F": wide("kim@example.test"),
        "__substg1.0_0E04001F": wide("lee@example.test"),
        "__substg1.0_1000001F": wide("# 1 comes on Monday."),
        "__attach_version1.0_#00000000/__substg1.0_3707001F": wide("invoice.pdf"),
    }
    (document,) = loaders.load(compound(tmp_path / "a.msg", streams))
    assert document.metadata["title"] == "The pump is late"
    assert document.page_content.split("\n\n") == [
        "# The pump is late",
        "From: kim@example.test  \nTo: lee@example.test  \nDate: 2026-05-01 09:30 UTC  \nAttached: invoice.pdf  ",
        "\\# 1 comes on Monday.\n",
    ]


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx", "a.xls"])
def test_an_office_file_behind_a_password_says_what_to_do(tmp_path: Path, name: str) -> None:
    path = compound(tmp_path / name, {"EncryptionInfo": bytes(SMALLEST), "EncryptedPackage": bytes(SMALLEST)})
    with pytest.raises(LoadError, match=f"{name} is protected by a password") as error:
        loaders.load(path)
    assert "without the password" in error.value.remedy


def test_a_document_of_the_old_word_says_how_to_save_it(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="Office before 2007") as error:
        loaders.load(compound(tmp_path / "a.docx", {"WordDocument": bytes(SMALLEST)}))
    assert ".docx" in error.value.remedy


def test_an_office_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", S=[["a", "b"], ["c", "d"]])
    for wrong in ("a.docx", "a.pdf", "a.txt", "a.html"):
        assert loaders.load(path, wrong)[0].metadata["section"] == "S, row 2"
