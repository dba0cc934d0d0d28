"""`assistant eval grounding`: how well true sentences are told from false ones."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.evaluate import limit_of
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.grounding.evaluation import GroundingFigures
    from assistant.settings import Settings

MEASURES = ("accuracy", "precision", "recall")


def grounding(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help='JSON Lines of {"sentence", "passages", "supported", "kind"}.'),
    ],
    least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="MEASURE=X", help="Fail when it is below, like accuracy=0.95; repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well sentences are checked against passages: true ones kept, false ones caught.

    Each line of the file is a sentence with the passages it is set against and
    whether these bear it out. A kind ("number", "reworded") is counted apart.
    """
    from connectors.cli import console

    wanted = dict(limit_of(text, MEASURES, "accuracy=0.95") for text in least or ())
    figures = _measure(options_of(context).settings(), file.expanduser(), console.err())
    if as_json:
        console.write_json(figures.to_json())
    elif sys.stdout.isatty():
        print_figures(console.out(), figures)
    else:
        for row in rows(figures):
            console.write_row(*row)
    raise typer.Exit(_judge(figures, wanted))


def _judge(figures: "GroundingFigures", wanted: dict[str, float]) -> int:
    """The exit code; what is below its limit is told."""
    values = {name: float(getattr(figures, name)) for name in MEASURES}
    below = {name: least for name, least in wanted.items() if values[name] < least}
    for name, least in below.items():
        typer.echo(f"The {name} is {values[name]:.4f}, below {least:g}.", err=True)
    return errors.FAILED if below else 0


def _measure(settings: "Settings", file: Path, console: "Console") -> "GroundingFigures":
    from rich.progress import Progress

    from assistant.grounding.evaluation import evaluate, read_judged
    from knowledge import SentenceEmbeddings, open_entailment

    lines = read_judged(file)
    names = settings.knowledge
    embeddings, entails = SentenceEmbeddings(names.embedding_model), open_entailment(names.entailment_model)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Checking…", total=len(lines))
        for step in evaluate(lines, embeddings, entails):
            if isinstance(step, int):
                bar.update(task, completed=step)
            else:
                figures = step
    return figures


def print_figures(console: "Console", figures: "GroundingFigures") -> None:
    from rich.table import Table

    table = Table("kind", box=None, header_style="bold", pad_edge=False)
    table.add_column("sentences", justify="right")
    table.add_column("accuracy", justify="right")
    for kind, one in figures.by_kind.items():
        table.add_row(kind, f"{one.n:,}", f"{one.accuracy:.4f}")
    console.print(table)
    console.print("; ".join(f"{name} {getattr(figures, name):.4f}" for name in MEASURES))


def rows(figures: "GroundingFigures") -> list[list[str]]:
    """The measures, then each kind with its number of sentences and accuracy."""
    measures = [[name, f"{getattr(figures, name):.4f}"] for name in MEASURES]
    return [*measures, *([kind, str(one.n), f"{one.accuracy:.4f}"] for kind, one in figures.by_kind.items())]
