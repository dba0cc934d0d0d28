"""`assistant search`: the passages behind an answer, without one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli.console import err, out, print_json, printable, short_path
from connectors.cli.options import options

if TYPE_CHECKING:
    from langchain_core.documents import Document

NOTHING_FOUND = 3


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for.")],
    count: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 5,
    collection: Annotated[str | None, typer.Option(help="Search this collection only.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Find passages. The score is the cosine of query and passage, at most 1."""
    from assistant.errors import EmptyQuestionError

    if not query.strip():
        raise EmptyQuestionError("The query is empty.", "Say what to look for, in quotes.")
    knowledge = options(context).knowledge()
    found = knowledge.search(query, count, (collection,) if collection else ())
    knowledge.close()
    if json:
        print_json([as_json(document) for document in found])
    else:
        _print(query, found)
    raise typer.Exit(0 if found else NOTHING_FOUND)


def _print(query: str, found: "list[Document]") -> None:
    from rich.text import Text

    if not found:
        err().print("Nothing was found. `assistant documents list` shows what there is.")
    for number, document in enumerate(found, start=1):
        where = document.metadata
        page = f", page {where['page']}" if where["page"] else ""
        head = Text(f"{number}. ", style="bold cyan")
        head.append(printable(f"{short_path(where['source'])}{page}"), style=f"link {where['url']}")
        head.append(printable(f" · {where['section']}") if where["section"] else "", style="dim")
        head.append(f"  {where['score']:.2f}", style="green")
        out().print(head)
        body = Text(printable(document.page_content))
        body.highlight_words([word for word in query.split() if len(word) > 3], "bold", case_sensitive=False)
        out().print(body, end="\n\n")


def as_json(document: "Document") -> dict[str, Any]:
    where = document.metadata
    return {
        "source": where["source"],
        "page": where["page"],
        "section": where["section"],
        "text": document.page_content,
        "score": where["score"],
    }
