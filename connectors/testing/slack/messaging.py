"""chat.*: messages that are posted, changed, deleted and streamed."""

from typing import Any

from connectors.testing.slack.asking import Ask
from connectors.testing.slack.blocks import MARKDOWN_CHARACTERS, check_message
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.state import Block, Channel, Ephemeral, Message, Session

Answer = dict[str, Any]

POSTED_CHARACTERS, UPDATED_CHARACTERS = 40_000, 4_000
METADATA_CHARACTERS = 8_000


def post_message(ask: Ask) -> Answer:
    channel = ask.writable()
    text, blocks = _content(ask, POSTED_CHARACTERS)
    message = _message(ask, channel, ask.thread(channel), text, blocks or [])
    message.metadata = _metadata(ask)
    _add(ask, message)
    return _answer(ask, message)


def update(ask: Ask) -> Answer:
    """What is not given stays: with text alone the blocks are kept, and a streamed text is one of them."""
    channel = ask.writable()
    message = ask.own(channel, "cant_update_message")
    if message.streaming == "live":
        raise SlackError("streaming_state_conflict")
    text, blocks = _content(ask, UPDATED_CHARACTERS)
    metadata = _metadata(ask)
    previous = ask.events.rendered(message)
    message.text = text if "text" in ask.args else message.text
    if blocks is not None:
        message.blocks, message.streamed = blocks, ""
    message.metadata = metadata or message.metadata
    message.edited = ask.state.stamp()
    message.touch()
    ask.state.touch()
    ask.events.changed(message, previous)
    return {**_answer(ask, message), "text": message.text}


def delete(ask: Ask) -> Answer:
    channel = ask.writable()
    message = ask.own(channel, "cant_delete_message")
    previous = ask.events.rendered(message)
    ask.state.remove(message)
    ask.events.deleted(message, previous)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(ask: Ask) -> Answer:
    channel = ask.writable()
    user = ask.need("user", "user_not_found")
    ask.state.user(user)
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = _content(ask, POSTED_CHARACTERS)
    shown = Ephemeral(channel.id, user, text, tuple(blocks or ()), ask.thread(channel), ask.state.stamp())
    ask.state.ephemerals.append(shown)
    return {"message_ts": shown.ts}


def get_permalink(ask: Ask) -> Answer:
    channel = ask.channel()
    message = ask.state.message(channel.id, ask.need("message_ts", "message_not_found"))
    link = f"https://{ask.team.id.lower()}.slack.test/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


# -- streams


def start_stream(ask: Ask) -> Answer:
    channel = ask.writable()
    thread = ask.thread(channel, required=True)
    if channel.kind != "im":
        ask.need("recipient_team_id", "missing_recipient_team_id")
        ask.state.user(ask.need("recipient_user_id", "missing_recipient_user_id"))
    message = _message(ask, channel, thread, "", [])
    message.streaming = "live"
    _stream(ask, message, required=False)
    _add(ask, message)
    return {"channel": channel.id, "ts": message.ts}


def append_stream(ask: Ask) -> Answer:
    channel = ask.writable()
    message = _live(ask, channel)
    if message.streaming == "stopped":
        raise SlackError("stopped_by_user")
    _stream(ask, message, required=True)
    message.touch()
    ask.state.touch()
    return {"channel": channel.id, "ts": message.ts}


def stop_stream(ask: Ask) -> Answer:
    """A stream that a person stopped may be ended; nothing more can be said in it."""
    channel = ask.writable()
    message = _live(ask, channel)
    more = "markdown_text" in ask.args or "chunks" in ask.args
    if message.streaming == "stopped" and more:
        raise SlackError("stopped_by_user")
    blocks, metadata = ask.structure("blocks", "invalid_blocks"), _metadata(ask)
    checked = check_message(blocks) if blocks is not None else []
    status = ask.text("session_status", "active")
    _stream(ask, message, required=False)
    previous = ask.events.rendered(message)
    message.blocks, message.metadata, message.streaming = [*message.blocks, *checked], metadata, "done"
    message.touch()
    _transition(ask, message, status)
    ask.state.touch()
    ask.events.changed(message, previous)
    return _answer(ask, message)


