"""Through the front door: a question that is asked back and then answered, and one that the documents do not answer."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant import Assistant, Caller, Question
from assistant.gaps import Gap, Gaps
from assistant.settings import Settings, load_profile
from connectors.cli import report
from connectors.cli.options import Options
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

Write = Callable[[str, str | bytes], Path]
ALICE = Caller(user="alice")
HARBOUR = "The Harbour Clinic treats eyes and ears. Appointments at the Harbour Clinic are made by telephone."
HILL = "The Hill Clinic treats bones and joints. The Hill Clinic is open at weekends."
VAULT = "The Vault Clinic treats spies. Refunds of the Vault Clinic are paid in cash."


@pytest.fixture
def settings(write: Write, tmp_path: Path) -> Settings:
    profile = write("clinics.toml", '[knowledge.readers]\nvault = ["user:bond"]\n')
    return load_profile(str(profile), tmp_path / "data")


@pytest.fixture
def said() -> ScriptedEngine:
    return ScriptedEngine("The Hill Clinic treats bones and joints.")


@pytest.fixture
async def assistant(
    settings: Settings, said: ScriptedEngine, embeddings: SentenceEmbeddings, write: Write
) -> AsyncIterator[Assistant]:
    async with Assistant(settings, said, embeddings) as assistant:
        ingest(assistant.knowledge, write("harbour.md", f"# Harbour Clinic\n\n{HARBOUR}\n"))
        ingest(assistant.knowledge, write("hill.md", f"# Hill Clinic\n\n{HILL}\n"))
        ingest(assistant.knowledge, write("vault.md", f"# Vault Clinic\n\n{VAULT}\n"), collection="vault")
        yield assistant


async def test_a_question_is_asked_back_once_and_the_reply_is_read_with_it(
    assistant: Assistant, said: ScriptedEngine, settings: Settings
) -> None:
    first = Question("What does the clinic treat?", caller=ALICE)
    asked = await assistant.ask(first)
    assert (asked.status, asked.citations) == ("clarify", ())
    assert asked.text in (
        "Which clinic do you mean: Harbour, Hill?",
        "Which clinic do you mean: Hill, Harbour?",
    ), "what the caller may not read is not offered"
    assert said.prompts == [], "the model is not asked"
    answer = await assistant.ask(Question("the Hill one", first.conversation_id, ALICE))
    assert answer.status == "answered"
    assert answer.citations[0].section == "Hill Clinic"
    again = await assistant.ask(Question("And this clinic?", first.conversation_id, ALICE))
    assert again.status != "failed"
    assert Gaps(settings.database, settings.data_dir).all() == [], "a question that is asked back is no gap"


async def test_nobody_is_asked_back_about_the_reply_to_a_question_back(assistant: Assistant) -> None:
    first = Question("What does the clinic treat?", caller=ALICE)
    assert (await assistant.ask(first)).status == "clarify"
    assert (await assistant.ask(Question("the clinic", first.conversation_id, ALICE))).status != "clarify"


async def test_an_abstention_tells_only_of_what_the_caller_may_read(assistant: Assistant, settings: Settings) -> None:
    question = Question("Who pays refunds to patients from Norway?", caller=ALICE)
    answer = await assistant.ask(question)
    assert answer.status == "abstained"
    assert "I searched default (documents: 2)." in answer.text
    assert "vault" not in answer.text.lower().replace("default", "")
    (gap,) = Gaps(settings.database, settings.data_dir).all()
    assert (gap.question, gap.collections) == (question.text, ("default",))
    assert "alice" not in json.dumps([gap.question, gap.query, gap.closest])


async def test_an_abstention_is_not_told_to_others_who_may_not_read_what_it_names(assistant: Assistant) -> None:
    question = Question("Who discovered superconductivity?", caller=Caller(user="bond"))
    assert "vault" in (await assistant.ask(question)).text
    assert len(await assistant.history(question.conversation_id, Caller(user="bond"))) == 1
    assert await assistant.history(question.conversation_id, ALICE) == []


async def test_gaps_are_not_kept_where_the_profile_says_so(
    settings: Settings, said: ScriptedEngine, embeddings: SentenceEmbeddings, write: Write
) -> None:
    own = settings.model_copy(update={"answers": settings.answers.model_copy(update={"record_gaps": False})})
    async with Assistant(own, said, embeddings) as assistant:
        ingest(assistant.knowledge, write("hill.md", f"# Hill Clinic\n\n{HILL}\n"))
        assert (await assistant.ask(Question("Who discovered superconductivity?"))).status == "abstained"
    assert not (own.data_dir / "gaps.sqlite3").exists()


def test_a_report_lists_gaps_with_their_counts(tmp_path: Path) -> None:
    kept = Gaps(load_profile("docs", tmp_path).database, tmp_path)
    for at in ("2026-01-01T10:00:00+00:00", "2026-02-01T10:00:00+00:00"):
        kept.record(Gap("Where is the lift?", "Where is the lift?", ("default",), ("Stairs (house.md)",), 0.2, at))
    kept.record(Gap("Any parking?", "Any parking?", ("default",), (), 0.1, "2026-01-02T10:00:00+00:00"))
    kept.close()
    assert json.loads(reported(tmp_path, "--json")) == [
        {
            "question": "Where is the lift?",
            "query": "Where is the lift?",
            "count": 2,
            "first": "2026-01-01T10:00:00+00:00",
            "last": "2026-02-01T10:00:00+00:00",
            "collections": ["default"],
            "closest": ["Stairs (house.md)"],
            "confidence": 0.2,
        },
        {
            "question": "Any parking?",
            "query": "Any parking?",
            "count": 1,
            "first": "2026-01-02T10:00:00+00:00",
            "last": "2026-01-02T10:00:00+00:00",
            "collections": ["default"],
            "closest": [],
            "confidence": 0.1,
        },
    ]
    assert [entry["count"] for entry in json.loads(reported(tmp_path, "--json", "--since", "2026-02-01"))] == [1]
    assert reported(tmp_path, "-n", "1") == "2\t2026-02-01T10:00:00+00:00\tWhere is the lift?\tStairs (house.md)\n"


def reported(folder: Path, *options: str) -> str:
    given = Options()
    given.data_dir = folder
    done = CliRunner().invoke(report.app, ["gaps", *options], obj=given, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout
