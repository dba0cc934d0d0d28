"""XML: feeds as headed entries, anything else as "element: text" lines."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from knowledge.errors import LoadError
from knowledge.loaders.documents import document
from knowledge.loaders.markdown import first_heading

if TYPE_CHECKING:
    from langchain_core.documents import Document

# Each level is a step of recursion for what reads it after us.
MAX_DEPTH = 200
_FEEDS = ("rss", "feed")


def load(path: Path) -> "list[Document]":
    from defusedxml import DefusedXmlException

    data = path.read_bytes()
    if not data.strip():
        return []
    try:
        root = _root(data, path)
    except DefusedXmlException as error:
        raise LoadError(f"{path} defines XML entities, which can unfold without end.", "Save it anew.") from error
    except (ParseError, LookupError) as error:
        raise LoadError(f"{path} is damaged or not XML: {error}.", "Save it anew.") from error
    if _name(root.tag) in _FEEDS:
        text = _feed(data)
        return [document(text, first_heading(text) or path.stem)]
    return [document("\n".join(_lines(root)), path.stem, format="text")]


def _root(data: bytes, path: Path) -> Element:
    from defusedxml.ElementTree import iterparse

    depth = 0
    events = iterparse(io.BytesIO(data), events=("start", "end"))
    for event, _ in events:
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise LoadError(f"{path} is nested too deeply.", "Save a simpler copy of it.")
    root: Element = events.root
    return root


def _feed(data: bytes) -> str:
    from markitdown import StreamInfo
    from markitdown.converters import RssConverter

    return RssConverter().convert(io.BytesIO(data), StreamInfo(extension=".xml")).markdown


def _lines(root: Element) -> Iterator[str]:
    """Attributes and texts in their order, each after the name of what it belongs to."""
    for element in root.iter():
        name = _name(element.tag)
        for attribute, value in element.attrib.items():
            yield f"{name}, {_name(attribute)}: {value}"
        if text := " ".join((element.text or "").split()):
            yield f"{name}: {text}"
        if tail := " ".join((element.tail or "").split()):
            yield tail


def _name(tag: object) -> str:
    return str(tag).rpartition("}")[2]
