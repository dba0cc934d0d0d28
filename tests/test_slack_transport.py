"""How Slack is reached: calls, pacing, sockets, signed requests, installations and health, over loopback sockets."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from sqlalchemy import select

from connectors.slack.api import Client, open_session
from connectors.slack.bolt import build_app
from connectors.slack.faults import BrokenCallError, NotInstalledError, SetupError, explain, kind_of, needed_scope
from connectors.slack.health import Health
from connectors.slack.http import MAX_BODY_BYTES, web_app
from connectors.slack.identity import identify
from connectors.slack.listening import listening
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import CALLS_A_MINUTE, MINUTE_S, Pacing, Window, append_interval
from connectors.slack.sockets import Sockets
from connectors.slack.tokens import SLACK_API_URL, Environment
from connectors.slack.workspaces import ManyWorkspaces, OneWorkspace, open_workspaces
from tests.postgres import fresh_database, serve_postgres

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-1-bot", "xapp-1-app", "f" * 32
PATIENCE_S = 10.0
Reply = dict[str, Any] | tuple[int, dict[str, Any], dict[str, str]] | Callable[[web.Request], Awaitable[Any]]


class SmallSlack:
    """As much of Slack as these tests need. `replies` are given first, one a call, by method."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, str, str, dict[str, Any]]] = []
        self.peers: set[Any] = set()
        self.replies: dict[str, deque[Reply]] = {}
        self.headers: dict[str, str] = {"x-oauth-scopes": "chat:write,commands"}
        self.refuse_tickets = 0
        self.silent = False
        self.tickets: set[str] = set()
        self.issued = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.acks: list[dict[str, Any]] = []
        self.token_owner: dict[str, str] = {BOT_TOKEN: "T1"}
        self.refresh: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.url = ""

    def reply(self, method: str, *replies: Reply) -> None:
        self.replies.setdefault(method, deque()).extend(replies)

    def count(self, method: str) -> int:
        return sum(called == method for _, called, _, _ in self.calls)

    def app(self) -> web.Application:
        application = web.Application()
        application.add_routes([web.get("/link", self._link), web.route("*", "/api/{method}", self._call)])
        return application

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        arguments = {**request.query, **await _body(request)}
        self.calls.append((time.monotonic(), method, token, arguments))
        if request.transport is not None:
            self.peers.add(request.transport.get_extra_info("peername"))
        waiting = self.replies.get(method)
        reply = waiting.popleft() if waiting else await self._usual(method, token, arguments)
        return await self._send(request, reply)

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if callable(reply):
            response = await reply(request)
            assert isinstance(response, web.StreamResponse)
            return response
        status, body, headers = reply if isinstance(reply, tuple) else (200, reply, {})
        return web.json_response(body, status=status, headers={**self.headers, **headers})

    async def _usual(self, method: str, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "apps.connections.open":
            if token != APP_TOKEN:
                return {"ok": False, "error": "invalid_auth"}
            self.issued += 1
            ticket = f"t{self.issued}"
            self.tickets.add(ticket)
            return {"ok": True, "url": f"{self.url.replace('http', 'ws', 1)}/link?ticket={ticket}"}
        if method == "oauth.v2.access":
            return self._access(arguments)
        if method == "auth.test":
            return self._identity(token)
        return {"ok": True, "ts": "1.1", "channel": arguments.get("channel", "")}

    def _identity(self, token: str) -> dict[str, Any]:
        team = self.token_owner.get(token)
        if team is None:
            return {"ok": False, "error": "invalid_auth"}
        return {"ok": True, "team_id": team, "team": "Acme", "user_id": f"U{team}", "bot_id": f"B{team}", "url": "u"}

    def _access(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Codes and refresh tokens work once."""
        known = self.refresh if arguments.get("grant_type") == "refresh_token" else self.codes
        team = known.pop(str(arguments.get("refresh_token") or arguments.get("code")), None)
        if team is None:
            return {"ok": False, "error": "invalid_refresh_token"}
        return self.issue(team, 43_200)

    def issue(self, team: str, expires_in: int) -> dict[str, Any]:
        self.issued += 1
        token, refresh = f"xoxe.xoxb-{team}-{self.issued}", f"xoxe-{team}-{self.issued}"
        self.token_owner[token], self.refresh[refresh] = team, team
        return {
            "ok": True,
            "access_token": token,
            "refresh_token": refresh,
            "expires_in": expires_in,
            "token_type": "bot",
            "scope": "chat:write,commands",
            "bot_user_id": f"U{team}",
            "app_id": "A1",
            "team": {"id": team, "name": team.lower()},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "UADMIN"},
        }

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self.tickets or self.refuse_tickets:
            self.refuse_tickets -= 1
            return web.Response(status=403)
        self.tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=not self.silent)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.sockets.append(socket)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.acks.append({**json.loads(message.data), "socket": self.sockets.index(socket)})
        return socket

    @property
    def acked(self) -> list[str]:
        return [ack["envelope_id"] for ack in self.acks]


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        return dict(await request.json())
    return {key: str(value) for key, value in (await request.post()).items()}


async def broken(request: web.Request) -> web.Response:
    """The connection breaks before the answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def limited(seconds: int) -> Reply:
    return 429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)}


def envelope(number: int, user: str = "U1") -> dict[str, Any]:
    message = {
        "type": "message",
        "channel_type": "im",
        "channel": "D1",
        "user": user,
        "text": "hi",
        "ts": f"{number}.1",
    }
    payload: dict[str, Any] = {
        "type": "event_callback",
        "team_id": "T1",
        "api_app_id": "A1",
        "event_id": f"Ev{number}",
        "event": message,
    }
    authorized = {"enterprise_id": None, "team_id": "T1", "user_id": "UT1", "is_bot": True}
    payload |= {"event_time": 1, "authorizations": [authorized]}
    return {"envelope_id": f"e{number}", "type": "events_api", "accepts_response_payload": False, "payload": payload}


