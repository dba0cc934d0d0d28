"""Books: a document a chapter, in the order of reading, under the name that the contents give it."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from knowledge.errors import LoadError
from knowledge.loaders import archives
from knowledge.loaders.documents import document
from knowledge.loaders.html import parse, to_markdown
from knowledge.loaders.markdown import first_heading

if TYPE_CHECKING:
    from langchain_core.documents import Document

KIND = "an EPUB book"
CONTAINER = "META-INF/container.xml"
_LOCKS = {"META-INF/rights.xml", "META-INF/license.lcpl"}
_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}


def load(path: Path) -> "list[Document]":
    with archives.opened(path, (CONTAINER,), KIND) as archive:
        if _LOCKS & set(archive.namelist()):
            raise LoadError(f"{path} is locked by its seller (DRM).", "Use a copy without that lock.")
        try:
            return list(_chapters(archive, path))
        except (ParseError, KeyError, StopIteration) as error:
            raise archives.broken(path, KIND) from error


def _chapters(archive: zipfile.ZipFile, path: Path) -> "Iterator[Document]":
    root = _xml(archive, CONTAINER).find(".//{*}rootfile")
    package = unquote(root.get("full-path", "")) if root is not None else ""
    book = _xml(archive, package)
    title = book.findtext(".//{*}title") or path.stem
    pages = _reading_order(book, posixpath.dirname(package), archive)
    names = _contents(archive, pages)
    for number, page in enumerate((page for page, is_text in pages.items() if is_text), start=1):
        tree = parse(archive.read(page), path)
        text = to_markdown(tree.body or tree)
        if text.strip():
            yield document(text, title, section=names.get(page) or first_heading(text) or f"Chapter {number}")


def _reading_order(book: Element, folder: str, archive: zipfile.ZipFile) -> dict[str, bool]:
    """The book's files in the order of its spine, and the contents after them; whether each is there to be read."""
    files = {item.get("id"): item for item in book.iterfind(".//{*}manifest/{*}item")}
    spine = [files[ref.get("idref")] for ref in book.iterfind(".//{*}spine/{*}itemref") if ref.get("idref") in files]
    contents = [item for item in files.values() if _is_contents(item)]
    order: dict[str, bool] = {}
    for item in (*contents, *spine):
        name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if name in archive.namelist():
            order.pop(name, None)
            order[name] = item.get("media-type") in _PAGES and not _is_contents(item)
    return order


def _is_contents(item: Element) -> bool:
    return item.get("media-type") == "application/x-dtbncx+xml" or "nav" in (item.get("properties") or "").split()


def _contents(archive: zipfile.ZipFile, pages: dict[str, bool]) -> dict[str, str]:
    """What the table of contents calls each file: its first entry there."""
    names: dict[str, str] = {}
    for page, is_text in pages.items():
        if is_text:
            continue
        try:
            entries = list(_entries(_xml(archive, page)))
        except ParseError:
            continue
        for target, name in entries:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(target.partition("#")[0])))
            names.setdefault(file, name)
    return names


def _entries(contents: Element) -> Iterator[tuple[str, str]]:
    """(target, name) of the entries, in the old form of contents or the new one."""
    for point in contents.iterfind(".//{*}navPoint"):
        target, name = point.find("{*}content"), point.findtext("{*}navLabel/{*}text")
        if target is not None and name:
            yield target.get("src", ""), name
    for link in contents.iterfind(".//{*}nav//{*}a"):
        yield link.get("href", ""), " ".join("".join(link.itertext()).split())


def _xml(archive: zipfile.ZipFile, name: str) -> Element:
    from defusedxml.ElementTree import fromstring

    tree: Element = fromstring(archive.read(name))
    return tree
