"""`assistant report`: what people thought of the answers, and what the documents did not say."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.gaps import Group
    from assistant.settings import Settings

app = typer.Typer(help="Show what people thought of the answers, and what the documents did not say.")

VERDICTS = {"good": ("👍", "green"), "bad": ("👎", "red")}


@app.command()
def feedback(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 50,
    only: Annotated[str | None, typer.Option("--only", metavar="good|bad", help="Only these.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show feedback, newest first: the verdict, the question, the answer and its sources."""
    from connectors.cli import console, errors

    if only not in (None, *VERDICTS):
        errors.wrong_use(f"{only!r} is no verdict.", "Say --only good or --only bad.")
    entries = asyncio.run(_judgements(options_of(context).settings(), limit, only))
    if as_json:
        console.write_json(entries)
    elif sys.stdout.isatty():
        _print(console.out(), entries)
    else:
        for entry in entries:
            console.write_row(entry["at"], entry["verdict"], entry["question"], entry["status"], entry["comment"])


async def _judgements(settings: "Settings", limit: int, only: str | None) -> list[dict[str, Any]]:
    from connectors.cli.slack import extra

    with extra():
        from connectors.slack.connector import open_store
    store = await open_store(settings)
    try:
        found = await store.judgements(limit, only)
    finally:
        await store.aclose()
    return [_entry(judgement) for judgement in found]


def _entry(judgement: dict[str, Any]) -> dict[str, Any]:
    keys = ("verdict", "comment", "question", "answer", "status", "citations", "channel", "user")
    at = datetime.fromtimestamp(judgement["at"], UTC).isoformat(timespec="seconds")
    return {"at": at} | {key: judgement[key] for key in keys}


def _print(console: "Console", entries: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from connectors.cli.console import clean, one_line
    from connectors.cli.render import place, print_indented

    if not entries:
        console.print("Nobody has judged an answer yet.")
    for entry in entries:
        mark, style = VERDICTS[entry["verdict"]]
        console.print(Text.assemble((f"{mark} ", style), (one_line(entry["question"]), "bold")))
        print_indented(console, Text(clean(entry["answer"]) or f"({entry['status']})"), width=3)
        for citation in entry["citations"]:
            where = place(citation["source"], citation["page"], citation["section"])
            print_indented(console, Text(f"[{citation['number']}] {where}", "dim"), width=3)
        if entry["comment"]:
            print_indented(console, Text(f"“{clean(entry['comment'])}”", "yellow"), width=3)
        print_indented(console, Text(entry["at"], "dim"), width=3)
        console.print()


@app.command()
def gaps(
    context: typer.Context,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Only what was asked from this day on.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what people asked and the documents did not say, the same questions together, most often asked first."""
    from connectors.cli import console

    groups = _groups(options_of(context).settings(), since)[:limit]
    if as_json:
        console.write_json([_gap_entry(group) for group in groups])
    elif sys.stdout.isatty():
        _print_gaps(console.out(), groups)
    else:
        for group in groups:
            console.write_row(str(group.count), group.gap.at, group.gap.question, "; ".join(group.gap.closest))


def _groups(settings: "Settings", since: datetime | None) -> "list[Group]":
    from assistant.gaps import Gaps, grouped

    kept = Gaps(settings.database, settings.data_dir)
    try:
        return grouped(kept.all(since.date().isoformat() if since else ""))
    finally:
        kept.close()


def _gap_entry(group: "Group") -> dict[str, Any]:
    gap = group.gap
    return {
        "question": gap.question,
        "query": gap.query,
        "count": group.count,
        "first": group.first,
        "last": gap.at,
        "collections": list(gap.collections),
        "closest": list(gap.closest),
        "confidence": round(gap.confidence, 4),
    }


def _print_gaps(console: "Console", groups: "list[Group]") -> None:
    from rich.text import Text

    from connectors.cli.console import one_line
    from connectors.cli.render import print_indented

    if not groups:
        console.print("The documents have answered every question so far.")
    for group in groups:
        console.print(Text.assemble((f"{group.count} × ", "yellow"), (one_line(group.gap.question), "bold")))
        if group.gap.closest:
            print_indented(console, Text(f"Closest: {one_line('; '.join(group.gap.closest))}"), width=3)
        details = (group.gap.at, *group.gap.collections)
        print_indented(console, Text(" · ".join(details), "dim"), width=3)
        console.print()