def _live(ask: Ask, channel: Channel) -> Message:
    message = ask.own(channel, "message_not_owned_by_app")
    if message.streaming not in ("live", "stopped"):
        raise SlackError("message_not_in_streaming_state")
    return message


def _stream(ask: Ask, message: Message, *, required: bool) -> None:
    """Take text or chunks into a stream. Raises SlackError for what is too long or mixed."""
    text, chunks = ask.args.get("markdown_text"), ask.structure("chunks", "invalid_chunks")
    if text is not None and chunks:
        raise SlackError("streaming_mode_mismatch")
    if not text and not chunks:
        if required:
            raise SlackError("no_text")
        return
    mode = "chunks" if chunks else "text"
    if message.stream_mode not in ("", mode):
        raise SlackError("streaming_mode_mismatch")
    more, blocks = _chunks(chunks) if chunks else (str(text), [])
    if len(more) > MARKDOWN_CHARACTERS or len((message.streamed + more).encode()) > ask.state.stream_bytes:
        raise SlackError("msg_too_long")
    message.stream_mode = "chunks" if chunks else "text"
    message.streamed += more
    message.blocks += blocks


def _chunks(chunks: Any) -> tuple[str, list[Block]]:
    """The text and the blocks of chunks. Raises SlackError invalid_chunks."""
    required = {"markdown_text": "text", "task_update": "id", "plan_update": "title", "blocks": "blocks"}
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    for chunk in chunks:
        if not isinstance(chunk, dict) or required.get(str(chunk.get("type")), "?") not in chunk:
            raise SlackError("invalid_chunks")
    texts = [chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text"]
    blocks = [block for chunk in chunks if chunk["type"] == "blocks" for block in check_message(chunk["blocks"])]
    return "".join(texts), blocks


def _transition(ask: Ask, message: Message, status: str) -> None:
    """The end of a stream moves the session of its thread on."""
    key = (message.channel, message.thread_ts or message.ts)
    if key in ask.state.sessions:
        ask.state.sessions[key].status = status
    elif status != "active":
        ask.state.sessions[key] = Session(*key, status)


# -- what they share


def _content(ask: Ask, longest: int) -> tuple[str, list[Block] | None]:
    """The text and the blocks; None where no blocks are given. Raises SlackError."""
    text, markdown = ask.text("text"), ask.text("markdown_text")
    given = ask.structure("blocks", "invalid_blocks_format")
    if markdown and (text or given is not None):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > MARKDOWN_CHARACTERS or len(text) > longest:
        raise SlackError("msg_too_long")
    if markdown:
        given = [{"type": "markdown", "text": markdown}]
    blocks = check_message(given) if given is not None else None
    if not text.strip() and not blocks:
        raise SlackError("no_text")
    return text or markdown, blocks


def _metadata(ask: Ask) -> dict[str, Any] | None:
    metadata = ask.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    named = isinstance(metadata.get("event_type"), str) and metadata["event_type"]
    if not named or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(str(metadata["event_payload"])) > METADATA_CHARACTERS:
        raise SlackError("metadata_too_large")
    return metadata


def _message(ask: Ask, channel: Channel, thread: str | None, text: str, blocks: list[Block]) -> Message:
    stamp, team = ask.state.stamp(), ask.team
    return Message(
        channel.id, stamp, team.bot_user, text, thread_ts=thread, bot_id=team.bot_id, blocks=blocks, team=team.id
    )


def _add(ask: Ask, message: Message) -> None:
    """A reply of the app's takes the status of its thread away."""
    ask.state.add(message)
    if message.thread_ts:
        ask.state.showing.pop((message.channel, message.thread_ts), None)
    ask.events.posted(message)


def _answer(ask: Ask, message: Message) -> Answer:
    shown = ask.events.rendered(message, with_metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


METHODS = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
    "chat.startStream": start_stream,
    "chat.appendStream": append_stream,
    "chat.stopStream": stop_stream,
}
