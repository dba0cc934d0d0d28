"""What the fake Slack remembers: workspaces, people, channels, messages, files, dialogs, and what was done to them."""

import asyncio
import itertools
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.testing.slack.blocks import buttons, markdown_of, text_of
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.scopes import ALL_SCOPES, EVENTS

Block = dict[str, Any]
Kind = Literal["channel", "group", "im", "mpim"]
# live: text may be appended. done: the app ended it. stopped: a person did. expired: nobody did in time.
Streaming = Literal["", "live", "done", "stopped", "expired"]

STATUS_SECONDS = 120.0
TRIGGER_SECONDS = 3.0
STREAM_SECONDS = 300.0
STREAM_BYTES = 10_000


@dataclass(slots=True)
class Token:
    """`state` is "valid", or the error that Slack answers: token_revoked, account_inactive, token_expired."""

    text: str
    team: str
    scopes: set[str]
    state: str = "valid"
    expires_at: float | None = None


@dataclass(slots=True)
class Team:
    """A workspace. The app is installed in it when it has a token that works."""

    id: str
    name: str
    bot_user: str
    bot_id: str
    installed: bool = True


@dataclass(slots=True)
class User:
    id: str
    team: str
    name: str
    bot_id: str = ""
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False

    def public(self) -> dict[str, Any]:
        """As users.info tells it."""
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name.lower().replace(" ", "."),
            "real_name": self.name,
            "deleted": self.deleted,
            "tz": "Europe/Amsterdam",
            "is_bot": bool(self.bot_id),
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.is_stranger,
            "profile": {"real_name": self.name, "display_name": self.name, "team": self.team},
        }


@dataclass(slots=True)
class Channel:
    """`members` are the ids of users, bots among them."""

    id: str
    team: str
    name: str
    kind: Kind = "channel"
    members: set[str] = field(default_factory=set)
    archived: bool = False
    shared: bool = False

    @property
    def private(self) -> bool:
        return self.kind != "channel"


@dataclass(slots=True)
class File:
    """What was uploaded. A `hidden` file comes with its id only, as from people of another organisation."""

    id: str
    name: str
    data: bytes
    mimetype: str
    user: str
    channels: set[str] = field(default_factory=set)
    hidden: bool = False
    title: str = ""
    uploaded: bool = True
    length: int = 0

    def public(self, base_url: str) -> dict[str, Any]:
        url = f"{base_url}/files-pri/{self.id}/{self.name}"
        return {
            "id": self.id,
            "created": int(time.time()),
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2],
            "user": self.user,
            "size": len(self.data),
            "mode": "hosted",
            "is_external": False,
            "is_public": False,
            "url_private": url,
            "url_private_download": url.replace("/files-pri/", "/files-pri/download/"),
            "permalink": f"{base_url}/files/{self.user}/{self.id}/{self.name}",
        }


@dataclass(eq=False, slots=True)
class Message:
    """A message of a channel. `text` is as Slack sends it: `&amp;`, `<@U1>`.

    `at` is when it was posted, and `changed_at` when it changed last (time.monotonic).
    """

    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    bot_id: str = ""
    blocks: list[Block] = field(default_factory=list)
    streamed: str = ""
    streaming: Streaming = ""
    stream_mode: Literal["", "text", "chunks"] = ""
    metadata: dict[str, Any] | None = None
    files: list[File] = field(default_factory=list)
    subtype: str = ""
    edited: str = ""
    reactions: dict[str, set[str]] = field(default_factory=dict)
    team: str = ""
    tombstone: bool = False
    at: float = field(default_factory=time.monotonic)
    changed_at: float = field(default_factory=time.monotonic)
    changes: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing more is being streamed into it."""
        return self.streaming != "live"

    @property
    def shown(self) -> str:
        """All that a person reads: what was streamed and the blocks below; the text where there is neither."""
        parts = [self.streamed, text_of(self.blocks)]
        return "\n".join(part for part in parts if part) or self.text

    @property
    def markdown(self) -> str:
        """What was streamed, or stands in markdown blocks: an answer without what surrounds it."""
        parts = [self.streamed, markdown_of(self.blocks)]
        return "\n".join(part for part in parts if part)

    @property
    def buttons(self) -> list[tuple[str, str, str]]:
        """(action_id, value, label) of everything that can be clicked."""
        return [(b.element.get("action_id", ""), b.value, b.label) for b in buttons(self.blocks)]

    def touch(self) -> None:
        self.changed_at = time.monotonic()
        self.changes += 1


@dataclass(eq=False, slots=True)
class View:
    """A dialog or a Home tab, as one person sees it. `stack` is its root view's id."""

    id: str
    user: str
    team: str
    type: str
    content: dict[str, Any]
    hash: str
    root: str = ""
    previous: str = ""
    open: bool = True
    # What the app said is wrong with what was entered, by block_id.
    errors: dict[str, str] = field(default_factory=dict)
    # Where it was opened from.
    channel: str = ""
    at: float = field(default_factory=time.monotonic)

    @property
    def shown(self) -> str:
        """What a person reads in it."""
        title = str(self.content.get("title", {}).get("text", ""))
        return "\n".join(part for part in (title, text_of(self.content["blocks"])) if part)

    @property
    def buttons(self) -> list[tuple[str, str, str]]:
        return [(b.element.get("action_id", ""), b.value, b.label) for b in buttons(self.content["blocks"])]


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """What only one person sees, in a channel."""

    channel: str
    user: str
    text: str
    blocks: tuple[Block, ...]
    thread_ts: str | None
    ts: str
    at: float = field(default_factory=time.monotonic)

    @property
    def shown(self) -> str:
        return text_of(list(self.blocks)) or self.text


