"""Socket Mode: several connections, each kept up whatever happens to it.

slack_sdk's own client is not used. It tries a ticket that was refused for ever, and an app token that was revoked as
well; it closes the old connection before it opens the new one; and it keeps no hold of the tasks that handle
envelopes, so they cannot be waited for. What it is made of serves here: the frames, and bolt's way to answer them.
"""

import asyncio
import json
import logging
import time
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from connectors.slack.api import Client
from connectors.slack.faults import BrokenCallError, SetupError, code_of, explain, kind_of
from connectors.slack.metrics import Metrics

log = logging.getLogger("assistant.slack")

# Without a pong for half as long again after a ping, a connection is dead.
HEARTBEAT_S = 12.0
# From the handshake to Slack's `hello`.
CONNECT_S = 15.0
# A connection that lived for so long was a good one: the next is opened at once.
STEADY_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
# A connection that Slack wants to renew still brings what was sent on it.
LINGER_S = 5.0
# Slack waits three seconds for an acknowledgement.
DRAIN_S = 3.0
CLOSE_S = 1.0
ACCEPTED = 200
ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

# Slack will close these soon; a new connection comes first. For other reasons the old one goes first.
RENEWALS = ("warning", "refresh_requested")
REASONS = {
    "too_many_websockets": "Slack counts more than ten connections of this app",
    "link_disabled": "Socket Mode is turned off on the app's page",
}


class _LostError(Exception):
    """There is no connection, or no longer; says why."""


