"""The parts of the command line, with plain fakes; no model is loaded."""

import asyncio
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from assistant import Answer, Attachment, Caller, Citation, Passage, Question, Turn
from assistant.doctor import Check
from assistant.errors import QuestionTooLongError
from assistant.types import Timings, Usage
from connectors.cli import ask, demo, doctor, documents, errors, ingest, live, render, search, stdin
from connectors.cli.app import run_command
from connectors.cli.chat import TerminalConnector
from connectors.cli.console import clean, one_line, write_json
from connectors.cli.conversation import Conversation, Leave
from connectors.cli.markdown import finished_length, markdown
from connectors.cli.options import Options
from connectors.cli.prompt import Lines, Prompt
from connectors.testing import ScriptedAssistant, check_connector
from knowledge import Failure, Progress, Report, Source, UserError, Waiting

if TYPE_CHECKING:
    from assistant import Assistant

CITATION = Citation(1, "/docs/loops.pdf", 3, "Loops > The for loop", "file:///docs/loops.pdf#page=3", "A loop\nruns.")
ANSWER = Answer(
    "A loop **runs** again. [1]",
    (CITATION,),
    "answered",
    Usage(120, 14),
    Timings(retrieve_ms=35.2, first_token_ms=110.0, total_ms=2300.0),
)
ABSTAINED = Answer("The documents do not say.", (), "abstained")
PASSAGE = Passage("A loop runs.", "/docs/loops.pdf", 3, "Loops", "file:///docs/loops.pdf", 0.8)
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\]8;[^\x1b]*\x1b\\)")


def terminal(width: int = 80, height: int = 25) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, highlight=False)


def pipe() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=80, highlight=False)


def written(console: Console) -> str:
    return cast(io.StringIO, console.file).getvalue()


def visible(console: Console) -> str:
    return ESCAPES.sub("", written(console))


def real(assistant: ScriptedAssistant) -> "Assistant":
    """The scripted assistant, where a function asks for the real class."""
    return cast("Assistant", assistant)


def source(path: str = "/docs/a.md", **values: str) -> Source:
    given: dict[str, str] = {"collection": "default", "state": "ready", **values}
    return Source(
        path=path,
        collection=given["collection"],
        title="A\ttitle",
        state=given["state"],  # type: ignore[arg-type]
        error=None,
        passages=4,
        size=100,
        ingested_at="2026-11-24T10:00:00+00:00",
        url=f"file://{path}",
        hash="",
    )


# -- what reaches a terminal


@given(st.text())
def test_no_text_can_drive_a_terminal(text: str) -> None:
    shown = clean(text)
    assert not [c for c in shown if c not in "\n\t" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0)]
    assert clean(shown) == shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_text_without_control_characters_is_shown_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07red",
        "\x1b]8;;http://x\x1b\\red\x1b]8;;\x1b\\",
        "\x9b2Jred",
        "r\x08ed\x7f",
    ],
)
def test_escape_sequences_go_whole(hostile: str) -> None:
    assert clean(hostile) == "red"


@given(st.text())
def test_a_line_stays_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@given(st.text())
def test_a_hostile_address_cannot_end_the_escape_sequence_of_a_link(text: str) -> None:
    link = render.link(f"https://example.org/{text.encode('utf-8', 'replace').decode()}").link
    assert link is None or link.isprintable()


def test_only_addresses_worth_trusting_are_made_links() -> None:
    assert render.link("javascript:alert(1)").link is None
    assert render.link("http://[broken").link is None
    assert render.link("file:///a%20b.md#page=3").link == "file:///a%20b.md#page=3"


@given(value=st.text())
def test_json_holds_the_text_and_no_raw_control_character(value: str) -> None:
    printed = printed_json({"text": value})
    assert json.loads(printed) == {"text": value}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed)


