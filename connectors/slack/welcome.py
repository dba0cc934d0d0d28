"""What a person finds before any question: the Home tab, and prompts to begin with."""

import asyncio
import logging
from collections import Counter

from connectors.slack.api import Client
from connectors.slack.blocks import source_name
from connectors.slack.delivery import TROUBLE
from connectors.slack.faults import explain
from connectors.slack.home import MAX_DOCUMENTS, MAX_RECENT, Recent, home_view
from connectors.slack.manifest import suggested_prompts
from connectors.slack.services import Services
from connectors.slack.store import Claimed
from knowledge import Source

log = logging.getLogger("assistant.slack")


class Welcome:
    """Shows both when they are opened. That it failed is logged, and the next time it may work."""

    def __init__(self, services: Services) -> None:
        self.services = services

    async def show(self, team: str, enterprise: str, user: str, channel: str) -> None:
        """Publish the Home tab of one person: only what they may know, and their own questions."""
        try:
            client = await self.services.workspaces.client(team, enterprise or None)
            await client.views_publish(user_id=user, view=await self._view(client, team, user))
        except TROUBLE as error:
            log.warning("The Home tab could not be shown: %s", explain(error))

    async def suggest(self, team: str, enterprise: str, user: str, channel: str) -> None:
        """Offer prompts in the direct messages, where the profile has some."""
        prompts = suggested_prompts(self.services.settings)
        if not prompts:
            return
        try:
            client = await self.services.workspaces.client(team, enterprise or None)
            await client.assistant_threads_setSuggestedPrompts(channel_id=channel, prompts=prompts)
        except TROUBLE as error:
            log.warning("Prompts could not be suggested: %s", explain(error))

    async def _view(self, client: Client, team: str, user: str) -> dict[str, object]:
        settings = self.services.settings
        sources = await self._documents(client, team, user)
        asked = await self.services.store.recent(team, user, MAX_RECENT)
        recent = [Recent(q.asked.text, q.status or q.state, await _link(client, q), q.asked_at) for q in asked]
        return home_view(
            name=settings.name,
            collections=sorted(Counter(source.collection for source in sources).items()),
            documents=[source_name(source.title or source.path) for source in sources[:MAX_DOCUMENTS]],
            recent=recent,
            help_text=settings.help,
            command=settings.command,
            words=self.services.words(""),
        )

    async def _documents(self, client: Client, team: str, user: str) -> list[Source]:
        """What a question of this person's in direct messages would be answered from."""
        person = await self.services.people.person(client, team, user)
        if not person.answered(guests=self.services.settings.guests):
            return []
        caller = await self.services.people.caller(client, team, user, person=person)
        assistant = self.services.assistant
        allowed = assistant.settings.knowledge.collections
        sources = await asyncio.to_thread(assistant.knowledge.documents, caller=caller)
        return [source for source in sources if not allowed or source.collection in allowed]


async def _link(client: Client, question: Claimed) -> str:
    """The address of an answer; nothing where Slack has none or no time to tell it."""
    first = question.messages.get(0)
    if first is None or first.ts is None:
        return ""
    try:
        found = await client.optional.chat_getPermalink(channel=first.channel, message_ts=first.ts)
    except TROUBLE:
        return ""
    return str(found["permalink"])
