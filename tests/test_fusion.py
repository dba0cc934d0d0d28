from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from knowledge.fusion import WORD_WEIGHT, fused

COSINES = st.dictionaries(st.sampled_from("abcdef"), st.floats(-1, 1), max_size=6)
MATCHES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.001, 50), max_size=6)


def test_words_decide_between_passages_of_like_meaning() -> None:
    assert fused({"a": 0.50, "b": 0.45, "c": 0.99}, {"b": 7.0, "a": 1.0}) == ["c", "b", "a"]


@given(COSINES)
def test_without_a_matching_word_the_meaning_decides(cosines: dict[str, float]) -> None:
    order = fused(cosines, {})
    assert [cosines[id_] for id_ in order] == sorted(cosines.values(), reverse=True)


@given(COSINES, MATCHES)
def test_words_move_no_passage_further_than_their_weight(cosines: dict[str, float], matches: dict[str, float]) -> None:
    known = {id_: worth for id_, worth in matches.items() if id_ in cosines}
    order = fused(cosines, known)
    assert sorted(order) == sorted(cosines)
    for before, after in pairwise(order):
        assert cosines[before] >= cosines[after] - WORD_WEIGHT - 1e-9


@given(COSINES, MATCHES)
def test_a_question_that_the_model_cannot_read_is_left_to_the_words(
    cosines: dict[str, float], matches: dict[str, float]
) -> None:
    order = [id_ for id_ in fused(cosines, matches, trust=0.0) if id_ in matches]
    assert [matches[id_] for id_ in order] == sorted(matches.values(), reverse=True)


def test_the_less_the_model_reads_the_more_the_words_count() -> None:
    cosines, matches = {"near": 0.9, "named": 0.3}, {"named": 8.0}
    assert fused(cosines, matches, trust=1.0) == ["near", "named"]
    assert fused(cosines, matches, trust=0.5) == ["named", "near"]
