"""For people who write a connector: an assistant that follows a script, and a check to run in a test."""

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assistant import Answer, Attachment, Caller, Event, Finished, Passage, Question, Retrieved, Stage, TextDelta, Turn
from connectors.base import Connector

if TYPE_CHECKING:
    from assistant import Assistant
    from knowledge import Source

# Long enough for a connector to connect to something local, short enough for a test.
SETTLING_SECONDS = 0.2
PATIENCE_SECONDS = 5.0

DEFAULT_ANSWER = Answer("This is a scripted answer.", (), "answered")


@dataclass(frozen=True, slots=True)
class ScriptedSettings:
    """What connectors may read of a profile."""

    name: str
    data_dir: Path


@dataclass(frozen=True, slots=True)
class ScriptedKnowledge:
    """Documents that exist by name only."""

    sources: tuple["Source", ...] = ()

    def documents(self, collection: str | None = None, caller: Caller | None = None) -> list["Source"]:
        return [s for s in self.sources if collection in (None, s.collection)]


class ScriptedAssistant:
    """Gives prepared answers in turn, the last one for ever, with the same events as a real assistant.

    An exception among the answers is raised instead. `pause` seconds go by before each event. What was
    asked is in `asked`; conversations are remembered as the real one does.
    """

    def __init__(
        self,
        *script: Answer | Exception,
        passages: Sequence[Passage] = (),
        sources: Sequence["Source"] = (),
        pause: float = 0.0,
        data_dir: Path | None = None,
    ) -> None:
        self.script = list(script) or [DEFAULT_ANSWER]
        self.passages = tuple(passages)
        self.pause = pause
        self.settings = ScriptedSettings("scripted", data_dir or Path(tempfile.gettempdir()))
        self.knowledge = ScriptedKnowledge(tuple(sources))
        self.asked: list[Question] = []
        self.turns: dict[str, list[Turn]] = {}
        self.warmed_up = False

    async def stream(self, question: Question) -> AsyncIterator[Event]:
        self.asked.append(question)
        answer = self.script[min(len(self.asked), len(self.script)) - 1]
        if isinstance(answer, Exception):
            raise answer
        for event in self._events(answer):
            await asyncio.sleep(self.pause)
            yield event
        self._remember(question, Turn(question.text, answer.text, answer.citations, question.id, "", answer.status))
        yield Finished(answer)

    def _remember(self, question: Question, turn: Turn) -> None:
        """A question that is asked again keeps its place."""
        turns = self.turns.setdefault(question.conversation_id, [])
        places = [place for place, known in enumerate(turns) if known.id == turn.id]
        if places:
            turns[places[0]] = turn
        else:
            turns.append(turn)

    def _events(self, answer: Answer) -> list[Event]:
        deltas = [TextDelta(word) for word in answer.text.splitlines(keepends=True)]
        return [Stage("searching"), Retrieved(self.passages), Stage("reading"), Stage("writing"), *deltas]

    async def ask(self, question: Question) -> Answer:
        events = [event async for event in self.stream(question)]
        return next(event.answer for event in events if isinstance(event, Finished))

    async def history(self, conversation_id: str, caller: Caller | None = None) -> list[Turn]:
        return list(self.turns.get(conversation_id, []))

    async def forget(self, conversation_id: str) -> None:
        self.turns.pop(conversation_id, None)

    async def read_attachment(self, path: Path, name: str = "", url: str = "") -> list[Attachment]:
        """The file as one text, whatever its kind."""
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        return [Attachment(name or path.name, text, url=url)]

    def check_profile(self, profile: str) -> None:
        """Every profile is there."""

    async def warm_up(self) -> None:
        self.warmed_up = True

    async def aclose(self) -> None:
        pass


async def check_connector(
    connector: object,
    assistant: ScriptedAssistant | None = None,
    *,
    settling: float = SETTLING_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Check that the assistant can run this connector; raises AssertionError, which says what is wrong.

    Checked are: it satisfies `Connector`, and its `serve` is a coroutine function; `serve` does not fail
    within `settling` seconds; when it is then cancelled, as it is on shutdown, it ends within `patience`
    seconds; and it lets `CancelledError` through. A `serve` that has returned by itself had nothing more to
    do: that is allowed. Give a `ScriptedAssistant` of your own to look at what it was asked.
    """
    assert isinstance(connector, Connector), f"{connector!r} has no `serve` method"  # noqa: S101
    assert inspect.iscoroutinefunction(connector.serve), "`serve` is not an `async def`"  # noqa: S101
    scripted = assistant or ScriptedAssistant()
    task = asyncio.create_task(connector.serve(cast("Assistant", scripted)))
    await asyncio.wait({task}, timeout=settling)
    if task.done():
        _check_returned(task)
    else:
        await _check_cancellation(task, patience)


def _check_returned(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        raise AssertionError("`serve` raised CancelledError, but nobody had cancelled it")
    error = task.exception()
    if error:
        raise AssertionError(f"`serve` failed: {error!r}") from error


async def _check_cancellation(task: asyncio.Task[None], patience: float) -> None:
    task.cancel()
    await asyncio.wait({task}, timeout=patience)
    if not task.done():
        raise AssertionError(f"`serve` did not end within {patience:g} s of being cancelled")
    if task.cancelled():
        return
    error = task.exception()
    if error:
        raise AssertionError(f"`serve` raised {error!r} instead of CancelledError when cancelled") from error
    raise AssertionError("`serve` swallowed CancelledError: re-raise it after cleaning up")