class _Connection(AsyncBaseSocketModeClient):
    """One websocket, from its `hello` to its end."""

    logger = logging.getLogger("assistant.slack.api")

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, app: AsyncApp, metrics: Metrics) -> None:
        self.socket = socket
        self.app = app
        self.metrics = metrics
        self.since = time.monotonic()
        self.closed = False
        self.reason = ""
        self._renew = False
        self._changed = asyncio.Event()
        self._handling: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None

    async def hello(self) -> None:
        """Wait until Slack greets; it may refuse instead. From then on envelopes are handled."""
        frame = await self._next()
        while frame is not None and frame.get("type") != "hello" and not self.reason:
            self._take(frame)
            frame = await self._next()
        if frame is None or self.reason:
            raise _LostError(self._why())
        self._reading = asyncio.create_task(self._read())

    async def over(self) -> str:
        """Wait until it ends or Slack wants it renewed. Returns why it ended, or nothing for a renewal."""
        await self._changed.wait()
        return "" if self._renew else self._why()

    @property
    def up(self) -> bool:
        return self._reading is not None and not self._reading.done()

    async def linger(self) -> None:
        """Let what is under way come in, then close."""
        try:
            if self._reading:
                await asyncio.wait({self._reading}, timeout=LINGER_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Receive no more, finish what was received, and close."""
        self.closed = True
        if self._reading:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._handling:
            await asyncio.wait(self._handling, timeout=DRAIN_S)
        await self.socket.close()

    async def send_message(self, message: str) -> None:
        await self.socket.send_str(message)

    async def _read(self) -> None:
        try:
            while not self.reason and (frame := await self._next()) is not None:
                self._take(frame)
        finally:
            self._changed.set()

    async def _next(self) -> dict[str, Any] | None:
        """The next frame; None at the end."""
        message = await self.socket.receive()
        while message.type not in (aiohttp.WSMsgType.TEXT, *ENDS):
            message = await self.socket.receive()
        return None if message.type in ENDS else _frame(message.data)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame.get("type") == "disconnect":
            self._leave(str(frame.get("reason", "")))
        elif isinstance(frame.get("payload"), dict) and (request := SocketModeRequest.from_dict(frame)):
            task = asyncio.create_task(self._handle(request))
            self._handling.add(task)
            task.add_done_callback(self._handling.discard)

    def _leave(self, reason: str) -> None:
        if reason in RENEWALS:
            self._renew = True
            self._changed.set()
        else:
            self.reason = REASONS.get(reason, f"Slack closes it ({reason or 'no reason given'})")

    async def _handle(self, request: SocketModeRequest) -> None:
        """Acknowledge when bolt says so; what is not acknowledged is delivered again."""
        started = time.monotonic()
        try:
            response = await run_async_bolt_app(self.app, request)
            await send_async_response(self, request, response, time.time())
        except (aiohttp.ClientError, OSError) as error:
            log.debug("An acknowledgement came too late for its connection: %s", error)
        except Exception:
            log.exception("A delivery of Slack's could not be handled")
        else:
            self._count(response.status, time.monotonic() - started)

    def _count(self, status: int, seconds: float) -> None:
        if status == ACCEPTED:
            self.metrics.ack_seconds.observe(seconds)

    def _why(self) -> str:
        error = self.socket.exception()
        if isinstance(error, aiohttp.ServerTimeoutError):
            return "it fell silent"
        closed = f"it was closed (code {self.socket.close_code})"
        return self.reason or (f"it broke ({type(error).__name__})" if error else closed)


def _frame(data: str) -> dict[str, Any]:
    try:
        frame = json.loads(data)
    except ValueError:
        return {}
    return frame if isinstance(frame, dict) else {}


class _Slot:
    """The place of one connection: what holds it now, and since when it has been empty."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.connection: _Connection | None = None
        self.down_since: float | None = None

    @property
    def up(self) -> bool:
        return self.connection is not None and self.connection.up


class Sockets:
    """Keeps `connections` of them up until `run` is cancelled; Slack gives each event to one of them."""

    def __init__(self, app: AsyncApp, token: str, connections: int, client: Client) -> None:
        self.app = app
        self.client = client
        self.heartbeat_s = HEARTBEAT_S
        self._token = token
        self._slots = [_Slot(number) for number in range(1, connections + 1)]
        self._leaving: set[asyncio.Task[None]] = set()
        client.metrics.sockets_connected.set_function(lambda: self.connected)

    @property
    def connected(self) -> int:
        """How many connections bring events now."""
        return sum(slot.up for slot in self._slots)

    def problem(self) -> str:
        """What is wrong, in words; empty while at least one connection is up."""
        return "" if self.connected else "No Socket Mode connection to Slack is up."

    async def run(self) -> None:
        """Raises SetupError when Slack refuses the app-level token; goes on through anything else."""
        keepers = [asyncio.create_task(self._keep(slot)) for slot in self._slots]
        try:
            done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_EXCEPTION)
            for keeper in done:
                keeper.result()
        finally:
            await self._stop(keepers)

    async def _stop(self, keepers: list[asyncio.Task[None]]) -> None:
        for task in (*keepers, *self._leaving):
            task.cancel()
        await asyncio.gather(*keepers, *self._leaving, return_exceptions=True)
        connections = [slot.connection for slot in self._slots if slot.connection]
        await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)

    async def _keep(self, slot: _Slot) -> None:
        while True:
            retrying = AsyncRetrying(
                retry=retry_if_exception_type(_LostError),
                wait=wait_random_exponential(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S),
            )
            await retrying(self._live, slot)

    async def _live(self, slot: _Slot) -> None:
        """One connection. Returns when it is to be followed at once; raises _LostError when after a pause."""
        try:
            connection = await self._connect()
        except _LostError as lost:
            self._report(slot, str(lost))
            raise
        self._install(slot, connection)
        reason = await connection.over()
        if reason:
            await connection.close()
            self._report(slot, reason)
        if time.monotonic() - connection.since < STEADY_S:
            raise _LostError(reason)

    def _install(self, slot: _Slot, connection: _Connection) -> None:
        """The new connection is there: now the old one may go."""
        if slot.connection and not slot.connection.closed:
            task = asyncio.create_task(slot.connection.linger())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        slot.connection = connection
        if slot.down_since is not None:
            seconds = time.monotonic() - slot.down_since
            log.warning("Socket Mode connection %d is up again after %.0f s.", slot.number, seconds)
            slot.down_since = None

    def _report(self, slot: _Slot, reason: str) -> None:
        """One line for one trouble, however many tries it takes."""
        if slot.down_since is None and not slot.up:
            slot.down_since = time.monotonic()
            others = f"{self.connected} of {len(self._slots)} are up"
            log.warning("Socket Mode connection %d is down: %s. Trying again; %s.", slot.number, reason, others)

    async def _connect(self) -> _Connection:
        url = await self._ticket()
        try:
            async with asyncio.timeout(CONNECT_S):
                socket = await self._handshake(url)
                return await self._greeted(_Connection(socket, self.app, self.client.metrics))
        except TimeoutError:
            raise _LostError(f"no greeting within {CONNECT_S:.0f} s") from None
        except aiohttp.WSServerHandshakeError as error:
            raise _LostError(f"the ticket was refused (HTTP status {error.status})") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _LostError(f"the connection failed ({type(error).__name__})") from None

    async def _handshake(self, url: str) -> aiohttp.ClientWebSocketResponse:
        session = self.client.session
        if session is None:
            raise RuntimeError("the client has no session")
        return await session.ws_connect(
            url,
            heartbeat=self.heartbeat_s,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            proxy=self.client.proxy,
            ssl=self.client.ssl if self.client.ssl is not None else True,
        )

    async def _greeted(self, connection: _Connection) -> _Connection:
        try:
            await connection.hello()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _ticket(self) -> str:
        """The address of a new connection. It opens one, once."""
        try:
            response = await self.client.optional.apps_connections_open(app_token=self._token)
        except BrokenCallError as error:
            raise _LostError(f"Slack cannot be reached ({error.reason})") from None
        except SlackApiError as error:
            if kind_of(error) in ("revoked", "forbidden"):
                raise _refused(error) from error
            raise _LostError(explain(error)) from None
        return str(response["url"])


def _refused(error: SlackApiError) -> SetupError:
    return SetupError(
        f"Slack does not accept SLACK_APP_TOKEN: {code_of(error)}.",
        "Make an app-level token (xapp-…) with the scope connections:write on the app's page Basic Information, and "
        "set SLACK_APP_TOKEN to it.",
    )
