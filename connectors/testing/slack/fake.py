"""The fake Slack as a test holds it: addresses, people, what there is to see, and waiting for it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from connectors.testing.slack.deliveries import Deliveries, Delivery
from connectors.testing.slack.events import Events
from connectors.testing.slack.faults import Faults
from connectors.testing.slack.files import Pages
from connectors.testing.slack.limits import Limits
from connectors.testing.slack.oauth import OAuth
from connectors.testing.slack.people import People
from connectors.testing.slack.posts import Posts
from connectors.testing.slack.responses import Responses
from connectors.testing.slack.sockets import Sockets
from connectors.testing.slack.state import (
    Call,
    Channel,
    Ephemeral,
    Group,
    Kind,
    Message,
    State,
    Status,
    Team,
    Token,
    User,
    View,
)
from connectors.testing.slack.webapi import WebAPI

T = TypeVar("T")

TEAM = "T1"
MOST_BODY_BYTES = 64 * 1024 * 1024
# While something is under way a condition is looked at at least so often, in seconds.
LOOK_S = 0.05
PAUSE_S = 0.002
SETTLED_S = 0.2


class FakeSlack(People):
    """A Slack of one workspace, T1, or more, with the app installed in it. Use it as an async context manager.

    Change `limits`, `faults`, `deliveries`, `sockets` and `oauth` to make it stricter, milder or worse; `scopes` are
    what the app was granted in T1, and `subscriptions` the events that it asked for.
    """

    def __init__(self, seed: int = 0) -> None:
        state = State()
        self.faults = Faults(seed)
        self.limits = Limits()
        self.sockets = Sockets(state, self.faults)
        deliveries = Deliveries(state, self.faults, self.sockets)
        events = Events(state, deliveries)
        super().__init__(state, events, deliveries, Responses(state, events))
        self.bot_token, self.app_token = "xoxb-fake-1", "xapp-fake-1"
        self.signing_secret = "fake-signing-secret"  # noqa: S105 (nothing is behind it)
        self.team(TEAM, "Fake workspace", bot_user="UBOT", bot_id="BBOT")
        state.tokens[self.bot_token] = Token(self.bot_token, TEAM, state.scopes)
        state.tokens[self.app_token] = Token(self.app_token, TEAM, {"connections:write"})
        self.oauth = OAuth(state, "1.2", "fake-client-secret")
        self.api = WebAPI(state, events, self.sockets, self.oauth, self.limits, self.faults)
        self._posts: Posts | None = None
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)

    # -- running

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.state.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.deliveries.aclose()
        await self.sockets.aclose()
        if self._posts:
            await self._posts.aclose()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        pages = Pages(self.state)
        application = web.Application(client_max_size=MOST_BODY_BYTES)
        application.add_routes(
            [
                web.route("*", "/api/{method}", self.api.post),
                web.get("/link", self.sockets.link),
                web.post("/actions/{team}/{id}", self.responses.post),
                web.get("/oauth/v2/authorize", self.oauth.authorize),
                web.get("/files-pri/download/{file}/{name}", pages.download),
                web.get("/files-pri/{file}/{name}", pages.download),
                web.post("/upload/{file}", pages.upload),
            ]
        )
        return application

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL is set to."""
        return f"{self.state.base_url}/api/"

    async def deliver_to(self, *urls: str, signing_secret: str | None = None) -> None:
        """From now on send signed requests to these addresses in turn, instead of using Socket Mode."""
        if self._posts:
            await self._posts.aclose()
        secret = self.signing_secret if signing_secret is None else signing_secret
        self._posts = Posts(self.state, urls, secret)
        self.deliveries.transport = self._posts

    async def verify_url(self) -> bool:
        """Challenge the address as Slack does when it is entered. False when the app does not answer it."""
        if self._posts is None:
            raise LookupError("there is no address: call deliver_to first")
        return await self._posts.verify()

    @property
    def clock_offset(self) -> float:
        """How many seconds Slack's clock is ahead of this machine's."""
        return self.state.clock_offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self.state.clock_offset = seconds

    # -- who and what there is

    def team(self, id_: str, name: str = "", *, bot_user: str = "", bot_id: str = "", installed: bool = True) -> Team:
        """One more workspace. Without `installed` the app is not in it until somebody installs it by OAuth."""
        team = Team(id_, name or id_, bot_user or f"UBOT{id_}", bot_id or f"BBOT{id_}", installed)
        self.state.teams[id_] = team
        self.state.users[team.bot_user] = User(team.bot_user, id_, "Assistant", team.bot_id)
        return team

    def person(
        self,
        id_: str,
        name: str = "",
        *,
        team: str = TEAM,
        guest: bool = False,
        single_channel: bool = False,
        stranger: bool = False,
        deleted: bool = False,
    ) -> User:
        """A member, or a `guest`, one of a `single_channel`, or a `stranger` from another organisation."""
        person = User(id_, team, name or id_)
        person.is_restricted, person.is_ultra_restricted = guest or single_channel, single_channel
        person.is_stranger, person.deleted = stranger, deleted
        self.state.users[id_] = person
        return person

    def bot(self, id_: str, bot_id: str, name: str = "", *, team: str = TEAM) -> User:
        """Another app's bot; it speaks as people do."""
        bot = User(id_, team, name or id_, bot_id)
        self.state.users[id_] = bot
        return bot

    def channel(
        self,
        id_: str,
        members: Iterable[str] = (),
        name: str = "",
        *,
        team: str = TEAM,
        kind: Kind = "channel",
        bot: bool = True,
        archived: bool = False,
        shared: bool = False,
    ) -> Channel:
        """A channel with these members, and the bot unless told otherwise."""
        ours = {self.state.teams[team].bot_user} if bot else set()
        channel = Channel(id_, team, name or id_.lower(), kind, {*members, *ours}, archived, shared)
        self.state.channels[id_] = channel
        return channel

    def dm(self, user: str) -> str:
        """The id of the direct messages between a person and the bot."""
        return self.state.dm(user).id

    def group(self, id_: str, handle: str, users: Iterable[str] = (), *, team: str = TEAM) -> Group:
        """A user group."""
        group = Group(id_, team, handle, list(users))
        self.state.groups[id_] = group
        return group

    @property
    def bot_user(self) -> str:
        """The bot in T1: `<@UBOT>` mentions it."""
        return self.state.teams[TEAM].bot_user

    @property
    def scopes(self) -> set[str]:
        return self.state.scopes

    @property
    def subscriptions(self) -> set[str]:
        return self.state.subscriptions

    def revoke(self, token: str = "", state: str = "token_revoked") -> None:
        """Let a token, the bot's in T1 unless told otherwise, be answered with that error; "valid" mends it."""
        self.state.tokens[token or self.bot_token].state = state

    # -- what is to be seen

    @property
    def connections(self) -> int:
        """How many websockets are open."""
        return len(self.sockets.connections)

    def message(self, channel: str, ts: str) -> Message:
        """Raises LookupError when it is not there (any more)."""
        message = self.state.messages[channel].get(ts)
        if message is None:
            raise LookupError(f"there is no message {ts} in {channel}")
        return message

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The root and the replies, in order."""
        return self.state.thread(channel, ts)

    def replies(self, channel: str, ts: str) -> list[Message]:
        """What the app has said in a thread."""
        return [m for m in self.state.threads[channel, ts] if self._is_ours(m)]

    def messages(self, channel: str) -> list[Message]:
        """All messages of a channel, in threads and outside, in order."""
        return sorted(self.state.messages[channel].values(), key=lambda message: message.ts)

    def _is_ours(self, message: Message) -> bool:
        return message.bot_id in {team.bot_id for team in self.state.teams.values()}

    def status(self, channel: str, thread_ts: str) -> str:
        """What a person sees below a thread now."""
        return self.state.status(channel, thread_ts)

    @property
    def statuses(self) -> list[Status]:
        return self.state.statuses

    @property
    def calls(self) -> list[Call]:
        return self.state.calls

    def calls_of(self, method: str, outcome: str | None = None) -> list[Call]:
        return [c for c in self.state.calls if c.method == method and outcome in (None, c.outcome)]

    @property
    def views(self) -> list[View]:
        """The dialogs that are open, the topmost last."""
        return [view for view in self.state.views.values() if view.open and view.type == "modal"]

    @property
    def homes(self) -> dict[str, View]:
        """Home tabs, by user."""
        return self.state.homes

    @property
    def ephemerals(self) -> list[Ephemeral]:
        return self.state.ephemerals

    @property
    def prompts(self) -> dict[tuple[str, str], list[dict[str, str]]]:
        """Suggested prompts, by channel and thread ("" for none)."""
        return self.state.prompts

    @property
    def titles(self) -> dict[tuple[str, str], str]:
        return self.state.titles

    @property
    def sent(self) -> list[Delivery]:
        """All that was sent to the app."""
        return self.deliveries.sent

    # -- waiting

    async def until(self, predicate: Callable[[], T], timeout: float = 10.0) -> T:  # noqa: ASYNC109
        """Wait until it holds, and return what it returned. Raises TimeoutError after so many seconds."""
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:g} s; {self._summary()}")
            await self._change()
            # Several changes at once are looked at once.
            await asyncio.sleep(PAUSE_S)
        return found

    async def settled(self, quiet: float = SETTLED_S, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Wait until nothing is under way: no delivery, call or stream, and for `quiet` seconds nothing changed."""
        deadline, since = time.monotonic() + timeout, time.monotonic()
        while time.monotonic() - since < quiet:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not settled within {timeout:g} s; {self._summary()}")
            if await self._change() or self._busy():
                since = time.monotonic()

    def _busy(self) -> bool:
        streams = any(m.streaming == "live" for found in self.state.messages.values() for m in found.values())
        return bool(self.deliveries.pending or self.state.in_flight or streams)

    async def _change(self) -> bool:
        """Wait for a change, but not long. Whether there was one."""
        self.state.changed.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                return await self.state.changed.wait()
        except TimeoutError:
            return False

    def _summary(self) -> str:
        """What a person who looks for the fault wants to know first."""
        calls = [f"{call.method} {call.outcome}" for call in self.calls[-5:]]
        deliveries: Any = [delivery.event.get("type", delivery.type) for delivery in self.sent[-3:]]
        return f"{self.connections} connections, last calls {calls}, last deliveries {deliveries}"
