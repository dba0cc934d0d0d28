"""For those who write a connector: does it behave?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from assistant.types import (
    Answer,
    Citation,
    Event,
    Finished,
    Passage,
    Question,
    Retrieved,
    Stage,
    TextDelta,
    Turn,
)
from connectors.base import Connector

QUOTE = "Copper conducts well."


def scripted_events(text: str = f"{QUOTE} [1]") -> list[Event]:
    """What an assistant sends for one answered question."""
    passage = Passage(QUOTE, "metals.md", None, "Metals", "file:///metals.md", 0.9)
    citation = Citation(1, passage.source, None, passage.section, passage.url, QUOTE)
    answer = Answer(text, (citation,), "answered")
    return [Stage("searching"), Retrieved((passage,)), Stage("writing"), TextDelta(text), Finished(answer)]


@dataclass
class ScriptedAssistant:
    """Stands where an `Assistant` stands, and answers every question with the same events.

    `asked` holds the questions in order. `pause` is the seconds between two events.
    """

    events: Sequence[Event] = field(default_factory=scripted_events)
    pause: float = 0.0
    asked: list[Question] = field(default_factory=list)
    remembered: dict[str, list[Turn]] = field(default_factory=dict)

    async def warm_up(self) -> None:
        await asyncio.sleep(0)

    async def stream(self, question: Question) -> AsyncIterator[Event]:
        self.asked.append(question)
        for event in self.events:
            await asyncio.sleep(self.pause)
            if isinstance(event, Finished):
                turn = Turn(question.text, event.answer.text, event.answer.citations)
                self.remembered.setdefault(question.conversation_id, []).append(turn)
            yield event

    async def ask(self, question: Question) -> Answer:
        events = [event async for event in self.stream(question)]
        return next(event.answer for event in events if isinstance(event, Finished))

    async def history(self, conversation_id: str) -> list[Turn]:
        return self.remembered.get(conversation_id, [])

    async def forget(self, conversation_id: str) -> None:
        self.remembered.pop(conversation_id, None)


async def check_connector(connector: Connector, patience: float = 2.0) -> None:
    """Raise AssertionError unless the connector keeps to the protocol.

    It must have an async `serve`; survive until it is cancelled or has nothing more to do; and, once cancelled, end
    within `patience` seconds without swallowing the cancellation.
    """
    assert isinstance(connector, Connector), "a connector has an async method `serve(assistant)`"  # noqa: S101
    serving = asyncio.ensure_future(connector.serve(ScriptedAssistant()))  # type: ignore[arg-type]
    done, _ = await asyncio.wait([serving], timeout=patience / 4)
    if done:
        await serving
        return
    serving.cancel()
    done, _ = await asyncio.wait([serving], timeout=patience)
    assert done, f"serve did not end within {patience} seconds of being cancelled"  # noqa: S101
    assert serving.cancelled(), "serve swallowed its cancellation: let CancelledError through"  # noqa: S101
