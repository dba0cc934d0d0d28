"""What people do in Slack and what they get, end to end: the fake Slack, real bolt, the real pipeline and retrieval."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant
from connectors.slack.store import Store, sqlite_url
from connectors.testing.slack import FakeSlack
from knowledge import SentenceEmbeddings
from tests.conftest import ingest
from tests.slack import COURSE, FUSE, METER, PacedEngine, Write, environment, profile, served

pytestmark = pytest.mark.slow


@dataclass
class Workspace:
    """A Slack with the connector in it."""

    slack: FakeSlack
    engine: PacedEngine
    assistant: Assistant
    data: Path

    async def answered(self, channel: str, thread: str, count: int = 1) -> list[Any]:
        """The bot's complete messages in a thread, once there are so many and nothing is under way."""
        def there() -> bool:
            found = self.bot_messages(channel, thread)
            return len(found) >= count and all(message.complete for message in found)

        await self.slack.until(there, 20)
        await self.settled()
        return self.bot_messages(channel, thread)

    def bot_messages(self, channel: str, thread: str) -> list[Any]:
        return [message for message in self.slack.thread(channel, thread) if message.bot_id and message.ts != thread]

    async def settled(self) -> None:
        """Until the store has nothing unfinished."""
        store = await Store.open(sqlite_url(self.data))
        try:
            async with asyncio.timeout(20):
                while await store.counts():
                    await asyncio.sleep(0.05)
        finally:
            await store.aclose()

    async def judged(self) -> list[dict[str, Any]]:
        store = await Store.open(sqlite_url(self.data))
        try:
            return await store.judgements(10)
        finally:
            await store.aclose()
