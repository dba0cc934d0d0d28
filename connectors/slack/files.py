"""Files that people share: fetched with the bot's token, read by the knowledge base's loaders, kept as text."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from knowledge import LoadError

# Hosts that the bot's token may be shown to, besides the one that serves the API.
SLACK_HOSTS = (".slack.com", ".slack-edge.com", ".slack-files.com")
DOWNLOAD_S = 60.0
CHUNK = 1 << 16


async def described(client: AsyncWebClient, file: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file with all that is known of it: in shared channels Slack sends only its id."""
    if file.get("file_access") == "check_file_info" or not file.get("url_private_download"):
        return dict((await client.files_info(file=file["id"]))["file"])
    return file


async def download(client: AsyncWebClient, file: Mapping[str, Any], folder: Path, max_mb: int) -> Path:
    """The file, in that folder, under a name of ours with its suffix. Raises LoadError, which says why not."""
    name, size = name_of(file), int(file.get("size") or 0)
    if size > max_mb * 1_000_000:
        raise _too_large(name, max_mb)
    url = str(file.get("url_private_download") or "")
    if not _may_see_token(url, client.base_url):
        raise LoadError(f"{name} is not kept by Slack.", "Upload the file itself instead of a link to it.")
    path = folder / ("file" + Path(name).suffix.lower())
    try:
        await _receive(client, url, path, name, max_mb)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise LoadError(
            f"{name} could not be fetched from Slack ({type(error).__name__}).", "Share it again."
        ) from error
    return path


async def _receive(client: AsyncWebClient, url: str, path: Path, name: str, max_mb: int) -> None:
    assert client.session is not None  # noqa: S101 (the connector gives every client its one session)
    headers = {"Authorization": f"Bearer {client.token}"}
    timeout = aiohttp.ClientTimeout(total=DOWNLOAD_S)
    # A redirect could lead to a host that must not see the token.
    async with client.session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as response:
        if response.status != 200 or _is_login_page(response, name):
            raise LoadError(
                f"Slack did not hand out {name}.",
                "An administrator must grant the scope files:read, then share it again.",
            )
        left = max_mb * 1_000_000
        with path.open("wb") as file:
            async for chunk in response.content.iter_chunked(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _too_large(name, max_mb)
                file.write(chunk)


def _is_login_page(response: aiohttp.ClientResponse, name: str) -> bool:
    """What Slack sends, with status 200, to who may not read the file."""
    return response.content_type == "text/html" and Path(name).suffix.lower() not in (".html", ".htm")


def _may_see_token(url: str, base_url: str) -> bool:
    try:
        parts, api = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return False
    if parts.netloc == api.netloc:
        return parts.scheme == api.scheme
    return parts.scheme == "https" and f".{parts.hostname or ''}".endswith(SLACK_HOSTS)


def name_of(file: Mapping[str, Any]) -> str:
    """The file's own name, without a path."""
    return (
        Path(str(file.get("name") or file.get("title") or file.get("id") or "file").replace("\\", "/")).name or "file"
    )


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="assistant-slack-") as folder:
        yield Path(folder)


def _too_large(name: str, max_mb: int) -> LoadError:
    return LoadError(f"{name} is larger than {max_mb} MB.", "Share a smaller file, or only the pages in question.")