@dataclass(frozen=True, slots=True)
class Status:
    """A status that was set; an empty one was taken away. `time` is time.monotonic()."""

    channel: str
    thread_ts: str
    status: str
    time: float
    loading_messages: tuple[str, ...] = ()


@dataclass(slots=True)
class Call:
    """A call of the Web API. `outcome` is "ok", Slack's error, or what was done to it: "http_500", "closed_after"."""

    method: str
    args: dict[str, Any]
    team: str
    time: float
    outcome: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Trigger:
    user: str
    team: str
    expires_at: float
    used: bool = False
    view: str = ""
    channel: str = ""


@dataclass(slots=True)
class ResponseURL:
    """Where an app may answer a command or a click, `uses` more times until `expires_at`."""

    team: str
    user: str
    channel: str
    expires_at: float
    uses: int = 5
    message: Message | None = None


@dataclass(slots=True)
class Session:
    """An agent's session in a thread."""

    channel: str
    thread_ts: str
    status: str
    title: str = ""


@dataclass(slots=True)
class Group:
    id: str
    team: str
    handle: str
    users: list[str]


class State:
    """All of it, found by id. Ids are unique over all workspaces, as Slack's are."""

    def __init__(self) -> None:
        self.base_url = ""
        self.clock_offset = 0.0
        self.stream_seconds = STREAM_SECONDS
        self.stream_bytes = STREAM_BYTES
        self.app_id = "A1"
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Group] = {}
        self.files: dict[str, File] = {}
        self.messages: defaultdict[str, dict[str, Message]] = defaultdict(dict)
        self.threads: defaultdict[tuple[str, str], list[Message]] = defaultdict(list)
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.ephemerals: list[Ephemeral] = []
        self.statuses: list[Status] = []
        self.showing: dict[tuple[str, str], Status] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.calls: list[Call] = []
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseURL] = {}
        self.scopes: set[str] = set(ALL_SCOPES)
        self.subscriptions: set[str] = set(EVENTS)
        self.in_flight = 0
        self.changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._last_micros = 0

    # -- time and numbers

    def now(self) -> float:
        """Slack's clock, in seconds since 1970."""
        return time.time() + self.clock_offset

    def stamp(self) -> str:
        """A new message's `ts`: later than all before."""
        self._last_micros = max(self._last_micros + 1, int(self.now() * 1e6))
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def number(self) -> int:
        return next(self._numbers)

    def touch(self) -> None:
        """Something happened: whoever waits for it looks again."""
        self.changed.set()

    # -- finding

    def user(self, user: str) -> User:
        found = self.users.get(user)
        if found is None:
            raise SlackError("user_not_found")
        return found

    def message(self, channel: str, ts: str) -> Message:
        found = self.messages[channel].get(ts)
        if found is None or found.tombstone:
            raise SlackError("message_not_found")
        return found

    def thread(self, channel: str, ts: str) -> list[Message]:
        root = self.messages[channel].get(ts)
        return [*([root] if root else []), *self.threads[channel, ts]]

    def dm(self, user: str) -> Channel:
        """The direct messages of a person and the bot; made when there are none yet."""
        team, id_ = self.team_for(user), f"D{user}"
        if id_ not in self.channels:
            self.channels[id_] = Channel(id_, team.id, "", "im", {user, team.bot_user})
        return self.channels[id_]

    def team_for(self, user: str) -> Team:
        """The workspace whose bot a person meets: their own, or the first one for who comes from elsewhere."""
        return self.teams.get(self.user(user).team) or next(iter(self.teams.values()))

    # -- changing

    def add(self, message: Message) -> None:
        self.messages[message.channel][message.ts] = message
        if message.thread_ts and message.thread_ts != message.ts:
            self.threads[message.channel, message.thread_ts].append(message)
        self.touch()

    def remove(self, message: Message) -> None:
        """A root with replies leaves a trace, as in Slack."""
        if self.threads.get((message.channel, message.ts)):
            message.tombstone, message.subtype = True, "tombstone"
            message.text, message.blocks, message.files = "This message was deleted.", [], []
        else:
            del self.messages[message.channel][message.ts]
            if message.thread_ts and message.thread_ts != message.ts:
                self.threads[message.channel, message.thread_ts].remove(message)
        message.streaming = "done" if message.streaming else ""
        self.touch()

    def show_status(self, status: Status) -> None:
        self.statuses.append(status)
        self.showing[status.channel, status.thread_ts] = status
        self.touch()

    def status(self, channel: str, thread_ts: str) -> str:
        """What a person sees there now."""
        shown = self.showing.get((channel, thread_ts))
        old = shown is None or time.monotonic() - shown.time > STATUS_SECONDS
        return "" if shown is None or old else shown.status

    def trigger(self, user: str, team: str, view: str = "", channel: str = "") -> str:
        """A new trigger_id."""
        id_ = f"{self.number()}.{int(self.now())}.fake"
        self.triggers[id_] = Trigger(user, team, time.monotonic() + TRIGGER_SECONDS, view=view, channel=channel)
        return id_

    def expire_stream(self, message: Message) -> None:
        """End a stream that is too old."""
        if message.streaming == "live" and time.monotonic() - message.at > self.stream_seconds:
            message.streaming = "expired"
