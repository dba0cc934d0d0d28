"""`assistant search`: the passages themselves, without an answer."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.caller import caller
from connectors.cli.options import AsJson, Collection, options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.documents import Document
    from rich.console import Console

EXCERPT = 400
# Shorter words, marked wherever they occur, only make an excerpt restless.
SHORTEST_MARKED = 3


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, metavar="N", help="How many passages.")] = 5,
    collection: Collection = None,
    as_json: AsJson = False,
) -> None:
    """Find the passages nearest to a query."""
    if not query.strip():
        errors.wrong_use("The query is empty.", 'Look for something: `assistant search "for loop"`.')
    found = _search(context, query, k, (collection,) if collection else ())
    _print(found, query, as_json=as_json)
    raise typer.Exit(0 if found else errors.NOT_IN_DOCUMENTS)


def _search(context: typer.Context, query: str, k: int, collections: "Sequence[str]") -> list["Document"]:
    from connectors.cli import console, live

    with live.Progress(console.err()) as progress:
        progress.say(live.STAGES["searching"])
        with options_of(context).knowledge() as knowledge:
            return knowledge.search(query, k, collections, caller())


def _print(found: "Sequence[Document]", query: str, *, as_json: bool) -> None:
    from connectors.cli import console

    if as_json:
        console.write_json([passage_json(document) for document in found])
    elif found:
        print_passages(console.out(), found, query)
    else:
        typer.echo("Nothing was found.", err=True)


def passage_json(document: "Document") -> dict[str, object]:
    """The shape that `search --json` promises."""
    place = {key: document.metadata[key] for key in ("source", "page", "section")}
    return {**place, "text": document.page_content, "score": document.metadata["score"]}


def print_passages(console: "Console", found: "Sequence[Document]", query: str) -> None:
    from rich.text import Text

    from connectors.cli import render

    words = [word for word in re.findall(r"\w+", query) if len(word) >= SHORTEST_MARKED]
    for number, document in enumerate(found, start=1):
        place = document.metadata
        where = render.place(place["source"], place["page"], place["section"])
        score = f"  {place['score']:.2f}"
        head = ((f"{number}. ", "cyan"), (where, render.link(place["url"])), (score, "dim"))
        console.print(Text.assemble(*head), soft_wrap=not console.is_terminal)
        render.print_indented(console, render.highlighted(excerpt(document.page_content), words))


def excerpt(text: str) -> str:
    """The beginning, cut between words."""
    from connectors.cli.console import one_line

    whole = one_line(text)
    return whole if len(whole) <= EXCERPT else whole[:EXCERPT].rpartition(" ")[0] + " …"
