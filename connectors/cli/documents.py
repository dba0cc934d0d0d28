"""`assistant documents`: what is here, what it says, and taking it out."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.console import err, out, print_json, printable, short_path
from connectors.cli.options import options

if TYPE_CHECKING:
    from knowledge import Source, StoredPassage

app = typer.Typer(help="List, show and remove documents.", no_args_is_help=True, rich_markup_mode=None)

Collection = Annotated[str | None, typer.Option(help="Only in this collection.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]
COLUMNS = ("source", "title", "collection", "state", "passages", "ingested_at")


@app.command("list")
def list_documents(context: typer.Context, collection: Collection = None, json: Json = False) -> None:
    """List the documents, with their state."""
    knowledge = options(context).knowledge()
    sources = knowledge.documents(collection)
    knowledge.close()
    if json:
        print_json([as_json(source) for source in sources])
    elif out().is_terminal:
        _print_table(sources)
    else:
        for source in sources:
            out().print("\t".join(printable(str(as_json(source)[column])) for column in COLUMNS), soft_wrap=True)


def _print_table(sources: "Sequence[Source]") -> None:
    from rich.table import Table

    if not sources:
        out().print("There are no documents yet. Add some: assistant ingest FOLDER")
        return
    table = Table("Document", "Title", "Collection", "State", "Passages", "Ingested", box=None, header_style="bold")
    for source in sources:
        state = source.state if source.state == "ready" else f"{source.state}: {source.error}"
        day = source.ingested_at[:10]
        row = (short_path(source.path), source.title, source.collection, state, f"{source.passages}", day)
        table.add_row(*(printable(cell) for cell in row), style="" if source.state == "ready" else "yellow")
    out().print(table)


@app.command("show")
def show(context: typer.Context, name: str, collection: Collection = None, json: Json = False) -> None:
    """Show a document as the assistant sees it: passage by passage."""
    knowledge = options(context).knowledge()
    found = knowledge.find(name, collection)
    documents = [(source, knowledge.passages(source)) for source in found]
    knowledge.close()
    if json:
        values = [as_json(source) | {"text": [_passage_json(p) for p in passages]} for source, passages in documents]
        print_json(values[0] if len(values) == 1 else values)
        return
    for source, passages in documents:
        _print_document(source, passages)


def _print_document(source: "Source", passages: "Sequence[StoredPassage]") -> None:
    out().print(f"{printable(source.title)} ({short_path(source.path)})", style="bold")
    out().print(f"{source.collection}, {source.state}, {source.passages} passages, {source.ingested_at}", style="dim")
    if source.error:
        out().print(printable(source.error), style="yellow")
    for passage in passages:
        page = f"page {passage.page} " if passage.page else ""
        out().print(f"\n── {page}{printable(passage.section)}", style="cyan")
        out().print(printable(passage.text))


@app.command("remove")
def remove(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Paths, ends of paths, or folders.")],
    collection: Collection = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Take documents out. The files themselves are not touched."""
    knowledge = options(context).knowledge()
    found = list(dict.fromkeys(source for name in names for source in knowledge.find(name, collection)))
    if len(found) > len(names) and not yes:
        _confirm(found)
    passages = knowledge.remove(found)
    knowledge.close()
    if json:
        print_json({"removed": [source.path for source in found], "passages": passages})
        return
    for source in found:
        out().print(f"Removed {short_path(source.path)} ({source.passages} passages).")


def _confirm(sources: "Sequence[Source]") -> None:
    """Ask before more is taken out than was named; without a terminal to ask on, refuse."""
    from assistant.errors import UsageError

    for source in sources:
        err().print(f"  {short_path(source.path)}")
    if not sys.stdin.isatty():
        raise UsageError(f"That means {len(sources)} documents.", "Add --yes to remove them all.")
    typer.confirm(f"Remove these {len(sources)} documents?", abort=True, err=True)


def as_json(source: "Source") -> dict[str, Any]:
    return {
        "source": source.path,
        "title": source.title,
        "collection": source.collection,
        "state": source.state,
        "error": source.error,
        "passages": source.passages,
        "size": source.size,
        "ingested_at": source.ingested_at,
        "url": source.url,
    }


def _passage_json(passage: "StoredPassage") -> dict[str, Any]:
    return {"section": passage.section, "page": passage.page, "text": passage.text}
