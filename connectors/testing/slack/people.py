"""What people do in Slack, as they see it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.testing.slack import views
from connectors.testing.slack.blocks import Button, buttons
from connectors.testing.slack.deliveries import Deliveries, Delivery
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.events import Events
from connectors.testing.slack.forms import values_of
from connectors.testing.slack.responses import Responses
from connectors.testing.slack.state import Channel, File, Message, ResponseURL, State, User, View

_CONTROL = re.compile(r"(<(?:[@#!]|https?:|mailto:)[^<>]*>)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class People:
    """Everything that a person can do; whoever does it is the first argument, a user's id.

    What a person could not do in Slack raises LookupError: clicking what is not there, writing in a channel that is
    archived or that they are not in. These return as soon as it is done; the app is told in the background.
    """

    def __init__(self, state: State, events: Events, deliveries: Deliveries, responses: Responses) -> None:
        self.state = state
        self.events = events
        self.deliveries = deliveries
        self.responses = responses

    # -- messages

    async def say(
        self, user: str, channel: str, text: str, thread_ts: str | None = None, files: Sequence[File] = ()
    ) -> str:
        """Write a message. Returns its ts. `&`, `<` and `>` are sent as Slack sends them; `<@U1>` is a mention."""
        place, person = self._place(user, channel), self.state.users[user]
        message = Message(channel, self.state.stamp(), user, escaped(text), thread_ts, person.bot_id)
        message.team, message.files = person.team, list(files)
        message.subtype = "file_share" if files else ""
        for file in files:
            file.channels.add(place.id)
        self.state.add(message)
        self.events.posted(message)
        return message.ts

    async def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        message = self._own(user, channel, ts)
        previous = self.events.rendered(message)
        message.text, message.edited = escaped(text), self.state.stamp()
        message.touch()
        self.state.touch()
        self.events.changed(message, previous)

    async def delete(self, user: str, channel: str, ts: str) -> None:
        message = self._own(user, channel, ts)
        previous = self.events.rendered(message)
        self.state.remove(message)
        self.events.deleted(message, previous)

    async def upload(
        self,
        user: str,
        channel: str,
        name: str,
        data: bytes,
        text: str = "",
        thread_ts: str | None = None,
        mimetype: str = "text/plain",
        hidden: bool = False,
    ) -> str:
        """Share a file. Returns the message's ts."""
        file = self.file(name, data, user=user, mimetype=mimetype, hidden=hidden)
        return await self.say(user, channel, text, thread_ts, [file])

    def file(self, name: str, data: bytes, user: str = "", mimetype: str = "text/plain", hidden: bool = False) -> File:
        """A file to say something with. With `hidden`, messages carry only its id and files.info tells the rest."""
        file = File(f"F{self.state.number():06d}", name, data, mimetype, user, hidden=hidden)
        self.state.files[file.id] = file
        return file

    # -- commands, shortcuts, buttons and dialogs: the delivery tells whether the app took it

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Delivery:
        """Type a slash command, and wait until the app has taken it or the person sees an error."""
        place, person = self.state.channels[channel], self.state.users[user]
        url = self.responses.url(user, place.team, channel)
        payload = {
            "command": command,
            "text": escaped(text),
            "team_id": place.team,
            "team_domain": place.team.lower(),
            "channel_id": channel,
            "channel_name": "directmessage" if place.kind == "im" else place.name,
            "user_id": user,
            "user_name": person.name,
            "response_url": url,
            "trigger_id": self.state.trigger(user, place.team, channel=channel),
            "api_app_id": self.state.app_id,
            "is_enterprise_install": "false",
        }
        delivery = self.events.command(place.team, payload)
        await delivery.over.wait()
        if delivery.response:
            self.responses.take(self._url(url), delivery.response)
        return delivery

    async def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Delivery:
        """Use a shortcut of a message."""
        place = self._place(user, channel, writing=False)
        message = self.state.message(channel, ts)
        payload = {
            "type": "message_action",
            "callback_id": callback_id,
            "message_ts": ts,
            "message": self.events.rendered(message),
            "channel": {"id": channel, "name": place.name},
            "response_url": self.responses.url(user, place.team, channel),
            "trigger_id": self.state.trigger(user, place.team, channel=channel),
            **self._who(user, place.team),
        }
        return await self._done(self.events.interaction(place.team, payload))

    async def click(self, user: str, where: Message | View, action_id: str, value: str | None = None) -> Delivery:
        """Click what has that action_id, and that value where several have: a button, a choice, a judgement."""
        blocks = where.blocks if isinstance(where, Message) else where.content["blocks"]
        button = _find(blocks, action_id, value)
        team = where.team
        action = {
            **_action(button),
            "block_id": button.block_id,
            "action_id": action_id,
            "type": button.element["type"],
            "action_ts": self.state.stamp(),
        }
        payload = {"type": "block_actions", "actions": [action], **self._who(user, team), **self._where(user, where)}
        return await self._done(self.events.interaction(team, payload))

    async def submit(self, user: str, view: View, values: Mapping[str, str] | None = None) -> Delivery:
        """Send a dialog with what is entered, by block_id or action_id; what is left out keeps its first value.

        Raises LookupError for a field that is not there, and ValueError for a value that the dialog does not take.
        """
        self._open(user, view)
        state = values_of(view.content["blocks"], dict(values or {}))
        payload = {
            "type": "view_submission",
            "view": {**views.rendered(view), "state": {"values": state}},
            "trigger_id": self.state.trigger(user, view.team, view.id, view.channel),
            "response_urls": [],
            **self._who(user, view.team),
        }
        delivery = await self._done(self.events.interaction(view.team, payload))
        if delivery.acked:
            self._respond(view, delivery.response)
        return delivery

    async def close(self, user: str, view: View) -> None:
        """Dismiss a dialog; the app is told if it wants to know."""
        self._open(user, view)
        view.open = False
        if view.content.get("notify_on_close"):
            payload = {"type": "view_closed", "view": views.rendered(view), "is_cleared": False}
            await self._done(self.events.interaction(view.team, {**payload, **self._who(user, view.team)}))

    # -- the app's own place

    async def open_home(self, user: str) -> None:
        self._opened(user, "home")

    async def open_messages(self, user: str) -> None:
        self._opened(user, "messages")

    async def press_stop(self, user: str, channel: str, thread_ts: str) -> None:
        """Stop the agent. The button is there while a session is processing, or an answer is being streamed."""
        place = self._place(user, channel, writing=False)
        streams = [m for m in self.state.threads[channel, thread_ts] if m.streaming == "live"]
        session = self.state.sessions.get((channel, thread_ts))
        if not streams and (session is None or session.status != "processing"):
            raise LookupError("there is no stop button: no session is processing, and nothing is being streamed")
        for message in streams:
            message.streaming = "stopped"
        stopped = {"thread_ts": thread_ts, "streaming_message_ts": [message.ts for message in streams]}
        event = {"type": "agent_session_stopped", "user": user, "channel": channel, **stopped}
        self.events.send(place.team, {**event, "event_ts": self.state.stamp()})
        self.state.touch()

    async def uninstall(self, team: str) -> None:
        """Remove the app from a workspace: it is told, and its tokens work no more."""
        bot = self.state.teams[team].bot_user
        self.events.send(team, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot]}})
        self.events.send(team, {"type": "app_uninstalled"})
        self.state.teams[team].installed = False
        for token in self.state.tokens.values():
            if token.team == team and not token.text.startswith("xapp-"):
                token.state = "account_inactive"

    # -- channels

    async def join(self, user: str, channel: str) -> None:
        """Come into a channel; so does the bot when it is invited."""
        self.state.channels[channel].members.add(user)

    async def leave(self, user: str, channel: str) -> None:
        self.state.channels[channel].members.discard(user)

    async def archive(self, channel: str) -> None:
        self.state.channels[channel].archived = True

    # -- how

    def _place(self, user: str, channel: str, *, writing: bool = True) -> Channel:
        place = self.state.channels[channel]
        if user not in place.members:
            raise LookupError(f"{user} is not in {channel}")
        if writing and place.archived:
            raise LookupError(f"{channel} is archived")
        return place

    def _own(self, user: str, channel: str, ts: str) -> Message:
        message = self.state.messages[channel].get(ts)
        if message is None or message.user != user or message.tombstone:
            raise LookupError(f"{user} has no message {ts} in {channel}")
        return message

    def _open(self, user: str, view: View) -> None:
        if view.user != user or not view.open or view.type != "modal":
            raise LookupError(f"{user} does not have this dialog open")

    def _url(self, url: str) -> ResponseURL:
        return self.state.response_urls[url.partition("/actions/")[2]]

    def _who(self, user: str, team: str) -> dict[str, Any]:
        person: User = self.state.users[user]
        domain = {"id": team, "domain": team.lower()}
        return {
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team},
            "team": domain,
            "api_app_id": self.state.app_id,
            "token": "legacy",
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _where(self, user: str, where: Message | View) -> dict[str, Any]:
        if isinstance(where, View):
            trigger = self.state.trigger(user, where.team, where.id, where.channel)
            container = {"type": "view", "view_id": where.id}
            return {"view": views.rendered(where), "container": container, "trigger_id": trigger}
        place = self._place(user, where.channel, writing=False)
        thread = {"thread_ts": where.thread_ts} if where.thread_ts else {}
        return {
            "message": self.events.rendered(where),
            "channel": {"id": where.channel, "name": place.name},
            "container": {"type": "message", "message_ts": where.ts, "channel_id": where.channel, **thread},
            "response_url": self.responses.url(user, place.team, where.channel, where),
            "trigger_id": self.state.trigger(user, place.team, channel=where.channel),
        }

    async def _done(self, delivery: Delivery) -> Delivery:
        await delivery.over.wait()
        return delivery

    def _opened(self, user: str, tab: str) -> None:
        channel = self.state.dm(user)
        event = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab}
        view = self.state.homes.get(user)
        shown = {"view": views.rendered(view)} if view and tab == "home" else {}
        self.events.send(channel.team, {**event, **shown, "event_ts": self.state.stamp()})

    def _respond(self, view: View, response: dict[str, Any]) -> None:
        """Do with the dialog what the app answered. Raises SlackError for what Slack would not take."""
        action = response.get("response_action")
        if action == "errors":
            view.errors = dict(response["errors"])
            return
        if action == "update":
            views.change(view, views.check_modal(response["view"]))
            return
        if action == "push":
            views.check_depth(self.state, view)
            content = views.check_modal(response["view"])
            views.show(self.state, view.user, view.team, content, view, view.channel)
            return
        if action not in (None, "clear"):
            raise SlackError("invalid_response_action")
        root = view.root if action == "clear" else None
        for other in self.state.views.values():
            if other is view or (root and other.root == root):
                other.open = False
        self.state.touch()


def escaped(text: str) -> str:
    """What a person typed, as Slack sends it: mentions and links are control sequences, all else is text."""
    parts = _CONTROL.split(text)
    return "".join(part if _CONTROL.fullmatch(part) else _escape(part) for part in parts)


def _escape(text: str) -> str:
    for character, entity in _ENTITIES.items():
        text = text.replace(character, entity)
    return text


def _find(blocks: list[dict[str, Any]], action_id: str, value: str | None) -> Button:
    found = [b for b in buttons(blocks) if b.element.get("action_id") == action_id and value in (None, b.value)]
    if not found:
        there = [(button.element.get("action_id"), button.value) for button in buttons(blocks)]
        raise LookupError(f"nothing to click is ({action_id!r}, {value!r}); there are {there}")
    return found[0]


def _action(button: Button) -> dict[str, Any]:
    if "options" not in button.element:
        return {"value": button.value, "text": button.element.get("text")}
    option = next(option for option in button.element["options"] if option["value"] == button.value)
    return {"selected_options": [option]} if button.element["type"] == "checkboxes" else {"selected_option": option}
