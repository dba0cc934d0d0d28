"""`assistant ask`: one question, one answer."""

import asyncio
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.console import err, out, print_json
from connectors.cli.options import options

if TYPE_CHECKING:
    from assistant import Answer, Assistant, Attachment, Question

MAX_PIPED_BYTES = 1_000_000
# After so many seconds of silence, say what is being waited for.
PATIENCE = 3.0
ABSTAINED = 3


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    session: Annotated[str | None, typer.Option(help="A conversation to go on with.")] = None,
    collection: Annotated[str | None, typer.Option(help="Search this collection only.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Ask one question. Text that is piped in is used as evidence for it.

    Exit code 3 means that the documents do not say.
    """
    from assistant import Question, new_conversation_id

    asked = Question(
        text=question,
        conversation_id=session or new_conversation_id(),
        attachments=piped_text(),
        collections=(collection,) if collection else (),
    )
    answer = asyncio.run(_answer(options(context).assistant(), asked, quiet=json))
    if json:
        print_json(as_json(answer, asked.conversation_id))
    raise typer.Exit(ABSTAINED if answer.status == "abstained" else 0)


async def _answer(assistant: "Assistant", question: "Question", quiet: bool) -> "Answer":
    async with assistant:
        return await assistant.ask(question) if quiet else await show_answer(assistant, question)


async def show_answer(assistant: "Assistant", question: "Question") -> "Answer":
    """Ask, and show what happens on the terminal."""
    from assistant import Finished
    from connectors.cli.render import AnswerView

    view = AnswerView(out(), err())
    try:
        async for event in assistant.stream(question):
            view.show(event)
            if isinstance(event, Finished):
                answer = event.answer
    finally:
        view.close()
    return answer


def as_json(answer: "Answer", session: str) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "answer": answer.text,
        "status": answer.status,
        "citations": [asdict(citation) for citation in answer.citations],
        "session": session,
        "usage": asdict(answer.usage),
        "timings": asdict(answer.timings),
    }


def piped_text() -> "tuple[Attachment, ...]":
    """What was piped in, if anything was. Raises UserError when it is too much, or not text."""
    from assistant import Attachment
    from knowledge import UserError

    if not _is_piped():
        return ()
    data = _read_piped()
    if len(data) > MAX_PIPED_BYTES:
        raise UserError(f"More than {MAX_PIPED_BYTES // 1_000_000} MB was piped in.", "Ingest it as a file instead.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("What was piped in is not text in UTF-8.", "Pipe text, or ingest the file.") from error
    return (Attachment("standard input", text),) if text.strip() else ()


def _is_piped() -> bool:
    """Whether standard input is a pipe, a socket or a file; not a terminal, and not /dev/null."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read_piped() -> bytes:
    hint = threading.Timer(PATIENCE, lambda: err().print("Waiting for standard input to end (Ctrl-D)…", style="dim"))
    hint.daemon = True
    hint.start()
    try:
        return sys.stdin.buffer.read(MAX_PIPED_BYTES + 1)
    finally:
        hint.cancel()
