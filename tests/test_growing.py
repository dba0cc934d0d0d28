"""An answer that grows: whole characters only, nothing of a stop string, the text that all tokens together give."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from assistant.engines.growing import GrowingAnswer
from assistant.engines.serving import Request
from assistant.engines.stops import Stops
from tests.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()


def pieces(text: str, stops: tuple[str, ...] = (), at_once: int = 1) -> Iterator[str]:
    """What is given out while the bytes of the text arrive, so many at a time."""
    answer = GrowingAnswer(Request([], 1, lambda ids, finished, error: None), TOKENIZER.decode, "tiny", Stops(stops))
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    for start in range(0, len(ids), at_once):
        for chunk in answer.take((ids[start : start + at_once], None, None)):
            yield chunk.text
        if answer.finished:
            return
    for chunk in answer.take(([], "stop", None)):
        yield chunk.text


@given(st.text(max_size=40), st.integers(1, 5))
def test_no_piece_ends_in_half_a_character_and_all_together_are_the_text(text: str, at_once: int) -> None:
    given_out = list(pieces(text, at_once=at_once))
    assert "".join(given_out) == text
    assert all("�" not in piece for piece in given_out) or "�" in text


@given(
    st.text("ab🌊", max_size=30),
    st.lists(st.text("ab🌊", min_size=1, max_size=4), min_size=1, max_size=3),
    st.integers(1, 9),
)
def test_a_stop_string_ends_the_answer_before_it_however_it_arrives(text: str, stops: list[str], at_once: int) -> None:
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop in text]
    expected = text[: min(ends)[1]] if ends else text
    assert "".join(pieces(text, tuple(stops), at_once)) == expected
