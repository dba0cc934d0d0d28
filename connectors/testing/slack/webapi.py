"""The Web API: what every call goes through before and after its method."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from connectors.testing.slack import agents, conversations, files, messaging, views
from connectors.testing.slack.asking import Ask
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.events import Events
from connectors.testing.slack.faults import Faults
from connectors.testing.slack.limits import Limits
from connectors.testing.slack.oauth import OAuth
from connectors.testing.slack.scopes import KIND_SCOPES, METHOD_SCOPES
from connectors.testing.slack.sockets import Sockets
from connectors.testing.slack.state import Call, State, Token

Answer = dict[str, Any]
Method = Callable[[Ask], Answer]

WITHOUT_TOKEN = ("api.test", "oauth.v2.access")
NOBODY = Token("", "", set())
APP_TOKEN = "xapp-"  # noqa: S105 (how such tokens begin)
JSON = "application/json"


class WebAPI:
    """Answers at /api/<method>."""

    def __init__(
        self, state: State, events: Events, sockets: Sockets, oauth: OAuth, limits: Limits, faults: Faults
    ) -> None:
        self.state = state
        self.events = events
        self.sockets = sockets
        self.limits = limits
        self.faults = faults
        self.methods: dict[str, Method] = {
            **messaging.METHODS,
            **agents.METHODS,
            **conversations.METHODS,
            **views.METHODS,
            **files.METHODS,
            "api.test": lambda ask: {"args": ask.args},
            "apps.connections.open": self._open_connection,
            "auth.revoke": _revoke,
            "auth.test": _identify,
            "oauth.v2.access": oauth.access,
        }

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Take one call. It stands in `state.calls` from now on, whatever becomes of it."""
        method = request.match_info["method"]
        call = Call(method, {}, "", time.monotonic())
        self.state.calls.append(call)
        self.state.in_flight += 1
        try:
            return await self._take(request, call)
        finally:
            self.state.in_flight -= 1
            call.seconds = time.monotonic() - call.time
            self.state.touch()

    async def _take(self, request: web.Request, call: Call) -> web.StreamResponse:
        text, call.args = await _arguments(request)
        before = self.faults.strike(call.method, "closed_before", "http_status")
        if before and before.kind == "closed_before":
            return _close(request, call, "closed_before")
        if before:
            call.outcome = f"http_{before.code}"
            return web.Response(status=int(before.code), text="<html>Slack is having trouble</html>")
        response = self._answer(request, call, text)
        slow = self.faults.strike(call.method, "slow")
        if slow:
            await asyncio.sleep(slow.seconds)
        if self.faults.strike(call.method, "closed_after"):
            return _close(request, call, "closed_after")
        return response

    def _answer(self, request: web.Request, call: Call, token: str) -> web.Response:
        headers = {"Date": formatdate(self.state.now(), usegmt=True)}
        try:
            found = self._token(call.method, token)
            call.team = found.team
            headers |= {"x-oauth-scopes": ",".join(sorted(found.scopes))} if found.team else {}
            wait = self._must_wait(call)
            if wait:
                call.outcome = "ratelimited"
                answer = {"ok": False, "error": "ratelimited"}
                return _json(answer, {**headers, "Retry-After": f"{wait:g}"}, status=429)
            answer = {"ok": True, **self._call(request, call, found)}
            call.outcome = "ok"
        except SlackError as error:
            call.outcome, answer = error.code, error.answer
        return _json(answer, headers)

    def _call(self, request: web.Request, call: Call, token: Token) -> Answer:
        fault = self.faults.strike(call.method, "error")
        if fault:
            raise SlackError(fault.code)
        ask = Ask(call.method, call.args, token, self.state, self.events, _client(request))
        self._check_scopes(ask)
        if call.method == "chat.appendStream" and self.faults.strike(call.method, "expire_stream"):
            self._expire(ask)
        return self.methods[call.method](ask)

    def _expire(self, ask: Ask) -> None:
        message = self.state.messages[ask.text("channel")].get(ask.text("ts"))
        if message and message.streaming == "live":
            message.streaming = "expired"

    def _must_wait(self, call: Call) -> float:
        """Seconds, when there were too many calls or a fault says so."""
        fault = self.faults.strike(call.method, "ratelimited")
        return fault.seconds if fault else self.limits.wait(call.method, call.team, str(call.args.get("channel", "")))

    # -- who asks

    def _token(self, method: str, text: str) -> Token:
        """Raises SlackError for a method that does not exist, and for a token that is no good."""
        if method not in self.methods:
            raise SlackError("unknown_method", req_method=method)
        if method in WITHOUT_TOKEN:
            return NOBODY
        if not text:
            raise SlackError("not_authed")
        token = self.state.tokens.get(text)
        if token is None:
            raise SlackError("invalid_auth")
        if token.expires_at is not None and token.expires_at <= self.state.now():
            token.state = "token_expired"
        if token.state != "valid":
            raise SlackError(token.state)
        if text.startswith(APP_TOKEN) != (method == "apps.connections.open") and method != "auth.test":
            raise SlackError("not_allowed_token_type")
        return token

    def _check_scopes(self, ask: Ask) -> None:
        enough = set(METHOD_SCOPES[ask.method])
        by_kind = KIND_SCOPES.get(ask.method)
        channel = self.state.channels.get(ask.text("channel"))
        if by_kind and channel:
            enough = {by_kind[channel.kind]}
        if enough and not enough & ask.token.scopes:
            needed, provided = ",".join(sorted(enough)), ",".join(sorted(ask.token.scopes))
            raise SlackError("missing_scope", needed=needed, provided=provided)

    def _open_connection(self, ask: Ask) -> Answer:
        if not self.sockets.enabled:
            raise SlackError("socket_mode_not_enabled")
        return {"url": self.sockets.ticket()}


def _identify(ask: Ask) -> Answer:
    team = ask.team
    url = f"https://{team.id.lower()}.slack.test/"
    who = {"user": ask.state.users[team.bot_user].name, "user_id": team.bot_user, "bot_id": team.bot_id}
    return {"url": url, "team": team.name, "team_id": team.id, "is_enterprise_install": False, **who}


def _revoke(ask: Ask) -> Answer:
    if not ask.flag("test"):
        ask.token.state = "token_revoked"
    return {"revoked": not ask.flag("test")}


async def _arguments(request: web.Request) -> tuple[str, Answer]:
    """The token, and the arguments without it, from the address, a form, or JSON."""
    args: Answer = dict(request.query)
    if request.content_type == JSON:
        args |= _object(await request.text())
    elif request.can_read_body:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    token = str(args.pop("token", ""))
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return (credentials if scheme == "Bearer" else token), args


def _object(text: str) -> Answer:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _client(request: web.Request) -> tuple[str, str]:
    """The client's id and secret, as HTTP's basic authorization carries them."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return "", ""
    try:
        id_, _, secret = base64.b64decode(credentials).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return id_, secret


def _close(request: web.Request, call: Call, outcome: str) -> web.Response:
    """Break the connection off: what is returned arrives nowhere."""
    call.outcome = outcome
    if request.transport:
        request.transport.abort()
    return web.Response()


def _json(answer: Answer, headers: dict[str, str], status: int = 200) -> web.Response:
    return web.json_response(answer, headers=headers, status=status)
