import pytest

from knowledge.catalog import StoredPassage
from knowledge.neighbours import MAX_JOINED, cut_between, joined


def passage(text: str, id_: str = "a", section: str = "Fuses", page: int | None = None) -> StoredPassage:
    return StoredPassage(id_, text, section, page, "/manual.md", "Manual", "file:///manual.md", "default")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("To replace the fuse:", "1. Switch off."),
        ("1. Switch off.\n2. Open the lid.", "3. Pull the fuse."),
        ("| A | 3 |", "| B | 5 |\n| C | 7 |"),
        ("Run this:\n```\nfuse --test", "fuse --replace\n```"),
        ("A fuse melts when the current is", "too high for it. Then it opens."),
        ("A fuse melts when the current is", "Ampere's number on it."),
        ("It was replaced by the owner.", "and then by the shop."),
    ],
)
def test_a_thought_that_runs_on_is_seen(before: str, after: str) -> None:
    assert cut_between(passage(before), passage(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A fuse melts.", "A breaker trips."),
        ('He said "no."', "Nobody asked again."),
        ("퓨즈가 녹습니다.", "차단기가 내려갑니다."),
        ("- copper\n- glass", "A breaker trips."),
        ("A fuse melts.", "- copper\n- glass"),
        ("```\nfuse --test\n```", "A breaker trips."),
        ("| A | 3 |", "A breaker trips."),
        ("| A | 3 |", "| name | A |\n| --- | --- |\n| B | 5 |"),
    ],
)
def test_a_thought_that_is_whole_is_left_alone(before: str, after: str) -> None:
    assert not cut_between(passage(before), passage(after))


def test_nothing_is_joined_across_headings_and_pages() -> None:
    assert cut_between(passage("As follows:"), passage("It melts."))
    assert not cut_between(passage("As follows:"), passage("It melts.", section="Breakers"))
    assert not cut_between(passage("As follows:", page=1), passage("It melts.", page=2))


def test_a_joined_passage_is_bounded() -> None:
    hit, after = passage("As follows:"), passage("x" * MAX_JOINED, "b")
    assert joined(None, hit, after) == (hit,)
    before = passage("The reason is", "c")
    assert joined(before, passage("heat.", "d"), None) == (before, passage("heat.", "d"))
    assert joined(None, hit, None) == (hit,)