def printed_json(value: object) -> str:
    """What `write_json` puts on stdout."""
    kept, sys.stdout = sys.stdout, io.StringIO()
    try:
        write_json(value)
        return sys.stdout.getvalue()
    finally:
        sys.stdout = kept


# -- Markdown


@pytest.mark.parametrize("text", ["Call `f` or __init__ or List<int> now.", "snake_case_name and _private_"])
def test_names_of_programs_survive_markdown(text: str) -> None:
    console = pipe()
    console.print(markdown(text))
    assert written(console).strip() == text.replace("`", "")


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("", ""),
        ("one paragraph", ""),
        ("one\n\ntwo", "one\n\n"),
        ("- a\n\n- b", ""),
        ("```\na\n\nb", ""),
        ("```\na\n\nb\n```\nthen", "```\na\n\nb\n```\n"),
        ("# Title\ntext", "# Title\n"),
    ],
)
def test_only_blocks_that_cannot_change_are_finished(text: str, finished: str) -> None:
    assert text[: finished_length(text)] == finished


@given(st.lists(st.sampled_from(["word ", "\n", "\n\n", "- item\n", "```\n", "# Head\n", "> quote\n"]), max_size=30))
def test_finished_blocks_stay_finished_whatever_follows(pieces: list[str]) -> None:
    text, longest = "", 0
    for piece in pieces:
        text += piece
        length = finished_length(text)
        assert longest <= length <= len(text)
        longest = length


# -- an answer as it comes


async def test_in_a_pipe_an_answer_is_plain_text_and_then_its_sources() -> None:
    out, err = pipe(), pipe()
    answer = await live.show(ScriptedAssistant(ANSWER).stream(Question("?")), out, err)
    render.print_sources(out, answer.citations)
    assert written(out) == (
        "A loop **runs** again. [1]\n\nSources:\n"
        "[1] /docs/loops.pdf, page 3 · Loops > The for loop\n    “A loop runs.”\n"
    )
    assert written(err) == ""


async def test_on_a_terminal_an_answer_is_markdown_and_sources_are_links() -> None:
    out, err = terminal(), terminal()
    answer = await live.show(ScriptedAssistant(ANSWER, passages=[PASSAGE] * 2).stream(Question("?")), out, err)
    render.print_sources(out, answer.citations)
    assert "A loop runs again. [1]" in visible(out)
    assert "file:///docs/loops.pdf#page=3" in written(out)
    assert "page 3 · Loops > The for loop" in visible(out)
    assert "Writing…" in visible(err)


async def test_every_block_of_a_long_answer_is_left_on_the_screen_once() -> None:
    blocks = [f"Paragraph number {n} of this answer." for n in range(40)]
    out = terminal(height=10)
    await live.show(ScriptedAssistant(Answer("\n\n".join(blocks), (), "answered")).stream(Question("?")), out, pipe())
    assert screen(written(out)) == "\n\n".join(blocks)


def screen(stream: str) -> str:
    """What is left when the cursor movements of `stream` have been followed."""
    rows, row = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\n|\r|[^\x1b\n\r]+", stream):
        if part == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            rows[row] = ""
        elif not part.startswith(("\x1b", "\r")):
            rows[row] += part
    return "\n".join(line.rstrip() for line in rows).rstrip()


async def test_an_answer_of_a_hostile_document_is_shown_without_its_escapes() -> None:
    hostile = Answer("Fine\x1b[2J\x1b]0;owned\x07 text", (), "answered")
    for out in (pipe(), terminal()):
        await live.show(ScriptedAssistant(hostile).stream(Question("?")), out, pipe())
        assert "\x1b[2J" not in written(out)
        assert "owned" not in written(out)
        assert "Fine text" in written(out)


def test_an_answer_that_fails_half_way_ends_its_line() -> None:
    out = pipe()
    with live.Plain(out) as view:
        view.add("Half an")
    assert written(out) == "Half an\n"


