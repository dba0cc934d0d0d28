from hypothesis import given
from hypothesis import strategies as st

from knowledge.catalog import StoredPassage
from knowledge.duplicates import distinct_first, resemblance, shingles

PAGE = (
    "Press the red button for five seconds, wait until the light goes out, then plug the device in again. Version {}."
)
KOREAN = (
    "빨간 단추를 오 초 동안 누르고 불이 꺼질 때까지 기다린 다음 장치를 다시 연결하십시오. "
    "그래도 안 되면 상담실로 연락하십시오. {} 판."
)


def passage(text: str, id_: str) -> StoredPassage:
    return StoredPassage(id_, text, "", None, "/manual.md", "Manual", "file:///manual.md", "default")


def order(*texts: str) -> list[str]:
    found = [passage(text, str(place)) for place, text in enumerate(texts)]
    return [one.id for one in distinct_first(found)]


def test_versions_of_a_page_go_behind_other_passages() -> None:
    assert order(PAGE.format(1), PAGE.format(2), "Clean the filter.", PAGE.format(3)) == ["0", "2", "1", "3"]
    assert order(KOREAN.format("일"), KOREAN.format("이"), "필터를 씻습니다.") == ["0", "2", "1"]


def test_passages_on_one_subject_stay_in_order() -> None:
    assert order(
        "Press the red button for five seconds to restart the device.",
        "Press the green button for five seconds to pair the device with a phone.",
        "The red button is on the back of the device.",
    ) == ["0", "1", "2"]


def test_short_passages_are_repeats_only_when_they_are_the_same() -> None:
    assert order("Yes.", "No.", "yes") == ["0", "1", "2"]


@given(st.lists(st.text(max_size=40), max_size=8))
def test_no_passage_is_lost(texts: list[str]) -> None:
    assert sorted(order(*texts), key=int) == [str(place) for place in range(len(texts))]


@given(st.text(max_size=60), st.text(max_size=60))
def test_resemblance_is_a_share_and_the_same_both_ways(a: str, b: str) -> None:
    assert 0.0 <= resemblance(shingles(a), shingles(b)) == resemblance(shingles(b), shingles(a)) <= 1.0
    assert resemblance(shingles(a), shingles(a)) == 1.0
