"""`assistant demo`: the samples in, and four questions about them."""

import asyncio
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from connectors.cli.console import err, out
from connectors.cli.options import options

if TYPE_CHECKING:
    from assistant import Answer, Assistant

# The last one is not answered anywhere in the samples; an assistant that can be believed says so.
DEMO_QUESTIONS = (
    ("What does Ohm's law state?", "answered"),
    ("How is an ammeter connected?", "answered"),
    ("What must be done after a lithium battery is damaged?", "answered"),
    ("How do I stop an ingestion half-way?", "answered"),
    ("What is the refund policy?", "abstained"),
)


def demo(context: typer.Context) -> None:
    """Ingest the bundled samples and answer questions about them, with sources."""
    settings = options(context).settings()
    folder = settings.data_dir / "demo"
    assistant = replace(options(context), data_dir=folder).assistant()
    if not asyncio.run(_demo(assistant)):
        raise typer.Exit(1)
    program = shlex.join([sys.argv[0], "--data-dir", str(folder)])
    out().print("\nGo on yourself:", style="bold")
    out().print(f"  {program} chat", soft_wrap=True)
    out().print("Then with documents of your own:", style="bold")
    out().print(f"  {sys.argv[0]} ingest FOLDER", soft_wrap=True)
    out().print(f'  {sys.argv[0]} ask "QUESTION"', soft_wrap=True)


async def _demo(assistant: "Assistant") -> bool:
    """Whether every question had the outcome it should have."""
    async with assistant:
        _ingest_samples(assistant)
        outcomes = [(await _ask(assistant, text)).status == expected for text, expected in DEMO_QUESTIONS]
        return all(outcomes)


def _ingest_samples(assistant: "Assistant") -> None:
    from assistant.samples import folder
    from connectors.cli.ingest import show_ingestion, summary

    out().print(
        "Reading the bundled samples: a course on electric circuits and this project's handbook.",
        style="bold",
    )
    for collection in ("course", "handbook"):
        report = show_ingestion(assistant.knowledge.ingest([folder() / collection], collection), err())
        out().print(f"{collection}: {summary(report)}")


async def _ask(assistant: "Assistant", text: str) -> "Answer":
    from assistant import Question
    from connectors.cli.ask import show_answer

    out().print(f"\n› {text}", style="bold green")
    return await show_answer(assistant, Question(text))