async def eventually(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(patience_s):
        while not condition():  # noqa: ASYNC110 (what happens on the other side sets no event)
            await asyncio.sleep(0.005)


@pytest.fixture
async def slack() -> AsyncIterator[SmallSlack]:
    small = SmallSlack()
    async with listening(small.app(), "127.0.0.1:0", "none", shutdown_s=0.1) as (host, port):
        small.url = f"http://{host}:{port}"
        yield small


@pytest.fixture(autouse=True)
def no_tokens_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOT_TOKEN", "APP_TOKEN", "SIGNING_SECRET", "CLIENT_ID", "CLIENT_SECRET", "API_URL"):
        monkeypatch.delenv(f"SLACK_{name}", raising=False)


def environment_of(**given: Any) -> Environment:
    return Environment(**given)


def environment(slack: SmallSlack, **more: Any) -> Environment:
    given = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET, "api_url": f"{slack.url}/api"}
    return environment_of(**{**given, **more})


def many(slack: SmallSlack) -> Environment:
    return environment(slack, bot_token="", client_id="1.2", client_secret=SECRET)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def client(slack: SmallSlack, session: aiohttp.ClientSession) -> Client:
    return make_client(slack, session)


def make_client(slack: SmallSlack, session: aiohttp.ClientSession, **more: Any) -> Client:
    given = {"base_url": f"{slack.url}/api/", "session": session, "pacing": Pacing(), "metrics": Metrics()}
    return Client(BOT_TOKEN, **{**given, "team": "T1", **more})


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"assistant_slack_{name}", labels) or 0.0


# -- the environment


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", " xoxb-very-secret\n")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "hush-hush")
    read = Environment()
    assert read.bot_token.get_secret_value() == "xoxb-very-secret"
    assert "secret" not in repr(read).replace("client_secret", "").replace("signing_secret", "")
    assert "hush" not in f"{read!r} {read} {read.model_dump()}"


@pytest.mark.parametrize("given", ["http://127.0.0.1:1/api", "http://127.0.0.1:1/api/", " http://127.0.0.1:1/api// "])
def test_the_address_of_the_api_ends_with_one_slash(given: str) -> None:
    assert Environment(api_url=given).api_url == "http://127.0.0.1:1/api/"
    assert Environment(api_url=given).authorize_url == "http://127.0.0.1:1/oauth/v2/authorize"


def test_slack_itself_is_called_unless_told_otherwise() -> None:
    assert Environment().api_url == SLACK_API_URL == Environment(api_url="").api_url
    assert Environment().authorize_url == "https://slack.com/oauth/v2/authorize"


@pytest.mark.parametrize(
    ("mode", "change", "problem"),
    [
        ("socket", {"bot_token": ""}, "SLACK_BOT_TOKEN is not set"),
        ("socket", {"app_token": ""}, "SLACK_APP_TOKEN is not set"),
        ("http", {"signing_secret": ""}, "SLACK_SIGNING_SECRET is not set"),
        ("socket", {"bot_token": APP_TOKEN}, "SLACK_BOT_TOKEN holds an app-level token"),
        ("socket", {"app_token": BOT_TOKEN}, "SLACK_APP_TOKEN holds a bot token"),
        ("http", {"bot_token": "xoxp-1"}, "SLACK_BOT_TOKEN holds a user token"),
        ("http", {"bot_token": "xoxe.xoxb-1-2"}, "token rotation is on"),
        ("http", {"bot_token": "something"}, "SLACK_BOT_TOKEN does not hold a bot token"),
        ("http", {"bot_token": "xoxb-a b"}, "SLACK_BOT_TOKEN does not hold a bot token"),
        ("http", {"bot_token": "", "client_id": "1.2"}, "SLACK_CLIENT_SECRET is not set"),
        ("http", {"bot_token": "", "client_secret": "s"}, "SLACK_CLIENT_ID is not set"),
        ("http", {"api_url": "slack.example"}, "SLACK_API_URL is not an address"),
        ("http", {"api_url": "http://[::1/api/"}, "SLACK_API_URL is not an address"),
    ],
)
def test_what_is_missing_or_malformed_is_named_with_what_to_do(mode: Any, change: dict[str, str], problem: str) -> None:
    given = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET}
    with pytest.raises(SetupError, match=problem) as refusal:
        environment_of(**{**given, **change}).check(mode)
    assert len(str(refusal.value).splitlines()) == 2
    assert all(value not in str(refusal.value) for value in change.values() if len(value) > 8)


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_a_mode_asks_for_no_more_than_it_needs(mode: Any) -> None:
    needed = {"socket": {"app_token": APP_TOKEN}, "http": {"signing_secret": SECRET}}[mode]
    assert not environment_of(bot_token=BOT_TOKEN, **needed).check(mode).many
    assert environment_of(client_id="1.2", client_secret=SECRET, **needed).check(mode).many


# -- calls


async def test_a_long_rate_limit_is_read_as_it_stands(slack: SmallSlack, client: Client) -> None:
    slack.reply("chat.update", limited(42))
    with pytest.raises(SlackApiError) as refusal:
        await client.optional.chat_update(channel="C1", ts="1", text="a")
    assert kind_of(refusal.value) == "retry"
    assert 41 < client.pacing.delay("T1", "chat.update") < 43


async def test_a_rate_limit_is_sat_out_by_everybody_together(slack: SmallSlack, client: Client) -> None:
    slack.reply("users.info", limited(1))
    other = make_client(slack, session_of(client), pacing=client.pacing)
    first = asyncio.create_task(client.users_info(user="U1"))
    await eventually(lambda: client.pacing.delay("T1", "users.info") > 0)
    assert not client.pacing.free("T1", "users.info")
    assert client.pacing.free("T2", "users.info")
    assert client.pacing.free("T1", "users.list")
    await other.users_info(user="U2")
    await first
    times = [at for at, _, _, _ in slack.calls]
    assert len(times) == 3
    assert min(times[1:]) - times[0] >= 1.0
    assert sample(client.metrics, "rate_limited_total", method="users.info") == 1


def session_of(client: Client) -> aiohttp.ClientSession:
    assert client.session is not None
    return client.session


