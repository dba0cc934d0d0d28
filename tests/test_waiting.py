"""Questions that come while others are being answered: they wait, are told where they stand, and never for ever."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage

from assistant import Answer, Assistant, Caller, Event, Finished, Question, Queued, TextDelta
from assistant.errors import BusyError, EngineError
from assistant.phrases import CUT_OFF
from assistant.settings import EngineSettings, QueueSettings, load_profile
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

pytestmark = pytest.mark.slow

COURSE = "# Fuses\n\nA fuse is a thin wire that melts when the current is too large and so opens the circuit.\n"
TRUE = "A fuse is a thin wire that melts when the current is too large."


@dataclass
class PatientEngine(ScriptedEngine):
    """Says its first sentence at once, if it has one, and the rest when it is allowed to."""

    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    closed: int = 0

    async def astream(self, messages: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]:
        self.asked += 1
        try:
            if self.says:
                yield AIMessageChunk(content=self.says + " ")
            await self.may_go_on.wait()
            yield AIMessageChunk(content="And so on.")
        finally:
            self.closed += 1


@pytest.fixture
def patient() -> PatientEngine:
    return PatientEngine(TRUE + " Next")


@pytest.fixture
async def make(
    tmp_path: Path, patient: PatientEngine, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> AsyncIterator[Callable[..., Assistant]]:
    made: list[Assistant] = []

    def make(parallel: int = 1, places: int = 2, deadline_s: float = 60.0) -> Assistant:
        settings = load_profile("docs", tmp_path / "data").model_copy(
            update={
                "engine": EngineSettings(parallel=parallel),
                "queue": QueueSettings(places=places, deadline_s=deadline_s),
            }
        )
        made.append(Assistant(settings, patient, embeddings))
        ingest(made[-1].knowledge, write("course.md", COURSE))
        return made[-1]

    yield make
    for assistant in made:
        await assistant.aclose()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that within 10 s")


def ask(assistant: Assistant, caller: str, events: list[Event] | None = None) -> "asyncio.Task[Answer]":
    async def drain() -> Answer:
        async for event in assistant.stream(Question("What is a fuse?", caller=Caller(caller))):
            if events is not None:
                events.append(event)
            if isinstance(event, Finished):
                answer = event.answer
        return answer

    return asyncio.create_task(drain())


def positions(events: Sequence[Event]) -> list[int]:
    return [event.position for event in events if isinstance(event, Queued)]


async def test_who_must_wait_is_told_the_position_and_answered_in_turn(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make()
    heard: list[list[Event]] = [[], [], []]
    first = ask(assistant, "a", heard[0])
    await until(lambda: patient.asked == 1)
    second = ask(assistant, "b", heard[1])
    await until(lambda: positions(heard[1]) == [1])
    third = ask(assistant, "c", heard[2])
    await until(lambda: positions(heard[2]) == [2])
    patient.may_go_on.set()
    answers = await asyncio.gather(first, second, third)
    assert [answer.status for answer in answers] == ["answered"] * 3
    assert [positions(events) for events in heard] == [[], [1], [2, 1]]


async def test_when_the_line_is_full_the_answer_is_busy_at_once(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make(places=1)
    heard: list[Event] = []
    tasks = [ask(assistant, "a")]
    await until(lambda: patient.asked == 1)
    tasks.append(ask(assistant, "b", heard))
    await until(lambda: positions(heard) == [1])
    with pytest.raises(BusyError, match="busy"):
        await ask(assistant, "c")
    patient.may_go_on.set()
    assert [answer.status for answer in await asyncio.gather(*tasks)] == ["answered"] * 2
    assert (await ask(assistant, "c")).status == "answered"


async def test_who_leaves_while_waiting_or_while_being_answered_keeps_no_place(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make()
    heard: list[Event] = []
    first = ask(assistant, "a")
    await until(lambda: patient.asked == 1)
    second, third = ask(assistant, "b", heard), ask(assistant, "c")
    await until(lambda: bool(positions(heard)))
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    patient.may_go_on.set()
    assert (await third).status == "answered"
    assert patient.closed == patient.asked == 2


async def test_closing_the_stream_early_gives_the_place_back(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make()
    admission = (await assistant._ready()).admission
    async with aclosing(assistant.stream(Question("What is a fuse?", "c"))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
        assert (patient.closed, admission.idle) == (0, False)
    assert (patient.closed, admission.idle) == (1, True), "by the time it is closed, not some time later"
    assert await assistant.history("c") == []
    patient.may_go_on.set()
    assert (await ask(assistant, "b")).status == "answered"


async def test_cancelling_who_listens_stops_the_model_before_the_task_has_ended(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make()
    heard: list[Event] = []
    task = ask(assistant, "a", heard)
    await until(lambda: any(isinstance(event, TextDelta) for event in heard))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert patient.closed == 1
    assert (await assistant._ready()).admission.idle


async def test_at_the_deadline_what_was_checked_so_far_is_the_answer(make: Callable[..., Assistant]) -> None:
    heard: list[Event] = []
    assistant = make(deadline_s=1.5)
    answer = await ask(assistant, "a", heard)
    assert answer.text == f"{TRUE} [1]\n\n_{CUT_OFF['en']}_"
    assert "".join(event.text for event in heard if isinstance(event, TextDelta)) == answer.text
    assert answer.status == "answered"
    assert answer.usage.completion_tokens > 0


async def test_a_model_that_does_not_begin_by_the_deadline_is_told_with_the_setting(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    patient.says = ""
    assistant = make(deadline_s=1.0)
    with pytest.raises(EngineError, match="did not begin to answer within 1 s") as error:
        await ask(assistant, "a")
    assert "deadline_s" in error.value.remedy
    patient.may_go_on.set()
    assert (await ask(assistant, "b")).status == "answered"


async def test_whose_turn_does_not_come_by_the_deadline_is_told_so(
    make: Callable[..., Assistant], patient: PatientEngine
) -> None:
    assistant = make(deadline_s=1.0)
    admission = (await assistant._ready()).admission
    async with admission.place("a", print):
        with pytest.raises(BusyError, match="not this question's turn within 1 s"):
            await ask(assistant, "b")
    assert patient.asked == 0
    assert admission.idle


async def test_loading_a_large_model_takes_nothing_from_the_first_questions_time(
    make: Callable[..., Assistant], patient: PatientEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient, "load", lambda: time.sleep(1.2))
    patient.says = ""
    patient.may_go_on.set()
    assert (await ask(make(deadline_s=1.0), "a")).status == "answered"
