"""What people do besides writing: the slash command, shortcuts of messages, dialogs and buttons."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond

from assistant import Citation
from connectors.slack import modals
from connectors.slack.asking import readable
from connectors.slack.blocks import ASK_AGAIN, FEEDBACK, SHOW_SOURCE
from connectors.slack.curation import may_add
from connectors.slack.files import name_of
from connectors.slack.home import FORGET_ME
from connectors.slack.inbox import Inbox
from connectors.slack.manifest import ADD_TO_DOCUMENTS, ASK_ABOUT_THIS, SUMMARIZE_THREAD
from connectors.slack.services import Services
from connectors.slack.store import ROOTLESS, Asked, Claimed, Kind
from connectors.slack.welcome import Welcome

Body = Mapping[str, Any]
ANYTHING = re.compile(".*", re.DOTALL)
# What a dialog can carry, as JSON, of the message that it is about.
METADATA_CHARACTERS = 3_000


class Interactions:
    """Listeners of a bolt app."""

    def __init__(self, services: Services, inbox: Inbox, welcome: Welcome) -> None:
        self.services = services
        self.inbox = inbox
        self.welcome = welcome

    def register(self, app: AsyncApp) -> None:
        """Every listener. The last ones acknowledge what we do not know, or Slack would tell the person of an error."""
        app.command(self.services.settings.command)(self.command)
        app.shortcut(ASK_ABOUT_THIS)(self.ask_about_this)
        app.shortcut(SUMMARIZE_THREAD)(self.summarize_thread)
        app.shortcut(ADD_TO_DOCUMENTS)(self.add_to_documents)
        app.view(modals.ASK_ABOUT)(self.asked_about)
        app.view(modals.ADD_FILES)(self.chose_collection)
        app.view(modals.FEEDBACK_REASON)(self.said_why)
        app.action(FEEDBACK)(self.judge)
        app.action(SHOW_SOURCE)(self.show_source)
        app.action(ASK_AGAIN)(self.ask_again)
        app.action(FORGET_ME)(self.forget_me)
        for register in (app.command, app.shortcut, app.view, app.view_closed, app.action, app.options):
            register(ANYTHING)(self.acknowledge)

    async def acknowledge(self, ack: AsyncAck) -> None:
        await ack()

    # -- the slash command

    async def command(self, ack: AsyncAck, body: Body) -> None:
        text, channel = readable(str(body.get("text", ""))), str(body["channel_id"])
        words = self.services.words(channel)
        if text.casefold() in ("", "help", "?", "도움말"):
            await ack(words.command_help.format(command=self.services.settings.command))
            return
        key = f"command:{body['trigger_id']}"
        accepted = await self.inbox.ask(
            Asked(
                team=str(body["team_id"]),
                enterprise=str(body.get("enterprise_id") or ""),
                channel=channel,
                thread=ROOTLESS + key,
                ts=key,
                user=str(body["user_id"]),
                kind="command",
                text=text,
            ),
            key,
        )
        if accepted and accepted.refusal:
            await ack(str(words.reason(accepted.refusal)))
        else:
            await ack(words.command_taken.format(channel=channel))

    # -- shortcuts of messages

    async def ask_about_this(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        message, words = body["message"], self.services.words(body["channel"]["id"])
        text = readable(str(message.get("text") or ""))
        metadata = {
            "channel": body["channel"]["id"],
            "thread": message.get("thread_ts") or message["ts"],
            "files": [file["id"] for file in message.get("files", ())][:5],
        }
        await self._open(body, modals.ask_modal(text, _packed_with(metadata, text), words))

    async def asked_about(self, ack: AsyncAck, body: Body, view: Body) -> None:
        metadata, values = json.loads(view["private_metadata"]), view["state"]["values"]
        question = str(values[modals.QUESTION][modals.QUESTION]["value"] or "")
        where = values[modals.WHERE][modals.WHERE]["selected_option"]["value"]
        key = f"view:{view['id']}"
        private = where == modals.ONLY_ME
        extra: dict[str, Any] = {"files": [{"id": id_} for id_ in metadata["files"]]} if metadata["files"] else {}
        if metadata["text"] and question.strip() != metadata["text"].strip():
            extra["about"] = {"name": "the message", "text": metadata["text"]}
        thread = ROOTLESS + key if private else str(metadata["thread"])
        asked = self._asked(body, str(metadata["channel"]), thread, key, "shortcut", question)
        await self.inbox.ask(_with(asked, {**extra, "private": True} if private else extra), key)
        await ack()

    async def summarize_thread(self, ack: AsyncAck, body: Body) -> None:
        message, channel = body["message"], str(body["channel"]["id"])
        thread = str(message.get("thread_ts") or message["ts"])
        key = f"summary:{body['trigger_id']}"
        await self.inbox.ask(self._asked(body, channel, thread, key, "summary", "summary"), key)
        await ack()

    async def add_to_documents(self, ack: AsyncAck, body: Body, respond: AsyncRespond) -> None:
        await ack()
        message, words = body["message"], self.services.words(body["channel"]["id"])
        client = await self._client(body)
        curators, user = self.services.settings.curators, str(body["user"]["id"])
        if not await may_add(client, self.services.people, curators, _team(body), user):
            await respond(str(words.reason("not_curator")), response_type="ephemeral")
        elif not message.get("files"):
            await respond(str(words.reason("no_files")), response_type="ephemeral")
        else:
            files = message["files"][: modals.MAX_FILES]
            metadata = {"channel": body["channel"]["id"], "files": [file["id"] for file in files]}
            caller = await self.services.people.caller(client, _team(body), user)
            collections = await asyncio.to_thread(self.services.assistant.knowledge.collections, caller)
            names = [name_of(file) for file in files]
            await self._open(body, modals.add_file_modal(names, collections, _packed(metadata), words))

    async def chose_collection(self, ack: AsyncAck, body: Body, view: Body) -> None:
        metadata, values = json.loads(view["private_metadata"]), view["state"]["values"]
        new = values.get(modals.NEW_COLLECTION, {}).get(modals.NEW_COLLECTION, {}).get("value") or ""
        chosen = values.get(modals.COLLECTION, {}).get(modals.COLLECTION, {}).get("selected_option") or {}
        collection = str(new).strip() or str(chosen.get("value") or "default")
        user = str(body["user"]["id"])
        client = await self._client(body)
        if not await may_add(client, self.services.people, self.services.settings.curators, _team(body), user):
            await ack()  # nobody gets here by our buttons
            return
        key = f"view:{view['id']}"
        extra = {"files": [{"id": id_} for id_ in metadata["files"]], "collection": collection, "private": True}
        asked = self._asked(body, str(metadata["channel"]), ROOTLESS + key, key, "ingest", collection)
        await self.inbox.ask(_with(asked, extra), key)
        await ack()

    # -- buttons

    async def judge(self, ack: AsyncAck, body: Body, action: Body, respond: AsyncRespond) -> None:
        verdict, _, question = str(action.get("value", "")).partition(":")
        words = self.services.words(_channel(body))
        known = await self._question_here(body, question)
        if known and verdict in ("good", "bad"):
            await self.services.store.judge(question, str(body["user"]["id"]), verdict)
        await ack()
        if known and verdict == "bad":
            await self._open(body, modals.feedback_modal(question, words))
        elif known:
            await respond(words.thanks, response_type="ephemeral", replace_original=False)

    async def said_why(self, ack: AsyncAck, body: Body, view: Body) -> None:
        comment = str(view["state"]["values"][modals.REASON][modals.REASON]["value"] or "")
        await self.services.store.judge(str(view["private_metadata"]), str(body["user"]["id"]), "bad", comment)
        await ack()

    async def show_source(self, ack: AsyncAck, body: Body, action: Body) -> None:
        await ack()
        question, _, number = str(action.get("value", "")).partition(":")
        known = await self._question_here(body, question)
        citations = await self._readable(body, known) if known else []
        wanted = int(number) if number.isdecimal() else 0
        await self._open(body, modals.source_modal(citations, wanted, self.services.words(_channel(body))))

    async def ask_again(self, ack: AsyncAck, body: Body, action: Body) -> None:
        known = await self._question_here(body, str(action.get("value", "")))
        if known:
            key = f"again:{body['trigger_id']}"
            before = known.asked
            again = self._asked(body, before.channel, before.thread, key, before.kind, before.text)
            await self.inbox.ask(_with(again, dict(before.extra)), key)
        await ack()

    async def forget_me(self, ack: AsyncAck, body: Body) -> None:
        team, user = _team(body), str(body["user"]["id"])
        for conversation in await self.services.store.forget_person(team, user):
            await self.services.assistant.forget(conversation)
        await ack()
        await self.welcome.show(team, _enterprise(body), user, "")

    # -- what they share

    async def _question_here(self, body: Body, id_: str) -> Claimed | None:
        """A question of this very place: a button shows nothing to people of another channel."""
        found = await self.services.store.question(id_)
        here = found and (found.asked.team, found.asked.channel) == (_team(body), _channel(body))
        return found if here else None

    async def _readable(self, body: Body, question: Claimed) -> list[Citation]:
        """What an answer quotes, as far as whoever looks may read it now."""
        client, user = await self._client(body), str(body["user"]["id"])
        caller = await self.services.people.caller(client, _team(body), user, question.asked.channel)
        allows = self.services.assistant.knowledge.access.allows
        citations = [Citation(**citation) for citation in question.citations]
        return [citation for citation in citations if allows(citation.collection, caller)]

    def _asked(self, body: Body, channel: str, thread: str, key: str, kind: Kind, text: str) -> Asked:
        user = str(body["user"]["id"])
        return Asked(_team(body), channel, thread, key, user, kind, text, _enterprise(body))

    async def _client(self, body: Body) -> Any:
        return await self.services.workspaces.client(_team(body), _enterprise(body) or None)

    async def _open(self, body: Body, view: dict[str, Any]) -> None:
        """A dialog must open within three seconds of the click."""
        client = await self._client(body)
        await client.views_open(trigger_id=body["trigger_id"], view=view)


def _with(asked: Asked, extra: dict[str, Any]) -> Asked:
    return replace(asked, extra=extra)


def _packed_with(metadata: dict[str, Any], text: str) -> str:
    """As much of the text as there is room for; JSON makes it longer, at most by as much as is over."""
    over = len(_packed({**metadata, "text": text[:METADATA_CHARACTERS]})) - METADATA_CHARACTERS
    return _packed({**metadata, "text": text[: max(0, min(len(text), METADATA_CHARACTERS) - max(0, over))]})


def _packed(metadata: dict[str, Any]) -> str:
    return json.dumps(metadata, ensure_ascii=False)


def _team(body: Body) -> str:
    return str((body.get("team") or {}).get("id") or body["user"].get("team_id") or "")


def _enterprise(body: Body) -> str:
    return str((body.get("enterprise") or {}).get("id") or "")


def _channel(body: Body) -> str:
    return str((body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or "")
