"""What comes with a question: shared files, the message it is about, or the thread to sum up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant import Assistant, Attachment
from connectors.slack import files
from connectors.slack.asking import readable
from connectors.slack.store import Asked, Store
from connectors.slack.wording import Wording
from knowledge import LoadError

MAX_FILES = 5
# The most that Slack hands out in one call.
MAX_MESSAGES = 1000


class Evidence:
    """Reads what came with questions of one workspace."""

    def __init__(self, assistant: Assistant, store: Store) -> None:
        self.assistant = assistant
        self.store = store

    async def of(self, client: AsyncWebClient, asked: Asked, words: Wording) -> tuple[list[Attachment], list[str]]:
        """All that the conversation's files say, those of this question read now; and what could not be read."""
        known = await self.store.attached(asked)
        shared = list(asked.extra.get("files", ()))
        new = [file for file in shared[:MAX_FILES] if str(file.get("id")) not in known]
        notes = [] if len(shared) <= MAX_FILES else [words.files_too_many.format(limit=MAX_FILES)]
        for file in new:
            notes += await self._take(client, asked, file, known, words)
        about = [Attachment(**asked.extra["about"])] if asked.extra.get("about") else []
        return about + [Attachment(**part) for parts in known.values() for part in parts], notes

    async def _take(
        self,
        client: AsyncWebClient,
        asked: Asked,
        file: Mapping[str, Any],
        known: dict[str, list[dict[str, Any]]],
        words: Wording,
    ) -> list[str]:
        """Read one file into what is known. Returns what to tell the person, which is nothing when all went well."""
        try:
            parts = await self._read(client, file)
        except LoadError as error:
            name = files.name_of(file)
            return [words.file_unreadable.format(name=name, reason=error.problem, remedy=error.remedy)]
        except SlackApiError as error:
            if error.response.get("error") == "ratelimited":
                raise
            return [words.file_not_fetched.format(name=files.name_of(file))]
        known[str(file["id"])] = [asdict(part) for part in parts]
        await self.store.attach(asked, str(file["id"]), known[str(file["id"])])
        return []

    async def _read(self, client: AsyncWebClient, file: Mapping[str, Any]) -> Sequence[Attachment]:
        file = await files.described(client, file)
        with files.temporary_folder() as folder:
            limit = self.assistant.settings.knowledge.max_file_mb
            path = await files.download(client, file, folder, limit)
            return await self.assistant.read_attachment(path, files.name_of(file), str(file.get("permalink") or ""))


async def thread_messages(client: AsyncWebClient, asked: Asked, bot: str) -> list[Attachment]:
    """What people wrote in a thread, oldest first, each message a piece of evidence that can be opened."""
    thread = str(asked.extra.get("thread") or asked.thread)
    channel = str(asked.extra.get("channel") or asked.channel)
    found = (await client.conversations_replies(channel=channel, ts=thread, limit=MAX_MESSAGES))["messages"]
    link = str((await client.chat_getPermalink(channel=channel, message_ts=thread))["permalink"])
    said = [m for m in found if m.get("text") and not m.get("bot_id") and m["ts"] != asked.ts]
    return [
        Attachment(f"Message {number}", readable(m["text"], bot), url=_permalink(link, thread, m["ts"]))
        for number, m in enumerate(said, start=1)
    ]


def _permalink(root: str, thread: str, ts: str) -> str:
    """The address of a message below the one whose address is given; saves a call for each."""
    base = root.partition("?")[0].replace("p" + thread.replace(".", ""), "p" + ts.replace(".", ""))
    return base if ts == thread else f"{base}?thread_ts={thread}"
