"""Files that members add to the documents from Slack, by those who may."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant import Assistant
from connectors.slack import files
from connectors.slack.people import People
from connectors.slack.store import Asked
from connectors.slack.wording import Wording, counted
from knowledge import OPERATOR, LoadError, Report, UserError

# Below the data folder: what was added has to be found again by the next `assistant ingest`.
FOLDER = "slack-files"


async def may_add(client: AsyncWebClient, people: People, curators: Sequence[str], team: str, user: str) -> bool:
    """Whether a person, or a user group of theirs, is among the curators."""
    if user in curators:
        return True
    groups = await people.groups(client, team, user) if curators else ()
    return bool(set(groups) & set(curators))


async def add(client: AsyncWebClient, assistant: Assistant, asked: Asked, words: Wording) -> list[str]:
    """Add every file, each for itself. Returns a line about each."""
    collection = str(asked.extra["collection"])
    lines = []
    for file in asked.extra["files"]:
        try:
            file = await files.described(client, file)
            passages = await _add_one(client, assistant, dict(file), collection)
        except UserError as error:
            reason = f"{error.problem} {error.remedy}".strip()
            lines.append(words.file_not_added.format(name=files.name_of(file), reason=reason))
        except SlackApiError as error:
            if error.response.get("error") == "ratelimited":
                raise
            lines.append(words.file_not_fetched.format(name=files.name_of(file)))
        else:
            shown = counted(words.passages, passages)
            lines.append(words.file_added.format(name=files.name_of(file), collection=collection, passages=shown))
    return lines


async def _add_one(client: AsyncWebClient, assistant: Assistant, file: dict[str, object], collection: str) -> int:
    """Keep the file and ingest it. Returns its passages. Raises UserError."""
    name = files.name_of(file)
    kept = assistant.settings.data_dir / FOLDER / collection / str(file["id"]) / name
    with files.temporary_folder() as folder:
        path = await files.download(client, file, folder, assistant.settings.knowledge.max_file_mb)
        return await asyncio.to_thread(_ingest, assistant, path, kept, collection)


def _ingest(assistant: Assistant, downloaded: Path, path: Path, collection: str) -> int:
    """What cannot be read is not kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(downloaded, path)
    *_, report = assistant.knowledge.ingest([path], collection)
    assert isinstance(report, Report)  # noqa: S101 (the last event is the report)
    for failure in report.failed:
        path.unlink()
        raise LoadError(failure.error, "")
    sources = assistant.knowledge.documents(collection, OPERATOR)
    return sum(source.passages for source in sources if source.path == str(path))
