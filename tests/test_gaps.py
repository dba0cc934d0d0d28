"""What the documents did not say is kept for those who keep them, and nothing says who asked."""

import logging
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant import gaps
from assistant.gaps import Gap, Gaps, grouped
from assistant.settings import DatabaseSettings
from tests.postgres import fresh_database


def gap(question: str, at: str = "2026-01-02T03:04:05+00:00") -> Gap:
    return Gap(question, question, ("default",), ("Refunds (shop.md)",), 0.25, at)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> DatabaseSettings:
    if request.param == "sqlite":
        return DatabaseSettings()
    return DatabaseSettings(url=SecretStr(fresh_database(request.getfixturevalue("postgres"))))


def test_gaps_are_kept_across_a_restart(place: DatabaseSettings, tmp_path: Path) -> None:
    first = Gaps(place, tmp_path)
    first.record(gap("Where is the lift?"))
    first.record(gap("Wo ist der 'Aufzug'?", "2026-02-02T00:00:00+00:00"))
    first.close()
    second = Gaps(place, tmp_path)
    assert [one.question for one in second.all()] == ["Wo ist der 'Aufzug'?", "Where is the lift?"]
    assert second.all()[1] == gap("Where is the lift?")
    assert [one.question for one in second.all("2026-01-03")] == ["Wo ist der 'Aufzug'?"]
    second.close()


def test_the_oldest_go(place: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "MOST_KEPT", 3)
    kept = Gaps(place, tmp_path)
    for number in range(5):
        kept.record(gap(f"Question {number}?"))
    assert [one.question for one in kept.all()] == ["Question 4?", "Question 3?", "Question 2?"]
    kept.close()


def test_a_long_question_is_cut_and_a_time_is_given(tmp_path: Path) -> None:
    kept = Gaps(DatabaseSettings(), tmp_path)
    kept.record(Gap("x" * 9_000, "y" * 9_000, (), (), 0.1))
    (found,) = kept.all()
    kept.close()
    assert (len(found.question), len(found.query)) == (gaps.LONGEST_QUESTION, gaps.LONGEST_QUESTION)
    assert found.at.endswith("+00:00")


def test_nothing_of_a_gap_says_who_asked() -> None:
    assert {field.name for field in fields(Gap)} == {"question", "query", "collections", "closest", "confidence", "at"}


def test_a_failure_to_record_is_logged_and_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "gaps.sqlite3").mkdir()
    with caplog.at_level(logging.ERROR):
        Gaps(DatabaseSettings(), tmp_path).record(gap("Where?"))
    assert "could not be recorded" in caplog.text


def test_questions_that_say_the_same_are_counted_together() -> None:
    asked = [
        gap("How do I cancel my subscription?", "2026-03-03"),
        gap("Is there a lift?", "2026-03-02"),
        gap("How can I cancel my subscriptions", "2026-03-01"),
        gap("환불은 어떻게 받나요?", "2026-02-02"),
        gap("환불은 어떻게 받나요", "2026-02-01"),
        gap("What is it?", "2026-01-01"),
    ]
    groups = grouped(asked)
    assert [(group.gap.question, group.count, group.first) for group in groups] == [
        ("How do I cancel my subscription?", 2, "2026-03-01"),
        ("환불은 어떻게 받나요?", 2, "2026-02-01"),
        ("Is there a lift?", 1, "2026-03-02"),
        ("What is it?", 1, "2026-01-01"),
    ]
