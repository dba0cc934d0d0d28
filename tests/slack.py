"""The Slack connector, served in this process against the fake Slack."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage

from assistant import Assistant
from assistant.settings import Settings, load_profile
from connectors.slack.connector import SlackConnector
from connectors.testing.slack import FakeSlack
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine

COURSE = """# Fuses

A fuse is a thin wire that melts when the current is too large and so opens the circuit.
A circuit breaker is a switch that opens by itself when the current is too large.

# Meters

An ammeter is connected in series, so that the current to be measured flows through it.
A voltmeter is connected in parallel to the part whose voltage is measured.
"""
FUSE = "A fuse is a thin wire that melts when the current is too large."
METER = "A voltmeter is connected in parallel to the part whose voltage is measured."
PATIENCE_S = 20.0


@dataclass
class PacedEngine(ScriptedEngine):
    """Writes a piece, then waits until it is let go on; `writing` is set while it writes."""

    pause: float = 0.0
    held: asyncio.Event | None = None
    writing: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: int = 0

    async def astream(self, messages: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]:
        finished = False
        try:
            async for chunk in super().astream(messages):
                yield chunk
                self.writing.set()
                await asyncio.sleep(self.pause)
                if self.held:
                    await self.held.wait()
            finished = True
        finally:
            self.stopped += not finished


def profile(data_dir: Path, **slack: Any) -> Settings:
    """A profile with these settings for Slack; nothing listens but where a test says so."""
    settings = load_profile("docs", data_dir)
    return settings.model_copy(update={"connectors": {"slack": {"health": "", **slack}}})


@contextmanager
def environment(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch, **more: str) -> Iterator[None]:
    values = {
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
    }
    for name, value in (values | more).items():
        monkeypatch.setenv(name, value)
    yield


@asynccontextmanager
async def served(assistant: Assistant, slack: FakeSlack) -> AsyncIterator["asyncio.Task[None]"]:
    """The connector, once it is connected; stopped at the end as SIGTERM stops it."""
    task = asyncio.create_task(SlackConnector().serve(assistant))
    connected = asyncio.create_task(slack.until(lambda: slack.connections > 0, PATIENCE_S))
    try:
        await asyncio.wait({task, connected}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        await connected
        yield task
    finally:
        connected.cancel()
        task.cancel()
        await asyncio.gather(task, connected, return_exceptions=True)


def assistant_of(settings: Settings, engine: ScriptedEngine, embeddings: SentenceEmbeddings) -> Assistant:
    return Assistant(settings, engine, embeddings)


Write = Callable[[str, str | bytes], Path]
