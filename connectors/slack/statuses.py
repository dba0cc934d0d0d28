"""The line below a question that says what is being done: shown at once, never waited for, gone with the answer."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.slack.api import Client
from connectors.slack.delivery import TROUBLE
from connectors.slack.formatting import plain
from connectors.slack.metrics import Metrics
from connectors.slack.store import Asked
from connectors.slack.tasks import Tasks
from connectors.slack.workspaces import Workspaces

log = logging.getLogger("assistant.slack")

# A session's title, in the list of a person's conversations.
TITLE_CHARACTERS = 80
WORKING, WAITING = "processing", "active"

Thread = tuple[str, str, str]


@dataclass(slots=True)
class _Wanted:
    text: str
    loading: tuple[str, ...]
    since: float
    first: bool


class Statuses:
    """Statuses of threads. What was asked for last is what is shown; what was overtaken is never sent."""

    def __init__(self, workspaces: Workspaces, tasks: Tasks, metrics: Metrics) -> None:
        self.workspaces = workspaces
        self.tasks = tasks
        self.metrics = metrics
        self._wanted: dict[Thread, _Wanted] = {}
        self._sending: dict[Thread, asyncio.Task[None]] = {}

    def show(self, asked: Asked, text: str, loading: Sequence[str] = (), *, first: bool = False) -> None:
        """Show this soon. The first status of a question is waited for, others give way when Slack allows no more."""
        if not asked.rooted:
            return
        thread = (asked.team, asked.channel, asked.thread)
        first = first or (thread in self._wanted and self._wanted[thread].first)
        self._wanted[thread] = _Wanted(text, tuple(loading), time.monotonic(), first)
        if thread not in self._sending:
            self._sending[thread] = self.tasks.start(self._send(thread, asked))

    async def quiet(self, asked: Asked) -> None:
        """Show no more for this question: when this returns, no status can come after its answer."""
        thread = (asked.team, asked.channel, asked.thread)
        self._wanted.pop(thread, None)
        sending = self._sending.get(thread)
        if sending:
            await asyncio.wait({sending})

    async def clear(self, asked: Asked) -> None:
        """Take the status away where no answer will."""
        await self.quiet(asked)
        self.show(asked, "", first=True)

    def session(self, asked: Asked, status: str) -> None:
        """Tell Slack's agent view whether we are at work there: while we are, it shows a button to stop us."""
        if asked.rooted and asked.channel.startswith("D"):
            self.tasks.start(self._set_session(asked, status))

    async def _set_session(self, asked: Asked, status: str) -> None:
        title = plain(asked.text, TITLE_CHARACTERS)
        try:
            client = await self.workspaces.client(asked.team, asked.enterprise or None)
            await client.optional.agents_sessions_setStatus(
                channel_id=asked.channel, thread_ts=asked.thread, status=status, title=title or None
            )
        except TROUBLE as error:
            log.debug("no session for %s: %s", asked.thread, error)

    async def _send(self, thread: Thread, asked: Asked) -> None:
        try:
            client = await self.workspaces.client(asked.team, asked.enterprise or None)
            while thread in self._wanted:
                await self._set(client, thread, self._wanted.pop(thread))
        except TROUBLE as error:
            # An answer without a status is still an answer.
            log.debug("no status for %s: %s", thread, error)
        finally:
            self._sending.pop(thread, None)

    async def _set(self, client: Client, thread: Thread, wanted: _Wanted) -> None:
        _, channel, ts = thread
        calling = client if wanted.first else client.optional
        await calling.assistant_threads_setStatus(
            channel_id=channel, thread_ts=ts, status=wanted.text, loading_messages=list(wanted.loading) or None
        )
        if wanted.first:
            self.metrics.first_status_seconds.observe(time.monotonic() - wanted.since)