def test_ask_has_the_promised_json_key_for_key() -> None:
    shape = render.answer_json(ANSWER, "abc")
    assert list(shape) == ["answer", "status", "citations", "session", "usage", "timings"]
    assert list(cast(list[dict[str, object]], shape["citations"])[0]) == [
        "number",
        "source",
        "page",
        "section",
        "url",
        "quote",
    ]
    assert shape["usage"] == {"prompt_tokens": 120, "completion_tokens": 14}
    assert shape["timings"] == {"retrieve_ms": 35.2, "first_token_ms": 110.0, "total_ms": 2300.0}


def test_the_footer_says_what_an_answer_cost() -> None:
    assert render.footer(ANSWER) == "found in 35 ms · first token 110 ms · 2.3 s · 120 + 14 tokens"
    assert render.footer(ABSTAINED) == "abstained · found in 0 ms · 0.0 s"


def test_a_path_is_shown_as_a_person_would_type_it() -> None:
    assert render.display_path(str(Path.cwd() / "notes" / "a.md")) == "notes/a.md"
    assert render.display_path(str(Path.home() / "zz" / "a.md")) in ("~/zz/a.md", "zz/a.md")
    assert render.display_path("/elsewhere/a.md") == "/elsewhere/a.md"
    assert render.display_path("standard input") == "standard input"


# -- errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("It is\nbroken.", "Mend it."), 1),
        (QuestionTooLongError("Too long.", "Ask less."), 2),
        (ValueError("odd\x1b[31m"), 1),
        (KeyError(), 1),
    ],
)
def test_every_error_is_two_lines_and_a_code(error: Exception, code: int) -> None:
    console = pipe()
    assert errors.report(error, console) == code
    assert len(written(console).splitlines()) == 2
    assert "\x1b" not in written(console)


def test_a_traceback_is_for_those_who_ask_for_it() -> None:
    console = pipe()
    errors.report(ValueError("odd"), console, debug=True)
    lines = written(console).splitlines()
    assert lines[0] == "ValueError: odd"
    assert lines[-2] == "Something went wrong: ValueError: odd"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["ask", ""], "The question is empty."),
        (["ask", " \n "], "The question is empty."),
        (["search", " "], "The query is empty."),
        (["search", "x", "-k", "0"], "'-k'"),
        (["aks"], "No such command 'aks'."),
        (["documents"], "Missing command."),
        (["ingest"], "Either a PATH is missing"),
        (["ingest", "x", "--rebuild"], "Either a PATH is missing"),
        (["--profil", "x", "doctor"], "No such option: --profil"),
        (["--profile", "nope", "ask", "hi"], "There is no profile 'nope'."),
        (["run", "nope"], "There is no connector 'nope'."),
    ],
)
def test_wrong_use_is_two_lines_on_stderr_and_exit_code_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 2
    assert problem in printed.err


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([]) == 0
    assert "Usage: assistant" in capsys.readouterr().out


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['assistant', '--help']; from connectors.cli.app import main\n"
    code += "try: main()\nexcept SystemExit: print('LOADED', *sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stderr.partition("LOADED ")[2].split())
    assert "connectors.cli.app" in loaded
    assert not loaded & {
        "pydantic",
        "langchain_core",
        "langgraph",
        "torch",
        "prompt_toolkit",
        "rich.live",
        "knowledge",
    }


# -- ask


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0 JFIF", b"text\x00more", b"x" * (stdin.MAX_BYTES + 1)])
def test_what_is_no_text_or_too_much_of_it_is_refused(data: bytes) -> None:
    with pytest.raises(UserError) as error:
        stdin.decode(data)
    assert "assistant ingest" in error.value.remedy


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_piped_text_is_read_in_the_usual_encodings(encoding: str) -> None:
    assert stdin.decode("größer 한국".encode(encoding)) == "größer 한국"


