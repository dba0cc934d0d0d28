"""The Slack connector, served in this process against the fake Slack."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
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
    """Loads until `loading` is set. Writes a piece, then waits until it is let go on; `writing` is set meanwhile."""

    pause: float = 0.0
    held: asyncio.Event | None = None
    writing: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: int = 0
    loading: threading.Event | None = None

    def load(self) -> None:
        if self.loading:
            self.loading.wait(PATIENCE_S)

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


def profile(data_dir: Path, *, parallel: int = 16, places: int = 64, **slack: Any) -> Settings:
    """A profile with these settings for Slack; nothing listens but where a test says so."""
    settings = load_profile("docs", data_dir)
    update = {
        "engine": settings.engine.model_copy(update={"parallel": parallel}),
        "queue": settings.queue.model_copy(update={"places": places}),
        "connectors": {"slack": {"health": "", **slack}},
    }
    return settings.model_copy(update=update)


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
    connected = asyncio.create_task(_reachable(slack))
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


async def _reachable(slack: FakeSlack) -> None:
    """Until there is a socket, or somebody listens."""
    async with asyncio.timeout(PATIENCE_S):
        while not slack.connections and not await _listens(slack):  # noqa: ASYNC110 (it is asked over a socket)
            await asyncio.sleep(0.05)


async def _listens(slack: FakeSlack) -> bool:
    try:
        return await slack.verify_url()
    except (LookupError, OSError):
        return False
