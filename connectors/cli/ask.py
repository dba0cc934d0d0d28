"""`assistant ask`: one question, one answer."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors, stdin
from connectors.cli.caller import caller
from connectors.cli.options import AsJson, Collection, Session, options_of

if TYPE_CHECKING:
    from assistant import Answer, Assistant, Question

EXIT_CODES = {
    "answered": 0,
    "clarify": 0,
    "abstained": errors.NOT_IN_DOCUMENTS,
    "handed_off": errors.NOT_IN_DOCUMENTS,
    "failed": errors.FAILED,
}


def ask(
    context: typer.Context,
    question: Annotated[
        str | None, typer.Argument(help="What you want to know; `-` reads it from standard input.")
    ] = None,
    session: Session = None,
    collection: Collection = None,
    as_json: AsJson = False,
) -> None:
    """Ask one question. Text that is piped in is read as well as the documents."""
    asked = compose(question, session, collection)
    answer = asyncio.run(_answer(options_of(context).assistant(), asked, as_json=as_json))
    raise typer.Exit(EXIT_CODES[answer.status])


def compose(question: str | None, session: str | None, collection: str | None) -> "Question":
    """The question with what was piped in. Raises UserError."""
    from assistant import Attachment, Question, new_conversation_id

    text, attached = _texts(question)
    if not text.strip():
        errors.wrong_use("The question is empty.", 'Ask something: `assistant ask "What is a loop?"`.')
    return Question(
        # A command line may hold bytes that are no characters; no model can read those.
        text.encode("utf-8", "replace").decode(),
        conversation_id=session or new_conversation_id(),
        caller=caller(),
        attachments=(Attachment("standard input", attached),) if attached.strip() else (),
        collections=(collection,) if collection else (),
    )


def _texts(question: str | None) -> tuple[str, str]:
    """The question, and the text that came with it."""
    wants_stdin = question in (None, "-")
    if question is not None and not wants_stdin and not question.strip():
        return "", ""  # refused before anything is read
    piped = stdin.read(sys.stdin.buffer, _notice) if question == "-" or stdin.is_piped() else ""
    return (piped, "") if wants_stdin else (question or "", piped)


def _notice() -> None:
    typer.echo("Reading standard input… (end it with Ctrl-D, or run with </dev/null)", err=True)


async def _answer(assistant: "Assistant", question: "Question", *, as_json: bool) -> "Answer":
    async with assistant:
        if as_json:
            return await answer_as_json(assistant, question)
        return await answer_as_text(assistant, question)


async def answer_as_json(assistant: "Assistant", question: "Question") -> "Answer":
    from connectors.cli import console, live, render

    answer = await live.show(assistant.stream(question), None, console.err())
    console.write_json(render.answer_json(answer, question.conversation_id))
    return answer


async def answer_as_text(assistant: "Assistant", question: "Question") -> "Answer":
    from connectors.cli import console, live, render

    out = console.out()
    answer = await live.show(assistant.stream(question), out, console.err())
    render.print_sources(out, answer.citations)
    return answer
