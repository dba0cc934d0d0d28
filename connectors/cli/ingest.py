"""`assistant ingest`: documents in, with a progress bar."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from knowledge import Failure, IngestEvent, Progress, Report

STOPPED = "Stopped. What was finished is kept; run the same command again to go on."


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="Files, folders, and the addresses of web pages and sitemaps."),
    ] = None,
    collection: Annotated[
        str, typer.Option("--collection", "-c", metavar="NAME", help="Where to put them.")
    ] = "default",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read everything anew, for another embedding model; no PATH is needed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add documents, or bring them up to date: what has not changed is left alone."""
    from connectors.cli import console

    if rebuild == bool(paths):
        errors.wrong_use("Either a PATH is missing, or --rebuild is one too many.", "Give the one or the other.")
    err = console.err()
    with options_of(context).knowledge() as knowledge:
        events = knowledge.rebuild() if rebuild else knowledge.ingest([expanded(p) for p in paths or ()], collection)
        report = follow(events, err)
    print_failures(report, err)
    if as_json:
        console.write_json(report_json(report))
    else:
        typer.echo(summary(report))
    raise typer.Exit(errors.FAILED if report.failed else 0)


def expanded(path: str) -> str:
    """With the home folder for a tilde; an address as it is."""
    return path if "://" in path else str(Path(path).expanduser())


def follow(events: Iterator["IngestEvent"], console: "Console") -> "Report":
    """Go through an ingestion, with a progress bar when the console is a terminal."""
    try:
        with _bar(console) as bar:
            return _follow(events, bar)
    except KeyboardInterrupt:
        raise errors.Interrupted(STOPPED) from None


def _follow(events: Iterator["IngestEvent"], bar: "Bar") -> "Report":
    from knowledge import Progress, Report, Waiting

    task = bar.add_task("Getting ready…", total=None, rate="")
    for event in events:
        match event:
            case Progress():
                _advance(bar, task, event)
            case Waiting():
                bar.console.print("Another ingestion is at work; waiting for it to end.")
            case Report():
                report = event
    return report


def _advance(bar: "Bar", task: "TaskID", progress: "Progress") -> None:
    from connectors.cli.console import one_line

    seconds = bar.tasks[task].elapsed or 0.0
    rate = f"{progress.passages / seconds:.0f} passages/s" if seconds > 1 else ""
    name = one_line(Path(progress.source).name) or "…"
    bar.update(task, completed=progress.done, total=progress.total, description=name, rate=rate)


def _bar(console: "Console") -> "Bar":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.description}", table_column=Column(width=28, no_wrap=True, overflow="ellipsis")),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def summary(report: "Report") -> str:
    counts = f"Added {report.added}, updated {report.updated}, unchanged {report.unchanged}"
    return f"{counts}, removed {report.removed}: {report.passages} passages in {report.seconds:.1f} s."


def print_failures(report: "Report", console: "Console") -> None:
    from rich.text import Text

    for failure in report.failed:
        console.print(Text(failure_line(failure), "red"), soft_wrap=True)


def failure_line(failure: "Failure") -> str:
    """`file: reason`; a reason that begins with the file does not say it twice."""
    from connectors.cli.console import one_line
    from connectors.cli.render import display_path

    reason = failure.error.removeprefix(failure.source).lstrip(" :")
    return f"{display_path(failure.source)}: {one_line(reason)}"


def report_json(report: "Report") -> dict[str, object]:
    """The shape that `ingest --json` promises."""
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "failed": [asdict(failure) for failure in report.failed],
        "passages": report.passages,
        "seconds": report.seconds,
    }