async def test_a_storm_longer_than_the_patience_goes_up_to_the_caller(
    slack: SmallSlack, session: aiohttp.ClientSession
) -> None:
    client = make_client(slack, session, patience_s=0.5)
    slack.reply("chat.postMessage", limited(30))
    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(SlackApiError) as refusal:
            await client.chat_postMessage(channel="C1", text="a")
        assert (kind_of(refusal.value), refusal.value.response["error"]) == ("retry", "ratelimited")
    assert time.monotonic() - started < 2
    assert slack.count("chat.postMessage") == 1


async def test_a_message_whose_connection_broke_is_not_posted_again(slack: SmallSlack, client: Client) -> None:
    slack.reply("chat.postMessage", broken)
    with pytest.raises(BrokenCallError) as error:
        await client.chat_postMessage(channel="C1", text="a")
    assert kind_of(error.value) == "uncertain"
    assert slack.count("chat.postMessage") == 1


async def test_what_can_be_done_twice_is_tried_again(slack: SmallSlack, client: Client) -> None:
    slack.reply("chat.update", broken, (503, {}, {}), {"ok": False, "error": "internal_error"})
    assert (await client.chat_update(channel="C1", ts="1", text="a"))["ok"]
    assert slack.count("chat.update") == 4
    assert sample(client.metrics, "api_calls_total", method="chat.update", outcome="broken") == 1
    assert sample(client.metrics, "api_calls_total", method="chat.update", outcome="refused") == 2
    assert sample(client.metrics, "api_calls_total", method="chat.update", outcome="ok") == 1


async def test_a_server_that_stays_broken_is_not_tried_for_ever(slack: SmallSlack, client: Client) -> None:
    slack.reply("chat.update", *[broken] * 9)
    with pytest.raises(BrokenCallError) as error:
        await client.chat_update(channel="C1", ts="1", text="a")
    assert kind_of(error.value) == "retry"
    assert slack.count("chat.update") == 4


@pytest.mark.parametrize("reply", [(500, {}, {}), {"ok": False, "error": "fatal_error"}])
async def test_after_a_fault_of_the_server_a_message_may_have_been_posted(
    slack: SmallSlack, client: Client, reply: Reply
) -> None:
    slack.reply("chat.startStream", reply)
    with pytest.raises(SlackApiError) as error:
        await client.chat_startStream(channel="C1", thread_ts="1")
    assert kind_of(error.value) == "uncertain"
    assert slack.count("chat.startStream") == 1


async def test_where_nobody_listens_nothing_was_posted(session: aiohttp.ClientSession) -> None:
    nobody = SmallSlack()
    nobody.url = "http://127.0.0.1:1"
    with pytest.raises(BrokenCallError) as error:
        await make_client(nobody, session).optional.chat_postMessage(channel="C1", text="a")
    assert kind_of(error.value) == "retry"


async def test_an_answer_that_does_not_come_is_given_up(slack: SmallSlack, session: aiohttp.ClientSession) -> None:
    async def asleep(request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.json_response({"ok": True})

    client = make_client(slack, session)
    client.timeout = 0.2  # type: ignore[assignment] # the SDK says whole seconds
    slack.reply("chat.postMessage", asleep)
    slack.reply("users.info", asleep)
    with pytest.raises(BrokenCallError) as error:
        await client.chat_postMessage(channel="C1", text="a")
    assert kind_of(error.value) == "uncertain"
    assert (await client.users_info(user="U1"))["ok"]


async def test_an_answer_that_is_no_json_is_a_broken_call(slack: SmallSlack, client: Client) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="application/json")

    slack.reply("chat.postMessage", page)
    with pytest.raises(BrokenCallError, match="not JSON"):
        await client.chat_postMessage(channel="C1", text="a")


async def test_messages_to_one_channel_keep_a_second_apart_and_other_channels_do_not_wait(
    slack: SmallSlack, client: Client
) -> None:
    posts = [client.chat_postMessage(channel=channel, text="a") for channel in ("C1", "C1", "C2", "C3")]
    await asyncio.gather(*posts)
    at = {name: [t for t, _, _, said in slack.calls if said["channel"] == name] for name in ("C1", "C2", "C3")}
    assert at["C1"][1] - at["C1"][0] > 0.95
    assert max(*at["C2"], *at["C3"]) - at["C1"][0] < 0.5


async def test_an_optional_call_is_dropped_rather_than_waited_for(slack: SmallSlack, client: Client) -> None:
    for _ in range(CALLS_A_MINUTE["chat.startStream"]):
        await client.chat_startStream(channel="C1", thread_ts="1")
    assert not client.pacing.free("T1", "chat.startStream")
    started = time.monotonic()
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.optional.chat_startStream(channel="C1", thread_ts="1")
    assert time.monotonic() - started < 0.5
    assert slack.count("chat.startStream") == CALLS_A_MINUTE["chat.startStream"]


async def test_all_clients_share_one_session(slack: SmallSlack) -> None:
    async with open_workspaces(environment(slack), Pacing(), Metrics()) as workspaces:
        first = await workspaces.client("T1")
        await first.auth_test()
        await workspaces.app.api_test()
        await (await workspaces.client("T2")).auth_test()
        assert first.session is workspaces.app.session
        assert len(slack.peers) == 1
    assert session_of(first).closed


async def test_live_streams_slow_down_so_that_all_fit(slack: SmallSlack, client: Client) -> None:
    alone = client.pacing.append_interval("T1")
    for number in range(5):
        slack.reply("chat.startStream", {"ok": True, "ts": f"{number}.0"})
        await client.chat_startStream(channel="C1", thread_ts="1")
    assert client.pacing.append_interval("T1") == pytest.approx(5 * alone)
    assert client.pacing.append_interval("T2") == alone
    for number in range(5):
        await client.chat_stopStream(channel="C1", ts=f"{number}.0")
    assert client.pacing.append_interval("T1") == alone


