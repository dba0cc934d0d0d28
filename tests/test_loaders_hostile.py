"""Files that are broken, lie, or are made to do harm: each is refused in time, with one line that names it."""

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from knowledge import LoadError, loaders
from knowledge.loaders import archives, csv, html, kinds, pdf
from knowledge.loaders import json as json_loader

# Refused, but not in time, is not refused.
pytestmark = pytest.mark.timeout(60)

Write = Callable[[str, str | bytes], Path]
PARTS = {
    "a.docx": "word/document.xml",
    "a.xlsx": "xl/workbook.xml",
    "a.pptx": "ppt/presentation.xml",
    "a.epub": "META-INF/container.xml",
}
LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True))
LAUGHTER = f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">{LAUGHS}]><l>&l;</l>'


def packed(path: Path, **parts: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def refused(path: Path, name: str = "") -> str:
    """The line that the file is refused with, which is one."""
    with pytest.raises(LoadError) as error:
        loaders.load(path, name)
    line = f"{error.value.problem} {error.value.remedy}"
    assert "\n" not in line
    assert (name or path.name) in line
    return line


@pytest.mark.parametrize("name", PARTS)
def test_an_archive_that_declares_more_than_memory_holds_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, **{PARTS[name]: b"0" * (archives.MAX_UNPACKED_BYTES + 1)})
    assert path.stat().st_size < 300_000
    assert "unpacks to 200 MB" in refused(path)


@pytest.mark.parametrize("name", PARTS)
def test_an_archive_that_holds_more_than_it_declares_is_refused(tmp_path: Path, name: str) -> None:
    size = archives.MAX_UNPACKED_BYTES + 1
    path = packed(tmp_path / name, **{PARTS[name]: b"0" * size})
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 100)))
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].file_size == 100
    assert "unpacks to 200 MB" in refused(path)


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    many = {f"x{number}": b"" for number in range(archives.MAX_ENTRIES + 1)}
    assert "unpacks to 20,002 files" in refused(packed(tmp_path / "a.docx", **{PARTS["a.docx"]: "x"}, **many))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", PARTS)
def test_entities_that_unfold_are_refused_in_an_archive(tmp_path: Path, name: str, encoding: str) -> None:
    assert "XML entities" in refused(packed(tmp_path / name, **{PARTS[name]: LAUGHTER.encode(encoding)}))


def test_entities_at_the_border_of_two_blocks_are_seen(tmp_path: Path) -> None:
    padding = " " * (archives.BLOCK_BYTES - 30 - LAUGHTER.index("<!ENTITY"))
    for shift in range(24, 40):
        content = padding + " " * shift + LAUGHTER
        assert "XML entities" in refused(packed(tmp_path / "a.docx", **{PARTS["a.docx"]: content}))


def test_entities_that_unfold_are_refused_in_xml(write: Write) -> None:
    assert "XML entities" in refused(write("a.xml", LAUGHTER))


@pytest.mark.parametrize("name", PARTS)
def test_an_archive_that_is_cut_off_is_damaged(tmp_path: Path, name: str) -> None:
    whole = packed(tmp_path / "whole", **{PARTS[name]: bytes(range(256)) * 100}).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert f"{name} is damaged" in refused(tmp_path / name)


@pytest.mark.parametrize("name", PARTS)
def test_an_archive_of_rubbish_is_damaged(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, **{PARTS[name]: "<x>not what it should be</x>"})
    assert f"{name} is damaged" in refused(path)


