"""What the app is told: messages and other events, as the Events API words them."""

from typing import Any

from connectors.testing.slack.deliveries import Deliveries, Delivery
from connectors.testing.slack.scopes import COMMANDS, EVENTS, FILES
from connectors.testing.slack.state import Block, Channel, File, Message, State

_MESSAGES = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


class Events:
    """Sends what the app is subscribed to, has the scopes for, and is there to hear."""

    def __init__(self, state: State, deliveries: Deliveries) -> None:
        self.state = state
        self.deliveries = deliveries

    # -- messages

    def posted(self, message: Message) -> None:
        """A new message; one that mentions the bot in a channel is told of twice."""
        channel = self.state.channels[message.channel]
        self._message(channel, self.rendered(message))
        bot = self.state.teams[channel.team].bot_user
        if f"<@{bot}>" in message.text and channel.kind != "im" and message.user != bot:
            event = {**self.rendered(message), "type": "app_mention", "channel": channel.id, "event_ts": message.ts}
            self._if_there(channel, event, "app_mention")

    def changed(self, message: Message, previous: dict[str, Any]) -> None:
        changed = {"subtype": "message_changed", "message": self.rendered(message), "previous_message": previous}
        self._message(self.state.channels[message.channel], {**changed, "hidden": True, "ts": self.state.stamp()})

    def deleted(self, message: Message, previous: dict[str, Any]) -> None:
        """A root with replies is not gone: it changes into a tombstone."""
        if message.tombstone:
            self.changed(message, previous)
            return
        deleted = {"subtype": "message_deleted", "deleted_ts": message.ts, "previous_message": previous}
        self._message(self.state.channels[message.channel], {**deleted, "hidden": True, "ts": self.state.stamp()})

    def _message(self, channel: Channel, message: dict[str, Any]) -> None:
        event = {**message, "type": "message", "channel": channel.id, "channel_type": channel.kind}
        self._if_there(channel, {**event, "event_ts": message["ts"]}, _MESSAGES[channel.kind])

    def _if_there(self, channel: Channel, event: dict[str, Any], name: str) -> None:
        if self.state.teams[channel.team].bot_user in channel.members:
            self.send(channel.team, event, name)

    # -- anything

    def send(self, team: str, event: dict[str, Any], name: str = "") -> Delivery | None:
        """Tell of an event; None where the app does not want it or may not know."""
        name = name or event["type"]
        scope = EVENTS[name]
        wanted = name in self.state.subscriptions and (not scope or scope in self._scopes(team))
        if not (wanted and self.state.teams[team].installed):
            return None
        return self.deliveries.send(Delivery("events_api", self._callback(team, event)))

    def command(self, team: str, payload: dict[str, Any]) -> Delivery:
        """Raises LookupError where the app may not have commands."""
        self._may_have_commands(team)
        return self.deliveries.send(Delivery("slash_commands", payload, accepts_response=True))

    def interaction(self, team: str, payload: dict[str, Any]) -> Delivery:
        """Raises LookupError for a shortcut where the app may not have any."""
        if payload["type"] in ("message_action", "shortcut"):
            self._may_have_commands(team)
        return self.deliveries.send(Delivery("interactive", payload, payload["type"] == "view_submission"))

    def _may_have_commands(self, team: str) -> None:
        if COMMANDS not in self._scopes(team):
            raise LookupError(f"without the scope {COMMANDS} the app has no commands and no shortcuts")

    def _scopes(self, team: str) -> set[str]:
        tokens = [t for t in self.state.tokens.values() if t.team == team and not t.text.startswith("xapp-")]
        return set().union(*(token.scopes for token in tokens if token.state == "valid"))

    def _callback(self, team: str, event: dict[str, Any]) -> dict[str, Any]:
        user = {"user_id": self.state.teams[team].bot_user, "is_bot": True, "is_enterprise_install": False}
        return {
            "type": "event_callback",
            "token": "legacy",
            "team_id": team,
            "api_app_id": self.state.app_id,
            "event_id": f"Ev{self.state.number():08d}",
            "event_time": int(self.state.now()),
            "authorizations": [{"enterprise_id": None, "team_id": team, **user}],
            "is_ext_shared_channel": False,
            "event": event,
        }

    # -- as Slack writes messages

    def rendered(self, message: Message, *, with_metadata: bool = False) -> dict[str, Any]:
        """A message as it stands in events and in histories."""
        shown: dict[str, Any] = {
            "type": "message",
            "user": message.user,
            "text": message.streamed or message.text,
            "ts": message.ts,
            "team": message.team,
            "blocks": [*_rich_text(message), *message.blocks],
        }
        shown |= self._replies(message)
        if message.bot_id:
            shown |= {"bot_id": message.bot_id, "app_id": self._app(message)}
        if message.subtype:
            shown["subtype"] = message.subtype
        if message.files:
            team = self.state.channels[message.channel].team
            shown["files"] = [self.file(file, team) for file in message.files]
        if message.edited:
            shown["edited"] = {"user": message.user, "ts": message.edited}
        if message.metadata and with_metadata:
            shown["metadata"] = message.metadata
        return shown

    def _app(self, message: Message) -> str:
        ours = message.bot_id in (team.bot_id for team in self.state.teams.values())
        return self.state.app_id if ours else f"A{message.bot_id}"

    def _replies(self, message: Message) -> dict[str, Any]:
        replies = self.state.threads.get((message.channel, message.ts))
        if replies:
            last = {"reply_count": len(replies), "latest_reply": replies[-1].ts}
            return {"thread_ts": message.ts, **last, "reply_users": sorted({reply.user for reply in replies})}
        if message.thread_ts is None:
            return {}
        root = self.state.messages[message.channel].get(message.thread_ts)
        parent = {"parent_user_id": root.user} if root and root is not message else {}
        return {"thread_ts": message.thread_ts, **parent}

    def file(self, file: File, team: str) -> dict[str, Any]:
        """A file in a message: without the scope to read files, or from strangers, only its id."""
        if file.hidden or FILES not in self._scopes(team):
            return {"id": file.id, "file_access": "check_file_info"}
        return file.public(self.state.base_url)


def _rich_text(message: Message) -> list[Block]:
    text = message.streamed or ("" if message.blocks else message.text)
    if not text:
        return []
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "text", "elements": [section]}]
