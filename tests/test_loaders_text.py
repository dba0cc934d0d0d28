"""Formats that are text: tables, JSON, notebooks, reStructuredText, mails, XML, rich text, source code."""

import json
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import LoadError, loaders
from knowledge.loaders import code
from knowledge.loaders.csv import separator
from knowledge.loaders.json import flat
from knowledge.loaders.ranges import MAX_RECORDS, ranges
from knowledge.loaders.restructuredtext import to_markdown
from knowledge.loaders.tables import tables

Write = Callable[[str, str | bytes], Path]
KOREAN = "저항기는 전류의 흐름을 제한하는 부품이다. 옴의 법칙에 따르면 전압은 전류와 저항의 곱이다.\n"
JAPANESE = "抵抗器は電流の流れを制限する部品です。電池を直列につなぐと電圧が高くなります。\n"


def sections(path: Path) -> list[str]:
    return [document.metadata["section"] for document in loaders.load(path)]


@pytest.mark.parametrize(
    ("text", "encoding"), [(KOREAN, "cp949"), (KOREAN, "utf-16"), (JAPANESE, "shift_jis"), (JAPANESE, "iso2022_jp")]
)
def test_text_of_east_asia_is_read_in_its_old_encodings(write: Write, text: str, encoding: str) -> None:
    assert loaders.load(write("a.txt", text.encode(encoding)))[0].page_content == text


def test_every_document_says_title_page_format_and_section(write: Write) -> None:
    files = {
        "a.md": "# A\n\ntext",
        "a.csv": "a,b\n1,2\n",
        "a.json": '{"a": 1, "b": {"c": 2}}',
        "a.py": "x = 1\n",
        "a.rst": "Title\n=====\n\ntext\n",
        "a.xml": "<a>x</a>",
    }
    for name, content in files.items():
        for document in loaders.load(write(name, content)):
            assert set(document.metadata) == {"title", "page", "format", "section"}
            assert document.metadata["title"]


def test_toml_front_matter_gives_the_title(write: Write) -> None:
    (document,) = loaders.load(write("a.md", '+++\ntitle = "Pumps"\n+++\n# Other\n'))
    assert (document.metadata["title"], document.page_content) == ("Pumps", "# Other\n")


def test_a_title_that_unfolds_without_end_is_no_title(write: Write) -> None:
    lists = "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    (document,) = loaders.load(write("a.md", f"---\na: &a [x]\n{lists}title: *l\n---\ntext\n"))
    assert (document.metadata["title"], document.page_content) == ("a", "text\n")


@pytest.mark.parametrize("mark", list(",;\t|"))
def test_what_stands_between_the_cells_is_found_out(mark: str) -> None:
    assert (
        separator(f"name{mark}size, in mm{mark}price\nbolt{mark}3{mark}4\nnut{mark}5{mark}6\n".replace(", ", " "))
        == mark
    )


def test_a_table_as_text_names_its_rows(write: Write) -> None:
    (document,) = loaders.load(write("parts.csv", 'name,size\n"bolt, long",3\n\nnut,\n'))
    assert document.page_content == "| name | size |\n| --- | --- |\n| bolt, long | 3 |\n| nut |  |"
    assert (document.metadata["title"], document.metadata["section"]) == ("parts", "Rows 2-4")


@given(st.lists(st.lists(st.text(max_size=30), max_size=5), max_size=30))
def test_no_cell_of_any_table_is_lost(rows: list[list[str]]) -> None:
    text = "\n".join(document.page_content for document in tables(rows, "t"))
    for row in rows:
        for cell in row:
            assert " ".join(cell.encode("utf-8", "replace").decode().split()).replace("|", "\\|") in text


@given(st.lists(st.text(max_size=400), max_size=200))
def test_ranges_hold_every_record_once_and_in_order(texts: list[str]) -> None:
    runs = list(ranges(enumerate(texts, start=1)))
    assert [text for _, several in runs for text in several] == texts
    assert all(len(several) <= MAX_RECORDS for _, several in runs)