@given(st.integers(0, 1000))
def test_however_many_streams_there_are_their_appends_stay_within_the_tier(streams: int) -> None:
    assert streams * MINUTE_S / append_interval(streams) <= CALLS_A_MINUTE["chat.appendStream"]


@given(st.integers(1, 30), st.lists(st.floats(0, 20), max_size=200))
def test_no_period_ever_holds_more_than_its_calls(calls: int, pauses: list[float]) -> None:
    window, now, went = Window(calls, MINUTE_S), 0.0, []
    for pause in pauses:
        now += pause
        now += window.delay(now)
        window.take(now)
        went.append(now)
    assert all(later - earlier >= MINUTE_S - 1e-6 for earlier, later in zip(went, went[calls:], strict=False))


async def test_statuses_that_can_be_done_without_leave_room_for_those_that_cannot() -> None:
    method, now = "assistant.threads.setStatus", 1000.0
    pacing, optional = Pacing(lambda: now), 0
    for _ in range(CALLS_A_MINUTE[method]):
        if pacing.spare("T1", method):
            await pacing.wait("T1", method)
            optional += 1
    assert optional == CALLS_A_MINUTE[method] // 4
    assert pacing.free("T1", method)
    now += MINUTE_S
    assert pacing.spare("T1", method)


async def test_nobody_waits_in_vain_for_a_turn_that_comes_too_late() -> None:
    pacing = Pacing()
    pacing.hold("T1", "views.open", 50)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await pacing.wait("T1", "views.open", patience_s=5)
    assert time.monotonic() - started < 1


async def test_who_gives_up_waiting_takes_no_turn() -> None:
    pacing = Pacing()
    await pacing.wait("T1", "chat.postMessage", "C1")
    waiting = asyncio.create_task(pacing.wait("T1", "chat.postMessage", "C1"))
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(1.0)
    assert pacing.free("T1", "chat.postMessage", "C1")


# -- what errors call for


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ratelimited", "retry"),
        ("service_unavailable", "retry"),
        ("is_archived", "gone"),
        ("not_in_channel", "gone"),
        ("missing_scope", "forbidden"),
        ("restricted_action_read_only_channel", "forbidden"),
        ("token_revoked", "revoked"),
        ("account_inactive", "revoked"),
        ("msg_too_long", "wrong"),
    ],
)
async def test_a_refusal_is_told_by_its_code(slack: SmallSlack, client: Client, code: str, kind: str) -> None:
    slack.reply("chat.postMessage", {"ok": False, "error": code, "needed": "chat:write"})
    with pytest.raises(SlackApiError) as error:
        await client.optional.chat_postMessage(channel="C1", text="a")
    assert kind_of(error.value) == kind
    assert needed_scope(error.value) == "chat:write"
    line = explain(error.value)
    assert "chat.postMessage" in line
    assert code in line
    assert "\n" not in line


def test_an_error_of_ours_is_wrong_and_an_unknown_broken_connection_uncertain() -> None:
    assert kind_of(ValueError()) == "wrong"
    assert kind_of(aiohttp.ServerDisconnectedError()) == "uncertain"
    assert kind_of(NotInstalledError("a", "b")) == "revoked"


# -- who we are


async def test_at_the_start_it_learns_who_it_is(slack: SmallSlack) -> None:
    async with open_workspaces(environment(slack), Pacing(), Metrics()) as workspaces:
        identity = await workspaces.check("socket")
        assert (identity.team, identity.user, identity.bot) == ("T1", "UT1", "BT1")
        assert identity.scopes == ("chat:write", "commands")
        assert identity.skew_s is not None
        assert abs(identity.skew_s) < 5


@pytest.mark.parametrize("code", ["invalid_auth", "account_inactive", "token_revoked"])
async def test_a_token_that_is_refused_at_the_start_is_told_in_two_lines(slack: SmallSlack, code: str) -> None:
    slack.reply("auth.test", {"ok": False, "error": code})
    async with open_workspaces(environment(slack), Pacing(), Metrics()) as workspaces:
        with pytest.raises(SetupError, match=f"SLACK_BOT_TOKEN: {code}") as refusal:
            await workspaces.check("socket")
    assert len(str(refusal.value).splitlines()) == 2
    assert BOT_TOKEN not in str(refusal.value)


async def test_slack_out_of_reach_at_the_start_is_told_with_its_address() -> None:
    nobody = environment_of(bot_token=BOT_TOKEN, api_url="http://127.0.0.1:1/api/")
    async with open_workspaces(nobody, Pacing(), Metrics()) as workspaces:
        with pytest.raises(SetupError, match=r"cannot be reached at http://127\.0\.0\.1:1/api/"):
            await identify((await workspaces.client("T1")).optional, nobody)


