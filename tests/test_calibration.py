"""Thresholds fitted to an owner's own questions, and written into a profile."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.evaluation.answers import Label, Outcome, Task
from assistant.evaluation.calibration import Scored, Threshold, calibrate, fit, profile_lines, write_profile
from assistant.gate import Decision
from assistant.settings import AnswerSettings
from assistant.state import State

Write = Callable[[str, str | bytes], Path]
POLICY = AnswerSettings()


def outcome(label: Label, confidence: float, unclear: float, number: int) -> Outcome:
    task = Task(f"{label}-{number}", "Why?", (), label, frozenset())
    return Outcome(task, State(decision=Decision("answer", confidence, unclear)), "answered", 1.0)


def outcomes(count: int, answerable: float, unanswerable: float) -> list[Outcome]:
    """So many of each kind, with scores around those given."""
    found = [outcome("answerable", answerable + 0.01 * (at % 5), 0.1, at) for at in range(count)]
    found += [outcome("unanswerable", unanswerable - 0.01 * (at % 5), 0.1, at) for at in range(count)]
    return found + [outcome("underspecified", 0.5, 0.7 + 0.01 * (at % 5), at) for at in range(count)]


def test_a_threshold_moves_between_the_two_kinds() -> None:
    relevance, unclear = calibrate(outcomes(40, 0.9, 0.7), POLICY)
    assert 0.7 < relevance.fitted < 0.9
    assert (relevance.before, relevance.after) == (0.5, 1.0)
    assert 0.1 < unclear.fitted < 0.7
    assert relevance.note == unclear.note == ""


def test_twenty_questions_move_it_less_and_are_told_to_be_few() -> None:
    few, many = (calibrate(outcomes(count, 0.97, 0.9), POLICY)[0] for count in (4, 60))
    assert 0.5 < few.fitted < many.fitted < 0.97
    assert few.note == "min_relevance rests on 4 answerable and 4 unanswerable tasks: take it as rough."


def test_a_kind_that_is_missing_leaves_the_threshold_as_it_is() -> None:
    only = [one for one in outcomes(20, 0.9, 0.7) if one.task.label == "answerable"]
    relevance, unclear = calibrate(only, POLICY)
    assert relevance == Threshold(
        "min_relevance", 0.5, 0.5, note="min_relevance stays as it is: 0 tasks are unanswerable, 3 are needed."
    )
    assert unclear.note == "clarify_above stays as it is: 0 tasks are underspecified, 3 are needed."
    assert [one.fitted for one in calibrate([], POLICY)] == [0.5, 0.5]


def test_scores_at_the_ends_give_a_threshold_between() -> None:
    scored = [Scored(1.0, True, "a"), Scored(1.0, True, "b"), Scored(0.0, False, "c"), Scored(0.0, False, "d")]
    assert 0.4 <= fit(scored, 0.5, 1.0) <= 0.6


PROFILE = """# Ours.
[engine]
kind = "openvino"  # small

[answers]
# Tuned in May.
min_relevance = 0.4  # it was so
quotes = 3
"""


def test_a_profile_keeps_its_comments(write: Write) -> None:
    path = write("own.toml", PROFILE)
    path.chmod(0o640)
    fitted = [Threshold("min_relevance", 0.4, 0.47), Threshold("clarify_above", 0.5, 0.41)]
    write_profile(path, fitted)
    text = path.read_text(encoding="utf-8")
    assert text == PROFILE.replace("0.4  #", "0.47  #") + "clarify_above = 0.41\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in path.parent.iterdir()] == ["own.toml"]
    bare = write("bare.toml", "# Nothing yet.\n")
    write_profile(bare, fitted)
    assert tomllib.loads(bare.read_text()) == tomllib.loads(profile_lines(fitted))
    assert bare.read_text().startswith("# Nothing yet.")


@pytest.mark.parametrize("content", ["answers = 5\n", "[answers\n", b"\xff\xfe"])
def test_a_profile_that_cannot_be_written_is_left_and_told(write: Write, content: str | bytes) -> None:
    path = write("own.toml", content)
    before = path.read_bytes()
    with pytest.raises(SettingsError) as told:
        write_profile(path, [Threshold("min_relevance", 0.4, 0.47)])
    assert str(path) in told.value.problem
    assert path.read_bytes() == before


def test_a_profile_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_profile(tmp_path / "none.toml", [])
