"""`assistant documents`: what was ingested, and taking it out again."""

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.caller import caller
from connectors.cli.options import AsJson, Collection, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from assistant import Caller
    from knowledge import KnowledgeBase, Source, StoredPassage

app = typer.Typer(help="List, show and remove documents.")

JSON_KEYS = ("source", "title", "collection", "state", "version", "error", "passages", "size", "ingested_at", "url")
STATE_STYLES = {"ready": "green", "outdated": "yellow", "failed": "red"}
# Names that are shown before somebody says yes to removing them.
LISTED = 10


@app.command("list")
def list_documents(
    context: typer.Context,
    collection: Collection = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Closed collections too, for whoever may write the data folder.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the documents that you may read."""
    from connectors.cli import console

    with options_of(context).knowledge() as knowledge:
        who = operator(knowledge) if everything else caller()
        sources = in_collection(knowledge, collection, who)
        hidden = closed(knowledge, who)
    if as_json:
        console.write_json([source_json(source) for source in sources])
    elif sys.stdout.isatty():
        print_table(console.out(), sources)
    else:
        for source in sources:
            console.write_row(*_row(source))
    if hidden:
        typer.echo(_hidden_line(hidden), err=True)


@app.command()
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Paths, the ends of paths, or folders.")],
    collection: Collection = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take documents out: nothing is answered from them any more. The files stay where they are."""
    from connectors.cli import console
    from knowledge import OPERATOR

    with options_of(context).knowledge() as knowledge:
        sources = find(knowledge, names, collection, OPERATOR)
        if len(sources) > 1 and not yes:
            _confirm(sources)
        passages = knowledge.remove(sources)
    if as_json:
        console.write_json({"removed": [source.path for source in sources], "passages": passages})
    else:
        _print_removed(sources, passages)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A path or the end of one.")],
    collection: Collection = None,
    as_json: AsJson = False,
) -> None:
    """Show a document as it was understood: its passages with section and page."""
    from connectors.cli import console

    with options_of(context).knowledge() as knowledge:
        source = only(find(knowledge, [name], collection, caller()), name)
        passages = knowledge.passages(source)
    if as_json:
        text = [{"section": p.section, "page": p.page, "text": p.text} for p in passages]
        console.write_json(source_json(source) | {"text": text})
    else:
        print_document(console.out(), source, passages)


def operator(knowledge: "KnowledgeBase") -> "Caller":
    """Who may see everything: whoever may write where it is kept could also read it there. Raises UserError."""
    from knowledge import OPERATOR, UserError

    if not os.access(knowledge.folder, os.W_OK):
        raise UserError(
            f"You may not write the data folder {knowledge.folder}, so closed collections are not for you to see.",
            "Ask whoever runs the assistant.",
        )
    return OPERATOR


def closed(knowledge: "KnowledgeBase", who: "Caller") -> int:
    """How many collections there are that this person may not read."""
    from knowledge import OPERATOR

    return len(knowledge.collections(OPERATOR)) - len(knowledge.collections(who))


def _hidden_line(count: int) -> str:
    collections = "1 collection is" if count == 1 else f"{count} collections are"
    return f"{collections} closed to you. Whoever runs the assistant lists them with --all."


def in_collection(knowledge: "KnowledgeBase", collection: str | None, who: "Caller | None" = None) -> list["Source"]:
    """The documents of a collection, or all, that a person may read. Raises UserError for a collection that does not
    exist."""
    from knowledge import NotFoundError

    sources = knowledge.documents(caller=who)
    names = sorted({source.collection for source in sources})
    if collection and collection not in names:
        raise NotFoundError(f"There is no collection {collection!r}.", f"There are: {', '.join(names) or 'none'}.")
    return [source for source in sources if collection in (None, source.collection)]


