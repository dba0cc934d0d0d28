"""The fake Slack, driven by the real slack_sdk and bolt: it refuses what Slack refuses and delivers as Slack does."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ContextActionsBlock,
    FeedbackButtonObject,
    FeedbackButtonsElement,
    MarkdownBlock,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.web.async_client import AsyncWebClient

from connectors.testing.slack import METHOD_SCOPES, FakeSlack, Limits, SlackError
from connectors.testing.slack.blocks import check_message, text_of
from connectors.testing.slack.limits import CALLS_A_MINUTE
from connectors.testing.slack.people import escaped

Block = dict[str, Any]
UNKNOWN = "xapp-unknown"
SECTION: Block = {"type": "section", "text": {"type": "mrkdwn", "text": "Fuses *melt*."}}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """Ada and Bo in C1 with the bot, which Ada can also write to directly."""
    async with FakeSlack() as slack:
        slack.person("U1", "Ada")
        slack.person("U2", "Bo")
        slack.channel("C1", ["U1", "U2"])
        slack.dm("U1")
        yield slack


@pytest.fixture
async def client(slack: FakeSlack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


@asynccontextmanager
async def refused(code: str) -> AsyncIterator[dict[str, Any]]:
    """What is inside must be refused with that error; yields what Slack answered."""
    answer: dict[str, Any] = {}
    with pytest.raises(SlackApiError) as error:
        yield answer
    assert error.value.response["error"] == code
    answer.update(error.value.response.data)


def bolt(slack: FakeSlack) -> AsyncApp:
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    return AsyncApp(client=client, signing_secret=slack.signing_secret)


@asynccontextmanager
async def socket_mode(slack: FakeSlack, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, slack.app_token)
    before = slack.connections
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.until(lambda: slack.connections > before)
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def http_mode(slack: FakeSlack, application: web.Application, path: str = "/slack/events") -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    await slack.deliver_to(url)
    try:
        yield url
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(slack: FakeSlack) -> AsyncIterator[list[dict[str, Any]]]:
    """A bolt app over Socket Mode that acknowledges everything; yields the bodies in order."""
    app, heard = bolt(slack), []

    @app.middleware
    async def hear(body: dict[str, Any], ack: Callable[[], Any]) -> Any:
        heard.append(body)
        return await ack()

    async with socket_mode(slack, app):
        yield heard


class RawSocket:
    """A websocket without any client's habits: it acknowledges only when told to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def frame(self, wanted: str = "events_api") -> dict[str, Any]:
        async with asyncio.timeout(5):
            while (frame := await self.socket.receive_json())["type"] != wanted:
                pass
        found: dict[str, Any] = frame
        return found

    async def ack(self, frame: dict[str, Any], payload: dict[str, Any] | None = None) -> None:
        more = {} if payload is None else {"payload": payload}
        await self.socket.send_json({"envelope_id": frame["envelope_id"], **more})


@asynccontextmanager
async def raw_socket(slack: FakeSlack) -> AsyncIterator[RawSocket]:
    client = AsyncWebClient(base_url=slack.api_url)
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        raw = RawSocket(socket)
        await raw.frame("hello")
        yield raw


# -- who may call, and what


async def test_a_call_without_a_good_token_is_refused_with_the_reason(slack: FakeSlack) -> None:
    async with refused("not_authed"):
        await AsyncWebClient(base_url=slack.api_url).auth_test()
    async with refused("invalid_auth"):
        await AsyncWebClient("xoxb-unknown", base_url=slack.api_url).auth_test()
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    for state in ("token_revoked", "account_inactive"):
        slack.revoke(state=state)
        async with refused(state):
            await client.auth_test()
    slack.revoke(state="valid")
    assert (await client.auth_test())["user_id"] == slack.bot_user


async def test_a_token_serves_only_for_what_it_is_made_for(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with refused("not_allowed_token_type"):
        await client.apps_connections_open(app_token=slack.bot_token)
    async with refused("invalid_auth"):
        await client.apps_connections_open(app_token=UNKNOWN)
    async with refused("not_allowed_token_type"):
        await AsyncWebClient(slack.app_token, base_url=slack.api_url).users_info(user="U1")


async def test_a_token_revoked_by_the_app_itself_works_no_more(client: AsyncWebClient) -> None:
    assert (await client.auth_revoke(test=True))["revoked"] is False
    assert (await client.auth_revoke())["revoked"] is True
    async with refused("token_revoked"):
        await client.auth_test()


async def test_an_unknown_method_is_refused(client: AsyncWebClient) -> None:
    async with refused("unknown_method"):
        await client.api_call("chat.shout")


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("chat:write", lambda client, ts: client.chat_postMessage(channel="C1", text="hi")),
        ("channels:history", lambda client, ts: client.conversations_replies(channel="C1", ts=ts)),
        ("channels:read", lambda client, ts: client.conversations_info(channel="C1")),
        ("users:read", lambda client, ts: client.users_info(user="U1")),
        ("usergroups:read", lambda client, ts: client.usergroups_list()),
        ("reactions:write", lambda client, ts: client.reactions_add(channel="C1", timestamp=ts, name="eyes")),
        ("im:history", lambda client, ts: client.conversations_history(channel="DU1")),
    ],
)
async def test_a_call_without_the_scope_names_the_scope_and_with_it_goes_through(
    slack: FakeSlack, client: AsyncWebClient, scope: str, call: Callable[[AsyncWebClient, str], Any]
) -> None:
    ts = await slack.say("U1", "C1", "hello")
    await call(client, ts)
    slack.scopes.discard(scope)
    async with refused("missing_scope") as answer:
        await call(client, ts)
    assert answer["needed"] == scope
    assert scope not in answer["provided"].split(",")


async def test_every_method_has_its_scopes_and_its_tier(slack: FakeSlack) -> None:
    assert set(slack.api.methods) == set(METHOD_SCOPES) == set(CALLS_A_MINUTE)


