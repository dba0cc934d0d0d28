"""Markdown, which is what every other format becomes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

_FRONT_MATTER = re.compile(r"\A---\n(.*?\n)(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)


def load(path: Path) -> "list[Document]":
    from langchain_core.documents import Document

    text, title = _without_front_matter(read_text(path))
    title = title or first_heading(text) or path.stem
    return [Document(text, metadata={"title": title, "page": None, "format": "markdown"})]


def first_heading(text: str) -> str:
    """The first heading's words, without emphasis and code marks."""
    match = _HEADING.search(text)
    return re.sub(r"[*_`]", "", match.group(1)).strip() if match else ""


def _without_front_matter(text: str) -> tuple[str, str]:
    """The text after its YAML front matter, and the title that stands there. What is not YAML stays."""
    import yaml

    match = _FRONT_MATTER.match(text)
    if not match:
        return text, ""
    try:
        values = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return text, ""
    if not isinstance(values, dict):
        return text, ""
    return text[match.end() :], str(values.get("title") or "")
