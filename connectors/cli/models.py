"""`assistant models`: where each model comes from, and fetching it."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from assistant.downloads import Progress
    from assistant.models import Model

app = typer.Typer(help="List and fetch models.")

STOPPED = "Stopped. What was fetched is kept; run the same command again to go on."
NON_COMMERCIAL = "{name} is licensed {licence}: no commercial use, so no customer support for a business."
# Without a terminal: how much more has come, and how long it has been, before another line says so.
STEP, SECONDS = 0.05, 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """A model of the catalogue, as it is here: where, and bytes on this disk, of an unfinished fetch as well."""

    model: "Model"
    path: Path | None
    here: int

    @property
    def size(self) -> int:
        """Bytes on disk; before it is here, the bytes it will take."""
        return self.here if self.path else self.model.size_bytes

    @property
    def presence(self) -> str:
        if self.path:
            return "yes"
        return f"{gigabytes(self.here)} of it" if self.here else "no"


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models that can be named in a profile."""
    from connectors.cli import console

    found = rows()
    if as_json:
        console.write_json([row_json(row) for row in found])
    elif sys.stdout.isatty():
        print_table(console.out(), found)
    else:
        for row in found:
            model = row.model
            console.write_row(
                model.name, model.use, model.source, row.size, model.memory_bytes, model.licence, row.presence
            )


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name from `models list`, or a hub's owner/name.")],
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="R", help="A branch, tag or commit instead of the newest.")
    ] = None,
) -> None:
    """Fetch a model, or what is missing of it. Again, and every file is checked."""
    from assistant import downloads, models
    from connectors.cli import console

    model = models.named(name)
    _check(name, revision, model)
    if model and not model.repo:
        typer.echo(f"{name} is bundled ({model.source}); it needs no download.", err=True)
        typer.echo(models.locate(name))
        return
    if model and not model.commercial_use:
        typer.echo(NON_COMMERCIAL.format(name=name, licence=model.licence), err=True)
    path = follow(lambda tell: downloads.fetch(name, revision, tell), console.err())
    typer.echo(path)
    typer.echo(usage(name, revision, model, path), err=True)


def rows() -> list[Row]:
    from assistant import models

    return [Row(model, models.find(name), models.bytes_here(name)) for name, model in models.CATALOGUE.items()]


def row_json(row: Row) -> dict[str, object]:
    """The shape that `models list --json` promises."""
    model = row.model
    return {
        "name": model.name,
        "use": model.use,
        "source": model.source,
        "size_bytes": row.size,
        "memory_bytes": model.memory_bytes,
        "licence": model.licence,
        "commercial_use": model.commercial_use,
        "present": row.path is not None,
        "path": str(row.path) if row.path else None,
    }


def print_table(console: "Console", found: "Sequence[Row]") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("Name", "Use", "Source", "Disk", "Memory", "Licence", "Here", box=None, header_style="bold")
    for column in table.columns:
        column.no_wrap = column.header != "Source"
    table.columns[2].overflow = "fold"
    table.columns[3].justify = table.columns[4].justify = "right"
    for row in found:
        table.add_row(
            Text(row.model.name),
            Text(row.model.use),
            Text(row.model.source),
            gigabytes(row.size),
            gigabytes(row.model.memory_bytes),
            Text(row.model.licence, "" if row.model.commercial_use else "yellow"),
            Text(row.presence, "green" if row.path else ""),
        )
    console.print(table)
    _print_footnotes(console, found)


def _print_footnotes(console: "Console", found: "Sequence[Row]") -> None:
    from rich.text import Text

    restricted = sorted({row.model.licence for row in found if not row.model.commercial_use})
    console.print()
    console.print(Text(f"{', '.join(restricted)}: no commercial use.", "yellow"))
    absent = next((row.model.name for row in found if not row.path), None)
    if absent:
        console.print(f"Fetch one: assistant models fetch {absent}")


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _check(name: str, revision: str | None, model: "Model | None") -> None:
    """Refuse what cannot be fetched under that name. Raises UsageError."""
    from assistant import models

    if model and not model.repo and revision:
        errors.wrong_use(f"{name} is bundled, in one version ({model.source}).", "Leave out --revision.")
    if model or models.is_hub_id(name):
        return
    near = models.nearest(name)
    hint = f"Did you mean {near!r}? " if near else ""
    errors.wrong_use(
        f"There is no model {name!r} to fetch.",
        f'{hint}Models: {", ".join(models.CATALOGUE)}; or give a hub\'s "owner/name".',
    )


def usage(name: str, revision: str | None, model: "Model | None", path: Path) -> str:
    """What to write into a profile."""
    engine = model.engine if model else "transformers"
    whole = f"{name} is here, and every file was checked against the hub's hashes. To use it, write into your profile:"
    lines = [whole, "", "[engine]", f'kind = "{engine}"', f'model = "{name}"']
    lines += [f'revision = "{revision}"'] if revision else []
    card = path / "README.md"
    lines += ["", f"Its licence is stated in {card}."] if not model and card.is_file() else []
    return "\n".join(lines)


def follow(fetching: "Callable[[Callable[[Progress], None]], Path]", console: "Console") -> Path:
    """Fetch with a progress bar on a terminal, and with a line now and then elsewhere."""
    try:
        if not console.is_terminal or console.is_dumb_terminal:
            return fetching(Lines().tell)
        with _bar(console) as bar:
            return fetching(Moving(bar).tell)
    except KeyboardInterrupt:
        raise errors.Interrupted(STOPPED) from None


@dataclass(slots=True)
class Moving:
    """A bar. It begins with what is here already, which must not count as speed."""

    bar: "Bar"
    task: "TaskID | None" = None

    def tell(self, progress: "Progress") -> None:
        if self.task is None:
            self.task = self.bar.add_task("", total=progress.total, completed=progress.done)
        self.bar.update(self.task, description=_doing(progress), completed=progress.done)


@dataclass(slots=True)
class Lines:
    """A line when it begins, when a good part more has come, and when all is here."""

    _share: float = -1.0
    _when: float = field(default_factory=lambda: -SECONDS)

    def tell(self, progress: "Progress") -> None:
        share = progress.done / progress.total if progress.total else 1.0
        now = time.monotonic()
        whole = share == 1.0 > self._share
        if whole or (share >= self._share + STEP and now >= self._when + SECONDS):
            self._share, self._when = share, now
            typer.echo(f"{gigabytes(progress.done)} of {gigabytes(progress.total)} ({share:.0%})", err=True)


def _doing(progress: "Progress") -> str:
    """Several files come at once, so none is named: the line would flicker."""
    if progress.stage == "waiting":
        return "Waiting for another program"
    return "Checking" if progress.stage == "checking" and progress.done == progress.total else "Fetching"


def _bar(console: "Console") -> "Bar":
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
