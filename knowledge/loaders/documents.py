"""What every loader returns: text with a place that a person can open."""

from typing import TYPE_CHECKING, Literal

from knowledge.loaders.headers import repeat_headers

if TYPE_CHECKING:
    from langchain_core.documents import Document

Format = Literal["markdown", "text"]
# A title stands before passages where there are no headings; longer than this it is no title.
MAX_TITLE = 200


def document(
    text: str,
    title: str,
    *,
    page: int | None = None,
    section: str = "",
    format: Format = "markdown",  # noqa: A002
    headed: bool = False,
) -> "Document":
    """A LangChain Document of Markdown or plain text; in Markdown each part of a long table has the header row. It has
    already where the text is `headed`, which saves most of the time that thousands of ranges of rows take.

    `page` is counted from 1; `section` is a place above the text's own headings: "Prices, rows 2-51", "Cell 4".
    """
    from langchain_core.documents import Document

    metadata = {"title": _line(title)[:MAX_TITLE], "page": page, "format": format, "section": _line(section)}
    return Document(encodable(repeat_headers(text) if format == "markdown" and not headed else text), metadata=metadata)


def encodable(text: str) -> str:
    """Without halves of surrogate pairs, which no database and no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _line(text: str) -> str:
    return " ".join(encodable(text).split())
