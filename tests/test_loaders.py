import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pypdf
import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from knowledge import LoadError, loaders
from knowledge.loaders.pdf import reflow
from knowledge.loaders.text import decode

Write = Callable[[str, str | bytes], Path]


def text_of(path: Path) -> str:
    return "\n".join(document.page_content for document in loaders.load(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_read_in_whatever_encoding_it_was_saved(write: Write, encoding: str) -> None:
    text = "Où est l'élève ? Il étudie la résistance électrique à l'école.\n" * 5
    assert text_of(write("a.txt", text.encode(encoding))) == text


def test_line_ends_of_all_kinds_become_one(write: Write) -> None:
    assert text_of(write("a.md", b"one\r\ntwo\rthree\n")) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9, bytes(range(256)) * 40, b"\x7fELF\x02\x01\x01" + bytes(200)]
)
@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_a_binary_file_renamed_is_refused_by_name(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(LoadError, match=r"not a text file"):
        loaders.load(write(name, content))


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        assert "\r" not in decode(data, Path("x.txt"))
    except LoadError as error:
        assert "x.txt" in error.problem


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html"])
def test_an_empty_file_is_named(write: Write, name: str) -> None:
    with pytest.raises(LoadError, match=f"{name} is empty"):
        loaders.load(write(name, " \n"))


def test_a_kind_that_cannot_be_read_lists_those_that_can(write: Write) -> None:
    with pytest.raises(LoadError) as error:
        loaders.load(write("a.xyz", "text"))
    assert ".md" in error.value.remedy


def test_front_matter_gives_the_title_and_leaves_the_text(write: Write) -> None:
    (document,) = loaders.load(write("a.md", "---\ntitle: Circuits\ntags: [a]\n---\n# Other\n\nText.\n"))
    assert document.metadata == {"title": "Circuits", "page": None, "format": "markdown", "section": ""}
    assert document.page_content == "# Other\n\nText.\n"


def test_a_rule_at_the_top_that_is_no_front_matter_stays(write: Write) -> None:
    assert "no: yaml: here" in text_of(write("a.md", "---\nno: yaml: here\n---\ntext\n"))


def test_html_keeps_its_content_and_drops_what_surrounds_it(write: Write) -> None:
    page = """<html><head><title>T</title><script>evil()</script></head><body><nav>Menu</nav><div role="main">
    <h1>Loops<a class="headerlink" href="#loops">¶</a></h1><p>A <a href="http://example.org/x">loop</a> repeats.</p>
    <div class="highlight"><pre>for i in x:\n    <span>print</span>(i)\n</pre></div>
    <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
    <p hidden>secret</p></div><footer>2026</footer></body></html>"""
    (document,) = loaders.load(write("a.html", page))
    text = document.page_content
    assert document.metadata["title"] == "Loops"
    assert text.startswith("# Loops\n\nA loop repeats.")
    assert "```\nfor i in x:\n    print(i)\n```" in text
    assert "| 1 | 2 |" in text
    for dropped in ("Menu", "evil", "¶", "example.org", "secret", "2026"):
        assert dropped not in text


def test_html_nested_without_end_is_refused_and_not_followed(write: Write) -> None:
    with pytest.raises(LoadError, match="nested too deeply"):
        loaders.load(write("a.html", "<div>" * 20_000 + "text"))


def pdf(path: Path, *pages: str) -> Path:
    document = FPDF()
    document.set_title("Handbook")
    for text in pages:
        document.add_page()
        document.set_font("Helvetica", size=12)
        document.multi_cell(0, 8, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    document.output(str(path))
    return path


def test_a_pdf_gives_a_document_a_page_with_its_number(tmp_path: Path) -> None:
    documents = loaders.load(pdf(tmp_path / "a.pdf", "First page.", "", "Third page."))
    assert [(d.metadata["page"], d.page_content) for d in documents] == [(1, "First page."), (3, "Third page.")]
    assert documents[0].metadata["title"] == "Handbook"


def test_lines_of_a_pdf_read_on_and_broken_words_are_joined() -> None:
    page = "A fuse is a thin wire that melts when the cur-\r\nrent is too large.\r\nShort.\r\n\r\nNext.\r\n12\r\n"
    assert reflow(page).split("\n\n") == [
        "A fuse is a thin wire that melts when the current is too large.",
        "Short.",
        "Next.",
    ]


def test_a_pdf_behind_a_password_says_what_to_do(tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=pdf(tmp_path / "plain.pdf", "secret"))
    writer.encrypt("password", algorithm="AES-256")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(LoadError, match=r"locked\.pdf is protected by a password") as error:
        loaders.load(tmp_path / "locked.pdf")
    assert "without the password" in error.value.remedy


def test_a_pdf_without_text_is_called_scanned(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="scanned") as error:
        loaders.load(pdf(tmp_path / "scan.pdf", ""))
    assert "OCR" in error.value.remedy


@pytest.mark.parametrize("name", ["a.pdf", "a.docx"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"%PDF-1.7\n%garbage", b"PK\x03\x04garbage"])
def test_a_damaged_file_is_named(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(LoadError, match=f"{name} is damaged"):
        loaders.load(write(name, content))


def test_a_word_document_keeps_headings_and_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Syllabus", 1)
    document.add_paragraph("The course has eleven lessons.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Week", "Lesson"
    document.save(str(tmp_path / "a.docx"))
    (loaded,) = loaders.load(tmp_path / "a.docx")
    assert loaded.metadata["title"] == "Syllabus"
    assert loaded.page_content.startswith("# Syllabus\n\nThe course has eleven lessons.")
    assert "| Week | Lesson |" in loaded.page_content


def test_an_archive_that_is_no_word_document_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(LoadError, match="not a Word document"):
        loaders.load(tmp_path / "a.docx")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 250_000_000)
    with pytest.raises(LoadError, match="unpacks to 250 MB"):
        loaders.load(tmp_path / "a.docx")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"gone\.pdf cannot be read"):
        loaders.load(tmp_path / "gone.pdf")
