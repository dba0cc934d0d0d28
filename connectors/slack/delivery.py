"""One answer as messages of a thread: streamed while it is written, and put right at the end whatever went wrong.

Before a message is posted that intention is recorded, and its `ts` right after. So whoever takes over a question,
after a crash or a broken connection, knows its messages, and brings them to the final text instead of posting again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack.faults import kind_of
from connectors.slack.formatting import Formatter, Parts, Piece, plain
from connectors.slack.pacing import Pacing
from connectors.slack.store import Claimed, Posted, Store

# What a call may fail with when the connection, not Slack, is at fault.
CONNECTION_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError)
TROUBLE = (SlackApiError, *CONNECTION_TROUBLE)

log = logging.getLogger("assistant.slack")

# A stream dies after about five minutes.
STREAM_S = 240.0
# Slack may still be carrying out a call whose answer was lost.
SETTLING_S = 0.5
# What a notification shows of an answer.
NOTICE_CHARACTERS = 300
# Among so many of the latest messages one of ours is looked for.
RECENT_MESSAGES = 200
# Marks our messages, with the question and the part that they are.
EVENT_TYPE = "assistant_answer"

Block = dict[str, Any]


@dataclass(slots=True)
class _Stream:
    """A message that is being streamed."""

    part: int
    ts: str
    opened: float = field(default_factory=time.monotonic)


class Reply:
    """Messages below one question. Use it as an async context manager; `finish`, `refuse` or `withdraw` ends it.

    Raises SlackApiError for what cannot be mended here, such as a channel that is archived.
    """

    def __init__(self, client: AsyncWebClient, store: Store, claimed: Claimed, pacing: Pacing) -> None:
        self.client = client
        self.store = store
        self.claimed = claimed
        self.pacing = pacing
        self.channel = claimed.asked.channel
        self.thread = claimed.asked.thread
        self.messages: dict[int, Posted] = {part: m for part, m in claimed.messages.items() if part >= 0}
        self.stopped = asyncio.Event()
        self._formatter = Formatter()
        self._parts = Parts()
        self._fed = ""
        # What each message is to say, and what of that Slack has not been told.
        self._texts: dict[int, str] = {}
        self._unsent: list[Piece] = []
        self._stream: _Stream | None = None
        # Without a stream the text is posted whole at the end; so it is when something was posted before us.
        self._streams = not self.messages
        self._dirty = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end_sending()

    # -- while the answer is written

    def add(self, markdown: str) -> None:
        """Show more of the answer soon. Never waits and never fails: `finish` puts right what could not be shown."""
        if self._stream and time.monotonic() - self._stream.opened > STREAM_S:
            self._take(self._parts.roll())
        self._fed += markdown
        self._take(self._parts.add(self._formatter.feed(markdown)))
        self._dirty.set()
        if self._sender is None and self._streams:
            self._sender = asyncio.create_task(self._send_as_it_comes())

    def start_over(self) -> None:
        """The question has changed: what was shown is replaced at the end."""
        self._formatter, self._parts, self._fed = Formatter(), Parts(), ""
        self._texts.clear()
        self._unsent.clear()
        self._streams = self._streams and not self.messages

    def _take(self, pieces: Sequence[Piece]) -> None:
        self._unsent += pieces
        for piece in pieces:
            self._texts[piece.part] = self._texts.get(piece.part, "") + piece.text

    async def _send_as_it_comes(self) -> None:
        try:
            while not self._closing and self._streams:
                await self._dirty.wait()
                self._dirty.clear()
                await self._send()
                await asyncio.sleep(self.pacing.append_interval(self.claimed.asked.team))
        except TROUBLE as error:
            self._give_up_streaming(error)

    def _give_up_streaming(self, error: Exception) -> None:
        self._streams = False
        if isinstance(error, SlackApiError) and error.response.get("error") == "stopped_by_user":
            self.stopped.set()
        log.debug("streaming ended early: %s", error)

    async def _send(self) -> None:
        """One call for all that has gathered for the same message."""
        while self._unsent and not self._closing and self._streams:
            part = self._unsent[0].part
            gathered = [piece for piece in self._unsent if piece.part == part]
            await self._append(part, "".join(piece.text for piece in gathered))
            self._unsent = self._unsent[len(gathered) :]

    async def _append(self, part: int, text: str) -> None:
        stream = self._stream
        if stream and stream.part == part:
            await self.client.chat_appendStream(channel=self.channel, ts=stream.ts, markdown_text=text)
            return
        if stream:
            await self._stop(stream)
        await self._start(part, text)

    async def _start(self, part: int, text: str) -> None:
        if not self.pacing.free(self.claimed.asked.team, "chat.startStream"):
            self._streams = False
            return
        asked = self.claimed.asked
        await self.store.intend(self.claimed, part, self.channel, streamed=True)
        self.messages[part] = Posted(self.channel, None, streamed=True)
        response = await self._attempt(
            part,
            lambda: self.client.chat_startStream(
                channel=self.channel,
                thread_ts=self.thread,
                markdown_text=text,
                recipient_team_id=asked.team,
                recipient_user_id=asked.user,
            ),
        )
        self._stream = _Stream(part, await self._record(part, response["ts"], streamed=True))

    async def _stop(self, stream: _Stream) -> None:
        await self.client.chat_stopStream(channel=self.channel, ts=stream.ts)
        self._stream = None

    async def _end_sending(self) -> None:
        """A call under way is let finish: half a call is worse than none."""
        self._closing = True
        self._dirty.set()
        if self._sender:
            await asyncio.wait({self._sender})
            self._sender = None

    # -- the end

    async def finish(self, markdown: str, blocks: Sequence[Block]) -> None:
        """Leave exactly this answer in the thread, with the blocks below it."""
        await self._end_sending()
        if not markdown.startswith(self._fed):
            self.start_over()
        self._take(self._parts.add(self._formatter.feed(markdown[len(self._fed) :]) + self._formatter.finish()))
        last = max(self._texts, default=0)
        if not await self._finish_stream(last, blocks):
            texts = [self._texts.get(part, "") for part in range(last + 1)]
            await self._settle([_answer(text, blocks if part == last else ()) for part, text in enumerate(texts)])

    async def refuse(self, text: str, blocks: Sequence[Block]) -> None:
        """Leave a reason in the thread instead of an answer."""
        await self._end_sending()
        await self._settle([{"text": text, "blocks": list(blocks)}])

    async def withdraw(self) -> None:
        """Leave nothing in the thread."""
        await self._end_sending()
        await self._settle([])

    async def _finish_stream(self, last: int, blocks: Sequence[Block]) -> bool:
        """End a stream that went well so far with what is missing. False when the messages must be put right."""
        stream = self._stream
        if not (self._streams and stream and stream.part == last):
            return False
        rest = "".join(piece.text for piece in self._unsent) or None
        try:
            await self.client.chat_stopStream(
                channel=self.channel, ts=stream.ts, markdown_text=rest, blocks=list(blocks)
            )
        except TROUBLE as error:
            if kind_of(error) == "revoked":
                raise
            return False
        return True

    async def _settle(self, wanted: Sequence[Block]) -> None:
        """Bring the thread to these messages, whatever is there of the answer now."""
        for part, message in sorted(self.messages.items()):
            if message.ts is None:
                await self._look_for(part)
        for part, content in enumerate(wanted):
            await self._bring_to(part, content)
        for part in [part for part in self.messages if part >= len(wanted)]:
            await self._delete(part)

    async def _bring_to(self, part: int, content: Block) -> None:
        message = self.messages.get(part)
        if message and message.ts:
            if message.streamed:
                await self._end_stream_of(message.ts)
            if await self._update(part, message.ts, content):
                return
        await self._post(part, content)

    async def _update(self, part: int, ts: str, content: Block) -> bool:
        """False when the message is gone."""
        try:
            await self.client.chat_update(channel=self.channel, ts=ts, **content)
        except SlackApiError as error:
            if error.response.get("error") not in ("message_not_found", "cant_update_message"):
                raise
            await self._forget(part)
            return False
        return True

    async def _end_stream_of(self, ts: str) -> None:
        try:
            await self.client.chat_stopStream(channel=self.channel, ts=ts)
        except SlackApiError as error:
            if kind_of(error) in ("retry", "revoked"):
                raise  # else it has ended already, and the update tells what is wrong
        except CONNECTION_TROUBLE:
            pass  # whether it has ended, the update tells

    async def _post(self, part: int, content: Block) -> None:
        await self.store.intend(self.claimed, part, self.channel, streamed=False)
        self.messages[part] = Posted(self.channel, None, streamed=False)
        response = await self._attempt(
            part,
            lambda: self.client.chat_postMessage(
                channel=self.channel,
                thread_ts=self.thread,
                metadata=metadata(self.claimed, part),
                unfurl_links=False,
                unfurl_media=False,
                **content,
            ),
        )
        await self._record(part, response["ts"], streamed=False)

    async def _attempt(self, part: int, call: Callable[[], Awaitable[Any]]) -> Any:
        """Post once. When Slack did not say whether it was done, look; and when it said no, nothing was posted."""
        try:
            return await call()
        except Exception as error:
            if kind_of(error) != "uncertain":
                await self._forget(part)
                raise
            await asyncio.sleep(SETTLING_S)
            await self._look_for(part)
            found = self.messages.get(part)
            if found is None or found.ts is None:
                raise
            return {"ts": found.ts}

    async def _record(self, part: int, ts: str, *, streamed: bool) -> str:
        self.messages[part] = Posted(self.channel, ts, streamed)
        await self.store.posted(self.claimed, part, ts)
        return ts

    async def _forget(self, part: int) -> None:
        self.messages.pop(part, None)
        await self.store.unposted(self.claimed, part)

    async def _look_for(self, part: int) -> None:
        """Find out from the thread itself whether a message was posted."""
        ts = await find(self.client, self.store, self.claimed, part, self.channel)
        if ts:
            await self._record(part, ts, streamed=self.messages[part].streamed)
        else:
            await self._forget(part)

    async def _delete(self, part: int) -> None:
        ts = self.messages[part].ts
        if ts:
            await self._end_stream_of(ts)
            try:
                await self.client.chat_delete(channel=self.channel, ts=ts)
            except SlackApiError as error:
                if error.response.get("error") != "message_not_found":
                    raise
        await self._forget(part)


async def find(client: AsyncWebClient, store: Store, claimed: Claimed, part: int, channel: str) -> str | None:
    """The `ts` of a message of this answer whose posting was not confirmed; None when there is none.

    One thread is served by one replica at a time, so a message of ours below the question that no answer is known to
    have is this one.
    """
    asked = claimed.asked
    ours = await _ours(client, channel, asked.thread if part >= 0 else "")
    for message in ours:
        if message.get("metadata", {}).get("event_payload") == _payload(claimed, part):
            return str(message["ts"])
    if part < 0:
        return None
    later = [m["ts"] for m in ours if _number(m["ts"]) > _number(asked.ts) and not m.get("metadata")]
    known = await store.ours(channel, later)
    return next((str(ts) for ts in later if ts not in known), None)


async def _ours(client: AsyncWebClient, channel: str, thread: str) -> list[Block]:
    """Our messages in a thread, or the latest of a channel."""
    if thread:
        page = await client.conversations_replies(
            channel=channel, ts=thread, limit=RECENT_MESSAGES, include_all_metadata=True
        )
    else:
        page = await client.conversations_history(channel=channel, limit=RECENT_MESSAGES, include_all_metadata=True)
    return [message for message in page["messages"] if message.get("bot_id") and message["ts"] != thread]


def metadata(claimed: Claimed, part: int) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": _payload(claimed, part)}


def _payload(claimed: Claimed, part: int) -> dict[str, Any]:
    return {"question": claimed.id, "part": part}


def _number(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0


def _answer(markdown: str, blocks: Sequence[Block]) -> Block:
    text = [{"type": "markdown", "text": markdown}] if markdown.strip() else []
    return {"text": plain(markdown, NOTICE_CHARACTERS) or " ", "blocks": [*text, *blocks]}