@pytest.mark.parametrize("off_s", [-600, 600])
async def test_a_clock_that_is_off_is_an_error_where_signatures_need_it(
    slack: SmallSlack, off_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    slack.headers["Date"] = formatdate(time.time() - off_s, usegmt=True)
    words = f"10 minutes {'ahead of' if off_s > 0 else 'behind'} Slack's"
    for chosen in (environment(slack), many(slack)):
        async with open_workspaces(chosen, Pacing(), Metrics(), "sqlite://") as workspaces:
            caplog.clear()
            await workspaces.check("socket")
            assert [words in line for line in caplog.messages] == [True]
            with pytest.raises(SetupError, match=words):
                await workspaces.check("http")


# -- Socket Mode


@asynccontextmanager
async def serving(
    slack: SmallSlack, connections: int = 1, heartbeat_s: float = 30.0, token: str = APP_TOKEN
) -> AsyncIterator[tuple[Sockets, AsyncApp, "asyncio.Task[None]"]]:
    """Socket Mode under way; a listener remembers what arrives in `app.seen`."""
    async with open_workspaces(environment(slack), Pacing(), Metrics()) as workspaces:
        app = build_app(environment(slack), workspaces)
        sockets = Sockets(app, token, connections, workspaces.app)
        sockets.heartbeat_s = heartbeat_s
        task = asyncio.create_task(sockets.run())
        try:
            yield sockets, app, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def listen(app: AsyncApp, pause_s: float = 0.0) -> list[str]:
    seen: list[str] = []

    async def accept(body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 (bolt's name)
        await asyncio.sleep(pause_s)
        seen.append(body["event_id"])
        await next()

    async def ignore() -> None:
        return None

    app.use(accept)
    app.event("message")(ignore)
    return seen


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    caplog.set_level(logging.WARNING)
    yield lambda: [r.getMessage() for r in caplog.records if r.name.startswith("assistant.slack")]


async def test_what_arrives_is_acknowledged(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    async with serving(slack) as (sockets, app, _):
        seen = listen(app)
        await eventually(lambda: sockets.connected == 1)
        await slack.sockets[0].send_json(envelope(1))
        await eventually(lambda: slack.acked == ["e1"])
        assert seen == ["Ev1"]
        assert sample(sockets.client.metrics, "ack_seconds_count") == 1
        assert sample(sockets.client.metrics, "sockets_connected") == 1
    assert slack.sockets[0].closed
    assert lines() == []


async def test_a_slow_envelope_does_not_hold_up_the_next(slack: SmallSlack) -> None:
    async with serving(slack) as (sockets, app, _):
        listen(app, pause_s=0.3)
        await eventually(lambda: sockets.connected)
        started = time.monotonic()
        for number in range(10):
            await slack.sockets[0].send_json(envelope(number))
        await eventually(lambda: len(slack.acked) == 10)
        assert time.monotonic() - started < 1.5


async def test_an_envelope_is_not_acknowledged_when_it_could_not_be_recorded(
    slack: SmallSlack, lines: Callable[[], list[str]]
) -> None:
    async with serving(slack) as (sockets, app, _):
        fail = [True]

        async def record(next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 (bolt's name)
            if fail[0]:
                raise OSError("the store is down")
            await next()

        app.use(record)
        seen = listen(app)
        await eventually(lambda: sockets.connected)
        await slack.sockets[0].send_json(envelope(1))
        await eventually(lambda: any("the store is down" in line for line in lines()))
        assert slack.acked == []
        fail[0] = False
        await slack.sockets[0].send_json(envelope(1))
        await eventually(lambda: slack.acked == ["e1"])
        assert seen == ["Ev1"]


async def test_refused_tickets_are_thrown_away_and_told_once(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    slack.refuse_tickets = 3
    async with serving(slack) as (sockets, _, _):
        await eventually(lambda: sockets.connected == 1)
        assert slack.issued == 4
        down, up = lines()
    assert "connection 1 is down: the ticket was refused (HTTP status 403)" in down
    assert "0 of 1 are up" in down
    assert "connection 1 is up again" in up


async def test_a_slack_that_fails_for_a_while_is_outlived(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    slack.reply("apps.connections.open", (500, {}, {}), broken, {"ok": False, "error": "internal_error"})
    async with serving(slack) as (sockets, _, _):
        await eventually(lambda: sockets.connected == 1)
    assert len(lines()) == 2


async def test_a_dropped_socket_is_replaced_at_once(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    async with serving(slack, connections=2) as (sockets, app, _):
        listen(app)
        await eventually(lambda: sockets.connected == 2)
        await slack.sockets[0].close()
        await eventually(lambda: len(slack.sockets) == 3 and sockets.connected == 2, patience_s=2)
        await slack.sockets[2].send_json(envelope(1))
        await eventually(lambda: slack.acked == ["e1"])
    assert len(lines()) == 2
    assert "1 of 2 are up" in lines()[0]


async def test_a_socket_that_breaks_without_goodbye_is_replaced(slack: SmallSlack) -> None:
    async with serving(slack) as (sockets, _, _):
        await eventually(lambda: sockets.connected)
        transport = slack.sockets[0]._req.transport if slack.sockets[0]._req else None
        assert transport is not None
        transport.abort()
        await eventually(lambda: len(slack.sockets) == 2 and sockets.connected == 1, patience_s=2)


async def test_a_socket_that_falls_silent_is_noticed(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    slack.silent = True
    async with serving(slack, heartbeat_s=0.4) as (sockets, _, _):
        await eventually(lambda: len(slack.sockets) == 1 and sockets.connected)
        slack.silent = False
        await eventually(lambda: len(slack.sockets) == 2 and sockets.connected, patience_s=3)
        assert "it fell silent" in lines()[0]


async def test_a_socket_that_is_renewed_loses_nothing(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    async with serving(slack) as (sockets, app, _):
        listen(app, pause_s=0.2)
        await eventually(lambda: sockets.connected)
        old = slack.sockets[0]
        await old.send_json(envelope(1))
        await old.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "h"}})
        await old.send_json(envelope(2))
        await eventually(lambda: len(slack.sockets) == 2)
        assert not old.closed
        await old.send_json(envelope(3))
        await slack.sockets[1].send_json(envelope(4))
        await eventually(lambda: len(slack.acked) == 4)
        assert {ack["envelope_id"]: ack["socket"] for ack in slack.acks} == {"e1": 0, "e2": 0, "e3": 0, "e4": 1}
        await old.close()
        assert sockets.connected == 1
    assert lines() == []


async def test_a_renewal_that_fails_keeps_the_old_socket(slack: SmallSlack, lines: Callable[[], list[str]]) -> None:
    async with serving(slack) as (sockets, app, _):
        listen(app)
        await eventually(lambda: sockets.connected)
        slack.refuse_tickets = 2
        await slack.sockets[0].send_json({"type": "disconnect", "reason": "warning"})
        await eventually(lambda: slack.refuse_tickets <= 1)
        assert sockets.connected == 1
        await slack.sockets[0].send_json(envelope(1))
        await eventually(lambda: slack.acked == ["e1"])
        await eventually(lambda: len(slack.sockets) == 2)
    assert lines() == []


@pytest.mark.parametrize(
    ("reason", "words"), [("too_many_websockets", "more than ten"), ("link_disabled", "turned off"), ("new", "(new)")]
)
async def test_a_socket_that_slack_takes_away_is_told_with_the_reason(
    slack: SmallSlack, lines: Callable[[], list[str]], reason: str, words: str
) -> None:
    async with serving(slack) as (sockets, _, _):
        await eventually(lambda: sockets.connected)
        await slack.sockets[0].send_json({"type": "disconnect", "reason": reason})
        await eventually(lambda: len(slack.sockets) == 2 and sockets.connected == 1)
        assert slack.sockets[0].closed
        assert words in lines()[0]


async def test_an_app_token_that_is_refused_ends_it_in_two_lines(slack: SmallSlack) -> None:
    async with serving(slack, token=f"{APP_TOKEN}-wrong") as (sockets, _, task):
        with pytest.raises(SetupError, match="SLACK_APP_TOKEN: invalid_auth") as refusal:
            await asyncio.wait_for(task, PATIENCE_S)
        assert len(str(refusal.value).splitlines()) == 2
        assert sockets.problem()


async def test_an_app_token_that_is_revoked_later_ends_it_and_closes_the_rest(slack: SmallSlack) -> None:
    async with serving(slack, connections=2) as (sockets, _, task):
        await eventually(lambda: sockets.connected == 2)
        slack.reply("apps.connections.open", {"ok": False, "error": "token_revoked"})
        await slack.sockets[0].close()
        with pytest.raises(SetupError, match="token_revoked"):
            await asyncio.wait_for(task, PATIENCE_S)
        assert sockets.connected == 0
        await eventually(lambda: slack.sockets[1].closed)


async def test_when_it_ends_what_was_received_is_acknowledged_and_no_task_is_left(slack: SmallSlack) -> None:
    before = asyncio.all_tasks()
    async with serving(slack, connections=2) as (sockets, app, task):
        seen = listen(app, pause_s=0.3)
        await eventually(lambda: sockets.connected == 2)
        await slack.sockets[0].send_json(envelope(1))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        await slack.sockets[0].send_json(envelope(2))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (slack.acked, seen) == (["e1"], ["Ev1"])
    await eventually(lambda: all(socket.closed for socket in slack.sockets))
    await eventually(lambda: not any("connectors" in repr(t.get_coro()) for t in asyncio.all_tasks() - before))


async def test_frames_that_make_no_sense_are_passed_over(slack: SmallSlack) -> None:
    async with serving(slack) as (sockets, app, _):
        listen(app)
        await eventually(lambda: sockets.connected)
        for frame in ("no json", "[]", '{"type": "events_api", "envelope_id": "e", "payload": null}', '{"type": 1}'):
            await slack.sockets[0].send_str(frame)
        await slack.sockets[0].send_json(envelope(1))
        await eventually(lambda: slack.acked == ["e1"])
        assert len(slack.sockets) == 1


async def test_its_own_messages_are_passed_over_without_asking_slack_who_it_is(slack: SmallSlack) -> None:
    async with serving(slack) as (sockets, app, _):
        seen = listen(app)
        await eventually(lambda: sockets.connected)
        await slack.sockets[0].send_json(envelope(1, user="UT1"))
        await slack.sockets[0].send_json(envelope(2))
        await eventually(lambda: len(slack.acked) == 2)
        assert seen == ["Ev2"]
        assert slack.count("auth.test") == 1


# -- signed HTTP


@asynccontextmanager
async def receiving(slack: SmallSlack) -> AsyncIterator[tuple[str, list[str], Metrics]]:
    metrics = Metrics()
    async with open_workspaces(environment(slack), Pacing(), metrics) as workspaces:
        app = build_app(environment(slack), workspaces)
        seen = listen(app)
        async with listening(web_app(app, SecretStr(SECRET), metrics), "127.0.0.1:0", "listen") as (host, port):
            yield f"http://{host}:{port}/slack/events", seen, metrics


def signed(body: str, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }


async def post(session: aiohttp.ClientSession, url: str, body: str | bytes, headers: dict[str, str]) -> int:
    async with session.post(url, data=body, headers=headers) as response:
        await response.read()
        return response.status


BODY = json.dumps(envelope(1)["payload"])


async def test_a_signed_request_is_accepted(slack: SmallSlack, session: aiohttp.ClientSession) -> None:
    async with receiving(slack) as (url, seen, metrics):
        assert await post(session, url, BODY, signed(BODY)) == 200
        assert seen == ["Ev1"]
        assert sample(metrics, "ack_seconds_count") == 1
        challenge = json.dumps({"type": "url_verification", "challenge": "c", "token": "t"})
        async with session.post(url, data=challenge, headers=signed(challenge)) as response:
            assert (response.status, "c" in await response.text()) == (200, True)


async def test_a_wrong_secret_is_refused_and_told_once_a_minute(
    slack: SmallSlack, session: aiohttp.ClientSession, lines: Callable[[], list[str]]
) -> None:
    async with receiving(slack) as (url, seen, _):
        for _ in range(3):
            assert await post(session, url, BODY, signed(BODY, secret="e" * 32)) == 401
        changed = {**signed(BODY), "X-Slack-Signature": "v0=é"}
        assert await post(session, url, BODY, changed) == 401
        assert seen == []
    (line,) = lines()
    assert "SLACK_SIGNING_SECRET" in line
    assert SECRET not in line


@pytest.mark.parametrize("off_s", [-600, 600])
async def test_a_clock_that_is_off_is_told_apart_from_a_wrong_secret(
    slack: SmallSlack, session: aiohttp.ClientSession, lines: Callable[[], list[str]], off_s: int
) -> None:
    async with receiving(slack) as (url, seen, _):
        for _ in range(2):
            assert await post(session, url, BODY, signed(BODY, at=time.time() - off_s)) == 401
        assert seen == []
    (line,) = lines()
    assert f"10 minutes {'ahead of' if off_s > 0 else 'behind'} Slack's" in line


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "²"])
async def test_a_request_without_a_time_is_refused(
    slack: SmallSlack, session: aiohttp.ClientSession, timestamp: str
) -> None:
    async with receiving(slack) as (url, _, _):
        headers = {**signed(BODY), "X-Slack-Request-Timestamp": timestamp}
        assert await post(session, url, BODY, headers) == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{not json", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "application/json; charset=nonsense", 400),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413),
    ],
)
async def test_a_body_that_is_no_use_is_refused(
    slack: SmallSlack, session: aiohttp.ClientSession, body: bytes, kind: str, status: int
) -> None:
    async with receiving(slack) as (url, _, _):
        assert await post(session, url, body, {**signed("x"), "Content-Type": kind}) == status


async def test_an_address_in_use_is_told_with_its_setting() -> None:
    async with listening(web.Application(), "127.0.0.1:0", "listen") as (host, port):
        with pytest.raises(SetupError, match=f"{host}:{port}") as refusal:
            async with listening(web.Application(), f"{host}:{port}", "listen"):
                raise AssertionError("it listens twice")
    assert "`listen`" in refusal.value.remedy


@pytest.mark.parametrize("address", ["3000", "host:", "host:x", "host:70000", "host:-1"])
async def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(SetupError, match="is not an address"):
        async with listening(web.Application(), address, "listen"):
            raise AssertionError("it listens")


# -- installations


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with serve_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'slack.sqlite3'}"
    fresh = fresh_database(request.getfixturevalue("postgres"))
    return fresh.replace("postgresql://", "postgresql+psycopg://", 1)


@asynccontextmanager
async def replica(slack: SmallSlack, url: str) -> AsyncIterator[ManyWorkspaces]:
    async with open_workspaces(many(slack), Pacing(), Metrics(), url, ("chat:write", "commands")) as workspaces:
        assert isinstance(workspaces, ManyWorkspaces)
        yield workspaces


async def install(slack: SmallSlack, workspaces: ManyWorkspaces, team: str, session: aiohttp.ClientSession) -> int:
    """As a person does it in a browser."""
    pages = web_app(build_app(many(slack), workspaces), SecretStr(SECRET), Metrics(), workspaces.flow)
    async with listening(pages, "127.0.0.1:0", "listen") as (host, port):
        async with session.get(f"http://{host}:{port}/slack/install") as response:
            page, cookie = await response.text(), response.headers["Set-Cookie"].partition(";")[0]
        link = urlsplit("http" + page.partition('href="http')[2].partition('"')[0].replace("&amp;", "&"))
        query = parse_qs(link.query)
        assert f"{link.scheme}://{link.netloc}{link.path}" == f"{slack.url}/oauth/v2/authorize"
        assert (query["client_id"], query["scope"]) == (["1.2"], ["chat:write,commands"])
        slack.codes[f"code-{team}"] = team
        back = f"http://{host}:{port}/slack/oauth_redirect?code=code-{team}&state={query['state'][0]}"
        async with session.get(back, headers={"Cookie": cookie}) as response:
            await response.read()
            return response.status


async def test_two_workspaces_install_the_app_and_each_has_its_own_token(
    slack: SmallSlack, session: aiohttp.ClientSession, url: str
) -> None:
    async with replica(slack, url) as workspaces, replica(slack, url) as other:
        assert await install(slack, workspaces, "T1", session) == 200
        assert await install(slack, workspaces, "T2", session) == 200
        for team in ("T1", "T2"):
            for there in (workspaces, other):
                assert (await (await there.client(team)).auth_test())["team_id"] == team
        bot = await other.bot("T2")
        assert bot is not None
        assert (bot.bot_user_id, list(bot.bot_scopes)) == ("UT2", ["chat:write", "commands"])
        await workspaces.remove("T1")
        assert await workspaces.bot("T1") is None
        with pytest.raises(NotInstalledError, match="T1"):
            await workspaces.client("T1")
        assert (await (await workspaces.client("T2")).auth_test())["ok"]


async def test_an_installation_with_a_made_up_state_is_refused(
    slack: SmallSlack, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with replica(slack, f"sqlite:///{tmp_path / 'a'}") as workspaces:
        pages = web_app(build_app(many(slack), workspaces), SecretStr(""), Metrics(), workspaces.flow)
        async with listening(pages, "127.0.0.1:0", "listen") as (host, port):
            back = f"http://{host}:{port}/slack/oauth_redirect?code=c&state=made-up"
            async with session.get(back, headers={"Cookie": "slack-app-oauth-state=made-up"}) as response:
                assert response.status == 401
        assert slack.count("oauth.v2.access") == 0


async def expiring(slack: SmallSlack, workspaces: ManyWorkspaces, team: str, seconds: int) -> str:
    """An installation whose token is to be renewed. Returns the token."""
    issued = slack.issue(team, seconds)
    flow = workspaces.flow
    assert flow is not None
    slack.reply("oauth.v2.access", issued)
    installation = await flow.run_installation("code")
    assert installation is not None
    await workspaces.installations.async_save(installation)
    return str(issued["access_token"])


async def test_a_token_that_expires_is_renewed_once_and_saved_for_all_replicas(slack: SmallSlack, url: str) -> None:
    async with replica(slack, url) as first, replica(slack, url) as second:
        old = await expiring(slack, first, "T1", 60)
        clients = await asyncio.gather(*(there.client("T1") for there in (first, second) for _ in range(5)))
        tokens = {client.token for client in clients}
        assert len(tokens) == 1
        assert old not in tokens
        assert slack.refresh.keys() == {str(tokens.pop()).replace("xoxe.xoxb", "xoxe")}
        async with first.engine.connect() as connection:
            rows = (await connection.execute(select(first.installations.bots.c.bot_token))).scalars().all()
        assert len(rows) == 1
    async with replica(slack, url) as third:
        assert (await third.client("T1")).token == clients[0].token


async def test_a_token_that_cannot_be_renewed_serves_until_it_expires(
    slack: SmallSlack, tmp_path: Path, lines: Callable[[], list[str]]
) -> None:
    async with replica(slack, f"sqlite:///{tmp_path / 'a'}") as workspaces:
        old = await expiring(slack, workspaces, "T1", 3600)
        expired = await expiring(slack, workspaces, "T2", -60)
        slack.refresh.clear()
        client, refusal = await asyncio.gather(workspaces.client("T1"), workspaces.client("T2"), return_exceptions=True)
        assert isinstance(client, Client)
        assert client.token == old
        assert isinstance(refusal, NotInstalledError)
        assert "invalid_refresh_token" in str(refusal)
        assert not any(token in "".join(lines()) for token in (old, expired))


async def test_a_revoked_token_is_forgotten_and_a_new_one_found(
    slack: SmallSlack, session: aiohttp.ClientSession, tmp_path: Path, lines: Callable[[], list[str]]
) -> None:
    async with replica(slack, f"sqlite:///{tmp_path / 'a'}") as workspaces:
        await install(slack, workspaces, "T1", session)
        client = await workspaces.client("T1")
        slack.reply("chat.update", {"ok": False, "error": "token_revoked"})
        with pytest.raises(SlackApiError, match="token_revoked"):
            await client.chat_update(channel="C1", ts="1", text="a")
        await install(slack, workspaces, "T1", session)
        assert (await workspaces.client("T1")).token != client.token
        assert Counter("T1" in line for line in lines())[True] == 1


async def test_replicas_that_start_at_once_make_the_tables_together(slack: SmallSlack, url: str) -> None:
    async def start() -> None:
        async with replica(slack, url) as workspaces:
            assert await workspaces.bot("T1") is None

    await asyncio.gather(*(start() for _ in range(4)))


async def test_what_bolt_finds_in_the_environment_is_left_alone(
    slack: SmallSlack, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    for name, value in (("BOT_TOKEN", BOT_TOKEN), ("CLIENT_ID", "1.2"), ("CLIENT_SECRET", "s"), ("API_URL", slack.url)):
        monkeypatch.setenv(f"SLACK_{name}", value)
    async with open_workspaces(Environment(api_url=f"{slack.url}/api"), Pacing(), Metrics()) as workspaces:
        assert isinstance(workspaces, OneWorkspace)
        build_app(Environment(), workspaces)
    assert lines() == []


# -- health


class Switch:
    """A store that can be taken away."""

    down = False

    async def ping(self) -> None:
        if self.down:
            raise OSError("no database")


@asynccontextmanager
async def watched(health: Health) -> AsyncIterator[str]:
    health.fresh_s = 0.0
    async with listening(health.web_app(), "127.0.0.1:0", "health") as (host, port):
        yield f"http://{host}:{port}"


async def get_health(session: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, Any]]:
    async with session.get(f"{url}/health") as response:
        return response.status, await response.json()


async def test_it_is_unwell_while_no_socket_is_up(slack: SmallSlack, session: aiohttp.ClientSession) -> None:
    slack.refuse_tickets = 10**6
    async with serving(slack, connections=2) as (sockets, _, _):
        health = Health(sockets.client.metrics, one_workspace(slack, session), Switch().ping, sockets)
        async with watched(health) as url:
            status, state = await get_health(session, url)
            assert (status, state["status"], state["sockets"]) == (503, "unwell", 0)
            assert "No Socket Mode connection" in state["problems"][0]
            slack.refuse_tickets = 0
            await eventually(lambda: sockets.connected == 2)
            assert await get_health(session, url) == (200, {"status": "ok", "problems": [], "sockets": 2})
            slack.refuse_tickets = 10**6
            for socket in slack.sockets:
                await socket.close()
            await eventually(lambda: sockets.connected == 0)
            assert (await get_health(session, url))[0] == 503


def one_workspace(slack: SmallSlack, session: aiohttp.ClientSession) -> OneWorkspace:
    return OneWorkspace(environment(slack), session, Pacing(), Metrics())


async def test_it_is_unwell_when_the_token_is_revoked_slack_is_away_or_the_store_is(
    slack: SmallSlack, session: aiohttp.ClientSession, lines: Callable[[], list[str]]
) -> None:
    store = Switch()
    async with watched(Health(Metrics(), one_workspace(slack, session), store.ping)) as url:
        assert await get_health(session, url) == (200, {"status": "ok", "problems": []})
        slack.reply("auth.test", *[{"ok": False, "error": "token_revoked"}] * 2)
        for _ in range(2):
            status, state = await get_health(session, url)
            assert (status, "token_revoked" in state["problems"][0]) == (503, True)
        slack.reply("auth.test", broken)
        assert "cannot be reached" in (await get_health(session, url))[1]["problems"][0]
        slack.reply("auth.test", limited(1))
        store.down = True
        assert "store" in (await get_health(session, url))[1]["problems"][0]
        store.down = False
        assert (await get_health(session, url))[0] == 200
    assert Counter("token_revoked" in line for line in lines())[True] == 1
    assert [line for line in lines() if line.startswith("No longer: The store")]


async def test_what_others_report_counts_until_it_is_over(session: aiohttp.ClientSession, slack: SmallSlack) -> None:
    health = Health(Metrics(), one_workspace(slack, session), Switch().ping)
    health.trouble("disk", "The disk is full.")
    async with watched(health) as url:
        assert (await get_health(session, url))[1]["problems"] == ["The disk is full."]
        health.well("disk")
        assert (await get_health(session, url))[0] == 200


async def test_metrics_are_served_for_prometheus_and_two_connectors_do_not_mix(
    session: aiohttp.ClientSession, slack: SmallSlack
) -> None:
    metrics, other = Metrics(), Metrics()
    metrics.events_total.labels("message", "accepted").inc()
    metrics.answers_total.labels(status="abstained").inc()
    metrics.queue_waiting.set(3)
    health = Health(metrics, one_workspace(slack, session), Switch().ping)
    async with watched(health) as url, session.get(f"{url}/metrics") as response:
        text = await response.text()
        assert response.content_type == "text/plain"
    assert 'assistant_slack_events_total{outcome="accepted",type="message"} 1.0' in text
    assert 'assistant_slack_answers_total{status="abstained"} 1.0' in text
    assert "assistant_slack_queue_waiting 3.0" in text
    assert b"abstained" not in other.render()