async def test_auth_test_tells_who_the_bot_is_what_it_may_and_the_time(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    slack.clock_offset = 600.0
    answer = await client.auth_test()
    assert (answer["team_id"], answer["bot_id"]) == ("T1", "BBOT")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert set(headers["x-oauth-scopes"].split(",")) == slack.scopes
    ahead = aiohttp.helpers.parse_http_date(headers["date"])
    assert ahead is not None
    assert 590 < ahead.timestamp() - time.time() < 610


# -- messages


async def test_arguments_come_as_json_as_a_form_and_in_the_address(slack: FakeSlack) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    body = {"channel": "C1", "text": "hi", "blocks": json.dumps([SECTION])}
    async with aiohttp.ClientSession() as session:
        for how in ({"json": {**body, "blocks": [SECTION]}}, {"data": body}, {"params": body}):
            response = await session.post(f"{slack.api_url}chat.postMessage", headers=headers, **how)
            assert (await response.json())["ok"]
        form = {**body, "token": slack.bot_token}
        assert (await (await session.post(f"{slack.api_url}chat.postMessage", data=form)).json())["ok"]
    assert [message.shown for message in slack.messages("C1")] == ["Fuses *melt*."] * 4
    assert all("token" not in call.args for call in slack.calls)


async def test_places_that_the_bot_may_not_write_in(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.channel("C2", ["U1"], bot=False)
    slack.channel("C3", ["U1"], kind="group", bot=False)
    slack.channel("C4", ["U1"], archived=True)
    for channel, code in (
        ("C2", "not_in_channel"),
        ("C3", "channel_not_found"),
        ("C4", "is_archived"),
        ("C9", "channel_not_found"),
    ):
        async with refused(code):
            await client.chat_postMessage(channel=channel, text="hi")
    async with refused("thread_not_found"):
        await client.chat_postMessage(channel="C1", text="hi", thread_ts="1.000001")
    assert slack.messages("C1") == []


async def test_the_bot_changes_and_deletes_only_what_it_wrote(slack: FakeSlack, client: AsyncWebClient) -> None:
    theirs = await slack.say("U1", "C1", "mine")
    ours = (await client.chat_postMessage(channel="C1", text="ours"))["ts"]
    async with refused("cant_update_message"):
        await client.chat_update(channel="C1", ts=theirs, text="yours")
    async with refused("cant_delete_message"):
        await client.chat_delete(channel="C1", ts=theirs)
    async with refused("message_not_found"):
        await client.chat_update(channel="C1", ts="1.000001", text="x")
    await client.chat_update(channel="C1", ts=ours, text="changed")
    assert slack.message("C1", ours).edited
    await client.chat_delete(channel="C1", ts=ours)
    assert [message.text for message in slack.messages("C1")] == ["mine"]


async def test_a_changed_text_leaves_the_blocks_as_they_are(slack: FakeSlack, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C1", text="a", blocks=[SECTION]))["ts"]
    await client.chat_update(channel="C1", ts=ts, text="b")
    assert slack.message("C1", ts).shown == "Fuses *melt*."
    await client.chat_update(channel="C1", ts=ts, text="b", blocks=[])
    assert slack.message("C1", ts).shown == "b"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"text": "  "}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"markdown_text": "x", "blocks": [SECTION]}, "markdown_text_conflict"),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "x" * 6_001}] * 2}, "msg_blocks_too_long"),
        ({"text": "x", "blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": "{"}, "invalid_metadata_format"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument")
async def test_messages_that_are_too_long_or_malformed(
    client: AsyncWebClient, content: dict[str, Any], code: str
) -> None:
    async with refused(code):
        await client.chat_postMessage(channel="C1", **content)


async def test_messages_just_inside_the_limits(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.limits.enabled = False
    await client.chat_postMessage(channel="C1", text="x" * 40_000)
    await client.chat_postMessage(channel="C1", markdown_text="x" * 12_000)
    ts = (await client.chat_postMessage(channel="C1", text="x", blocks=[SECTION] * 50))["ts"]
    await client.chat_update(channel="C1", ts=ts, text="x" * 4_000)
    async with refused("msg_too_long"):
        await client.chat_update(channel="C1", ts=ts, text="x" * 4_001)


PLAIN = {"type": "plain_text", "text": "x"}
BUTTON = {"type": "button", "text": PLAIN, "action_id": "a"}


def button(**changes: Any) -> Block:
    return {"type": "actions", "elements": [{**BUTTON, **changes}]}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section"},
        {"type": "heading", "text": PLAIN},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "text": PLAIN, "block_id": "x" * 256},
        {"type": "section", "text": PLAIN, "accessory": {"type": "plain_text_input"}},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "context", "elements": [PLAIN] * 11},
        {"type": "context", "elements": [BUTTON]},
        {"type": "actions", "elements": []},
        {"type": "actions", "elements": [BUTTON, BUTTON]},
        {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [{"type": "text", "text": ""}]}]},
        {"type": "image", "alt_text": "x"},
        {"type": "input", "label": PLAIN},
        {"type": "context_actions", "elements": [{"type": "feedback_buttons", "positive_button": {"text": PLAIN}}]},
        button(value="x" * 2_001),
        button(text={"type": "plain_text", "text": "x" * 76}),
        button(text={"type": "mrkdwn", "text": "x"}),
        button(action_id="x" * 256),
        button(style="blue"),
        button(confirm={"title": PLAIN}),
        button(type="radio_buttons", options=[]),
        "section",
    ],
)
def test_blocks_that_slack_would_not_take(block: Any) -> None:
    with pytest.raises(SlackError, match="invalid_blocks"):
        check_message([block])


def test_two_blocks_of_one_id_are_refused_and_blocks_without_one_get_one() -> None:
    with pytest.raises(SlackError, match="invalid_blocks"):
        check_message([{**SECTION, "block_id": "x"}, {**SECTION, "block_id": "x"}])
    ids = [block["block_id"] for block in check_message([SECTION, SECTION])]
    assert len(set(ids)) == 2


@given(st.text(min_size=1, max_size=3_000), st.text(min_size=1, max_size=2_000), st.text(min_size=1, max_size=75))
def test_what_the_sdk_models_accept_is_accepted_and_read_as_written(text: str, value: str, label: str) -> None:
    pressing = ButtonElement(text=PlainTextObject(text=label), action_id="a", value=value)
    good = FeedbackButtonObject(text=PlainTextObject(text=label), value=value)
    blocks = [
        SectionBlock(text=PlainTextObject(text=text)),
        ActionsBlock(elements=[pressing]),
        ContextActionsBlock(elements=[FeedbackButtonsElement(positive_button=good, negative_button=good)]),
        MarkdownBlock(text=text),
    ]
    assert text_of(check_message([block.to_dict() for block in blocks])) == f"{text}\n{text}"


