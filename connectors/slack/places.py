"""Where an answer goes when there is no message yet to answer under, or when that message's place is closed."""

from dataclasses import replace

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack import blocks
from connectors.slack.delivery import NOTICE_CHARACTERS, find, metadata
from connectors.slack.faults import kind_of
from connectors.slack.formatting import plain
from connectors.slack.store import Claimed, Posted, Store
from connectors.slack.wording import Wording
from connectors.slack.workspaces import Workspaces

# The message that an answer stands under, and one sent to a person alone, among a question's messages.
ROOT, PRIVATE = -1, -2


class Places:
    """Posts what answers can stand under."""

    def __init__(self, store: Store, workspaces: Workspaces) -> None:
        self.store = store
        self.workspaces = workspaces

    async def rooted(self, client: AsyncWebClient, claimed: Claimed, words: Wording) -> Claimed:
        """The question with a message to answer under: in its channel if we may write there, else privately."""
        if claimed.asked.rooted:
            return claimed
        private = bool(claimed.asked.extra.get("private"))
        try:
            channel = await direct_channel(client, claimed.asked.user) if private else claimed.asked.channel
            thread = await self._root(client, claimed, channel, words)
        except SlackApiError as error:
            if private or kind_of(error) != "gone":
                raise
            channel = await direct_channel(client, claimed.asked.user)
            thread = await self._root(client, claimed, channel, words)
        await self.store.place(claimed, channel, thread)
        return replace(claimed, asked=replace(claimed.asked, channel=channel, thread=thread))

    async def _root(self, client: AsyncWebClient, claimed: Claimed, channel: str, words: Wording) -> str:
        asked = claimed.asked
        content: dict[str, object] = {
            "text": plain(asked.text, NOTICE_CHARACTERS) or words.searching,
            "blocks": blocks.root_blocks(asked.user, asked.text, words),
        }
        return await self.post(client, claimed, ROOT, channel, content)

    async def post(
        self, client: AsyncWebClient, claimed: Claimed, part: int, channel: str, content: dict[str, object]
    ) -> str:
        """Post a message outside the question's thread, once. Returns its `ts`."""
        known = claimed.messages.get(part)
        if known and known.ts and known.channel == channel:
            return known.ts
        if known and known.channel == channel:
            found = await find(client, self.store, claimed, part, channel)
            if found:
                await self.store.posted(claimed, part, found)
                return found
        await self.store.intend(claimed, part, channel, streamed=False)
        claimed.messages[part] = Posted(channel, None, streamed=False)
        response = await client.chat_postMessage(
            channel=channel,
            metadata=metadata(claimed, part),
            unfurl_links=False,
            unfurl_media=False,
            **content,  # type: ignore[arg-type]
        )
        ts = str(response["ts"])
        await self.store.posted(claimed, part, ts)
        claimed.messages[part] = Posted(channel, ts, streamed=False)
        return ts


async def direct_channel(client: AsyncWebClient, user: str) -> str:
    """The direct messages with a person."""
    return str((await client.conversations_open(users=user))["channel"]["id"])
