"""HTML, as saved from a browser or built by a documentation tool."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.documents import document

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from langchain_core.documents import Document

_MAIN = ("main", "[role=main]", "article", "body")
_NOT_CONTENT = (
    "script, style, noscript, template, svg, nav, header, footer, aside, form, button, iframe, "
    "[hidden], [aria-hidden=true], a.headerlink"
)
# Pictures that stand in the page itself; they can be most of what a browser saves.
_EMBEDDED = re.compile(rb"data:[\w.+/-]{3,80};base64,[A-Za-z0-9+/=%\s]+")
# Deeper than any page a person wrote, and shallower than what exhausts the parser's recursion.
MAX_DEPTH = 200
# What is read in well under a minute.
MAX_BYTES = 15_000_000


def load(path: Path) -> "list[Document]":
    data = path.read_bytes()
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError(f"{path} is not an HTML file.", "Give it its right name, or leave it out.")
    page = parse(data, path)
    title = title_of(page) or path.stem
    return [document(to_markdown(_main(page)), title)]


def parse(data: bytes | str, path: Path) -> "BeautifulSoup":
    """The page as a tree. Raises LoadError for one that is too large or nested too deeply for that."""
    from bs4 import BeautifulSoup

    if isinstance(data, bytes):
        data = _EMBEDDED.sub(b"data:,", data)
    if len(data) > MAX_BYTES:
        raise LoadError(
            f"{path} holds {len(data) / 1e6:.0f} MB of HTML; up to {MAX_BYTES / 1e6:.0f} MB are read.",
            "Split it into smaller pages.",
        )
    _check_depth(data, path)
    return BeautifulSoup(data, "lxml")


def to_markdown(content: "Tag") -> str:
    """The content as Markdown: headings, lists, tables and code stay, links and pictures leave their words."""
    from markdownify import MarkdownConverter

    for element in content.select(_NOT_CONTENT):
        element.decompose()
    converter = MarkdownConverter(
        heading_style="ATX", bullets="-", strip=["a", "img"], escape_asterisks=False, escape_underscores=False
    )
    markdown: str = converter.convert_soup(content)
    return re.sub(r"\n{3,}", "\n\n", markdown).strip() + "\n"


def title_of(page: "BeautifulSoup") -> str:
    """The first heading of the first rank, else what the page calls itself."""
    heading = page.select_one("h1") or page.title
    for mark in heading.select("a.headerlink") if heading else []:
        mark.decompose()
    return " ".join(heading.get_text().split()) if heading else ""


def _main(page: "BeautifulSoup") -> "Tag":
    found = (page.select_one(selector) for selector in _MAIN)
    return next((element for element in found if element and element.get_text(strip=True)), page)


class _Depth:
    """Counts how deep the parser's elements stand in each other, and keeps none of them."""

    def __init__(self) -> None:
        self.depth = 0

    def start(self, tag: str, attributes: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RecursionError

    def end(self, tag: str) -> None:
        self.depth -= 1

    def close(self) -> None:
        return


def _check_depth(data: bytes | str, path: Path) -> None:
    """Follow the elements without building a tree, so that a page made to exhaust the stack is refused first."""
    from lxml import etree

    try:
        encoding = "utf-8" if isinstance(data, str) else None
        content = data.encode() if isinstance(data, str) else data
        etree.fromstring(content, etree.HTMLParser(target=_Depth(), huge_tree=True, encoding=encoding))
    except RecursionError as error:
        raise LoadError(f"{path} is nested too deeply.", "Save a simpler copy of it.") from error
    except (etree.LxmlError, ValueError, AssertionError):
        return  # An empty page, or one that the parser proper will speak of.