def test_waiting_for_standard_input_is_said_once_and_only_when_it_takes_long() -> None:
    noticed: list[str] = []
    assert stdin.read(io.BytesIO(b"quick"), lambda: noticed.append("late"), after=10) == "quick"
    assert noticed == []
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as slow, os.fdopen(writing, "wb") as far_end:

        def notice() -> None:
            noticed.append("late")
            far_end.write(b"slow")
            far_end.close()

        assert stdin.read(slow, notice, after=0.01) == "slow"
    assert noticed == ["late"]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Makes a text standard input, as `assistant ask < file` does."""
    opened = []

    def put(text: str) -> None:
        file = tmp_path / "stdin"
        file.write_text(text, encoding="utf-8")
        opened.append(file.open(encoding="utf-8"))
        monkeypatch.setattr(sys, "stdin", opened[-1])

    yield put
    for file in opened:
        file.close()


def test_piped_text_comes_along_with_the_question(piped: Callable[[str], None]) -> None:
    piped("The zorb has 42 wheels.")
    question = ask.compose("How many wheels?", "abc", "zoo")
    assert question.attachments == (Attachment("standard input", "The zorb has 42 wheels."),)
    assert (question.text, question.conversation_id, question.collections) == (
        "How many wheels?",
        "abc",
        ("zoo",),
    )


@pytest.mark.parametrize("argument", ["-", None])
def test_the_question_itself_can_be_piped(argument: str | None, piped: Callable[[str], None]) -> None:
    piped("What is a zorb?\n")
    question = ask.compose(argument, None, None)
    assert question.text == "What is a zorb?\n"
    assert question.attachments == ()


def test_an_empty_pipe_is_no_attachment(piped: Callable[[str], None]) -> None:
    piped("")
    assert ask.compose("Why?", None, None).attachments == ()


def test_bytes_that_are_no_characters_do_not_reach_the_model(piped: Callable[[str], None]) -> None:
    piped("")
    assert ask.compose("Why\udcff?", None, None).text == "Why??"


# -- ingest


def events(*, fail: bool = False) -> Iterator[Waiting | Progress | Failure | Report]:
    yield Waiting("lock")
    yield Progress("/docs/a.md", 1, 2, 10)
    failures = (Failure("/docs/b.pdf", "/docs/b.pdf is encrypted. Remove the password."),) if fail else ()
    yield from failures
    yield Report(1, 0, 0, 0, failures, 10, 3.21)


def test_ingestion_ends_with_its_report_and_says_it_waited() -> None:
    for console in (pipe(), terminal()):
        report = ingest.follow(events(), console)
        assert ingest.summary(report) == "Added 1, updated 0, unchanged 0, removed 0: 10 passages in 3.2 s."
        assert "waiting for it to end" in visible(console)


def test_progress_is_for_terminals_only() -> None:
    assert "1/2" in visible(_followed(terminal(width=120)))
    assert "1/2" not in visible(_followed(pipe()))


def _followed(console: Console) -> Console:
    ingest.follow(events(), console)
    return console


def test_a_failure_is_one_line_that_names_the_file_once() -> None:
    console = pipe()
    ingest.print_failures(ingest.follow(events(fail=True), console), console)
    assert written(console).splitlines()[-1] == "/docs/b.pdf: is encrypted. Remove the password."


def test_ingest_has_the_promised_json_key_for_key() -> None:
    shape = ingest.report_json(ingest.follow(events(fail=True), pipe()))
    assert list(shape) == ["added", "updated", "unchanged", "removed", "failed", "passages", "seconds"]
    assert list(cast(list[dict[str, str]], shape["failed"])[0]) == ["source", "error"]


def test_an_interrupted_ingestion_says_that_it_can_go_on() -> None:
    def interrupted() -> Iterator[Progress]:
        yield Progress("/docs/a.md", 1, 2, 10)
        raise KeyboardInterrupt

    with pytest.raises(errors.Interrupted, match="run the same command again"):
        ingest.follow(interrupted(), terminal())


# -- documents, search, doctor, demo


class FakeKnowledge:
    def __init__(self, *sources: Source) -> None:
        self.sources = sources

    def documents(self, collection: str | None = None, caller: Caller | None = None) -> list[Source]:
        return [s for s in self.sources if collection in (None, s.collection)]


def test_a_collection_that_does_not_exist_is_named_with_those_that_do() -> None:
    from knowledge import KnowledgeBase

    knowledge = cast(KnowledgeBase, FakeKnowledge(source(), source("/docs/b.md", collection="course")))
    assert [s.path for s in documents.in_collection(knowledge, "course")] == ["/docs/b.md"]
    with pytest.raises(UserError, match="no collection 'corse'") as error:
        documents.in_collection(knowledge, "corse")
    assert "course, default" in error.value.remedy


def test_a_document_has_the_promised_json_key_for_key() -> None:
    shape = documents.source_json(source())
    assert list(shape) == [
        "source",
        "title",
        "collection",
        "state",
        "version",
        "error",
        "passages",
        "size",
        "ingested_at",
        "url",
    ]
    assert shape["source"] == "/docs/a.md"


def test_documents_are_a_table_on_a_terminal() -> None:
    console = terminal(width=120)
    documents.print_table(console, [source(), source("/docs/b.md", state="outdated")])
    assert re.search(r"/docs/a\.md\s+A title\s+default\s+4\s+0\s+ready\s+2026-11-24", visible(console))
    assert "outdated" in visible(console)


def test_an_ambiguous_name_is_wrong_use() -> None:
    with pytest.raises(UserError, match="2 documents") as error:
        documents.only([source(), source("/other/a.md")], "a.md")
    assert "/other/a.md" in error.value.remedy


def test_found_passages_are_numbered_with_place_and_score() -> None:
    from langchain_core.documents import Document

    place = {
        "source": "/docs/a.md",
        "page": None,
        "section": "Loops",
        "url": "file:///docs/a.md",
        "score": 0.5,
    }
    document = Document(page_content="A loop\nruns. " * 100, metadata=place)
    console = pipe()
    search.print_passages(console, [document], "loop")
    head, text = written(console).splitlines()
    assert head == "1. /docs/a.md · Loops  0.50"
    assert text.startswith("    A loop runs.")
    assert text.endswith(" …")
    assert list(search.passage_json(document)) == ["source", "page", "section", "text", "score"]


def test_the_doctor_marks_each_check_and_writes_the_remedy_beneath() -> None:
    console = pipe()
    checks = [Check("disk", "ok", "80 GB"), Check("model", "problem", "It is not there.", "Install it.")]
    doctor.print_checks(console, checks)
    assert written(console).splitlines() == [
        "✓ ok      disk: 80 GB",
        "✗ problem model: It is not there.",
        "          Install it.",
    ]
    assert doctor.healthy(checks[:1])
    assert not doctor.healthy(checks)


def test_the_demo_fails_when_an_answer_is_missing_or_invented() -> None:
    answerable, unanswerable = demo.DemoQuestion("?"), demo.DemoQuestion("?", answerable=False)
    assert demo.as_expected(answerable, ANSWER)
    assert demo.as_expected(unanswerable, ABSTAINED)
    assert not demo.as_expected(answerable, ABSTAINED)
    assert not demo.as_expected(unanswerable, ANSWER)


def test_the_command_to_type_next_can_be_pasted() -> None:
    words = shlex.split(Options("tutor", Path("/my data")).command())
    assert words[1:] == ["--profile", "tutor", "--data-dir", "/my data"]


# -- chat


def conversation(assistant: ScriptedAssistant, *, interactive: bool = True) -> tuple[Conversation, Console, Console]:
    out, err = terminal(width=100) if interactive else pipe(), pipe()
    return Conversation(real(assistant), "s1", out, err, interactive=interactive), out, err


async def test_a_chat_greets_with_profile_documents_and_session() -> None:
    chat, out, _ = conversation(ScriptedAssistant(sources=[source()]))
    await chat.greet()
    assert "Profile scripted · 1 document · session s1" in visible(out)
    assert "ingest" not in visible(out)


async def test_a_chat_without_documents_says_how_to_add_some() -> None:
    chat, out, _ = conversation(ScriptedAssistant())
    await chat.greet()
    assert "assistant ingest FOLDER" in visible(out)


async def test_a_chat_that_is_resumed_shows_the_last_exchange() -> None:
    assistant = ScriptedAssistant()
    assistant.turns["s1"] = [Turn("First?", "One."), Turn("Second?", "Two.", (CITATION,))]
    chat, out, _ = conversation(assistant)
    await chat.greet()
    assert "Resuming s1 (2 turns)" in visible(out)
    assert "> Second?" in visible(out)
    assert "First?" not in visible(out)
    await chat.take("/sources")
    assert "“A loop runs.”" in visible(out)


async def test_an_answer_in_a_chat_has_short_sources_and_a_footer() -> None:
    chat, out, _ = conversation(ScriptedAssistant(ANSWER))
    await chat.take("What is a loop?")
    assert "[1] /docs/loops.pdf, page 3" in visible(out)
    assert "“A loop runs.”" not in visible(out)
    assert "120 + 14 tokens" in visible(out)
    await chat.take("/sources")
    assert "“A loop runs.”" in visible(out)
    assert "[1] file:///docs/loops.pdf#page=3" in visible(out)


async def test_the_commands_of_a_chat_do_what_they_say() -> None:
    assistant = ScriptedAssistant(ANSWER)
    chat, out, err = conversation(assistant)
    await chat.take("What is a loop?")
    for command in ("/help", "/history", "/session", "/reset", "/sources", "/sorces"):
        await chat.take(command)
    assert "a new line" in visible(out)
    assert "> What is a loop?" in visible(out)
    assert "assistant chat --session s1" in visible(out)
    assert "The last answer has no sources." in visible(out)
    assert assistant.turns == {}
    assert "There is no command /sorces. Did you mean /sources?" in written(err)
    assert len(assistant.asked) == 1
    for command in ("/quit", "/exit"):
        with pytest.raises(Leave):
            await chat.take(command)


async def test_a_question_that_fails_does_not_end_the_chat() -> None:
    chat, out, err = conversation(ScriptedAssistant(UserError("Broken.", "Mend it."), ANSWER))
    await chat.take("First?")
    assert written(err) == "Broken.\nMend it.\n"
    await chat.take("Second?")
    assert "A loop runs again." in visible(out)


async def test_ctrl_c_stops_the_answer_and_keeps_the_session() -> None:
    assistant = ScriptedAssistant(ANSWER, pause=0.2)
    chat, out, _ = conversation(assistant)

    async def press_ctrl_c() -> None:
        while not assistant.asked:  # noqa: ASYNC110 (before that nothing would catch it)
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    pressed = asyncio.create_task(press_ctrl_c())
    await chat.take("What is a loop?")
    await pressed
    assert "Stopped." in visible(out)
    assert await assistant.history("s1") == []
    assistant.pause = 0
    await chat.take("And now?")
    assert "A loop runs again." in visible(out)


async def test_stopping_the_connector_is_not_taken_for_ctrl_c() -> None:
    chat, out, _ = conversation(ScriptedAssistant(ANSWER, pause=5))
    task = asyncio.create_task(chat.take("What is a loop?"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "Stopped." not in visible(out)


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe_input:
        yield pipe_input


def terminal_connector(keys: PipeInput, out: Console, session: str | None = "s1") -> TerminalConnector:
    return TerminalConnector(session, out=out, err=pipe(), input=keys, output=DummyOutput())


async def test_the_terminal_connector_passes_the_check_it_recommends(keys: PipeInput, tmp_path: Path) -> None:
    connector = terminal_connector(keys, terminal())
    assistant = ScriptedAssistant(data_dir=tmp_path)
    await check_connector(connector, assistant)
    assert assistant.warmed_up


async def test_a_person_asks_and_leaves(keys: PipeInput, tmp_path: Path) -> None:
    out, assistant = terminal(), ScriptedAssistant(ANSWER, data_dir=tmp_path)
    keys.send_text("What is a loop?\r\x04")
    await terminal_connector(keys, out).serve(real(assistant))
    assert [q.text for q in assistant.asked] == ["What is a loop?"]
    assert "Come back with: assistant chat --session s1" in visible(out)
    assert (tmp_path / "chat_history").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("typed", "question"),
    [
        ("one\x1b\rtwo\r", "one\ntwo"),
        ("one\\\rtwo\r", "one\ntwo"),
        ("\x1b[200~one\ntwo\x1b[201~\r", "one\ntwo"),
        ("wrong\x03right\r", "right"),
        ("a\x03b\x03c\r", "c"),
    ],
)
async def test_what_is_typed_is_what_is_read(typed: str, question: str, keys: PipeInput, tmp_path: Path) -> None:
    prompt = Prompt(tmp_path / "history", ["/help", "/quit"], keys, DummyOutput())
    keys.send_text(typed)
    assert await prompt.read() == question


async def test_tab_completes_a_command(keys: PipeInput, tmp_path: Path) -> None:
    prompt = Prompt(tmp_path / "history", ["/help", "/quit"], keys, DummyOutput())
    completed = asyncio.Event()
    prompt.session.default_buffer.on_text_changed += lambda b: completed.set() if b.text == "/help" else None
    reading = asyncio.create_task(prompt.read())
    keys.send_text("/he\t")
    await asyncio.wait_for(completed.wait(), 5)
    keys.send_text("\r")
    assert await reading == "/help"


@pytest.mark.parametrize("typed", ["\x04", "\x03\x03", "text\x03\x03"])
async def test_ctrl_d_or_ctrl_c_twice_leaves(typed: str, keys: PipeInput, tmp_path: Path) -> None:
    prompt = Prompt(tmp_path / "history", [], keys, DummyOutput())
    keys.send_text(typed)
    with pytest.raises(EOFError):
        await prompt.read()


async def test_a_history_that_cannot_be_written_does_not_keep_anyone_from_asking(
    keys: PipeInput, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    prompt = Prompt(tmp_path / "file" / "history", [], keys, DummyOutput())
    keys.send_text("Still works?\r")
    assert await prompt.read() == "Still works?"


async def test_a_script_asks_a_question_a_line() -> None:
    reader = Lines(io.StringIO("one\n\n  \ntwo"))
    assert [await reader.read(), await reader.read()] == ["one", "two"]
    with pytest.raises(EOFError):
        await reader.read()


async def test_for_a_script_there_is_only_text(piped: Callable[[str], None]) -> None:
    piped("What is a loop?\nWhat else?\n")
    out, err = pipe(), pipe()
    connector = TerminalConnector("s1", out=out, err=err)
    await connector.serve(real(ScriptedAssistant(ANSWER, UserError("Broken.", "Mend it."))))
    assert written(out) == (
        "A loop **runs** again. [1]\n\nSources:\n"
        "[1] /docs/loops.pdf, page 3 · Loops > The for loop\n    “A loop runs.”\n\n"
    )
    assert written(err) == "Broken.\nMend it.\n"
    assert connector.failed


def test_a_pipe_on_which_nothing_comes_does_not_hold_up_the_end() -> None:
    code = "import asyncio; from connectors.cli.prompt import Lines\n"
    code += "asyncio.run(asyncio.wait_for(Lines().read(), 0.1))"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.wait(timeout=30) == 1
    finally:
        process.kill()
        process.communicate()
