"""`assistant ingest`: documents in, with progress."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.console import err, out, print_json, printable
from connectors.cli.options import options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as ProgressBar

    from knowledge import IngestEvent, Report


def ingest(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", metavar="PATH…")],
    collection: Annotated[str, typer.Option(help="Where the documents go.")] = "default",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Bring documents in, or up to date: what is new is added, what changed is updated, what is gone is removed."""
    knowledge = options(context).knowledge()
    try:
        report = show_ingestion(knowledge.ingest(paths, collection), err())
    except KeyboardInterrupt:
        err().print("\nStopped. What was finished is kept; run the same command again to go on.")
        raise typer.Exit(130) from None
    finally:
        knowledge.close()
    if json:
        print_json(as_json(report))
    else:
        out().print(summary(report))
    raise typer.Exit(1 if report.failed else 0)


def show_ingestion(events: "Iterator[IngestEvent]", console: "Console") -> "Report":
    """Follow an ingestion to its end: a bar on a terminal, only failures in a pipe."""
    from knowledge import Failure, Progress, Report, Waiting

    with _bar(console) as bar:
        task = bar.add_task("Looking at the files", total=None, passages="")
        for event in events:
            match event:
                case Waiting():
                    console.print("Another process is writing here; waiting for it to end…", style="dim")
                case Progress(source, done, total, passages):
                    name = printable(Path(source).name)
                    bar.update(task, completed=done, total=total, description=name, passages=f"{passages:,} passages")
                case Failure(_, error):
                    _print_failure(console, error)
                case Report():
                    bar.update(task, description="Done")
                    report = event
    return report


def _bar(console: "Console") -> "ProgressBar":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(width=32, no_wrap=True)),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[passages]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _print_failure(console: "Console", error: str) -> None:
    from rich.text import Text

    console.print(Text.assemble(("✗ ", "bold red"), printable(error)), soft_wrap=True)


def summary(report: "Report") -> str:
    counts = f"Added {report.added}, updated {report.updated}, unchanged {report.unchanged}, removed {report.removed}"
    failed = f", failed {len(report.failed)}" if report.failed else ""
    skipped = f" ({report.skipped} files of other kinds were passed over)" if report.skipped else ""
    return f"{counts}{failed}: {report.passages:,} new passages in {report.seconds:.1f} s{skipped}."


def as_json(report: "Report") -> dict[str, Any]:
    values = asdict(report)
    keys = ("added", "updated", "unchanged", "removed", "failed", "passages", "seconds")
    return {key: list(values[key]) if key == "failed" else values[key] for key in keys}
