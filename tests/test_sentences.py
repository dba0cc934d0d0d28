"""A stream of text, cut into sentences that do not depend on how it was chopped."""

from hypothesis import example, given
from hypothesis import strategies as st

from assistant.sentences import SentenceStream

WORDS = st.sampled_from(
    [
        *"A fuse melts.|approx.|3|mm|Dr.|Smith|e.g.|it|Why?|$3.50|- item|1. one|```|# Head|전류가 흐른다.|U.S.|…".split(
            "|"
        ),
        *("\n", "\n\n", "```python\nx = 1. y\n```", "“Quoted.”", "\r", "\u2028", "\x1c", "  "),
    ]
)
TEXTS = st.text(max_size=120) | st.lists(WORDS, max_size=25).map(" ".join)


def released(pieces: list[str]) -> list[str]:
    stream = SentenceStream()
    return [sentence for piece in pieces for sentence in stream.feed(piece)] + stream.finish()


def chopped(text: str, cuts: list[int]) -> list[str]:
    places = sorted({min(place, len(text)) for place in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=12))
@example("It is 3 mm (approx. 3) wide. It melts.", [20, 21])
def test_the_same_text_gives_the_same_sentences_however_it_is_chopped(text: str, cuts: list[int]) -> None:
    assert released(chopped(text, cuts)) == released([text]) == released(list(text))


@given(TEXTS)
def test_no_character_is_lost(text: str) -> None:
    assert "".join(released([text])) == text


def test_a_sentence_is_released_once_the_next_word_is_complete() -> None:
    stream = SentenceStream()
    assert stream.feed("A fuse melts. It") == []
    assert stream.feed(" ") == ["A fuse melts. "]
    assert stream.feed("opens") == []
    assert stream.finish() == ["It opens"]
