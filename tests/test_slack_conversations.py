"""What people do in Slack and what they get, end to end: the fake Slack, real bolt, the real pipeline and retrieval."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from assistant import Assistant
from connectors.slack.blocks import FEEDBACK, SHOW_SOURCE
from connectors.slack.databases import sqlite_url
from connectors.slack.home import FORGET_ME
from connectors.slack.manifest import ADD_TO_DOCUMENTS, ASK_ABOUT_THIS, METHODS, SUMMARIZE_THREAD
from connectors.slack.store import Store
from connectors.slack.wording import wording
from connectors.testing.slack import FakeSlack, Message
from knowledge import SentenceEmbeddings
from tests.conftest import ingest
from tests.servers import free_port
from tests.slack import COURSE, FUSE, METER, PacedEngine, environment, profile, served

pytestmark = pytest.mark.slow

EN = wording("en")
FALSE = "Refunds are paid within thirty days."


@dataclass
class Workspace:
    """A Slack with the connector in it. U1 and U2 are in C1, which the bot is in; C2 is without the bot."""

    slack: FakeSlack
    engine: PacedEngine
    assistant: Assistant
    data: Path

    def mention(self, text: str) -> str:
        return f"<@{self.slack.bot_user}> {text}"

    async def ask(self, text: str, user: str = "U1", channel: str = "C1", thread: str | None = None) -> str:
        return await self.slack.say(user, channel, text, thread)

    async def replies(self, channel: str, thread: str, count: int = 1) -> list[Message]:
        """What the bot has left in a thread, once nothing is under way any more."""
        await self.slack.until(lambda: len(self.slack.replies(channel, thread)) >= count, 20)
        await self.idle()
        return self.slack.replies(channel, thread)

    async def idle(self) -> None:
        """Until everything that was asked is done with."""
        await self.slack.settled(0.3)
        store = await Store.open(sqlite_url(self.data))
        async with asyncio.timeout(20):
            while await store.counts():  # noqa: ASYNC110 (a database does not call back)
                await asyncio.sleep(0.05)
        await store.aclose()
        await self.slack.settled(0.2)

    async def nothing(self, channel: str, thread: str) -> None:
        await self.idle()
        assert self.slack.replies(channel, thread) == []


async def workspace_with(
    stack: AsyncExitStack,
    tmp_path: Path,
    embeddings: SentenceEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    says: str = FUSE,
    loading: threading.Event | None = None,
    **slack_settings: Any,
) -> Workspace:
    slack = await stack.enter_async_context(FakeSlack())
    for user in ("U1", "U2"):
        slack.person(user)
    slack.channel("C1", ["U1", "U2"])
    slack.channel("C2", ["U1", "U2"], bot=False)
    slack.channel("C3", ["U1", "U2"])
    stack.enter_context(environment(slack, monkeypatch))
    engine = PacedEngine(says=says, loading=loading)
    settings = profile(tmp_path / "data", **slack_settings)
    assistant = await stack.enter_async_context(Assistant(settings, engine, embeddings))
    course = tmp_path / "course.md"
    course.write_text(COURSE)
    ingest(assistant.knowledge, course, collection="course")
    secret = tmp_path / "secret.md"
    secret.write_text("# Fuses\n\nThe fuse of the director is kept in the red drawer.\n")
    ingest(assistant.knowledge, secret, collection="secret")
    if settings.connectors["slack"].get("mode") == "http":
        await slack.deliver_to(f"http://{settings.connectors['slack']['listen']}/slack/events")
    await stack.enter_async_context(served(assistant, slack))
    return Workspace(slack, engine, assistant, tmp_path / "data")


Opened = Callable[..., Any]


@pytest.fixture
async def opened(
    tmp_path: Path, embeddings: SentenceEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Opened]:
    async with AsyncExitStack() as stack:

        async def open_one(**more: Any) -> Workspace:
            return await workspace_with(stack, tmp_path, embeddings, monkeypatch, **more)

        yield open_one


CHANNEL = {"C1": {"collections": ["course"]}, "C3": {"collections": ["course"], "unprompted": True}}


# -- where it answers


@pytest.mark.parametrize("mode", ["socket", "http"])
async def test_a_mention_is_answered_once_in_its_thread_with_sources_and_buttons(opened: Opened, mode: str) -> None:
    workspace = await opened(mode=mode, listen=f"127.0.0.1:{free_port()}", channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    assert answer.complete and answer.markdown == f"{FUSE} [1]"
    assert "course.md · Fuses" in answer.shown and EN.footer in answer.shown
    actions = {action for action, _, _ in answer.buttons}
    assert {FEEDBACK, SHOW_SOURCE} <= actions
    assert workspace.slack.statuses[0].status == EN.searching
    assert all(delivery.acked for delivery in workspace.slack.sent)


async def test_who_asks_while_the_models_load_is_heard_at_once_and_answered_then(opened: Opened) -> None:
    loading, health = threading.Event(), f"127.0.0.1:{free_port()}"
    workspace = await opened(loading=loading, health=health)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.slack.until(lambda: workspace.slack.statuses, 5)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{health}/health") as response:
            state = await response.json()
            assert (response.status, state["problems"]) == (503, ["The models are still loading."])
        assert workspace.slack.replies("C1", ts) == []
        loading.set()
        (answer,) = await workspace.replies("C1", ts)
        async with session.get(f"http://{health}/health") as response:
            assert response.status == 200
    assert FUSE in answer.markdown


async def test_a_direct_message_is_answered_below_it_and_its_follow_up_there(opened: Opened) -> None:
    workspace = await opened()
    direct = workspace.slack.dm("U1")
    ts = await workspace.ask("What is a fuse?", channel=direct)
    await workspace.replies(direct, ts)
    workspace.engine.says = METER
    await workspace.ask("How is a voltmeter connected?", channel=direct, thread=ts)
    first, second = await workspace.replies(direct, ts, 2)
    assert FUSE in first.markdown and METER in second.markdown


async def test_whoever_asked_goes_on_without_a_mention_and_others_are_left_to_themselves(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.replies("C1", ts)
    await workspace.ask("I think somebody knows that one.", user="U2", thread=ts)
    await workspace.ask("<@U2> what do you think?", thread=ts)
    await workspace.idle()
    assert len(workspace.slack.replies("C1", ts)) == 1
    workspace.engine.says = METER
    await workspace.ask("And a voltmeter, how is it connected", thread=ts)
    await workspace.replies("C1", ts, 2)
    await workspace.ask("How is a voltmeter connected?", user="U2", thread=ts)
    assert len(await workspace.replies("C1", ts, 3)) == 3


async def test_what_people_say_to_each_other_is_not_answered(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask("What is a fuse?")
    await workspace.nothing("C1", ts)
    await workspace.ask("A wire, I think.", user="U2", thread=ts)
    await workspace.nothing("C1", ts)


async def test_the_slash_command_puts_the_question_in_the_channel_and_the_answer_below(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    delivery = await workspace.slack.command("U1", "C1", "/ask", "What is a fuse?")
    assert delivery.acked and "<#C1>" in workspace.slack.ephemerals[-1].text
    root = await workspace.slack.until(
        lambda: next((m for m in workspace.slack.messages("C1") if m.bot_id and not m.thread_ts), None), 20
    )
    assert "What is a fuse?" in root.shown and "<@U1>" in root.shown
    (answer,) = await workspace.replies("C1", root.ts)
    assert FUSE in answer.markdown


async def test_the_slash_command_where_the_bot_is_not_answers_in_direct_messages(opened: Opened) -> None:
    workspace = await opened()
    await workspace.slack.command("U1", "C2", "/ask", "What is a fuse?")
    direct = workspace.slack.dm("U1")
    root = await workspace.slack.until(lambda: next(iter(workspace.slack.messages(direct)), None), 20)
    (answer,) = await workspace.replies(direct, root.ts)
    assert FUSE in answer.markdown


async def test_an_empty_slash_command_says_how_it_is_used(opened: Opened) -> None:
    workspace = await opened()
    await workspace.slack.command("U1", "C1", "/ask", "")
    assert "/ask" in workspace.slack.ephemerals[-1].text


@pytest.mark.parametrize("where", ["in_thread", "only_me"])
async def test_a_message_can_be_asked_about(opened: Opened, where: str) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask("Somebody told me that fuses melt.", user="U2")
    await workspace.slack.shortcut("U1", "C1", ts, ASK_ABOUT_THIS)
    (view,) = await workspace.slack.until(lambda: workspace.slack.views, 5)
    await workspace.slack.submit("U1", view, {"question": "What is a fuse?", "where": where})
    if where == "in_thread":
        (answer,) = await workspace.replies("C1", ts)
    else:
        direct = workspace.slack.dm("U1")
        root = await workspace.slack.until(lambda: next(iter(workspace.slack.messages(direct)), None), 20)
        (answer,) = await workspace.replies(direct, root.ts)
        assert workspace.slack.replies("C1", ts) == []
    assert FUSE in answer.markdown


@pytest.mark.parametrize("how", ["mention", "shortcut"])
async def test_a_thread_is_summed_up_from_what_was_said_in_it(opened: Opened, how: str) -> None:
    said = "The meeting about the lab moves to Thursday at noon."
    workspace = await opened(says=said)
    ts = await workspace.ask(said)
    await workspace.ask("Please bring your own safety goggles to it.", user="U2", thread=ts)
    await workspace.ask("The door code changes next week as well.", thread=ts)
    if how == "mention":
        await workspace.ask(workspace.mention("summarize this thread"), thread=ts)
    else:
        await workspace.slack.shortcut("U1", "C1", ts, SUMMARIZE_THREAD)
    (answer,) = await workspace.replies("C1", ts)
    assert said in answer.markdown and "Message 1" in answer.shown


async def test_a_channel_can_have_unprompted_questions_answered_when_the_documents_do(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    known = await workspace.ask("What is a fuse?", channel="C3")
    unknown = await workspace.ask("What is the refund policy for flights?", channel="C3")
    chat = await workspace.ask("I bought a fuse.", channel="C3")
    (answer,) = await workspace.replies("C3", known)
    assert FUSE in answer.markdown
    await workspace.nothing("C3", unknown)
    await workspace.nothing("C3", chat)
    assert not [status for status in workspace.slack.statuses if status.thread_ts == unknown and status.status]


async def test_a_channel_sees_only_its_collections(opened: Opened) -> None:
    workspace = await opened(says="The fuse of the director is kept in the red drawer.", channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("Where is the fuse of the director kept? Search the collection secret."))
    (answer,) = await workspace.replies("C1", ts)
    assert "drawer" not in answer.shown and "secret.md" not in answer.shown


async def test_a_channel_can_speak_another_language(opened: Opened) -> None:
    workspace = await opened(channels={"C1": {"language": "ko"}})
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    assert wording("ko").footer in answer.shown or wording("ko").footer_quoted in answer.shown
    assert workspace.slack.statuses[0].status == wording("ko").searching


# -- how it answers


async def test_the_answer_is_streamed_while_it_is_written(opened: Opened) -> None:
    workspace = await opened(says=f"{FUSE} " + METER)
    workspace.engine.held = asyncio.Event()
    workspace.engine.says = f"{FUSE} A circuit breaker is a switch that opens by itself when the current is too large. "
    workspace.engine.pause = 0.02
    workspace.engine.held.set()
    ts = await workspace.ask(workspace.mention("What is a fuse and what is a circuit breaker?"))
    (answer,) = await workspace.replies("C1", ts)
    methods = [call.method for call in workspace.slack.calls]
    assert methods.index("chat.startStream") < methods.index("chat.stopStream")
    assert "chat.postMessage" not in methods and FUSE in answer.markdown


async def test_an_answer_too_long_for_one_message_goes_on_in_the_next(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"value_{n} = {n} * {n}  # the square of the number {n}\n" for n in range(400))
    workspace = await opened()
    monkeypatch.setattr(workspace.assistant, "stream", _says(f"Look:\n\n```python\n{lines}```\n\nThat is all."))
    ts = await workspace.ask(workspace.mention("Show me the squares"))
    parts = await workspace.replies("C1", ts, 2)
    assert len(parts) > 2 and all(len(part.markdown.encode()) <= 10_000 for part in parts)
    assert all(part.markdown.count("```") % 2 == 0 for part in parts)
    joined = "\n".join(part.markdown for part in parts)
    assert all(f"value_{n} = " in joined for n in range(400))
    assert [FEEDBACK in {action for action, _, _ in part.buttons} for part in parts] == [False] * (len(parts) - 1) + [
        True
    ]


def _says(text: str) -> Any:
    from assistant import Answer, Finished, Question, Stage, TextDelta

    async def stream(question: Question) -> AsyncIterator[Any]:
        yield Stage("searching")
        for start in range(0, len(text), 500):
            yield TextDelta(text[start : start + 500])
            await asyncio.sleep(0)
        yield Finished(Answer(text, (), "answered"))

    return stream


async def test_a_source_opens_with_the_exact_words(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    await workspace.slack.click("U2", answer, SHOW_SOURCE)
    (view,) = await workspace.slack.until(lambda: workspace.slack.views, 5)
    assert "A fuse is a thin wire that melts" in view.shown and "course.md" in view.shown


async def test_a_judgement_is_kept_with_its_reason(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    bad = next(value for action, value, _ in answer.buttons if action == FEEDBACK and value.startswith("bad:"))
    await workspace.slack.click("U2", answer, FEEDBACK, bad)
    (view,) = await workspace.slack.until(lambda: workspace.slack.views, 5)
    await workspace.slack.submit("U2", view, {"reason": "too short"})
    good = bad.replace("bad:", "good:")
    await workspace.slack.click("U1", answer, FEEDBACK, good)
    store = await Store.open(sqlite_url(workspace.data))
    found = {(j["user"], j["verdict"], j["comment"], j["question"]) for j in await store.judgements(10)}
    await store.aclose()
    assert found == {("U2", "bad", "too short", "What is a fuse?"), ("U1", "good", "", "What is a fuse?")}


async def test_the_stop_button_stops_the_model_and_says_so(opened: Opened) -> None:
    workspace = await opened(says=(f"{FUSE} " + "More words follow. " * 200))
    workspace.engine.pause = 0.05
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.slack.until(lambda: workspace.slack.replies("C1", ts), 20)
    await workspace.slack.press_stop("U1", "C1", ts)
    (answer,) = await workspace.replies("C1", ts)
    assert workspace.engine.stopped == 1
    assert EN.stopped in answer.shown and answer.complete


async def test_writing_stop_in_the_thread_stops_it_too(opened: Opened) -> None:
    workspace = await opened(says=(f"{FUSE} " + "More words follow. " * 200))
    workspace.engine.pause = 0.05
    direct = workspace.slack.dm("U1")
    ts = await workspace.ask("What is a fuse?", channel=direct)
    await workspace.engine.writing.wait()
    await workspace.ask("stop", channel=direct, thread=ts)
    (answer,) = await workspace.replies(direct, ts)
    assert workspace.engine.stopped == 1 and EN.stopped in answer.shown


async def test_the_home_tab_shows_what_is_known_and_what_was_asked_and_forgets_it(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL, help="Ask in <#C1>.")
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.replies("C1", ts)
    await workspace.slack.open_home("U1")
    home = await workspace.slack.until(lambda: workspace.slack.homes.get("U1"), 5)
    assert "course" in home.shown and "What is a fuse?" in home.shown and "Ask in <#C1>." in home.shown
    await workspace.slack.open_home("U2")
    other = await workspace.slack.until(lambda: workspace.slack.homes.get("U2"), 5)
    assert "What is a fuse?" not in other.shown, "what one person asked is shown to nobody else"
    await workspace.slack.click("U1", home, FORGET_ME)
    await workspace.slack.until(lambda: "What is a fuse?" not in workspace.slack.homes["U1"].shown, 5)
    assert await workspace.assistant.history(f"slack:T1:C1:{ts}") == []


async def test_prompts_are_suggested_when_the_messages_are_opened(opened: Opened) -> None:
    workspace = await opened(prompts=["What is a fuse?"])
    await workspace.slack.open_messages("U1")
    prompts = await workspace.slack.until(lambda: workspace.slack.prompts, 5)
    assert [prompt["message"] for prompt in next(iter(prompts.values()))] == ["What is a fuse?"]


# -- files


async def test_a_file_is_evidence_in_its_conversation_and_nowhere_else(opened: Opened) -> None:
    said = "The spare key of the workshop hangs behind the blue cabinet."
    workspace = await opened(says=said)
    direct = workspace.slack.dm("U1")
    ts = await workspace.slack.upload("U1", direct, "keys.txt", said.encode(), "Where does the spare key hang?")
    (answer,) = await workspace.replies(direct, ts)
    assert said in answer.markdown and "keys.txt" in answer.shown
    await workspace.ask("Behind which cabinet does the spare key hang?", channel=direct, thread=ts)
    _, again = await workspace.replies(direct, ts, 2)
    assert "keys.txt" in again.shown
    other = await workspace.ask("Where does the spare key of the workshop hang?", channel=direct)
    (elsewhere,) = await workspace.replies(direct, other)
    assert "cabinet" not in elsewhere.shown
    assert [source.path for source in workspace.assistant.knowledge.documents() if "keys" in source.path] == []


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("photo.xyz", b"\x00\x01", "photo.xyz"),
        ("broken.pdf", b"%PDF-1.4 nothing", "broken.pdf"),
        ("empty.txt", b"", "empty.txt"),
    ],
)
async def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    opened: Opened, name: str, data: bytes, says: str
) -> None:
    workspace = await opened()
    ts = await workspace.slack.upload("U1", "C1", name, data, workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    assert says in answer.shown and "not read" in answer.shown and FUSE in answer.markdown


async def test_a_file_that_no_scope_lets_us_read_is_not_passed_over(opened: Opened) -> None:
    workspace = await opened()
    workspace.slack.scopes.discard("files:read")
    ts = await workspace.slack.upload("U1", "C1", "keys.txt", b"words", workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    assert "I could not download" in answer.shown, "Slack does not even tell the name"


async def test_only_curators_add_files_to_the_documents(opened: Opened) -> None:
    workspace = await opened(curators=["U1"])
    note = b"# Key\n\nThe spare key of the workshop hangs behind the blue cabinet.\n"
    ts = await workspace.slack.upload("U2", "C1", "keys.md", note, "our keys")
    await workspace.slack.shortcut("U2", "C1", ts, ADD_TO_DOCUMENTS)
    await workspace.slack.until(lambda: workspace.slack.ephemerals, 5)
    assert "Only those who look after the documents" in workspace.slack.ephemerals[-1].shown
    await workspace.slack.shortcut("U1", "C1", ts, ADD_TO_DOCUMENTS)
    (view,) = await workspace.slack.until(lambda: workspace.slack.views, 5)
    await workspace.slack.submit("U1", view, {"collection": "course"})
    direct = workspace.slack.dm("U1")
    root = await workspace.slack.until(lambda: next(iter(workspace.slack.messages(direct)), None), 20)
    (told,) = await workspace.replies(direct, root.ts)
    assert "keys.md" in told.shown and "course" in told.shown
    assert [s.collection for s in workspace.assistant.knowledge.documents() if s.path.endswith("keys.md")] == ["course"]


# -- what goes wrong


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", EN.reason("empty").problem), (":wave:", EN.reason("only_emoji").problem), ("🎉 🎉", "emoji")],
)
async def test_an_empty_question_gets_a_reason(opened: Opened, text: str, reason: str) -> None:
    workspace = await opened()
    ts = await workspace.ask(workspace.mention(text))
    (answer,) = await workspace.replies("C1", ts)
    assert reason in answer.shown


async def test_a_paste_of_forty_thousand_characters_is_evidence_for_its_first_line(opened: Opened) -> None:
    workspace = await opened()
    paste = "What is a fuse in this text?\n" + "The quick wire melts and the slow wire stays whole. " * 760
    ts = await workspace.ask(workspace.mention(paste[:40_000]))
    (answer,) = await workspace.replies("C1", ts)
    assert answer.complete and answer.shown


async def test_one_endless_word_is_refused_with_the_limit(opened: Opened) -> None:
    workspace = await opened()
    ts = await workspace.ask(workspace.mention("a" * 39_000))
    (answer,) = await workspace.replies("C1", ts)
    assert answer.complete and answer.shown


async def test_a_question_that_is_edited_while_it_is_answered_gets_the_answer_to_the_new_one(opened: Opened) -> None:
    workspace = await opened()
    workspace.engine.held = asyncio.Event()
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.engine.writing.wait()
    workspace.engine.says = METER
    await workspace.slack.edit("U1", "C1", ts, workspace.mention("How is a voltmeter connected?"))
    await asyncio.sleep(0.3)
    workspace.engine.held.set()
    (answer,) = await workspace.replies("C1", ts)
    assert METER in answer.markdown and FUSE not in answer.markdown
    turns = await workspace.assistant.history(f"slack:T1:C1:{ts}")
    assert [turn.question for turn in turns] == ["How is a voltmeter connected?"]


async def test_a_question_that_is_deleted_while_it_is_answered_takes_its_answer_along(opened: Opened) -> None:
    workspace = await opened(says=(f"{FUSE} " + "More words follow. " * 200))
    workspace.engine.pause = 0.05
    direct = workspace.slack.dm("U1")
    root = await workspace.ask("What is a meter?", channel=direct)
    ts = await workspace.ask("What is a fuse?", channel=direct, thread=root)
    await workspace.engine.writing.wait()
    await workspace.slack.delete("U1", direct, ts)
    await workspace.slack.delete("U1", direct, root)
    await workspace.nothing(direct, root)


async def test_bots_are_not_answered(opened: Opened) -> None:
    workspace = await opened()
    workspace.slack.bot("UX", "BX")
    await workspace.slack.join("UX", "C1")
    ts = await workspace.ask(workspace.mention("What is a fuse?"), user="UX")
    await workspace.nothing("C1", ts)


@pytest.mark.parametrize(("guests", "answered"), [(True, True), (False, False)])
async def test_guests_are_answered_where_the_profile_lets_them(opened: Opened, guests: bool, answered: bool) -> None:
    workspace = await opened(guests=guests)
    workspace.slack.person("U9", guest=True)
    await workspace.slack.join("U9", "C1")
    ts = await workspace.ask(workspace.mention("What is a fuse?"), user="U9")
    (answer,) = await workspace.replies("C1", ts)
    assert (FUSE in answer.markdown) == answered
    assert answered or EN.reason("guest").problem in answer.shown


async def test_people_of_other_workspaces_are_told_that_they_are_not_answered(opened: Opened) -> None:
    workspace = await opened()
    workspace.slack.person("U8", stranger=True)
    await workspace.slack.join("U8", "C1")
    ts = await workspace.ask(workspace.mention("What is a fuse?"), user="U8")
    (answer,) = await workspace.replies("C1", ts)
    assert FUSE not in answer.shown and EN.reason("stranger").problem in answer.shown


async def test_a_channel_that_is_archived_meanwhile_is_explained_privately(opened: Opened) -> None:
    workspace = await opened()
    workspace.engine.held = asyncio.Event()
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.engine.writing.wait()
    await workspace.slack.archive("C1")
    workspace.engine.held.set()
    direct = workspace.slack.dm("U1")
    told = await workspace.slack.until(lambda: next(iter(workspace.slack.messages(direct)), None), 20)
    assert "archived" in told.shown and "<#C1>" in told.shown
    await workspace.nothing("C1", ts)


async def test_a_missing_scope_is_said_in_words(opened: Opened) -> None:
    workspace = await opened()
    workspace.slack.scopes.discard("users:read")
    workspace.slack.scopes.discard("usergroups:read")
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    (answer,) = await workspace.replies("C1", ts)
    assert FUSE in answer.markdown, "who asks is not known, but guests are answered too"


async def test_a_full_line_says_so_at_once(opened: Opened) -> None:
    workspace = await opened(parallel=2, places=4)
    workspace.engine.held = asyncio.Event()
    asked = [await workspace.ask(workspace.mention("What is a fuse?")) for _ in range(7)]

    def refused() -> list[str]:
        problem = EN.reason("own_line_full").problem
        return [ts for ts in asked for message in workspace.slack.replies("C1", ts) if problem in message.shown]

    await workspace.slack.until(lambda: len(refused()) >= 3, 20)
    workspace.engine.held.set()
    await workspace.idle()
    assert all(len(workspace.slack.replies("C1", ts)) == 1 for ts in asked)


async def test_everything_is_answered_once_through_a_storm_of_rate_limits_and_broken_connections(
    opened: Opened,
) -> None:
    workspace = await opened(channels=CHANNEL)
    slack = workspace.slack
    slack.limits.scale = 100
    slack.faults.ratelimit("chat.*", retry_after=1, probability=0.2, times=12)
    slack.faults.cut("chat.startStream", after=True, times=2)
    slack.faults.cut("chat.postMessage", after=True, times=2)
    slack.faults.cut("chat.stopStream", after=True, times=2)
    slack.faults.cut("chat.appendStream", after=True, times=2)
    slack.faults.fail("chat.stopStream", times=2)
    slack.faults.duplicate(probability=0.5)
    asked = [await workspace.ask(workspace.mention("What is a fuse?"), user=f"U{1 + n % 2}") for n in range(10)]
    for ts in asked:
        await slack.until(lambda ts=ts: slack.replies("C1", ts), 60)
    await workspace.idle()
    for ts in asked:
        (answer,) = slack.replies("C1", ts)
        assert answer.complete and answer.markdown == f"{FUSE} [1]" and EN.footer in answer.shown


async def test_no_method_is_called_that_the_manifest_does_not_cover(opened: Opened) -> None:
    workspace = await opened(channels=CHANNEL)
    ts = await workspace.ask(workspace.mention("What is a fuse?"))
    await workspace.replies("C1", ts)
    assert {call.method for call in workspace.slack.calls} <= set(METHODS)
