"""`assistant eval`: how well it finds, measured on judged questions."""

import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from assistant.settings import Settings
    from knowledge import Figures, Step

app = typer.Typer(help="Measure how good it is on questions that were judged.")

MEASURES = ("ndcg@10", "recall@5", "recall@10")
HALVES = ("dense", "lexical", "hybrid")
STAGES = {"documents": "Ingesting…", "queries": "Searching…"}


@app.callback()
def callback() -> None:
    """Measure how good it is on questions that were judged."""


@app.command()
def retrieval(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with corpus.jsonl, queries.jsonl and qrels/test.tsv.")
    ],
    least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="MEASURE=X", help="Fail when hybrid is below, like ndcg@10=0.70; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure retrieval on a folder in BEIR's layout: by meaning, by words, and by both.

    The corpus goes into a knowledge base of its own, which is thrown away; your
    documents are not touched. The time is that of a search by both, the query's
    embedding included.
    """
    from connectors.cli import console

    wanted = dict(limit_of(text) for text in least or ())
    figures = _measure(options_of(context).settings(), folder.expanduser(), console.err())
    if as_json:
        console.write_json(figures.to_json())
    elif sys.stdout.isatty():
        print_figures(console.out(), figures)
    else:
        for row in rows(figures):
            console.write_row(*row)
    raise typer.Exit(_judge(figures, wanted))


def limit_of(text: str, measures: Sequence[str] = MEASURES, example: str = "ndcg@10=0.70") -> tuple[str, float]:
    """What `--min` says, like the example, as a pair."""
    name, _, number = text.strip().lower().partition("=")
    if name not in measures or not re.fullmatch(r"0?\.\d+|[01](?:\.0*)?", number):
        errors.wrong_use(
            f"--min {text!r} is not a measure and a number from 0 to 1.",
            f"Write it like {example}; the measures are {', '.join(measures)}.",
        )
    return name, float(number)


def _judge(figures: "Figures", wanted: dict[str, float]) -> int:
    """The exit code; what is below its limit is told."""
    below = {name: least for name, least in wanted.items() if figures.halves["hybrid"][name] < least}
    for name, least in below.items():
        typer.echo(f"Hybrid {name} is {figures.halves['hybrid'][name]:.4f}, below {least:g}.", err=True)
    return errors.FAILED if below else 0


def _measure(settings: "Settings", folder: Path, console: "Console") -> "Figures":
    from assistant.opening import open_knowledge
    from knowledge import evaluate, read_dataset

    dataset = read_dataset(folder)
    with tempfile.TemporaryDirectory(prefix="assistant-eval-", ignore_cleanup_errors=True) as place:
        base = open_knowledge(apart(settings, Path(place)))
        try:
            with bar(console) as on:
                return _follow(evaluate(base, dataset), on)
        finally:
            base.close()


def _follow(steps: "Iterable[Step | Figures]", on: "Bar") -> "Figures":
    from knowledge import Figures

    task = on.add_task("Getting ready…", total=None)
    for step in steps:
        if isinstance(step, Figures):
            figures = step
        else:
            on.update(task, description=STAGES[step.stage], completed=step.done, total=step.total)
    return figures


def bar(console: "Console") -> "Bar":
    """A progress line, where there is a terminal to show it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def print_figures(console: "Console", figures: "Figures") -> None:
    from rich.table import Table

    table = Table("", box=None, header_style="bold", pad_edge=False)
    for name in MEASURES:
        table.add_column(name.replace("ndcg", "nDCG"), justify="right")
    for name, *values in rows(figures):
        if name in HALVES:
            table.add_row(name, *values, style="bold" if name == "hybrid" else "")
    console.print(table)
    console.print(
        f"{figures.queries:,} queries; a hybrid search took {figures.p50_ms:.1f} ms, "
        f"and {figures.p95_ms:.1f} ms or less in 95 of 100."
    )


def rows(figures: "Figures") -> list[list[str]]:
    """The name of each half with its figures, then the time."""
    halves = [[half, *(f"{figures.halves[half][name]:.4f}" for name in MEASURES)] for half in HALVES]
    return [*halves, ["p50_ms", f"{figures.p50_ms:.1f}"], ["p95_ms", f"{figures.p95_ms:.1f}"]]


def apart(settings: "Settings", folder: Path) -> "Settings":
    """The same, with everything kept in this folder and on no server, and open to whoever measures."""
    nowhere: dict[str, object] = {"catalog_url": None, "chroma_url": "", "collections": (), "readers": {}}
    knowledge = settings.knowledge.model_copy(update=nowhere)
    database = settings.database.model_copy(update={"url": None})
    return settings.model_copy(update={"data_dir": folder, "knowledge": knowledge, "database": database})
