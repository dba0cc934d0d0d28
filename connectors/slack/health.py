"""Whether the connector is well, for whoever runs it: `GET /health` and `GET /metrics`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from connectors.slack.metrics import Metrics

log = logging.getLogger("assistant.slack")

# What was found out is good for so long; how long finding out may take; how often it happens unasked.
FRESH_S = 5.0
PATIENCE_S = 3.0
WATCH_S = 30.0
UNWELL = 503


class Connected(Protocol):
    """Socket Mode, as far as its health goes."""

    @property
    def connected(self) -> int: ...

    def problem(self) -> str: ...


class Reachable(Protocol):
    """Slack, as far as its health goes."""

    async def problem(self) -> str: ...


class Health:
    """Knows what is wrong, and logs each trouble once, and its end.

    `ping` raises when the store cannot be reached. Without `sockets` this is HTTP mode.
    """

    def __init__(
        self,
        metrics: Metrics,
        workspaces: Reachable,
        ping: Callable[[], Awaitable[object]],
        sockets: Connected | None = None,
    ) -> None:
        self.metrics = metrics
        self.workspaces = workspaces
        self.sockets = sockets
        self.fresh_s = FRESH_S
        self.starting = ""  # what is still to come before anything can be answered, in words
        self._ping = ping
        self._troubles: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._turn = asyncio.Lock()

    def problems(self) -> list[str]:
        """What is wrong, in words: connections as they are now, the rest as it was found last."""
        sockets = self.sockets.problem() if self.sockets else ""
        return [problem for problem in (self.starting, sockets, *self._troubles.values()) if problem]

    def trouble(self, what: str, problem: str) -> None:
        """Something does not work; `what` names it, such as "store"."""
        if what not in self._troubles:
            log.warning(problem)
        self._troubles[what] = problem

    def well(self, what: str) -> None:
        """That works (again)."""
        problem = self._troubles.pop(what, "")
        if problem:
            log.warning("No longer: %s", problem)

    async def probe(self) -> None:
        """Ask Slack and the store, unless that was done within the last seconds."""
        async with self._turn:
            if time.monotonic() - self._asked_at < self.fresh_s:
                return
            slack, store = await asyncio.gather(self._slack(), self._store())
            self._found("slack", slack)
            self._found("store", store)
            self._asked_at = time.monotonic()

    async def watch(self) -> NoReturn:
        """Probe now and then until cancelled, and log what changes."""
        while True:
            await self.probe()
            await asyncio.sleep(WATCH_S)

    def web_app(self) -> web.Application:
        """`GET /health`: 200 or 503, and why. `GET /metrics`: for Prometheus."""
        application = web.Application()
        application.add_routes([web.get("/health", self._get_health), web.get("/metrics", self._get_metrics)])
        return application

    async def _get_health(self, request: web.Request) -> web.Response:
        await self.probe()
        problems = self.problems()
        state: dict[str, Any] = {"status": "unwell" if problems else "ok", "problems": problems}
        if self.sockets:
            state["sockets"] = self.sockets.connected
        return web.json_response(state, status=UNWELL if problems else 200)

    async def _get_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _slack(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.workspaces.problem()
        except TimeoutError:
            return f"Slack does not answer within {PATIENCE_S:.0f} s."

    async def _store(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ping()
        except TimeoutError:
            return f"The store does not answer within {PATIENCE_S:.0f} s."
        except Exception as error:  # noqa: BLE001 (whatever a database's driver raises)
            return f"The store cannot be reached: {type(error).__name__}."
        return ""

    def _found(self, what: str, problem: str) -> None:
        if problem:
            self.trouble(what, problem)
        else:
            self.well(what)
