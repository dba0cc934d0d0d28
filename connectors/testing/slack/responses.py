"""response_url: what an app says later to a command or a click."""

import json
import time
from typing import Any

from aiohttp import web

from connectors.testing.slack.blocks import check_message
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.events import Events
from connectors.testing.slack.state import Ephemeral, Message, ResponseURL, State

USES, SECONDS = 5, 1_800.0


class Responses:
    """Takes what is posted to these addresses: five times within half an hour."""

    def __init__(self, state: State, events: Events) -> None:
        self.state = state
        self.events = events

    def url(self, user: str, team: str, channel: str, message: Message | None = None) -> str:
        id_ = f"{team}/{self.state.number()}"
        expires_at = time.monotonic() + SECONDS
        self.state.response_urls[id_] = ResponseURL(team, user, channel, expires_at, USES, message)
        return f"{self.state.base_url}/actions/{id_}"

    async def post(self, request: web.Request) -> web.Response:
        url = self.state.response_urls.get(f"{request.match_info['team']}/{request.match_info['id']}")
        try:
            if url is None or time.monotonic() > url.expires_at:
                raise SlackError("expired_url")
            if url.uses <= 0:
                raise SlackError("used_url")
            self.take(url, await _body(request))
        except SlackError as error:
            return web.json_response(error.answer, status=404)
        url.uses -= 1
        return web.json_response({"ok": True})

    def take(self, url: ResponseURL, body: dict[str, Any]) -> None:
        """Do what the app wants: replace or delete what was clicked, or say something. Raises SlackError."""
        if body.get("delete_original"):
            self._delete(url)
            return
        text, given = str(body.get("text") or ""), body.get("blocks")
        blocks = check_message(given) if given is not None else []
        if not text.strip() and not blocks:
            raise SlackError("no_text")
        if body.get("replace_original") and url.message:
            self._replace(url.message, text, blocks)
        elif body.get("response_type") == "in_channel":
            self._say(url, text, blocks, body.get("thread_ts"))
        else:
            shown = Ephemeral(url.channel, url.user, text, tuple(blocks), body.get("thread_ts"), self.state.stamp())
            self.state.ephemerals.append(shown)
        self.state.touch()

    def _delete(self, url: ResponseURL) -> None:
        if url.message is None:
            raise SlackError("message_not_found")
        previous = self.events.rendered(url.message)
        self.state.remove(url.message)
        self.events.deleted(url.message, previous)

    def _replace(self, message: Message, text: str, blocks: list[dict[str, Any]]) -> None:
        previous = self.events.rendered(message)
        message.text, message.blocks, message.streamed = text, blocks, ""
        message.edited = self.state.stamp()
        message.touch()
        self.events.changed(message, previous)

    def _say(self, url: ResponseURL, text: str, blocks: list[dict[str, Any]], thread: str | None) -> None:
        team = self.state.teams[url.team]
        message = Message(url.channel, self.state.stamp(), team.bot_user, text, thread, team.bot_id, blocks)
        message.team = team.id
        self.state.add(message)
        self.events.posted(message)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body
