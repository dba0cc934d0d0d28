"""Slack's Web API as we call it: paced, counted, and called again only where that cannot do harm.

slack_sdk's own retry handlers do not serve here. The one for rate limits lets each call find out by itself and has no
limit in time; the one for broken connections repeats calls that post messages. A client that was given a session also
ignores its timeout.
"""

import asyncio
import copy
import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, retry_if_result, wait_random_exponential

from connectors.slack.faults import (
    HTTP_TOO_MANY,
    IDEMPOTENT,
    RATE_LIMITED,
    REVOKED,
    BrokenCallError,
    is_server_fault,
)
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import Pacing

# How long one answer may take; how long a call waits its turn and sits out rate limits, in all, before its caller is
# told; how often a call is made whose answer does not come.
TIMEOUT_S = 30
PATIENCE_S = 120.0
TRIES = 4
RETRY_AFTER_S = 1.0
# Slack counts whole seconds: replicas that were told the same must not all come back at once.
SPREAD_S = 0.25

# The SDK writes whole requests to a logger that has no level of its own.
log = logging.getLogger("assistant.slack.api")
log.setLevel(logging.WARNING)

Response = dict[str, Any]


def open_session() -> aiohttp.ClientSession:
    """The one session of this process, for calls, downloads and sockets. Close it at the end."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=60))


def _nothing() -> None:
    return None


@dataclass(slots=True)
class _Call:
    """One call, over all its tries."""

    method: str
    channel: str
    patience_s: float
    started: float = field(default_factory=time.monotonic)

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT

    @property
    def remaining(self) -> float:
        return max(0.0, self.patience_s - (time.monotonic() - self.started))


class Client(AsyncWebClient):
    """An AsyncWebClient for one workspace, to be used as any other.

    It waits where Slack's tiers call for it and sits out rate limits, `patience_s` in all; then the caller gets
    SlackApiError `ratelimited`. Where no answer came, idempotent methods are tried a few times; others, and these at
    last, raise BrokenCallError. `revoked` is called when Slack refuses the token.
    """

    def __init__(
        self,
        token: str | None,
        *,
        base_url: str,
        session: aiohttp.ClientSession,
        pacing: Pacing,
        metrics: Metrics,
        team: str = "",
        team_id: str | None = None,
        patience_s: float = PATIENCE_S,
        revoked: Callable[[], None] = _nothing,
    ) -> None:
        super().__init__(token, base_url, TIMEOUT_S, session=session, team_id=team_id, logger=log, retry_handlers=[])
        self.team = team
        self.pacing = pacing
        self.metrics = metrics
        self.patience_s = patience_s
        self._revoked = revoked
        self._optional = False

    @property
    def optional(self) -> Self:
        """The same client for calls that are not worth waiting for: SlackApiError `ratelimited` comes at once."""
        other = copy.copy(self)
        other._optional, other.patience_s = True, 0.0
        return other

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Response:
        call = _Call(api_url.removeprefix(self.base_url), _argument("channel", req_args), self.patience_s)
        retrying = AsyncRetrying(
            retry=retry_if_exception(_unanswered) | retry_if_result(lambda answer: _may_repeat(call, answer)),
            wait=_pause,
            stop=lambda state: self._gives_up(call, state),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        response: Response = await retrying(self._try, call, http_verb, api_url, req_args)
        self._note(call, req_args, response)
        return response

    async def _try(self, call: _Call, http_verb: str, api_url: str, req_args: dict[str, Any]) -> Response:
        try:
            await self._turn(call)
        except TimeoutError:
            return _put_off(self.pacing.delay(self.team, call.method, call.channel))
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout):
                response = await super()._request(http_verb=http_verb, api_url=api_url, req_args=req_args)
        except (aiohttp.ClientError, OSError, TimeoutError, SlackApiError) as error:
            self.metrics.api_calls_total.labels(call.method, "broken").inc()
            raise _broken(call, error) from error
        self._count(call, response, time.monotonic() - started)
        return response

    async def _turn(self, call: _Call) -> None:
        if self._optional and not self.pacing.spare(self.team, call.method, call.channel):
            raise TimeoutError
        patience = math.inf if self._optional else call.remaining
        await self.pacing.wait(self.team, call.method, call.channel, patience)

    def _gives_up(self, call: _Call, state: RetryCallState) -> bool:
        if state.outcome is not None and not state.outcome.failed and _is_rate_limited(state.outcome.result()):
            return self._optional or self.pacing.delay(self.team, call.method) >= call.remaining
        return self._optional or state.attempt_number >= TRIES

    def _count(self, call: _Call, response: Response, seconds: float) -> None:
        self.metrics.api_seconds.labels(call.method).observe(seconds)
        self.metrics.api_calls_total.labels(call.method, _outcome(response)).inc()
        if _is_rate_limited(response):
            self.metrics.rate_limited_total.labels(call.method).inc()
            self.pacing.hold(self.team, call.method, _retry_after(response))

    def _note(self, call: _Call, req_args: dict[str, Any], response: Response) -> None:
        """Streams are known from their calls, and a token that was revoked from any."""
        if _code(response) in REVOKED:
            self._revoked()
        if call.method in ("chat.startStream", "chat.appendStream") and _outcome(response) == "ok":
            self.pacing.streaming(self.team, str(response["data"].get("ts", "")))
        elif call.method == "chat.stopStream":
            self.pacing.streamed(self.team, _argument("ts", req_args))


def _argument(name: str, req_args: dict[str, Any]) -> str:
    for place in ("json", "data", "params"):
        arguments = req_args.get(place)
        if isinstance(arguments, dict) and arguments.get(name):
            return str(arguments[name])
    return ""


def _code(response: Response) -> str:
    data = response["data"]
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def _is_rate_limited(response: Response) -> bool:
    return response["status_code"] == HTTP_TOO_MANY or _code(response) in RATE_LIMITED


def _may_repeat(call: _Call, response: Response) -> bool:
    if _is_rate_limited(response):
        return True
    return call.idempotent and is_server_fault(response["status_code"], _code(response))


def _outcome(response: Response) -> str:
    if _is_rate_limited(response):
        return "rate_limited"
    data = response["data"]
    return "ok" if not isinstance(data, dict) or data.get("ok") else "refused"


def _retry_after(response: Response) -> float:
    """Seconds that Slack asked to wait for."""
    try:
        seconds = float(response["headers"].get("Retry-After", RETRY_AFTER_S))
    except ValueError:
        seconds = RETRY_AFTER_S
    return max(0.0, seconds) + random.uniform(0.0, SPREAD_S)  # noqa: S311 (not a secret)


def _put_off(seconds: float) -> Response:
    """What Slack would have answered, had it been asked."""
    headers = {"Retry-After": str(math.ceil(seconds))}
    return {"data": {"ok": False, "error": "ratelimited"}, "headers": headers, "status_code": HTTP_TOO_MANY}


def _broken(call: _Call, error: Exception) -> BrokenCallError:
    reason = f"no answer within {TIMEOUT_S} s" if isinstance(error, TimeoutError) else _reason(error)
    never_asked = isinstance(error, aiohttp.ClientConnectorError)
    return BrokenCallError(call.method, reason, uncertain=not call.idempotent and not never_asked)


def _reason(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return "the answer is not JSON"
    return " ".join(str(error).split()) or type(error).__name__


def _unanswered(error: BaseException) -> bool:
    return isinstance(error, BrokenCallError) and not error.uncertain


_backoff = wait_random_exponential(multiplier=0.2, max=5.0)


def _pause(state: RetryCallState) -> float:
    """After a rate limit the pacing makes the call wait; else the pause grows with each try."""
    limited = state.outcome is not None and not state.outcome.failed and _is_rate_limited(state.outcome.result())
    return 0.0 if limited else _backoff(state)
