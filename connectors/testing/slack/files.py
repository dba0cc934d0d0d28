"""files.*: what was shared, and how files get in and out."""

from typing import Any

from aiohttp import web

from connectors.testing.slack.asking import Ask
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.scopes import FILES
from connectors.testing.slack.state import File, Message, State

Answer = dict[str, Any]

# What Slack answers, with status 200, to who may not read a file.
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>"


def info(ask: Ask) -> Answer:
    file = ask.state.files.get(ask.need("file", "file_not_found"))
    seen = file and any(ask.team.bot_user in ask.state.channels[c].members for c in file.channels)
    if file is None or not seen:
        raise SlackError("file_not_found")
    return {"file": file.public(ask.state.base_url)}


def get_upload_url(ask: Ask) -> Answer:
    name, length = ask.need("filename"), ask.number("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments")
    id_ = f"F{ask.state.number():06d}"
    file = File(id_, name, b"", "application/octet-stream", ask.team.bot_user, uploaded=False, length=length)
    ask.state.files[id_] = file
    return {"upload_url": f"{ask.state.base_url}/upload/{id_}", "file_id": id_}


def complete_upload(ask: Ask) -> Answer:
    wanted = ask.structure("files")
    files = [_uploaded(ask, entry) for entry in wanted] if isinstance(wanted, list) else []
    if not files:
        raise SlackError("invalid_arguments")
    if ask.text("channel_id"):
        _share(ask, files)
    return {"files": [file.public(ask.state.base_url) for file in files]}


def _uploaded(ask: Ask, entry: Any) -> File:
    file = ask.state.files.get(str(entry.get("id")) if isinstance(entry, dict) else "")
    if file is None or not file.uploaded:
        raise SlackError("file_not_found")
    file.title = str(entry.get("title") or file.name)
    return file


def _share(ask: Ask, files: list[File]) -> None:
    channel, team = ask.writable("channel_id"), ask.team
    for file in files:
        file.channels.add(channel.id)
    message = Message(channel.id, ask.state.stamp(), team.bot_user, ask.text("initial_comment"), ask.thread(channel))
    message.bot_id, message.team, message.files, message.subtype = team.bot_id, team.id, files, "file_share"
    ask.state.add(message)
    ask.events.posted(message)


class Pages:
    """Where files are downloaded and uploaded."""

    def __init__(self, state: State) -> None:
        self.state = state

    async def download(self, request: web.Request) -> web.Response:
        """A file for who has a token that may read it; else the login page."""
        file = self.state.files.get(request.match_info["file"])
        if file is None:
            return web.Response(status=404)
        token = self.state.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if token is None or token.state != "valid" or FILES not in token.scopes:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        return web.Response(body=file.data, content_type=file.mimetype)

    async def upload(self, request: web.Request) -> web.Response:
        file = self.state.files.get(request.match_info["file"])
        data = await request.read()
        if file is None or file.uploaded or len(data) != file.length:
            return web.Response(status=400, text="not what was announced")
        file.data, file.uploaded = data, True
        return web.Response(text=f"OK - {len(data)}", content_type="text/plain")


METHODS = {
    "files.info": info,
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
}
