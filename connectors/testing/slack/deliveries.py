"""Payloads on their way to the app: sent, acknowledged or sent again, over whichever transport there is."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from connectors.testing.slack.faults import DELIVERY, Faults
from connectors.testing.slack.state import State

# Slack waits three seconds, then sends an event again at once, after a minute and after five.
ACK_SECONDS = 3.0
RETRY_DELAYS = (0.0, 60.0, 300.0)

# As Socket Mode names them.
Type = Literal["events_api", "slash_commands", "interactive"]


@dataclass(slots=True)
class Attempt:
    """One sending. `ack_seconds` is how long the acknowledgement took, also when it was too late; None: it never came.

    `failure` says why it does not count, in the words of x-slack-retry-reason.
    """

    number: int
    at: float
    ack_seconds: float | None = None
    failure: str = ""
    # Who received it: a connection's number, or an address.
    receiver: str = ""


@dataclass(slots=True)
class Delivery:
    """A payload, and what became of it. Only events are sent again; who clicks or commands in vain sees an error.

    `state` is "acked" or "failed" at the end; `response` is what the app sent along with the acknowledgement.
    """

    type: Type
    payload: dict[str, Any]
    accepts_response: bool = False
    at: float = field(default_factory=time.monotonic)
    state: Literal["pending", "acked", "failed"] = "pending"
    response: dict[str, Any] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acked(self) -> bool:
        return self.state == "acked"

    @property
    def event(self) -> dict[str, Any]:
        """The event inside; empty for anything else."""
        found: dict[str, Any] = self.payload.get("event", {})
        return found

    @property
    def event_id(self) -> str:
        return str(self.payload.get("event_id", ""))

    @property
    def ack_seconds(self) -> float | None:
        """How long the first acknowledgement of any attempt took, from that attempt on."""
        return next((a.ack_seconds for a in self.attempts if a.ack_seconds is not None), None)


class Transport(Protocol):
    async def send(self, delivery: Delivery, attempt: Attempt, reason: str, patience: float) -> dict[str, Any]:
        """Send it once and wait for the acknowledgement. Returns what came with it; raises UndeliveredError.

        `reason` is why it is sent again; the attempt's number is 0 the first time.
        """
        ...


class UndeliveredError(Exception):
    """Why an attempt failed. With `final`, the app wants no more."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class Deliveries:
    """Sends in the background. `retry_delays` and `ack_seconds` may be changed; all that was sent is in `sent`."""

    def __init__(self, state: State, faults: Faults, transport: Transport) -> None:
        self.state = state
        self.faults = faults
        self.transport = transport
        self.ack_seconds = ACK_SECONDS
        self.retry_delays: Sequence[float] = RETRY_DELAYS
        self.sent: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """Deliveries that are not over, duplicates among them."""
        return len(self._tasks)

    def send(self, delivery: Delivery) -> Delivery:
        """Send it now; what becomes of it shows in the delivery."""
        self.sent.append(delivery)
        delay = self.faults.strike(DELIVERY, "delay")
        self._start(delivery, delay.seconds if delay else 0.0)
        twice = delivery.type == "events_api" and self.faults.strike(DELIVERY, "duplicate")
        if twice:
            copy = Delivery(delivery.type, delivery.payload)
            self.sent.append(copy)
            self._start(copy, (delay.seconds if delay else 0.0) + twice.seconds)
        return delivery

    async def aclose(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, delivery: Delivery, delay: float) -> None:
        task = asyncio.create_task(self._deliver(delivery, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, delay: float) -> None:
        delays = [delay, *(self.retry_delays if delivery.type == "events_api" else ())]
        reason = ""
        for number, pause in enumerate(delays):
            await asyncio.sleep(pause)
            attempt = Attempt(number, time.monotonic())
            delivery.attempts.append(attempt)
            try:
                delivery.response = await self.transport.send(delivery, attempt, reason, self.ack_seconds)
            except UndeliveredError as error:
                reason = attempt.failure = error.reason
                if error.final:
                    break
            else:
                delivery.state = "acked"
                break
        self._finish(delivery)

    def _finish(self, delivery: Delivery) -> None:
        if delivery.state == "pending":
            delivery.state = "failed"
        delivery.over.set()
        self.state.touch()
