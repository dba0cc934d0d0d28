"""HTML, as saved from a browser or built by a documentation tool."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from langchain_core.documents import Document

_MAIN = ("main", "[role=main]", "article", "body")
_NOT_CONTENT = (
    "script, style, noscript, template, svg, nav, header, footer, aside, form, button, iframe, "
    "[hidden], [aria-hidden=true], a.headerlink"
)
# Deeper than any page a person wrote, and shallower than what exhausts the parser's recursion.
MAX_DEPTH = 250


def load(path: Path) -> "list[Document]":
    from bs4 import BeautifulSoup
    from langchain_core.documents import Document

    data = path.read_bytes()
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LoadError(f"{path} is not an HTML file.", "Give it its right name, or leave it out.")
    _check_depth(data, path)
    page = BeautifulSoup(data, "lxml")
    title = _title(page) or path.stem
    text = to_markdown(_main(page))
    return [Document(text, metadata={"title": title, "page": None, "format": "markdown"})]


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


def _main(page: "BeautifulSoup") -> "Tag":
    found = (page.select_one(selector) for selector in _MAIN)
    return next((element for element in found if element and element.get_text(strip=True)), page)


def _title(page: "BeautifulSoup") -> str:
    heading = page.select_one("h1") or page.title
    for mark in heading.select("a.headerlink") if heading else []:
        mark.decompose()
    return " ".join(heading.get_text().split()) if heading else ""


def _check_depth(data: bytes, path: Path) -> None:
    """Follow the tags without building a tree, so that a page made to exhaust the stack is refused first."""
    depth = deepest = 0
    for tag in re.finditer(rb"<(/?)(?:div|span|ul|ol|table|blockquote|section|b|i|em|font|p)\b", data, re.IGNORECASE):
        depth = max(0, depth - 1) if tag.group(1) else depth + 1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH * 4:
        raise LoadError(f"{path} is nested too deeply.", "Save a simpler copy of it.")
