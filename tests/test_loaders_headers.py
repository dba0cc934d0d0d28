"""A long table is cut into parts that each have the header row."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.grounding.evidence import gather
from assistant.types import Passage
from knowledge import KnowledgeBase
from knowledge.loaders.documents import document
from knowledge.loaders.headers import repeat_headers
from tests.conftest import ingest

HEADER = ["| room | seats |", "| --- | ---: |"]
ROOMS = [f"| Room {number} | {number + 10} |" for number in range(1, 81)]
ALPHABET = st.characters(codec="utf-8", exclude_characters="|\n\r", exclude_categories=("Cc", "Zl", "Zp"))
CELLS = st.text(ALPHABET, max_size=60).map(lambda cell: f"x{cell}y")


@given(st.lists(st.tuples(CELLS, CELLS), max_size=60), st.integers(20, 300))
def test_every_row_stays_and_each_part_has_the_header(cells: list[tuple[str, str]], room: int) -> None:
    rows = [f"| {a} | {b} |" for a, b in cells]
    text = repeat_headers("\n".join(["Seats:", "", *HEADER, *rows, "", "That is all."]), room)
    lines = text.split("\n")
    assert [line for line in lines if line.startswith("| x")] == rows
    parts = text.removeprefix("Seats:\n\n").removesuffix("\n\nThat is all.").split("\n\n")
    assert all(part.split("\n")[:2] == HEADER for part in parts)
    assert len(parts) == 1 or all(len(part.split("\n")) > 2 for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No table at all.",
        "\n".join([*HEADER, *ROOMS[:5]]),
        "\n".join(ROOMS),
        "\n".join(["```", *HEADER, *ROOMS, "```"]),
        "\n".join(f"> {line}" for line in [*HEADER, *ROOMS]),
        "A line\r\nand another\r\n",
    ],
)
def test_what_is_no_long_table_is_left_as_it_is(text: str) -> None:
    assert repeat_headers(text) == text


def test_a_wide_header_does_not_stand_over_each_row() -> None:
    header = [f"| {'many words stand here ' * 40} | b |", "| --- | --- |"]
    rows = [f"| many words stand here as well {number} | two |" for number in range(400)]
    text = repeat_headers("\n".join([*header, *rows]))
    assert len(text) < 3 * len("\n".join([*header, *rows]))
    assert text.count(header[0]) > 1


def test_parting_a_parted_table_again_changes_nothing() -> None:
    once = repeat_headers("\n".join([*HEADER, *ROOMS]))
    assert once.count(HEADER[0]) > 1
    assert repeat_headers(once) == once


def test_a_line_of_spaces_takes_no_time() -> None:
    text = " " * 1_000_000 + "|x"
    assert repeat_headers(text) == text


def test_plain_text_is_no_table() -> None:
    text = "\n".join([*HEADER, *ROOMS])
    assert document(text, "a", format="text").page_content == text


def test_a_range_of_rows_that_has_its_header_is_left_as_it_is() -> None:
    text = "\n".join([*HEADER, *ROOMS])
    assert document(text, "a", headed=True).page_content == text
    assert document(text, "a").page_content != text


@pytest.mark.parametrize("name", ["rooms.md", "rooms.html"])
def test_a_row_far_down_a_table_is_found_with_its_columns(
    knowledge: KnowledgeBase, write: Callable[[str, str | bytes], Path], name: str
) -> None:
    markdown = "# Rooms\n\nWhere lectures are held.\n\n" + "\n".join([*HEADER, *ROOMS])
    cells = "".join(f"<tr><td>Room {number}</td><td>{number + 10}</td></tr>" for number in range(1, 81))
    html = f"<h1>Rooms</h1><p>Where lectures are held.</p><table><tr><th>room</th><th>seats</th></tr>{cells}</table>"
    ingest(knowledge, write(name, html if name.endswith("html") else markdown))
    found = knowledge.retriever(3).invoke("How many seats does room 71 have?")
    passages = [Passage(one.page_content, name, None, "", "", 0.5) for one in found]
    assert "room: Room 71, seats: 81" in [one.said for one in gather(passages)]