def test_json_becomes_lines_under_the_keys_that_lead_to_them(write: Write) -> None:
    value = {"shop": "Kim", "open": True, "address": {"city": "Seoul"}, "parts": [{"id": n} for n in range(200)]}
    documents = loaders.load(write("a.json", json.dumps(value)))
    assert documents[0].page_content == "shop: Kim\nopen: true"
    assert (documents[1].page_content, documents[1].metadata["section"]) == ("city: Seoul", "address")
    assert documents[2].metadata["section"] == "parts, items 1-50"
    assert documents[2].page_content.startswith("id: 0\n\nid: 1\n\n")


def test_json_lines_name_their_lines_whatever_the_file_is_called(write: Write) -> None:
    lines = "\n".join(json.dumps({"text": f"line {n} " + "x" * 300}) for n in range(1, 6))
    expected = ["Lines 1-2", "Lines 3-4", "Line 5"]
    assert sections(write("a.jsonl", lines)) == sections(write("a.json", lines)) == expected


def test_json_that_is_broken_names_the_line(write: Write) -> None:
    for name in ("a.json", "a.jsonl"):
        with pytest.raises(LoadError, match=rf"{name} is not JSON: .* in line 2"):
            loaders.load(write(name, '{"a": 1}\n{"a": \n'))


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_every_value_in_json_is_kept(value: object) -> None:
    text = flat(value)

    def check(one: object) -> None:
        if isinstance(one, list | dict):
            for inner in one.values() if isinstance(one, dict) else one:
                check(inner)
        else:
            assert str(one) in text

    check(value)


def test_a_notebook_gives_its_cells_with_the_heading_above_them(write: Write) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Loops\n", "A loop repeats."]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"output_type": "stream", "text": ["1\n"]}]},
        {"cell_type": "code", "source": [], "outputs": []},
        {"cell_type": "markdown", "source": "The end."},
    ]
    documents = loaders.load(write("a.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4})))
    assert [d.metadata["section"] for d in documents] == ["Cell 1", "Cell 2 > Loops", "Cell 4 > Loops"]
    assert documents[1].page_content == "```python\nprint(1)\n```\n\n```\n1\n```\n"
    assert documents[0].metadata["title"] == "Loops"


def test_what_is_no_notebook_is_named(write: Write) -> None:
    for content in ('{"cells": [1]}', "[]", "no json"):
        with pytest.raises(LoadError, match=r"a\.ipynb is damaged"):
            loaders.load(write("a.ipynb", content))


RST = """.. _top:

========
 Loops
========

.. module:: loops

A :term:`loop <looping>` repeats; see :meth:`range` and `the docs <http://x.test>`_.  Use ``for``::

    for i in x:
        print(i)

While
-----

.. note::
   :class: big

   It may never end.

.. function:: range(stop)

   Numbers up to *stop*.

.. toctree::
   :maxdepth: 2

   other

짧은 제목
----------

=====  =====
a      b
=====  =====
1      2
=====  =====
"""


def test_headings_of_restructuredtext_become_headings_and_its_marks_go() -> None:
    text = to_markdown(RST)
    assert [line for line in text.split("\n") if line.startswith("#")] == ["# Loops", "## While", "## 짧은 제목"]
    assert "A loop repeats; see range and the docs.  Use `for`:" in text
    assert "    for i in x:\n        print(i)" in text
    assert "note:\n\n   It may never end." in text
    assert "function: range(stop)\n\n   Numbers up to *stop*." in text
    for gone in ("_top", "maxdepth", "other", ":class:", "http", "module"):
        assert gone not in text


def test_restructuredtext_has_its_first_heading_as_title(write: Write) -> None:
    assert loaders.load(write("a.rst", RST))[0].metadata["title"] == "Loops"


@given(st.lists(st.sampled_from(["text", "====", "----", "", "  in", ".. x::", ":a: b", "=", "..", "a ``b`` c"])))
def test_any_restructuredtext_is_read(lines: list[str]) -> None:
    text = to_markdown("\n".join(lines))
    assert text.count("text") <= lines.count("text")


def mail(html: bool = False) -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        "The pump is late",
        "Kim <kim@example.test>",
        "lee@example.test",
    )
    message["Date"] = "Fri, 01 May 2026 09:30:00 +0900"
    message.set_content("# 1 comes on Monday.\n밸브도 늦는다.\n")
    if html:
        message.add_alternative("<h1>Never shown</h1>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="송장.pdf")
    return message


@pytest.mark.parametrize("html", [False, True])
def test_a_mail_says_who_wrote_what_when_and_what_was_attached(write: Write, html: bool) -> None:
    (document,) = loaders.load(write("a.eml", mail(html).as_bytes()))
    assert document.metadata["title"] == "The pump is late"
    assert document.page_content.startswith(
        "# The pump is late\n\nFrom: Kim <kim@example.test>  \nTo: lee@example.test"
    )
    for part in ("Date: Fri, 01 May 2026 09:30:00 +0900", "Attached: 송장.pdf", "\\# 1 comes", "밸브도 늦는다."):
        assert part in document.page_content
    assert "Never shown" not in document.page_content


def test_a_page_saved_with_its_pictures_is_known_by_any_name(write: Write) -> None:
    message = EmailMessage()
    message["Subject"] = "Saved"
    message["MIME-Version"] = "1.0"
    message.set_content("<html><body><h2>Valves</h2><p>They open.</p></body></html>", subtype="html")
    message.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<a>")
    for name in ("a.mht", "a.htm"):
        assert "## Valves\n\nThey open." in loaders.load(write(name, message.as_bytes()))[0].page_content


def test_a_feed_gives_its_entries_as_headings(write: Write) -> None:
    feed = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><description>d</description>
    <item><title>A new pump</title><description>&lt;p&gt;It is &lt;b&gt;quiet&lt;/b&gt;.&lt;/p&gt;</description></item>
    </channel></rss>"""
    (document,) = loaders.load(write("a.xml", feed))
    assert document.metadata["title"] == "News"
    assert "## A new pump" in document.page_content
    assert "It is **quiet**." in document.page_content


def test_other_xml_gives_its_texts_after_the_names_of_their_elements(write: Write) -> None:
    (document,) = loaders.load(
        write("a.xml", '<p:parts xmlns:p="u"><part id="7">Valve <b>big</b> one</part></p:parts>')
    )
    assert document.page_content == "part, id: 7\npart: Valve\nb: big\none"


def test_rich_text_leaves_its_words(write: Write) -> None:
    text = r"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0 The \b pump\b0  caf\'e9 \u48181?.\par Next.}"
    assert loaders.load(write("a.rtf", text))[0].page_content == "The pump café 밵.\nNext."


def test_source_code_is_cut_where_something_begins_and_names_its_lines(write: Write) -> None:
    functions = "\n".join(f"def f{n}():\n    a = {n}\n\n    return a\n" for n in range(30))
    documents = loaders.load(write("tool.py", functions))
    assert [d.metadata["section"] for d in documents[:2]] == ["Lines 1-20", "Lines 21-40"]
    assert all(d.page_content.startswith("def ") for d in documents)
    assert {(d.metadata["title"], d.metadata["format"]) for d in documents} == {("tool.py", "text")}


@given(st.lists(st.sampled_from(["", "x", "  y"]), max_size=300))
def test_every_line_of_code_is_in_one_run(lines: list[str]) -> None:
    runs = list(code.runs(lines))
    assert [number for start, end in runs for number in range(start, end)] == list(range(len(lines)))
    assert all(end - start <= code.MAX_LINES for start, end in runs)


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx"])
def test_a_web_page_by_another_name_is_read_as_one(write: Write, name: str) -> None:
    path = write(name, "<!DOCTYPE html>\n<html><body><h1>Pumps</h1><p>They turn.</p></body></html>")
    assert loaders.load(path)[0].page_content == "# Pumps\n\nThey turn.\n"


def test_markdown_that_begins_with_a_tag_stays_markdown(write: Write) -> None:
    assert loaders.load(write("a.md", "<html>\n# Pumps\n"))[0].page_content == "<html>\n# Pumps\n"
