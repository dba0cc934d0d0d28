"""`assistant demo`: the bundled samples, questions about them, answers with their sources."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from connectors.cli import errors
from connectors.cli.caller import caller
from connectors.cli.options import Options, options_of

if TYPE_CHECKING:
    from rich.console import Console

    from assistant import Answer, Assistant


class DemoQuestion(NamedTuple):
    """`answerable` says whether the samples hold the answer."""

    text: str
    answerable: bool = True


# One from the lessons, one from the PDF, one from the Word document, one from the handbook; and one that nothing in
# the samples answers: an assistant that can be believed says so.
DEMO_QUESTIONS = (
    DemoQuestion("What does Ohm's law state?"),
    DemoQuestion("What should I do with a swollen lithium battery?"),
    DemoQuestion("What happens when a laboratory report is handed in late?"),
    DemoQuestion("How do I stop an ingestion half-way?"),
    DemoQuestion("What is the refund policy?", answerable=False),
)


def demo(context: typer.Context) -> None:
    """Add the bundled samples to a folder of their own, and ask questions about them."""
    from assistant.samples import folder

    options = options_of(context)
    own = Options(options.profile, options.settings().data_dir / "demo", options.debug)
    assistant = own.assistant()
    _ingest(assistant, folder())
    wrong = asyncio.run(_ask_all(assistant))
    _what_next(options, own)
    raise typer.Exit(errors.FAILED if wrong else 0)


def _ingest(assistant: "Assistant", samples: Path) -> None:
    from connectors.cli import console, ingest

    err = console.err()
    report = ingest.follow(assistant.knowledge.ingest([samples]), err)
    ingest.print_failures(report, err)
    typer.echo(ingest.summary(report))


async def _ask_all(assistant: "Assistant") -> int:
    """Ask every question. Returns how many went otherwise than they should."""
    from connectors.cli import console

    out, err = console.out(), console.err()
    async with assistant:
        answers = [await _ask(assistant, question, out, err) for question in DEMO_QUESTIONS]
    return sum(not as_expected(q, a) for q, a in zip(DEMO_QUESTIONS, answers, strict=True))


async def _ask(assistant: "Assistant", question: DemoQuestion, out: "Console", err: "Console") -> "Answer":
    from rich.text import Text

    from assistant import Question
    from connectors.cli import live, render

    out.print()
    out.print(Text(question.text, "bold"))
    answer = await live.show(assistant.stream(Question(question.text, caller=caller())), out, err)
    render.print_sources(out, answer.citations)
    return answer


def as_expected(question: DemoQuestion, answer: "Answer") -> bool:
    if question.answerable:
        return answer.status == "answered" and bool(answer.citations)
    return answer.status == "abstained"


def _what_next(options: Options, own: Options) -> None:
    typer.echo("\nGo on with the samples:")
    typer.echo(f"  {own.command()} chat")
    typer.echo("Or with documents of your own:")
    typer.echo(f"  {options.command()} ingest FOLDER")
    typer.echo(f'  {options.command()} ask "What would you like to know?"')
