"""The facade: from a question to a checked answer. The model is scripted where the test is about what it might say."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import (
    Answer,
    Assistant,
    Attachment,
    Caller,
    Event,
    Finished,
    Question,
    Retrieved,
    Stage,
    TextDelta,
    phrases,
)
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import EmptyQuestionError, QuestionTooLongError
from assistant.followups import standalone
from assistant.settings import Settings, load_profile
from assistant.types import Turn
from knowledge import NotFoundError, SentenceEmbeddings
from tests.conftest import ScriptedEngine, idle, ingest

pytestmark = pytest.mark.slow

COURSE = """# Fuses

A fuse is a thin wire that melts when the current is too large and so opens the circuit.
A circuit breaker is a switch that opens by itself when the current is too large.

# Meters

An ammeter is connected in series, so that the current to be measured flows through it.
A voltmeter is connected in parallel to the part whose voltage is measured.
"""
TRUE = "A fuse is a thin wire that melts when the current is too large."
FALSE = "A fuse was invented in 1890 by a man called Thomas."


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_profile("docs", tmp_path / "data")


@pytest.fixture
def engine_says() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def assistant(
    settings: Settings, engine_says: ScriptedEngine, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> AsyncIterator[Assistant]:
    async with Assistant(settings, engine_says, embeddings) as assistant:
        ingest(assistant.knowledge, write("course.md", COURSE))
        yield assistant


async def events_of(assistant: Assistant, question: Question) -> list[Event]:
    return [event async for event in assistant.stream(question)]


def is_sound(answer: Answer) -> bool:
    """Every citation is used in the text, and every quote stands in the course."""
    used = all(f"[{citation.number}]" in answer.text for citation in answer.citations)
    return used and all(citation.quote in COURSE for citation in answer.citations)


async def test_events_come_in_order_and_the_deltas_are_the_answer(
    assistant: Assistant, engine_says: ScriptedEngine
) -> None:
    engine_says.says = f"{TRUE} {FALSE}"
    events = await events_of(assistant, Question("What is a fuse?"))
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Stage, Retrieved, Stage]
    assert kinds[-1] is Finished
    last = events[-1]
    assert isinstance(last, Finished)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == last.answer.text


async def test_only_what_the_documents_support_is_said(assistant: Assistant, engine_says: ScriptedEngine) -> None:
    engine_says.says = f"{FALSE} {TRUE}\n\n{FALSE}"
    answer = await assistant.ask(Question("What is a fuse?"))
    assert answer.text == f"{TRUE} [1]"
    assert answer.status == "answered"
    assert is_sound(answer)
    assert answer.citations[0].section == "Fuses"


@pytest.mark.parametrize("says", ["", FALSE, "Sure! I can help.", "# What is a fuse", "fuse " * 500])
async def test_when_nothing_holds_the_documents_are_quoted_and_it_says_so(
    assistant: Assistant, engine_says: ScriptedEngine, says: str
) -> None:
    engine_says.says = says
    answer = await assistant.ask(Question("What is a fuse?"))
    assert answer.text.startswith(phrases.say(assistant.settings.persona, "quotation", "en"))
    assert "“A fuse is a thin wire" in answer.text
    assert answer.citations
    assert is_sound(answer)


async def test_what_the_documents_do_not_say_is_not_said(assistant: Assistant, engine_says: ScriptedEngine) -> None:
    engine_says.says = "Refunds are paid within thirty days."
    answer = await assistant.ask(Question("What is the refund policy?"))
    assert (answer.status, answer.citations) == ("abstained", ())
    assert answer.text.startswith("The documents do not say.\n\nI searched default (documents: ")
    assert engine_says.prompts == [], "the model is not asked what the documents cannot answer"


async def test_the_prompt_holds_the_passages_and_the_question(
    assistant: Assistant, engine_says: ScriptedEngine
) -> None:
    engine_says.says = TRUE
    answer = await assistant.ask(Question("What is a fuse?"))
    assert "thin wire that melts" in engine_says.prompts[0]
    assert "What is a fuse?" in engine_says.prompts[0]
    assert answer.usage.prompt_tokens == engine_says.count_text(engine_says.prompts[0])


@pytest.mark.parametrize(
    ("code", "asks"),
    [("ko", "Korean"), ("pt-BR", "Portuguese"), ("DE", "German"), ("tlh", 'the language with the code "tlh"')],
)
async def test_the_model_is_asked_for_the_language_and_it_counts(
    assistant: Assistant, engine_says: ScriptedEngine, code: str, asks: str
) -> None:
    engine_says.says = TRUE
    answer = await assistant.ask(Question("What is a fuse?", language=code))
    assert engine_says.prompts[0].endswith(f"What is a fuse?\n\nAnswer in {asks}.")
    assert answer.usage.prompt_tokens == engine_says.count_text(engine_says.prompts[0])
    await assistant.ask(Question("What is a fuse?"))
    assert "Answer in" not in engine_says.prompts[1].replace(assistant.settings.persona.instructions, "")


async def test_a_conversation_is_remembered_across_restarts(
    assistant: Assistant, settings: Settings, engine_says: ScriptedEngine, embeddings: SentenceEmbeddings
) -> None:
    engine_says.says = TRUE
    await assistant.ask(Question("What is a fuse?", "session-1"))
    await assistant.aclose()
    async with Assistant(settings, engine_says, embeddings) as again:
        (turn,) = await again.history("session-1")
        assert (turn.question, turn.citations[0].number) == ("What is a fuse?", 1)
        await again.ask(Question("When does it melt?", "session-1"))
        assert "What is a fuse?" in engine_says.prompts[-1]
        assert len(await again.history("session-1")) == 2
        await again.forget("session-1")
        assert await again.history("session-1") == []
        assert await again.history("unknown") == []


async def test_a_question_that_is_answered_again_keeps_its_place_in_the_conversation(
    assistant: Assistant, engine_says: ScriptedEngine
) -> None:
    engine_says.says = TRUE
    first = Question("What is a fuze?", "s")
    await assistant.ask(first)
    await assistant.ask(Question("How is an ammeter connected?", "s"))
    await assistant.ask(replace(first, text="What is a fuse?"))
    turns = await assistant.history("s")
    assert [turn.question for turn in turns] == ["What is a fuse?", "How is an ammeter connected?"]
    assert turns[0].id == first.id != turns[1].id
    assert "ammeter connected" not in engine_says.prompts[-1], "what was asked later is not what it refers to"


async def test_a_conversation_that_was_kept_before_turns_had_ids_goes_on(assistant: Assistant) -> None:
    pipeline = await assistant._ready()
    old = {"question": "What is a fuse?", "answer": TRUE, "citations": []}
    await pipeline.graph.aupdate_state({"configurable": {"thread_id": "s"}}, {"turns": [old]}, as_node="reply")
    await assistant.ask(Question("When does it melt?", "s"))
    assert [turn.question for turn in await assistant.history("s")] == ["What is a fuse?", "When does it melt?"]


def test_a_caller_is_one_person_of_one_workspace_in_whatever_channel() -> None:
    assert Caller("U1", "T1", "C1").id == Caller("U1", "T1", "C2", ("S1",)).id == "T1/U1"
    assert Caller("U1", "T2").id != Caller("U1", "T1").id
    assert Question("?").caller.id == "local"


async def test_only_turns_are_kept_of_a_conversation(assistant: Assistant, engine_says: ScriptedEngine) -> None:
    engine_says.says = TRUE
    for _ in range(3):
        await assistant.ask(Question("What is a fuse?", "s"))
    with sqlite3.connect(assistant.settings.data_dir / "sessions.sqlite3") as database:
        kept = b"".join(row[0] for row in database.execute("SELECT checkpoint FROM checkpoints"))
    assert b"What is a fuse?" in kept
    assert b"voltmeter" not in kept, "passages and prompts are not remembered"


async def test_an_answer_that_is_stopped_leaves_the_conversation_as_it_was(
    assistant: Assistant, engine_says: ScriptedEngine
) -> None:
    engine_says.says = TRUE
    await assistant.ask(Question("What is a fuse?", "s"))

    async def interrupted() -> None:
        async for event in assistant.stream(Question("What is a circuit breaker?", "s")):
            if isinstance(event, Stage) and event.name == "reading":
                await asyncio.sleep(10)

    task = asyncio.create_task(interrupted())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [turn.question for turn in await assistant.history("s")] == ["What is a fuse?"]
    assert (await assistant.ask(Question("What is a fuse?", "s"))).status == "answered"


async def test_two_conversations_at_once_do_not_mix(assistant: Assistant, engine_says: ScriptedEngine) -> None:
    questions = [Question("What is a fuse?", "a"), Question("How is an ammeter connected?", "b")]
    fuse, meter = await asyncio.gather(*(assistant.ask(question) for question in questions))
    assert "thin wire" in fuse.text
    assert "ammeter is connected in series" in meter.text
    assert [len(await assistant.history(name)) for name in "ab"] == [1, 1]


async def test_text_that_comes_with_a_question_is_evidence_for_it_only(assistant: Assistant) -> None:
    log = "Build started at noon.\nThe linker failed because the library libfoo was not found on this computer.\n"
    question = Question("Why did the linker fail?", attachments=(Attachment("standard input", log),))
    answer = await assistant.ask(question)
    assert "“The linker failed because the library libfoo was not found on this computer.” [1]" in answer.text
    assert answer.citations[0].source == "standard input"
    assert (await assistant.ask(Question("Why did the linker fail?"))).status == "abstained"


@pytest.mark.parametrize("text", ["", "  \n\t"])
async def test_an_empty_question_is_refused(assistant: Assistant, text: str) -> None:
    with pytest.raises(EmptyQuestionError):
        await assistant.ask(Question(text))


async def test_a_question_of_a_hundred_thousand_characters_is_refused_with_its_size(assistant: Assistant) -> None:
    with pytest.raises(QuestionTooLongError, match=r"20,0\d\d tokens"):
        await assistant.ask(Question("why " * 20_000))


async def test_without_documents_it_says_how_to_add_some(
    tmp_path: Path, engine_says: ScriptedEngine, embeddings: SentenceEmbeddings
) -> None:
    async with Assistant(load_profile("docs", tmp_path / "empty"), engine_says, embeddings) as assistant:
        with pytest.raises(NotFoundError) as error:
            await assistant.ask(Question("What is a fuse?"))
        assert "assistant ingest" in error.value.remedy


class CountsLoads(ScriptedEngine):
    loads = 0

    def load(self) -> None:
        self.loads += 1


@pytest.mark.parametrize("text", ["What is a fuse?", " "])
async def test_no_model_is_loaded_for_what_cannot_be_searched_for(
    tmp_path: Path, embeddings: SentenceEmbeddings, text: str
) -> None:
    engine = CountsLoads()
    async with Assistant(load_profile("docs", tmp_path / "empty"), engine, embeddings) as assistant:
        with pytest.raises((NotFoundError, EmptyQuestionError)):
            await assistant.ask(Question(text))
    assert engine.loads == 0


async def test_the_bundled_model_answers_truly_or_quotes(
    settings: Settings, engine: OpenVINOChat, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> None:
    assistant = Assistant(settings, engine, embeddings)
    ingest(assistant.knowledge, write("course.md", COURSE))
    for text in ("What is a fuse?", "How is an ammeter connected?", "How is a voltmeter connected?"):
        answer = await assistant.ask(Question(text))
        assert answer.status == "answered"
        assert is_sound(answer)
        assert answer.usage.prompt_tokens > 0
        assert answer.timings.first_token_ms is not None
    assert (await assistant.ask(Question("Who won the election?"))).status == "abstained"


async def test_a_real_model_stops_writing_when_nobody_listens_any_more(
    settings: Settings, engine: OpenVINOChat, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> None:
    assistant = Assistant(settings, engine, embeddings)
    ingest(assistant.knowledge, write("course.md", COURSE))
    async with aclosing(assistant.stream(Question("What is a fuse?"))) as events:
        async for event in events:
            if isinstance(event, Stage) and event.name == "writing":
                break
    assert (await assistant._ready()).admission.idle
    assert await idle(engine)


def test_a_question_that_refers_back_is_searched_with_the_one_before() -> None:
    turns = [Turn("What is a fuse?", "A wire.")]
    assert standalone("When does it melt?", turns) == "What is a fuse? When does it melt?"
    assert standalone("And why?", turns) == "What is a fuse? And why?"
    assert standalone("How are household sockets wired?", turns) == "How are household sockets wired?"
    assert standalone("When does it melt?", []) == "When does it melt?"


async def test_a_row_of_a_table_answers_a_question(
    assistant: Assistant, engine_says: ScriptedEngine, write: Callable[[str, str], Path]
) -> None:
    ingest(assistant.knowledge, write("prices.csv", "item,price\nlamp 40 W,1.20 euros\nlamp 60 W,1.50 euros\n"))
    engine_says.says = "The price of a 60 W lamp is 1.20 euros."
    answer = await assistant.ask(Question("What is the price of a 60 W lamp?"))
    assert answer.status == "answered"
    assert answer.citations[0].quote == "lamp 60 W | 1.50 euros"
    assert "> item: lamp 60 W, price: 1.50 euros [1]" in answer.text