async def test_a_thread_and_a_channel_are_read_in_pages(slack: FakeSlack, client: AsyncWebClient) -> None:
    root = await slack.say("U1", "C1", "root")
    said = [await slack.say("U2", "C1", f"reply {number}", thread_ts=root) for number in range(4)]
    page = await client.conversations_replies(channel="C1", ts=root, limit=3)
    assert [message["ts"] for message in page["messages"]] == [root, *said[:2]]
    assert page["has_more"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = await client.conversations_replies(channel="C1", ts=root, limit=3, cursor=cursor)
    assert [message["ts"] for message in rest["messages"]] == said[2:]
    later = await client.conversations_replies(channel="C1", ts=root, oldest=said[2])
    assert [message["ts"] for message in later["messages"]] == [root, said[3]]
    other = await slack.say("U1", "C1", "other")
    history = await client.conversations_history(channel="C1")
    assert [message["ts"] for message in history["messages"]] == [other, root]
    assert history["messages"][1]["reply_count"] == 4
    async with refused("thread_not_found"):
        await client.conversations_replies(channel="C1", ts="1.000001")


async def test_metadata_is_told_only_to_who_asks_for_it(slack: FakeSlack, client: AsyncWebClient) -> None:
    metadata = {"event_type": "answer", "event_payload": {"part": 1}}
    await client.chat_postMessage(channel="C1", text="x", metadata=metadata)
    without = (await client.conversations_history(channel="C1"))["messages"][0]
    asked = (await client.conversations_history(channel="C1", include_all_metadata=True))["messages"][0]
    assert "metadata" not in without
    assert asked["metadata"] == metadata


async def test_an_ephemeral_message_is_for_a_member_alone(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.person("U3", "Cy")
    await client.chat_postEphemeral(channel="C1", user="U1", text="psst")
    assert [(seen.user, seen.shown) for seen in slack.ephemerals] == [("U1", "psst")]
    assert slack.messages("C1") == []
    async with refused("user_not_in_channel"):
        await client.chat_postEphemeral(channel="C1", user="U3", text="psst")


async def test_a_permalink_leads_to_a_message_in_its_thread(slack: FakeSlack, client: AsyncWebClient) -> None:
    root = await slack.say("U1", "C1", "root")
    ts = await slack.say("U1", "C1", "reply", thread_ts=root)
    link = (await client.chat_getPermalink(channel="C1", message_ts=ts))["permalink"]
    assert urlsplit(link).path == f"/archives/C1/p{ts.replace('.', '')}"
    assert parse_qs(urlsplit(link).query)["thread_ts"] == [root]


async def test_people_channels_groups_and_bots_are_described(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.person("U3", "Guest", guest=True)
    slack.person("U4", "Stranger", stranger=True, team="T9")
    slack.group("S1", "tutors", ["U1"])
    slack.channel("C2", ["U1"], archived=True, shared=True, bot=False)
    assert (await client.users_info(user="U3"))["user"]["is_restricted"]
    assert (await client.users_info(user="U4"))["user"]["team_id"] == "T9"
    assert (await client.users_info(user=slack.bot_user))["user"]["is_bot"]
    async with refused("user_not_found"):
        await client.users_info(user="U9")
    group = (await client.usergroups_list(include_users=True))["usergroups"][0]
    assert (group["handle"], group["users"]) == ("tutors", ["U1"])
    assert (await client.usergroups_users_list(usergroup="S1"))["users"] == ["U1"]
    channel = (await client.conversations_info(channel="C2"))["channel"]
    assert (channel["is_archived"], channel["is_ext_shared"], channel["is_member"]) == (True, True, False)
    assert (await client.conversations_members(channel="C1"))["members"] == ["U1", "U2", slack.bot_user]
    assert [c["id"] for c in (await client.conversations_list())["channels"]] == ["C1", "C2"]
    assert (await client.bots_info(bot="BBOT"))["bot"]["user_id"] == slack.bot_user


async def test_direct_messages_are_opened_once_for_one_or_several(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert (await client.conversations_open(users="U1"))["channel"]["id"] == slack.dm("U1")
    group = (await client.conversations_open(users=["U1", "U2"]))["channel"]["id"]
    assert (await client.conversations_open(users=["U2", "U1"]))["channel"]["id"] == group
    async with refused("user_not_found"):
        await client.conversations_open(users="U9")
    async with refused("cannot_dm_bot"):
        await client.conversations_open(users=slack.bot_user)


async def test_reactions_are_added_and_taken_away_once(slack: FakeSlack, client: AsyncWebClient) -> None:
    ts = await slack.say("U1", "C1", "hello")
    await client.reactions_add(channel="C1", timestamp=ts, name="eyes")
    assert slack.message("C1", ts).reactions == {"eyes": {slack.bot_user}}
    async with refused("already_reacted"):
        await client.reactions_add(channel="C1", timestamp=ts, name="eyes")
    await client.reactions_remove(channel="C1", timestamp=ts, name="eyes")
    async with refused("no_reaction"):
        await client.reactions_remove(channel="C1", timestamp=ts, name="eyes")


# -- streams, statuses and sessions


async def start(slack: FakeSlack, client: AsyncWebClient, text: str = "One") -> tuple[str, str]:
    """A stream in C1: the question's ts, and the stream's."""
    root = await slack.say("U1", "C1", "question")
    answer = await client.chat_startStream(
        channel="C1", thread_ts=root, markdown_text=text, recipient_team_id="T1", recipient_user_id="U1"
    )
    return root, answer["ts"]


async def test_a_stream_grows_and_ends_with_blocks(slack: FakeSlack, client: AsyncWebClient) -> None:
    root, ts = await start(slack, client)
    await client.chat_appendStream(channel="C1", ts=ts, markdown_text=" two")
    message = slack.message("C1", ts)
    assert (message.shown, message.complete) == ("One two", False)
    await client.chat_stopStream(channel="C1", ts=ts, markdown_text=" three", blocks=[SECTION])
    assert (message.shown, message.markdown, message.complete) == (
        "One two three\nFuses *melt*.",
        "One two three",
        True,
    )
    assert slack.replies("C1", root) == [message]


async def test_the_sdks_own_streamer_works(slack: FakeSlack, client: AsyncWebClient) -> None:
    root = await slack.say("U1", slack.dm("U1"), "question")
    stream = await client.chat_stream(channel=slack.dm("U1"), thread_ts=root, buffer_size=4)
    for word in ("a fuse ", "melts ", "."):
        await stream.append(markdown_text=word)
    await stream.stop()
    assert [message.markdown for message in slack.replies(slack.dm("U1"), root)] == ["a fuse melts ."]


async def test_a_live_stream_is_not_updated_and_an_ended_one_takes_no_more(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    _, ts = await start(slack, client)
    async with refused("streaming_state_conflict"):
        await client.chat_update(channel="C1", ts=ts, text="x")
    await client.chat_stopStream(channel="C1", ts=ts)
    async with refused("message_not_in_streaming_state"):
        await client.chat_appendStream(channel="C1", ts=ts, markdown_text="x")
    async with refused("message_not_in_streaming_state"):
        await client.chat_stopStream(channel="C1", ts=ts)
    await client.chat_update(channel="C1", ts=ts, text="x", blocks=[{"type": "markdown", "text": "whole"}])
    assert slack.message("C1", ts).markdown == "whole"


async def test_a_stream_in_a_channel_needs_its_recipients_and_a_thread(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    root = await slack.say("U1", "C1", "question")
    async with refused("missing_recipient_team_id"):
        await client.chat_startStream(channel="C1", thread_ts=root)
    async with refused("missing_recipient_user_id"):
        await client.chat_startStream(channel="C1", thread_ts=root, recipient_team_id="T1")
    async with refused("thread_not_found"):
        await client.chat_startStream(channel=slack.dm("U1"), thread_ts="1.000001")


async def test_text_and_chunks_are_not_mixed_in_one_stream(slack: FakeSlack, client: AsyncWebClient) -> None:
    _, ts = await start(slack, client)
    chunks = [{"type": "markdown_text", "text": "x"}]
    async with refused("streaming_mode_mismatch"):
        await client.chat_appendStream(channel="C1", ts=ts, chunks=chunks)
    async with refused("streaming_mode_mismatch"):
        await client.chat_appendStream(channel="C1", ts=ts, markdown_text="x", chunks=chunks)
    async with refused("no_text"):
        await client.chat_appendStream(channel="C1", ts=ts)


async def test_a_streamed_message_has_a_longest_length_in_bytes(slack: FakeSlack, client: AsyncWebClient) -> None:
    _, ts = await start(slack, client, "é" * 4_999)
    async with refused("msg_too_long"):
        await client.chat_appendStream(channel="C1", ts=ts, markdown_text="é2")
    await client.chat_appendStream(channel="C1", ts=ts, markdown_text="é")
    assert len(slack.message("C1", ts).markdown) == 5_000


async def test_a_stream_dies_of_age_and_by_a_fault(slack: FakeSlack, client: AsyncWebClient) -> None:
    _, ts = await start(slack, client)
    slack.faults.expire_streams(times=1)
    async with refused("message_not_in_streaming_state"):
        await client.chat_appendStream(channel="C1", ts=ts, markdown_text="x")
    assert slack.faults.counts["expire_stream"] == 1
    _, ts = await start(slack, client)
    slack.state.stream_seconds = 0.0
    async with refused("message_not_in_streaming_state"):
        await client.chat_stopStream(channel="C1", ts=ts)
    await client.chat_update(channel="C1", ts=ts, text="put right")


async def test_the_stop_button_stops_what_is_streamed_and_the_app_moves_the_session_on(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    async with listening(slack) as heard:
        root, ts = await start(slack, client)
        await client.agents_sessions_setStatus(channel_id="C1", thread_ts=root, status="processing", title="Fuses")
        await slack.press_stop("U1", "C1", root)
        async with refused("stopped_by_user"):
            await client.chat_appendStream(channel="C1", ts=ts, markdown_text="more")
        await slack.until(lambda: any(body["event"]["type"] == "agent_session_stopped" for body in heard))
    stopped = heard[-1]["event"]
    assert (stopped["channel"], stopped["thread_ts"], stopped["streaming_message_ts"]) == ("C1", root, [ts])
    assert slack.state.sessions["C1", root].status == "processing"
    await client.chat_stopStream(channel="C1", ts=ts)
    assert slack.state.sessions["C1", root].status == "active"
    with pytest.raises(LookupError, match="no stop button"):
        await slack.press_stop("U1", "C1", root)


async def test_a_status_is_shown_until_the_app_replies(slack: FakeSlack, client: AsyncWebClient) -> None:
    root = await slack.say("U1", "C1", "question")
    await client.assistant_threads_setStatus(
        channel_id="C1", thread_ts=root, status="is searching…", loading_messages=["Reading…"]
    )
    assert slack.status("C1", root) == "is searching…"
    (status,) = slack.statuses
    assert 0.0 <= status.time - slack.message("C1", root).at < 5.0
    await client.chat_postMessage(channel="C1", thread_ts=root, text="found")
    assert slack.status("C1", root) == ""


async def test_statuses_prompts_and_sessions_have_their_limits(slack: FakeSlack, client: AsyncWebClient) -> None:
    dm = slack.dm("U1")
    root = await slack.say("U1", dm, "question")
    for loading in (["x"] * 11, ["x" * 51]):
        async with refused("invalid_arguments"):
            await client.assistant_threads_setStatus(
                channel_id=dm, thread_ts=root, status="x", loading_messages=loading
            )
    async with refused("thread_not_found"):
        await client.assistant_threads_setStatus(channel_id=dm, thread_ts="1.000001", status="x")
    prompts = [{"title": "Fuses", "message": "What is a fuse?"}]
    async with refused("invalid_arguments"):
        await client.assistant_threads_setSuggestedPrompts(channel_id=dm, prompts=prompts * 5)
    await client.assistant_threads_setSuggestedPrompts(channel_id=dm, prompts=prompts * 4)
    assert slack.prompts[dm, ""] == prompts * 4
    await client.assistant_threads_setTitle(channel_id=dm, thread_ts=root, title="Fuses")
    assert slack.titles[dm, root] == "Fuses"
    async with refused("invalid_arguments"):
        await client.agents_sessions_setStatus(channel_id=dm, thread_ts=root, status="busy")
    async with refused("session_not_found"):
        await client.agents_sessions_rename(channel_id=dm, thread_ts=root, title="Fuses")
    slack.subscriptions.discard("agent_session_stopped")
    answer = await client.agents_sessions_setStatus(channel_id=dm, thread_ts=root, status="processing")
    assert answer["warning"] == "missing_agent_session_stopped_event_subscription"


# -- rate limits and faults


async def test_the_call_after_the_last_of_a_tier_has_to_wait_and_is_not_done(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    root = await slack.say("U1", slack.dm("U1"), "question")
    for _ in range(CALLS_A_MINUTE["chat.startStream"]):
        await client.chat_startStream(channel=slack.dm("U1"), thread_ts=root)
    with pytest.raises(SlackApiError) as error:
        await client.chat_startStream(channel=slack.dm("U1"), thread_ts=root)
    assert (error.value.response.status_code, error.value.response["error"]) == (429, "ratelimited")
    assert 1 <= int(error.value.response.headers["Retry-After"]) <= 60
    assert len(slack.replies(slack.dm("U1"), root)) == CALLS_A_MINUTE["chat.startStream"]


async def test_messages_to_one_channel_come_in_small_bursts(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.channel("C2")
    for _ in range(4):
        await client.chat_postMessage(channel="C1", text="x")
    async with refused("ratelimited"):
        await client.chat_postMessage(channel="C1", text="x")
    await client.chat_postMessage(channel="C2", text="x")


def test_limits_can_be_scaled_shortened_and_turned_off() -> None:
    limits = Limits()
    limits.scale = 2.0
    assert [limits.wait("chat.startStream", "T1") for _ in range(40)] == [0] * 40
    assert limits.wait("chat.startStream", "T1") > 0
    assert limits.wait("chat.startStream", "T2") == 0
    limits.minute = 0.0
    assert limits.wait("chat.startStream", "T1") == 0
    limits.minute, limits.enabled = 60.0, False
    assert [limits.wait("chat.startStream", "T1") for _ in range(100)] == [0] * 100


async def test_faults_befall_the_methods_they_are_meant_for(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.faults.ratelimit("chat.*", retry_after=7, times=1)
    with pytest.raises(SlackApiError) as error:
        await client.chat_postMessage(channel="C1", text="x")
    assert error.value.response.headers["Retry-After"] == "7"
    slack.faults.fail("chat.postMessage", status=503, times=1)
    with pytest.raises(SlackApiError) as error:
        await client.chat_postMessage(channel="C1", text="x")
    assert error.value.response.status_code == 503
    slack.faults.refuse("users.info", "internal_error", times=1)
    async with refused("internal_error"):
        await client.users_info(user="U1")
    assert [call.outcome for call in slack.calls] == ["ratelimited", "http_503", "internal_error"]
    assert slack.messages("C1") == []
    await client.chat_postMessage(channel="C1", text="x")
    await client.users_info(user="U1")


@pytest.mark.parametrize(("after", "done"), [(False, 0), (True, 1)])
async def test_a_connection_breaks_before_or_after_the_call_took_effect(
    slack: FakeSlack, client: AsyncWebClient, after: bool, done: int
) -> None:
    slack.faults.cut("chat.postMessage", after=after, times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C1", text="x")
    assert len(slack.messages("C1")) == done


async def test_a_slow_answer_is_late_though_what_was_asked_is_done(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.faults.slow("chat.postMessage", seconds=0.2, times=1)
    asked = asyncio.create_task(client.chat_postMessage(channel="C1", text="x"))
    await slack.until(lambda: slack.messages("C1"))
    assert not asked.done()
    await asked


def test_chance_follows_the_seed() -> None:
    struck = []
    for seed in (1, 1, 2):
        faults = FakeSlack(seed).faults
        faults.fail(probability=0.5)
        struck.append([faults.strike("chat.update", "http_status") is not None for _ in range(50)])
    assert struck[0] == struck[1] != struck[2]
    assert 10 < sum(struck[0]) < 40


# -- events


async def test_a_mention_comes_twice_with_two_event_ids_and_one_ts(slack: FakeSlack) -> None:
    async with listening(slack) as heard:
        ts = await slack.say("U1", "C1", f"<@{slack.bot_user}> is 1 < 2 & why?")
        await slack.settled()
    assert sorted(body["event"]["type"] for body in heard) == ["app_mention", "message"]
    assert len({body["event_id"] for body in heard}) == 2
    assert {body["event"]["ts"] for body in heard} == {ts}
    assert {body["event"]["text"] for body in heard} == {f"<@{slack.bot_user}> is 1 &lt; 2 &amp; why?"}
    assert heard[0]["authorizations"][0]["user_id"] == slack.bot_user
    assert all(delivery.acked and delivery.ack_seconds is not None for delivery in slack.sent)


async def test_a_direct_message_comes_once_and_without_a_thread(slack: FakeSlack) -> None:
    async with listening(slack) as heard:
        await slack.say("U1", slack.dm("U1"), f"<@{slack.bot_user}> hello")
        await slack.settled()
    (event,) = [body["event"] for body in heard]
    assert (event["type"], event["channel_type"]) == ("message", "im")
    assert "thread_ts" not in event


async def test_what_the_app_may_not_hear_is_not_told(slack: FakeSlack) -> None:
    slack.channel("C2", ["U1"], bot=False)
    async with listening(slack) as heard:
        await slack.say("U1", "C2", f"<@{slack.bot_user}> hello")
        slack.scopes.discard("channels:history")
        await slack.say("U1", "C1", "hello")
        slack.subscriptions.discard("app_mention")
        await slack.say("U1", "C1", f"<@{slack.bot_user}> hello")
        await slack.settled()
    assert heard == []
    assert slack.sent == []


async def test_edits_and_deletions_tell_what_was_there_before(slack: FakeSlack) -> None:
    async with listening(slack) as heard:
        ts = await slack.say("U1", "C1", "helo")
        await slack.edit("U1", "C1", ts, "hello")
        await slack.delete("U1", "C1", ts)
        await slack.settled()
    _, edited, deleted = [body["event"] for body in heard]
    assert edited["subtype"] == "message_changed"
    assert (edited["message"]["text"], edited["previous_message"]["text"]) == ("hello", "helo")
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
    assert slack.thread("C1", ts) == []


async def test_a_deleted_root_with_replies_becomes_a_tombstone(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with listening(slack) as heard:
        root = await slack.say("U1", "C1", "question")
        await slack.say("U2", "C1", "reply", thread_ts=root)
        await slack.delete("U1", "C1", root)
        await slack.settled()
    assert heard[-1]["event"]["message"]["subtype"] == "tombstone"
    await client.chat_postMessage(channel="C1", thread_ts=root, text="still here")
    assert len(slack.thread("C1", root)) == 3


async def test_the_bots_own_messages_come_back_with_its_bot_id(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with raw_socket(slack) as socket:
        ts = (await client.chat_postMessage(channel="C1", text="hello"))["ts"]
        frame = await socket.frame()
        await socket.ack(frame)
        await client.chat_update(channel="C1", ts=ts, text="changed")
        changed = await socket.frame()
        await socket.ack(changed)
    assert frame["payload"]["event"]["bot_id"] == "BBOT"
    assert changed["payload"]["event"]["subtype"] == "message_changed"


async def test_other_bots_speak_and_shared_files_come_along(slack: FakeSlack) -> None:
    slack.bot("UB2", "B2", "Deploys")
    await slack.join("UB2", "C1")
    async with listening(slack) as heard:
        await slack.say("UB2", "C1", "deployed")
        await slack.upload("U1", "C1", "notes.txt", b"fuses melt", text="see here")
        await slack.upload("U1", "C1", "far.txt", b"x", hidden=True)
        await slack.settled()
    bot, shared, hidden = [body["event"] for body in heard]
    assert bot["bot_id"] == "B2"
    assert (shared["subtype"], shared["files"][0]["name"]) == ("file_share", "notes.txt")
    assert hidden["files"][0]["file_access"] == "check_file_info"


async def test_people_cannot_do_what_they_could_not_do_in_slack(slack: FakeSlack) -> None:
    ts = await slack.say("U1", "C1", "hello")
    await slack.leave("U2", "C1")
    with pytest.raises(LookupError, match="not in C1"):
        await slack.say("U2", "C1", "hello?")
    with pytest.raises(LookupError, match="no message"):
        await slack.edit("U2", "C1", ts, "mine now")
    with pytest.raises(LookupError, match="nothing to click"):
        await slack.click("U1", slack.message("C1", ts), "feedback")
    await slack.archive("C1")
    with pytest.raises(LookupError, match="archived"):
        await slack.say("U1", "C1", "hello?")


@given(st.text())
def test_what_people_type_is_read_back_as_they_typed_it(text: str) -> None:
    typed = text.replace("<", "< ")  # no control sequences
    sent = escaped(typed)
    assert "<" not in sent
    assert ">" not in sent
    assert sent.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == typed
    assert escaped(f"<@U1>{typed}") == f"<@U1>{sent}"


# -- Socket Mode


async def test_a_ticket_opens_one_connection(slack: FakeSlack, client: AsyncWebClient) -> None:
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        slack.faults.refuse_handshakes(times=1)
        fresh = (await client.apps_connections_open(app_token=slack.app_token))["url"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(fresh)


async def test_an_eleventh_connection_is_turned_away(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(10):
            url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
            sockets.append(await session.ws_connect(url))
        await slack.until(lambda: slack.connections == 10)
        url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
        eleventh = await session.ws_connect(url)
        assert (await eleventh.receive_json())["reason"] == "too_many_websockets"
        assert (await eleventh.receive()).type == aiohttp.WSMsgType.CLOSE
        assert not any(socket.closed for socket in sockets)


async def test_pings_are_answered_and_sent(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.sockets.ping_seconds = 0.05
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url, autoping=False) as socket:
        await socket.ping(b"sdk-ping-pong:1")
        seen: set[aiohttp.WSMsgType] = set()
        async with asyncio.timeout(5):
            while len(seen) < 2:
                message = await socket.receive()
                if message.type == aiohttp.WSMsgType.PONG:
                    assert message.data == b"sdk-ping-pong:1"
                seen |= {message.type} & {aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}


async def test_each_payload_goes_to_one_connection_in_turn(slack: FakeSlack) -> None:
    async with listening(slack) as first, listening(slack) as second:
        for number in range(6):
            await slack.say("U1", "C1", f"message {number}")
        await slack.settled()
        assert (len(first), len(second)) == (3, 3)


async def test_an_event_that_is_not_acknowledged_comes_again(slack: FakeSlack) -> None:
    slack.deliveries.ack_seconds, slack.deliveries.retry_delays = 0.1, (0.0, 0.0, 0.0)
    async with raw_socket(slack) as socket:
        await slack.say("U1", "C1", "hello")
        frames = [await socket.frame()]
        slack.deliveries.ack_seconds = 5.0
        frames.append(await socket.frame())
        await socket.ack(frames[1])
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.acked)
        assert [(f["retry_attempt"], f["retry_reason"]) for f in frames] == [(0, ""), (1, "timeout")]
        assert frames[0]["payload"] == frames[1]["payload"]
        assert [attempt.failure for attempt in delivery.attempts] == ["timeout", ""]
        slack.deliveries.ack_seconds = 0.05
        await slack.say("U1", "C1", "nobody listens")
        last = slack.sent[-1]
        await slack.until(lambda: last.state == "failed")
        assert len(last.attempts) == 4


async def test_a_late_acknowledgement_is_noted(slack: FakeSlack) -> None:
    slack.deliveries.ack_seconds, slack.deliveries.retry_delays = 0.05, ()
    async with raw_socket(slack) as socket:
        await slack.say("U1", "C1", "hello")
        frame = await socket.frame()
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.state == "failed")
        await socket.ack(frame)
        seconds = await slack.until(lambda: delivery.ack_seconds)
    assert seconds is not None
    assert seconds > 0.05


async def test_a_dropped_socket_brings_the_event_over_the_next_one(slack: FakeSlack) -> None:
    slack.deliveries.retry_delays = (0.05, 0.05)
    slack.faults.drop_sockets(times=1)
    async with raw_socket(slack), listening(slack) as heard:
        await slack.say("U1", "C1", "hello")
        await slack.until(lambda: heard)
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.acked)
        assert [attempt.failure for attempt in delivery.attempts] == ["connection_lost", ""]


async def test_a_dropped_client_of_the_sdk_comes_back(slack: FakeSlack) -> None:
    # It may connect more than once, and then what is on the way over the connection in between comes again.
    slack.deliveries.retry_delays = (0.05, 0.05)
    async with listening(slack) as heard:
        await slack.sockets.disconnect("refresh_requested")
        await slack.until(lambda: slack.sockets.opened > 1 and slack.connections)
        await slack.say("U1", "C1", "are you back?")
        await slack.until(lambda: heard)


async def test_the_same_event_may_come_twice_and_late(slack: FakeSlack) -> None:
    async with listening(slack) as heard:
        slack.faults.duplicate(after=0.05, times=1)
        slack.faults.delay(seconds=0.1, times=1)
        await slack.say("U1", "C1", "first")
        await slack.say("U1", "C1", "second")
        await slack.settled()
    assert [body["event"]["text"] for body in heard] == ["second", "first", "first"]
    assert heard[1]["event_id"] == heard[2]["event_id"]


# -- commands, shortcuts, buttons and dialogs


async def test_a_command_is_answered_with_its_acknowledgement_and_later(slack: FakeSlack) -> None:
    app = bolt(slack)

    @app.command("/ask")
    async def ask(ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack(f"asked {body['text']} in {body['channel_name']}")
        await respond("later")
        await respond("for all", response_type="in_channel")

    async with socket_mode(slack, app):
        delivery = await slack.command("U1", "C1", "/ask", "what & why")
        await slack.until(lambda: slack.messages("C1"))
    assert delivery.acked
    assert {seen.text for seen in slack.ephemerals} == {"asked what &amp; why in c1", "later"}
    assert [message.text for message in slack.messages("C1")] == ["for all"]


async def test_a_command_that_nobody_takes_fails_and_is_not_sent_again(slack: FakeSlack) -> None:
    slack.deliveries.ack_seconds = 0.1
    async with raw_socket(slack) as socket:
        delivery = await slack.command("U1", "C1", "/ask", "hello")
        assert (delivery.state, len(delivery.attempts)) == ("failed", 1)
        frame = await socket.frame("slash_commands")
        assert frame["accepts_response_payload"]
        assert "retry_attempt" not in frame
    slack.scopes.discard("commands")
    with pytest.raises(LookupError, match="commands"):
        await slack.command("U1", "C1", "/ask", "hello")


async def test_a_response_url_is_good_for_five_uses(slack: FakeSlack) -> None:
    async with raw_socket(slack) as socket, aiohttp.ClientSession() as session:
        asked = asyncio.create_task(slack.command("U1", "C1", "/ask", "hello"))
        frame = await socket.frame("slash_commands")
        await socket.ack(frame)
        await asked
        url = frame["payload"]["response_url"]
        answers = [await session.post(url, json={"text": "x"}) for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 5 + [404]
        assert (await answers[5].json())["error"] == "used_url"
        gone = await session.post(url.rpartition("/")[0] + "/0", json={"text": "x"})
        assert (await gone.json())["error"] == "expired_url"


FEEDBACK: Block = {
    "type": "context_actions",
    "block_id": "judge",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "feedback",
            "positive_button": {"text": PLAIN, "value": "good:1"},
            "negative_button": {"text": PLAIN, "value": "bad:1"},
        }
    ],
}


def modal(*blocks: Block, **more: Any) -> Block:
    return {"type": "modal", "title": PLAIN, "submit": PLAIN, "callback_id": "why", "blocks": list(blocks), **more}


def field(name: str, **element: Any) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": PLAIN,
        "element": {"type": "plain_text_input", "action_id": name, **element},
    }


CHOICE = field(
    "where",
    type="radio_buttons",
    options=[{"text": PLAIN, "value": "thread"}, {"text": PLAIN, "value": "me"}],
    initial_option={"text": PLAIN, "value": "thread"},
)


async def test_a_click_opens_a_dialog_and_what_is_entered_is_sent(slack: FakeSlack, client: AsyncWebClient) -> None:
    app, sent = bolt(slack), []

    @app.action("feedback")
    async def judge(ack: Any, body: dict[str, Any], action: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        sent.append(action)
        await client.views_open(trigger_id=body["trigger_id"], view=modal(field("reason", max_length=9), CHOICE))

    @app.view("why")
    async def why(ack: Any, view: dict[str, Any]) -> None:
        sent.append(view["state"]["values"])
        await ack()

    ts = (await client.chat_postMessage(channel="C1", text="answer", blocks=[FEEDBACK]))["ts"]
    async with socket_mode(slack, app):
        assert (await slack.click("U1", slack.message("C1", ts), "feedback", "bad:1")).acked
        await slack.until(lambda: slack.views)
        (view,) = slack.views
        with pytest.raises(ValueError, match="filled in"):
            await slack.submit("U1", view)
        with pytest.raises(ValueError, match="too many"):
            await slack.submit("U1", view, {"reason": "much too long"})
        with pytest.raises(LookupError, match="does not have this dialog"):
            await slack.submit("U2", view, {"reason": "wrong"})
        assert (await slack.submit("U1", view, {"reason": "wrong", "where": "me"})).acked
    action, values = sent
    assert (action["type"], action["block_id"], action["value"]) == ("feedback_buttons", "judge", "bad:1")
    assert values["reason"]["reason"]["value"] == "wrong"
    assert values["where"]["where"]["selected_option"]["value"] == "me"
    assert slack.views == []


async def test_a_dialog_answers_with_errors_another_view_or_none(slack: FakeSlack, client: AsyncWebClient) -> None:
    app = bolt(slack)
    answers: list[dict[str, Any]] = [
        {"response_action": "errors", "errors": {"reason": "More, please."}},
        {"response_action": "push", "view": modal(field("more"))},
        {"response_action": "update", "view": modal(SECTION)},
        {"response_action": "clear"},
    ]

    @app.shortcut("ask")
    async def ask(ack: Any, shortcut: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=modal(field("reason")))

    @app.view("why")
    async def why(ack: Any) -> None:
        await ack(**answers.pop(0))

    ts = await slack.say("U1", "C1", "a message")
    async with socket_mode(slack, app):
        assert (await slack.shortcut("U1", "C1", ts, "ask")).acked
        (view,) = await slack.until(lambda: slack.views)
        await slack.submit("U1", view, {"reason": "x"})
        assert view.errors == {"reason": "More, please."}
        await slack.submit("U1", view, {"reason": "x"})
        assert [shown.content["blocks"][0]["block_id"] for shown in slack.views] == ["reason", "more"]
        await slack.submit("U1", slack.views[-1], {"more": "x"})
        assert slack.views[-1].shown == "x\nFuses *melt*."
        await slack.submit("U1", slack.views[-1])
        assert slack.views == []


async def test_a_trigger_opens_one_dialog_and_soon(slack: FakeSlack, client: AsyncWebClient) -> None:
    trigger = slack.state.trigger("U1", "T1")
    await client.views_open(trigger_id=trigger, view=modal(SECTION))
    async with refused("exchanged_trigger_id"):
        await client.views_open(trigger_id=trigger, view=modal(SECTION))
    old = slack.state.trigger("U1", "T1")
    slack.state.triggers[old].expires_at = time.monotonic() - 0.001
    async with refused("expired_trigger_id"):
        await client.views_open(trigger_id=old, view=modal(SECTION))
    async with refused("invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=modal(SECTION))


@pytest.mark.parametrize(
    "view",
    [
        modal(title={"type": "plain_text", "text": "x" * 25}),
        modal(SECTION, submit={"type": "plain_text", "text": "x" * 25}),
        modal(SECTION, close={"type": "mrkdwn", "text": "x"}),
        modal(SECTION, private_metadata="x" * 3_001),
        modal(SECTION, callback_id="x" * 256),
        modal(*[SECTION] * 101),
        modal(),
        modal({"type": "markdown", "text": "x"}),
        modal(field("reason"), submit=None),
        {"type": "home", "blocks": [SECTION]},
    ],
)
async def test_dialogs_that_slack_would_not_take(slack: FakeSlack, client: AsyncWebClient, view: Block) -> None:
    if not view.get("submit", True):
        del view["submit"]
    trigger = slack.state.trigger("U1", "T1")
    async with refused("invalid_arguments"):
        await client.views_open(trigger_id=trigger, view=view)
    await client.views_open(trigger_id=trigger, view=modal(*[SECTION] * 100))


async def test_views_are_pushed_three_deep_and_updated_while_open(slack: FakeSlack, client: AsyncWebClient) -> None:
    view = (await client.views_open(trigger_id=slack.state.trigger("U1", "T1"), view=modal(SECTION)))["view"]
    for _ in range(2):
        trigger = slack.state.trigger("U1", "T1", view["id"])
        await client.views_push(trigger_id=trigger, view=modal(SECTION))
    async with refused("push_limit_reached"):
        await client.views_push(trigger_id=slack.state.trigger("U1", "T1", view["id"]), view=modal(SECTION))
    async with refused("hash_conflict"):
        await client.views_update(view_id=view["id"], hash="old", view=modal(SECTION))
    await client.views_update(view_id=view["id"], hash=view["hash"], view=modal(field("reason")))
    await slack.close("U1", slack.state.views[view["id"]])
    async with refused("not_found"):
        await client.views_update(view_id=view["id"], view=modal(SECTION))


async def test_home_is_published_and_its_buttons_work(slack: FakeSlack, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [SECTION, button(action_id="forget", value="all")]}
    async with listening(slack) as heard:
        await slack.open_home("U1")
        await slack.open_messages("U1")
        await client.views_publish(user_id="U1", view=home)
        assert slack.homes["U1"].shown == "Fuses *melt*."
        await slack.click("U1", slack.homes["U1"], "forget")
        await slack.settled()
    first, second, click = heard
    assert [body["event"]["tab"] for body in (first, second)] == ["home", "messages"]
    assert first["event"]["channel"] == slack.dm("U1")
    assert (click["container"]["type"], click["actions"][0]["value"]) == ("view", "all")
    async with refused("user_not_found"):
        await client.views_publish(user_id="U9", view=home)


# -- files


async def test_a_file_is_handed_out_only_to_a_token_that_may_read_it(slack: FakeSlack, client: AsyncWebClient) -> None:
    ts = await slack.upload("U1", "C1", "notes.txt", b"fuses melt", hidden=True)
    file = slack.message("C1", ts).files[0]
    url = (await client.files_info(file=file.id))["file"]["url_private_download"]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession() as session:
        assert await (await session.get(url, headers=headers)).read() == b"fuses melt"
        for bad in ({}, {"Authorization": "Bearer xoxb-unknown"}):
            response = await session.get(url, headers=bad)
            assert (response.status, response.content_type) == (200, "text/html")
        slack.scopes.discard("files:read")
        assert (await session.get(url, headers=headers)).content_type == "text/html"
    async with refused("missing_scope"):
        await client.files_info(file=file.id)


async def test_the_sdk_uploads_a_file(slack: FakeSlack, client: AsyncWebClient) -> None:
    await client.files_upload_v2(channel="C1", filename="plan.txt", content="a plan", initial_comment="Here")
    (message,) = slack.messages("C1")
    assert (message.text, message.files[0].name, message.files[0].data) == ("Here", "plan.txt", b"a plan")
    slack.channel("C2", bot=False)
    slack.file("secret.txt", b"x")
    async with refused("file_not_found"):
        await client.files_info(file="F999999")


# -- signed requests


async def test_signed_requests_reach_a_bolt_app(slack: FakeSlack) -> None:
    app, heard = bolt(slack), []

    @app.event("message")
    async def hear(event: dict[str, Any]) -> None:
        heard.append(event["text"])

    @app.command("/ask")
    async def ask(ack: Any, body: dict[str, Any]) -> None:
        await ack(f"asked: {body['text']}")

    @app.view("why")
    async def why(ack: Any) -> None:
        await ack(response_action="errors", errors={"reason": "No."})

    async with http_mode(slack, app.web_app("/slack/events")):
        assert await slack.verify_url()
        await slack.say("U1", "C1", "hëllo & more")
        assert (await slack.command("U1", "C1", "/ask", "why?")).acked
        await slack.until(lambda: heard)
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        await client.views_open(trigger_id=slack.state.trigger("U1", "T1"), view=modal(field("reason")))
        await slack.submit("U1", slack.views[0], {"reason": "x"})
    assert heard == ["hëllo &amp; more"]
    assert slack.ephemerals[0].text == "asked: why?"
    assert slack.views[0].errors == {"reason": "No."}


@pytest.mark.parametrize(("secret", "offset"), [("another-secret", 0.0), (None, 600.0), (None, -600.0)])
async def test_a_wrong_secret_or_a_wrong_clock_is_not_let_in(
    slack: FakeSlack, secret: str | None, offset: float
) -> None:
    slack.deliveries.retry_delays = (0.0,)
    async with http_mode(slack, bolt(slack).web_app("/slack/events")) as url:
        await slack.deliver_to(url, signing_secret=secret)
        slack.clock_offset = offset
        await slack.say("U1", "C1", "hello")
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.state == "failed")
        assert [attempt.failure for attempt in delivery.attempts] == ["http_error", "http_error"]
        assert not await slack.verify_url()


async def test_a_request_that_fails_comes_again_and_says_why(slack: FakeSlack) -> None:
    slack.deliveries.ack_seconds, slack.deliveries.retry_delays = 0.2, (0.0, 0.0, 0.0)
    retries: list[tuple[str | None, str | None]] = []

    async def post(request: web.Request) -> web.Response:
        retries.append((request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason")))
        if len(retries) == 1:
            return web.Response(status=500)
        if len(retries) == 2:
            slack.deliveries.ack_seconds = 5.0
            await asyncio.sleep(5)
        return web.Response()

    application = web.Application()
    application.add_routes([web.post("/slack/events", post)])
    async with http_mode(slack, application):
        await slack.say("U1", "C1", "hello")
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.acked)
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_timeout")]


async def test_an_app_may_ask_for_no_more_deliveries_of_an_event(slack: FakeSlack) -> None:
    async def post(request: web.Request) -> web.Response:
        return web.Response(status=500, headers={"x-slack-no-retry": "1"})

    application = web.Application()
    application.add_routes([web.post("/slack/events", post)])
    async with http_mode(slack, application):
        await slack.say("U1", "C1", "hello")
        (delivery,) = slack.sent
        await slack.until(lambda: delivery.state == "failed")
    assert len(delivery.attempts) == 1


# -- installing and removing the app


async def installed(slack: FakeSlack, team: str = "T2", scopes: str = "chat:write") -> Any:
    query = {"client_id": slack.oauth.client_id, "scope": scopes, "state": "s", "team": team}
    url = slack.api_url.replace("/api/", "/oauth/v2/authorize")
    async with aiohttp.ClientSession() as session:
        query["redirect_uri"] = "http://127.0.0.1/back"
        response = await session.get(url, params=query, allow_redirects=False)
    given = parse_qs(urlsplit(response.headers["Location"]).query)
    assert given["state"] == ["s"]
    return given


def access(slack: FakeSlack, **more: str) -> Any:
    client = AsyncWebClient(base_url=slack.api_url)
    identity = {"client_id": slack.oauth.client_id, "client_secret": slack.oauth.client_secret}
    return client.oauth_v2_access(**identity | more)


async def test_the_app_is_installed_into_a_second_workspace(slack: FakeSlack) -> None:
    slack.team("T2", "Second", installed=False)
    slack.person("U5", team="T2")
    slack.channel("C5", ["U5"], team="T2")
    async with listening(slack) as heard:
        await slack.say("U5", "C5", "too early")
        code = (await installed(slack, scopes="chat:write,channels:history"))["code"][0]
        answer = await access(slack, code=code)
        await slack.say("U5", "C5", "hello")
        await slack.settled()
    assert [(body["team_id"], body["event"]["text"]) for body in heard] == [("T2", "hello")]
    client = AsyncWebClient(answer["access_token"], base_url=slack.api_url)
    assert (await client.auth_test())["team_id"] == "T2"
    await client.chat_postMessage(channel="C5", text="hello back")
    async with refused("channel_not_found"):
        await client.chat_postMessage(channel="C1", text="not ours")
    async with refused("missing_scope"):
        await client.users_info(user="U5")
    async with refused("invalid_code"):
        await access(slack, code=code)


async def test_installations_that_go_wrong(slack: FakeSlack) -> None:
    async with refused("bad_client_secret"):
        await access(slack, code="x", client_secret=UNKNOWN)
    async with refused("invalid_client_id"):
        await access(slack, code="x", client_id="wrong")
    async with refused("bad_redirect_uri"):
        code = (await installed(slack, "T1"))["code"][0]
        await access(slack, code=code, redirect_uri="http://127.0.0.1/elsewhere")
    slack.oauth.denied = True
    assert (await installed(slack, "T1"))["error"] == ["access_denied"]


async def test_tokens_that_rotate_expire_and_are_renewed_once(slack: FakeSlack) -> None:
    slack.oauth.rotation_seconds = 43_200.0
    first = await access(slack, code=(await installed(slack, "T1"))["code"][0])
    assert first["expires_in"] == 43_200
    second = await access(slack, grant_type="refresh_token", refresh_token=first["refresh_token"])
    async with refused("invalid_refresh_token"):
        await access(slack, grant_type="refresh_token", refresh_token=first["refresh_token"])
    await AsyncWebClient(first["access_token"], base_url=slack.api_url).auth_test()
    slack.clock_offset = 43_201.0
    async with refused("token_expired"):
        await AsyncWebClient(second["access_token"], base_url=slack.api_url).auth_test()


async def test_removing_the_app_is_told_and_ends_its_tokens(slack: FakeSlack, client: AsyncWebClient) -> None:
    async with listening(slack) as heard:
        await slack.uninstall("T1")
        async with refused("account_inactive"):
            await client.auth_test()
        await slack.say("U1", "C1", "anybody?")
        await slack.settled()
    assert [body["event"]["type"] for body in heard] == ["tokens_revoked", "app_uninstalled"]
    assert heard[0]["event"]["tokens"]["bot"] == [slack.bot_user]


# -- the fake itself


async def test_waiting_in_vain_says_what_was_last_seen(slack: FakeSlack, client: AsyncWebClient) -> None:
    await client.auth_test()
    with pytest.raises(TimeoutError, match=r"not within 0\.05 s; 0 connections, last calls \['auth.test ok'\]"):
        await slack.until(lambda: False, timeout=0.05)
    await start(slack, client)
    with pytest.raises(TimeoutError, match="not settled"):
        await slack.settled(timeout=0.05)


CHILD = """
import os
from slack_sdk import WebClient
client = WebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
client.chat_postMessage(channel="C1", text="from another process")
"""


async def test_it_serves_other_processes(slack: FakeSlack) -> None:
    environment = {**os.environ, "SLACK_API_URL": slack.api_url, "SLACK_BOT_TOKEN": slack.bot_token}
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", CHILD], env=environment, check=True, timeout=60)
    assert [message.text for message in slack.messages("C1")] == ["from another process"]


async def test_it_keeps_up_with_a_busy_workspace(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.limits.enabled = False
    async with listening(slack) as heard:
        started = time.process_time()
        stamps = [await slack.say("U1", "C1", f"question {number}") for number in range(200)]
        await asyncio.gather(*(client.chat_postMessage(channel="C1", text="x", thread_ts=ts) for ts in stamps))
        await slack.settled(timeout=60)
        seconds = time.process_time() - started
    assert len(heard) == 200  # bolt leaves out what the bot itself said
    assert [delivery.acked for delivery in slack.sent] == [True] * 400
    # Of one core, client and bolt included: far from the 20 events a second that a busy workspace brings.
    assert seconds < 10.0
