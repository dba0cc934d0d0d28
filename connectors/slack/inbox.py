"""What Slack tells us, turned into questions and into news about questions. All of it may come twice."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from connectors.slack.asking import is_question, is_stop, is_summary, mentions, only_emoji, readable
from connectors.slack.services import Services
from connectors.slack.store import Accepted, Asked, Kind
from connectors.slack.welcome import Welcome
from connectors.slack.worker import Worker

log = logging.getLogger("assistant.slack")

Outcome = Literal["accepted", "duplicate", "ignored"]

# Messages that a person wrote; all other subtypes are Slack's own doing.
WRITTEN = (None, "file_share", "thread_broadcast")
SLACKBOT = "USLACKBOT"


class Inbox:
    """Records what arrives. Whatever returns has been recorded, so that Slack may be told; whatever raises has not."""

    def __init__(self, services: Services, worker: Worker, welcome: Welcome) -> None:
        self.services = services
        self.worker = worker
        self.welcome = welcome

    async def event(self, body: Mapping[str, Any], bot: str) -> Outcome:
        """Take an event of the Events API; `bot` is our own user there."""
        event = body["event"]
        handlers = {
            "message": self._message_event,
            "app_mention": self._written,
            "agent_session_stopped": self._stopped,
            "app_home_opened": self._opened,
            "app_uninstalled": self._uninstalled,
            "tokens_revoked": self._revoked,
        }
        handler = handlers.get(event.get("type"))
        outcome = await handler(body, event, bot) if handler else "ignored"
        self.services.metrics.events_total.labels(str(event.get("type")), outcome).inc()
        return outcome

    async def ask(self, asked: Asked, *keys: str) -> Accepted | None:
        """Record a question, however it came, and show at once that it was heard."""
        accepted = await self.services.store.accept(asked, *keys)
        if accepted is None:
            return None
        self.services.metrics.questions_total.labels(asked.kind).inc()
        if asked.kind != "unprompted" and not accepted.refusal:
            words = self.services.words(asked.channel)
            text = words.waiting.format(position=accepted.position) if accepted.position else words.searching
            self.services.statuses.show(asked, text, words.loading, first=True)
        self.worker.wake()
        return accepted

    # -- messages

    async def _message_event(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        subtype = event.get("subtype")
        # A message that others have answered leaves a tombstone when it is deleted.
        if subtype == "message_deleted" or event.get("message", {}).get("subtype") == "tombstone":
            ts = str(event.get("deleted_ts") or event["message"]["ts"])
            await self.services.store.withdraw(_team(body), event["channel"], ts)
            await self.worker.listen_now()
            return "accepted"
        if subtype == "message_changed":
            return await self._edited(body, event, bot)
        return await self._written(body, event, bot) if subtype in WRITTEN else "ignored"

    async def _written(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        """A message that a person wrote. A mention comes twice, as a message and as a mention, and counts once."""
        if event.get("bot_id") or event.get("user") in (None, bot, SLACKBOT):
            return "ignored"
        asked = _asked(body, event, bot)
        kind = await self._kind(asked, event, bot)
        if kind is None:
            return "ignored"
        if kind == "parked":
            await self.services.store.park(replace(asked, kind="followup"), _key(body))
            return "ignored"
        if is_stop(asked.text) and await self.services.store.stop(asked.team, asked.channel, asked.thread):
            await self.worker.listen_now()
            return "accepted"
        accepted = await self.ask(replace(asked, kind=kind), _key(body))
        return "accepted" if accepted else "duplicate"

    async def _kind(self, asked: Asked, event: Mapping[str, Any], bot: str) -> Kind | Literal["parked"] | None:
        """How the message concerns us; None when it does not."""
        in_thread = asked.thread != asked.ts
        if asked.channel.startswith("D"):
            return "summary" if in_thread and is_summary(asked.text) else "direct"
        mentioned = event["type"] == "app_mention" or bot in mentions(str(event.get("text", "")))
        if mentioned:
            return "summary" if in_thread and is_summary(asked.text) else "mention"
        if mentions(str(event.get("text", ""))) or only_emoji(asked.text):
            return None  # said to somebody else, or nothing that could be answered
        if in_thread:
            return await self._followup(asked, event, bot)
        unprompted = self.services.settings.channel(asked.channel).unprompted
        return "unprompted" if unprompted and is_question(asked.text) else None

    async def _followup(self, asked: Asked, event: Mapping[str, Any], bot: str) -> Literal["followup", "parked"] | None:
        """Whoever asked in a thread goes on there without a mention; others are heard when they ask something."""
        place = (asked.team, asked.channel, asked.thread)
        if await self.services.store.takes_part(*place, asked.user):
            return "followup"
        if event.get("parent_user_id") == bot or await self.services.store.takes_part(*place):
            return "followup" if is_question(asked.text) else None
        return "parked"

    async def _edited(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        message, before = event.get("message", {}), event.get("previous_message", {})
        if message.get("bot_id") or message.get("text") == before.get("text"):
            return "ignored"  # Slack also tells of a link's preview this way
        team, channel, ts = _team(body), event["channel"], str(message["ts"])
        if await self.services.store.edit(team, channel, ts, readable(str(message.get("text", "")), bot)):
            await self.worker.listen_now()
            return "accepted"
        if await self.services.store.known(team, channel, ts):
            return "ignored"
        added = bot in mentions(str(message.get("text", ""))) - mentions(str(before.get("text", "")))
        whole = {**message, "channel": channel, "type": "message"}
        return await self._written(body, whole, bot) if added else "ignored"

    # -- everything else

    async def _stopped(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        channel = str(event.get("channel_id") or event.get("channel"))
        stopped = await self.services.store.stop(_team(body), channel, str(event["thread_ts"]))
        await self.worker.listen_now()
        return "accepted" if stopped else "ignored"

    async def _opened(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        enterprise = str(body.get("enterprise_id") or "")
        opened = self.welcome.show if event.get("tab") == "home" else self.welcome.suggest
        self.services.tasks.start(opened(_team(body), enterprise, str(event["user"]), str(event["channel"])))
        return "accepted"

    async def _revoked(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        if not event.get("tokens", {}).get("bot"):
            return "ignored"  # some person's own token, which we have no use for
        await self.services.workspaces.remove(_team(body), body.get("enterprise_id"))
        return "accepted"

    async def _uninstalled(self, body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Outcome:
        """The workspace wants nothing more to do with us: nor shall we keep anything of it."""
        team = _team(body)
        log.warning("The app was removed from workspace %s: what was kept of it is deleted.", team)
        await self.services.workspaces.remove(team, body.get("enterprise_id"))
        for conversation in await self.services.store.forget_team(team):
            await self.services.assistant.forget(conversation)
        return "accepted"


def _asked(body: Mapping[str, Any], event: Mapping[str, Any], bot: str) -> Asked:
    ts = str(event["ts"])
    return Asked(
        team=_team(body),
        enterprise=str(body.get("enterprise_id") or ""),
        channel=str(event["channel"]),
        thread=str(event.get("thread_ts") or ts),
        ts=ts,
        user=str(event["user"]),
        kind="direct",
        text=readable(str(event.get("text") or ""), bot),
        extra={"files": list(event["files"])} if event.get("files") else {},
    )


def _team(body: Mapping[str, Any]) -> str:
    """The workspace that the app is installed in; in a shared channel the event may come from another one."""
    authorizations = body.get("authorizations") or [{}]
    return str(authorizations[0].get("team_id") or body["team_id"])


def _key(body: Mapping[str, Any]) -> str:
    return f"event:{body['event_id']}"