def find(
    knowledge: "KnowledgeBase", names: "Sequence[str]", collection: str | None, who: "Caller | None" = None
) -> list["Source"]:
    """Every document that one of the names means, once."""
    found = [source for name in names for source in knowledge.find(name, collection, who)]
    return list({(source.collection, source.path): source for source in found}.values())


def only(sources: "Sequence[Source]", name: str) -> "Source":
    if len(sources) > 1:
        paths = ", ".join(f"{source.path} ({source.collection})" for source in sources[:LISTED])
        errors.wrong_use(f"{len(sources)} documents are called {name!r}.", f"Give more of the path: {paths}.")
    return sources[0]


def _confirm(sources: "Sequence[Source]") -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        errors.wrong_use(f"{len(sources)} documents match.", "Name one, or add --yes to remove them all.")
    from connectors.cli.render import display_path

    for source in sources[:LISTED]:
        typer.echo(f"  {display_path(source.path)}", err=True)
    if len(sources) > LISTED:
        typer.echo(f"  and {len(sources) - LISTED} more", err=True)
    if not typer.confirm(f"Remove these {len(sources)} documents?", err=True):
        typer.echo("Nothing was removed.", err=True)
        raise typer.Exit(errors.FAILED)


def _print_removed(sources: "Sequence[Source]", passages: int) -> None:
    from connectors.cli.render import display_path

    for source in sources:
        typer.echo(f"Removed {display_path(source.path)}")
    typer.echo(f"{len(sources)} documents, {passages} passages." if len(sources) > 1 else f"{passages} passages.")


def source_json(source: "Source") -> dict[str, object]:
    values = asdict(source)
    return {key: values["path" if key == "source" else key] for key in JSON_KEYS}


def _row(source: "Source") -> tuple[object, ...]:
    return (
        source.path,
        source.title,
        source.collection,
        source.passages,
        source.state,
        source.ingested_at,
        source.version,
        source.error or "",
    )


def print_table(console: "Console", sources: "Sequence[Source]") -> None:
    from rich.table import Table
    from rich.text import Text

    from connectors.cli.console import one_line
    from connectors.cli.render import display_path, link

    if not sources:
        console.print("There are no documents yet. Add some: assistant ingest FOLDER")
        return
    columns = ("Document", "Title", "Collection", "Passages", "Version", "State", "Date")
    table = Table(*columns, box=None, header_style="bold")
    # The path is what has to be typed, so it is never cut short; the title may be.
    table.columns[0].overflow = "fold"
    table.columns[1].max_width, table.columns[1].no_wrap = 24, True
    table.columns[3].justify = table.columns[4].justify = "right"
    for source in sources:
        table.add_row(
            Text(display_path(source.path), link(source.url)),
            Text(one_line(source.title)),
            Text(source.collection),
            str(source.passages),
            str(source.version),
            Text(source.state, STATE_STYLES[source.state]),
            source.ingested_at[:10],
        )
    console.print(table)
    for source in sources:
        _print_error(console, source)


def _print_error(console: "Console", source: "Source") -> None:
    from rich.text import Text

    from connectors.cli.ingest import failure_line
    from knowledge import Failure

    if source.error:
        console.print(Text(failure_line(Failure(source.path, source.error)), "red"), soft_wrap=True)


def print_document(console: "Console", source: "Source", passages: "Sequence[StoredPassage]") -> None:
    from rich.text import Text

    from connectors.cli.console import clean, one_line

    facts = [(key, value) for key, value in source_json(source).items() if value not in (None, "")]
    for key, value in facts:
        console.print(Text.assemble((f"{key}: ", "bold"), one_line(str(value))), soft_wrap=True)
    for number, passage in enumerate(passages, start=1):
        page = f", page {passage.page}" if passage.page is not None else ""
        console.print()
        console.print(Text(f"[{number}]{page} {one_line(passage.section)}".rstrip(), "cyan"), soft_wrap=True)
        console.print(Text(clean(passage.text)), soft_wrap=not console.is_terminal)
