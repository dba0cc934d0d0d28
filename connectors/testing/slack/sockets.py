"""Socket Mode: tickets, connections, and envelopes that have to be acknowledged."""

import asyncio
import itertools
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from connectors.testing.slack.deliveries import Attempt, Delivery, UndeliveredError
from connectors.testing.slack.faults import DELIVERY, HANDSHAKE, Faults
from connectors.testing.slack.state import State

MOST_CONNECTIONS = 10
TICKET_SECONDS = 30.0
PING_SECONDS = 10.0
# How long an app has to say goodbye.
CLOSE_SECONDS = 1.0


@dataclass(slots=True)
class _Waiting:
    """An envelope that was sent and not acknowledged yet."""

    attempt: Attempt
    acked: "asyncio.Future[dict[str, Any]]"


@dataclass(eq=False, slots=True)
class Connection:
    """A websocket of the app's."""

    number: int
    socket: web.WebSocketResponse
    request: web.Request
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    def drop(self) -> None:
        """Break off without a word."""
        if self.request.transport:
            self.request.transport.abort()

    def acknowledge(self, frame: dict[str, Any]) -> None:
        """Late acknowledgements are noted; they count no more."""
        waiting = self.waiting.pop(str(frame.get("envelope_id")), None)
        if waiting is None:
            return
        waiting.attempt.ack_seconds = time.monotonic() - waiting.attempt.at
        if not waiting.acked.done():
            waiting.acked.set_result(frame.get("payload") or {})

    def lost(self) -> None:
        for waiting in self.waiting.values():
            if not waiting.acked.done():
                waiting.acked.set_exception(UndeliveredError("connection_lost"))


class Sockets:
    """The connections of the app, and the transport over them: each payload goes to one, in turn."""

    def __init__(self, state: State, faults: Faults) -> None:
        self.state = state
        self.faults = faults
        self.enabled = True
        self.ping_seconds = PING_SECONDS
        self.connections: list[Connection] = []
        # How many there were in all.
        self.opened = 0
        self._tickets: dict[str, float] = {}
        self._turn = itertools.count()

    # -- connecting

    def ticket(self) -> str:
        """The address of a new connection, good for one."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return f"{self.state.base_url.replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={self.state.app_id}"

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket to its end."""
        expires_at = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        refused = self.faults.strike(HANDSHAKE, "refuse_handshake")
        if refused or not self.enabled or expires_at < time.monotonic():
            return web.Response(status=401, text="invalid ticket")
        socket = web.WebSocketResponse(heartbeat=self.ping_seconds, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await self._disconnect(socket, "too_many_websockets")
            await socket.close()
            return socket
        await self._serve(Connection(self.opened, socket, request))
        return socket

    async def _serve(self, connection: Connection) -> None:
        self.opened += 1
        try:
            await connection.socket.send_json(self._hello())
            self.connections.append(connection)
            self.state.touch()
            async for message in connection.socket:
                if message.type == WSMsgType.TEXT:
                    connection.acknowledge(json.loads(message.data))
        except ConnectionError:
            pass  # the app is gone
        finally:
            if connection in self.connections:
                self.connections.remove(connection)
            connection.lost()
            self.state.touch()

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "debug_info": {"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.state.app_id},
        }

    async def _disconnect(self, socket: web.WebSocketResponse, reason: str) -> None:
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-fake"}})

    async def disconnect(self, reason: str = "refresh_requested", number: int | None = None) -> None:
        """Ask connections to go, as Slack does: the one with that number, or all. What it closes by itself is told by
        the reason: warning does not close, refresh_requested and link_disabled do."""
        chosen = [c for c in self.connections if number in (None, c.number)]
        for connection in chosen:
            await self._disconnect(connection.socket, reason)
            if reason != "warning":
                await connection.socket.close()

    def drop(self, number: int | None = None) -> None:
        """Break connections off: the one with that number, or all."""
        for connection in [c for c in self.connections if number in (None, c.number)]:
            connection.drop()

    async def aclose(self) -> None:
        for connection in list(self.connections):
            await connection.socket.close()

    # -- delivering

    async def send(self, delivery: Delivery, attempt: Attempt, reason: str, patience: float) -> dict[str, Any]:
        connection = self._next()
        attempt.receiver = str(connection.number)
        envelope, waiting = secrets.token_hex(8), _Waiting(attempt, asyncio.get_running_loop().create_future())
        connection.waiting[envelope] = waiting
        try:
            async with asyncio.timeout(patience):
                await connection.socket.send_json(_envelope(envelope, delivery, attempt, reason))
                if self.faults.strike(DELIVERY, "drop_socket"):
                    connection.drop()
                return await waiting.acked
        except TimeoutError:
            raise UndeliveredError("timeout") from None
        except ConnectionError:
            connection.waiting.pop(envelope, None)
            raise UndeliveredError("connection_lost") from None

    def _next(self) -> Connection:
        usable = [connection for connection in self.connections if not connection.socket.closed]
        if not usable:
            raise UndeliveredError("no_connection")
        return usable[next(self._turn) % len(usable)]


def _envelope(envelope: str, delivery: Delivery, attempt: Attempt, reason: str) -> dict[str, Any]:
    frame = {
        "envelope_id": envelope,
        "type": delivery.type,
        "accepts_response_payload": delivery.accepts_response,
        "payload": delivery.payload,
    }
    retries = {"retry_attempt": attempt.number, "retry_reason": reason}
    return {**frame, **retries} if delivery.type == "events_api" else frame
