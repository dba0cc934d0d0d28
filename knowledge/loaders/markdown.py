"""Markdown, which is what every other format becomes."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.loaders.documents import document
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)
# Longer front matter is a document of its own; YAML takes a second for each 200 kB.
MAX_FRONT_MATTER = 50_000


def load(path: Path) -> "list[Document]":
    text, title = _without_front_matter(read_text(path))
    return [document(text, title or first_heading(text) or path.stem)]


def first_heading(text: str) -> str:
    """The first heading's words, without emphasis and code marks."""
    match = _HEADING.search(text)
    return re.sub(r"[*_`]", "", match.group(1)).strip() if match else ""


def _without_front_matter(text: str) -> tuple[str, str]:
    """The text after its YAML or TOML front matter, and the title that stands there. What is neither stays."""
    match = _FRONT_MATTER.match(text) if text.startswith(("---", "+++")) else None
    if not match or match.end() > MAX_FRONT_MATTER:
        return text, ""
    values = _values(match.group(1), match.group(2))
    if not isinstance(values, dict):
        return text, ""
    title = values.get("title")
    # A list may unfold without end when it is written out.
    return text[match.end() :], str(title) if isinstance(title, str | int | float) else ""


def _values(mark: str, source: str) -> Any:
    """What the front matter says; None where it says nothing that can be read."""
    import tomllib

    import yaml

    try:
        return tomllib.loads(source) if mark == "+++" else yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
