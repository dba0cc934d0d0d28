"""Work in the background that is neither lost nor forgotten: asyncio itself keeps no hold on a task."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("assistant.slack")


class Tasks:
    """Tasks that are held until they are done, and told of when they fail."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception():
            log.error("Something in the background failed.", exc_info=task.exception())

    async def drain(self, seconds: float) -> None:
        """Wait for what runs, then cancel what still does."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