def test_a_pdf_of_ten_thousand_pages_is_refused(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter()
    for _ in range(10_000):
        writer.add_blank_page(100, 100)
    writer.write(tmp_path / "a.pdf")
    assert f"has 10,000 pages; up to {pdf.MAX_PAGES:,} are read" in refused(tmp_path / "a.pdf")


@pytest.mark.parametrize("tag", ["div", "article", "q", "no-such-tag", "svg", "table"])
def test_html_nested_without_end_is_refused_whatever_the_tag(write: Write, tag: str) -> None:
    inner = f"<{tag}><tr><td>" if tag == "table" else f"<{tag}>"
    assert "nested too deeply" in refused(write("a.html", inner * 100_000 + "x"))


def test_html_nested_without_end_is_refused_in_a_mail(write: Write) -> None:
    head = "From: a\nMIME-Version: 1.0\nContent-Type: text/html\n\n<?xml version='1.0' encoding='utf-8'?>"
    assert "nested too deeply" in refused(write("a.eml", head + "<div>" * 100_000 + "x"))


@pytest.mark.parametrize("line", ["a:\r\n", "<!---->", "<!-- --> <!--", "<?xml ?>", "\r\n \t"])
@pytest.mark.timeout(10)
def test_finding_out_of_which_kind_a_file_is_takes_no_time(write: Write, line: str) -> None:
    path = write("a.txt", line * 4_000)
    for suffix in (".txt", ".html", ".pdf"):
        assert kinds.kind(path, suffix) == suffix


def test_html_that_leaves_its_tags_open_is_not_deep(write: Write) -> None:
    page = "<html><body>" + "<p>one<br><ul><li>two</ul>" * 2_000
    assert loaders.load(write("a.html", page))[0].page_content.count("two") == 2_000


def test_html_as_deep_as_is_allowed_is_read(write: Write) -> None:
    depth = html.MAX_DEPTH - 3
    assert "x" in loaders.load(write("a.html", "<html><body>" + "<div>" * depth + "x"))[0].page_content
    assert "nested too deeply" in refused(write("b.html", "<html><body>" + "<div>" * (depth + 3) + "x"))


def test_html_of_fifty_megabytes_is_refused(write: Write) -> None:
    assert "holds 50 MB of HTML; up to 15 MB are read" in refused(write("a.html", b"<p>text</p>\n" * 4_170_000))


def test_html_is_not_large_for_the_pictures_in_it(write: Write) -> None:
    picture = b"<img src='data:image/png;base64," + b"iVBORw0KGgo=" * 2_000_000 + b"'>"
    assert loaders.load(write("a.html", b"<p>text</p>" + picture))[0].page_content == "text\n"


@pytest.mark.parametrize(("name", "opening"), [("a.json", "["), ("a.jsonl", "["), ("a.xml", "<a>")])
def test_data_nested_without_end_is_refused(write: Write, name: str, opening: str) -> None:
    assert "nested too deeply" in refused(write(name, opening * 100_000))


def test_a_huge_cell_or_line_is_refused_with_its_place(write: Write) -> None:
    assert "(line 2)" in refused(write("a.csv", "a,b\n1," + "x" * (csv.MAX_CELL + 1)))
    long = json.dumps({"a": "x" * json_loader.MAX_LINE})
    assert "in line 2" in refused(write("a.jsonl", f"{{}}\n{long}"))


def test_a_table_of_too_many_rows_is_refused(write: Write) -> None:
    assert "more than 500,000 rows" in refused(write("a.csv", "1\n" * (csv.MAX_ROWS + 1)))


def test_a_number_that_takes_an_age_to_read_is_refused(write: Write) -> None:
    assert "number that is too long" in refused(write("a.json", "1" * 1_000_000))


BINARY = bytes(range(256)) * 40
TEXTUAL = "csv json jsonl md rst txt py yaml ipynb html xml eml rtf".split()


@pytest.mark.parametrize("suffix", TEXTUAL + "pdf docx xlsx xls pptx epub msg".split())
def test_what_is_of_no_kind_at_all_is_refused_by_its_name(write: Write, suffix: str) -> None:
    line = refused(write("download", BINARY), f"notes.{suffix}")
    assert "download" not in line
    assert "cannot be read:" not in line, "an error that nobody thought of"


@pytest.mark.parametrize("suffix", sorted(loaders.SUFFIXES))
def test_an_empty_file_of_any_kind_is_named(write: Write, suffix: str) -> None:
    line = refused(write(f"a{suffix}", b""))
    assert "empty" in line or "damaged" in line or "not JSON" in line


@pytest.mark.parametrize("suffix", sorted(loaders.SUFFIXES))
def test_a_file_of_any_kind_that_vanished_is_named(tmp_path: Path, suffix: str) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / f"gone{suffix}")


def test_an_archive_says_that_it_wants_to_be_unpacked(write: Write) -> None:
    assert "Unpack it" in refused(write("a.zip", b"PK\x03\x04"))


@pytest.mark.parametrize(("name", "part"), PARTS.items())
def test_an_encrypted_archive_is_told_from_a_damaged_one(tmp_path: Path, name: str, part: str) -> None:
    path = packed(tmp_path / name, **{part: "<x/>"})
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    path.write_bytes(bytes(data))
    assert "protected by a password" in refused(path)
