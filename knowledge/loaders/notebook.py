"""Jupyter notebooks: a document a cell, so that a citation can name the cell."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.errors import LoadError
from knowledge.loaders.documents import document
from knowledge.loaders.markdown import first_heading
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

# More than this of an output is seldom text that somebody asks for.
MAX_OUTPUT = 2_000


def load(path: Path) -> "list[Document]":
    try:
        notebook = json.loads(read_text(path))
        cells = notebook.get("cells") or [cell for sheet in notebook.get("worksheets", []) for cell in sheet["cells"]]
        language = str(notebook.get("metadata", {}).get("kernelspec", {}).get("language") or "python")
        texts = [_text(cell, language) for cell in cells]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise LoadError(f"{path} is damaged or not a notebook.", "Open it in Jupyter and save it again.") from error
    kinds = [cell.get("cell_type") for cell in cells]
    return _documents(texts, kinds, path)


def _documents(texts: list[str], kinds: list[Any], path: Path) -> "list[Document]":
    headings = [first_heading(text) if kind == "markdown" else "" for text, kind in zip(texts, kinds, strict=True)]
    title = next(filter(None, headings), path.stem)
    documents: list[Document] = []
    above = ""
    for number, (text, heading) in enumerate(zip(texts, headings, strict=True), start=1):
        # A cell of code stands under the heading that a cell before it has.
        section = f"Cell {number} > {above}" if above and not heading else f"Cell {number}"
        documents.append(document(text, title, section=section))
        above = heading or above
    return documents


def _text(cell: dict[str, Any], language: str) -> str:
    source = _joined(cell.get("source") or cell.get("input") or "")
    if cell.get("cell_type") != "code":
        return source
    outputs = "".join(_output(output) for output in cell.get("outputs") or [])
    code = f"```{language}\n{source}\n```\n" if source.strip() else ""
    return code + (f"\n```\n{outputs[:MAX_OUTPUT].rstrip()}\n```\n" if outputs.strip() else "")


def _output(output: dict[str, Any]) -> str:
    """What a cell wrote or returned, as text; pictures and pages leave nothing."""
    text = output.get("text") or output.get("data", {}).get("text/plain") or ""
    return _joined(text) + "\n"


def _joined(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)
