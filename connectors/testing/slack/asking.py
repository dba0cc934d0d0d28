"""A call of the Web API as a method sees it, and what it may touch."""

import json
from dataclasses import dataclass
from typing import Any

from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.events import Events
from connectors.testing.slack.state import Channel, Message, State, Team, Token


@dataclass(frozen=True, slots=True)
class Ask:
    """Arguments, whether they came as JSON, as a form or in the address, and who asks."""

    method: str
    args: dict[str, Any]
    token: Token
    state: State
    events: Events
    client: tuple[str, str] = ("", "")

    @property
    def team(self) -> Team:
        return self.state.teams[self.token.team]

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """A required argument. Raises SlackError."""
        value = self.text(name)
        if not value:
            raise SlackError(error, response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})
        return value

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        value = self.text(name)
        if value and not value.isdecimal():
            raise SlackError("invalid_arguments")
        return int(value) if value else default

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """An argument that is JSON, or a string of it; None when it is not given. Raises SlackError."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise SlackError(error) from None

    # -- places

    def channel(self, name: str = "channel") -> Channel:
        """A conversation that the bot can see. Raises SlackError channel_not_found."""
        id_ = self.need(name, "channel_not_found")
        if id_ in self.state.users:
            return self.state.dm(id_)
        found = self.state.channels.get(id_)
        seen = found and found.team == self.team.id and (not found.private or self.team.bot_user in found.members)
        if found is None or not seen:
            raise SlackError("channel_not_found")
        return found

    def joined(self, name: str = "channel") -> Channel:
        """A conversation that the bot is in."""
        channel = self.channel(name)
        if self.team.bot_user not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def writable(self, name: str = "channel") -> Channel:
        """A conversation that the bot is in and that is not archived."""
        channel = self.channel(name)
        if channel.archived:
            raise SlackError("is_archived")
        return self.joined(name)

    def thread(self, channel: Channel, *, required: bool = False) -> str | None:
        """The root of the thread that is asked for. Raises SlackError thread_not_found."""
        ts = self.need("thread_ts", "invalid_thread_ts") if required else self.text("thread_ts")
        if not ts:
            return None
        root = self.state.messages[channel.id].get(ts)
        if root is None:
            raise SlackError("thread_not_found")
        return root.thread_ts or root.ts

    def own(self, channel: Channel, error: str) -> Message:
        """A message of the bot's. Raises SlackError message_not_found, or that error for a message of others."""
        message = self.state.message(channel.id, self.need("ts", "message_not_found"))
        if message.bot_id != self.team.bot_id:
            raise SlackError(error)
        self.state.expire_stream(message)
        return message


def page(ask: Ask, found: list[Any], default: int, most: int = 1_000) -> tuple[list[Any], dict[str, Any]]:
    """One page of what was found, and where the next one begins. Raises SlackError invalid_cursor."""
    limit = min(most, max(1, ask.number("limit", default)))
    cursor = ask.text("cursor")
    if cursor and not cursor.isdecimal():
        raise SlackError("invalid_cursor")
    start = int(cursor or 0)
    more = start + limit < len(found)
    return found[start : start + limit], {"next_cursor": str(start + limit) if more else ""}
