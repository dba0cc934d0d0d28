"""Sitemaps (sitemaps.org): which pages a site says it has. XML, an index of several, or one address a line."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from knowledge.errors import LoadError
from knowledge.web.answers import Answer, unpacked
from knowledge.web.urls import parse, same_site

MAX_PAGES = 2_000
MAX_SITEMAPS = 100
MAX_SECONDS = 300.0
# Of the protocol, for one sitemap; those after them are not looked at.
_MAX_ADDRESSES = 50_000
# Twenty for each of those.
_MAX_ELEMENTS = 1_000_000
_MAX_LINE = 10_000
_CHUNK = 1 << 16
_ROOTS = ("urlset", "sitemapindex")
_TYPES = (
    "",
    "application/gzip",
    "application/octet-stream",
    "application/x-gzip",
    "application/xml",
    "text/plain",
    "text/xml",
)

Tell = Callable[[LoadError], object]


@dataclass(slots=True)
class Listing:
    """The addresses in one sitemap, as they stand there: of pages, and of further sitemaps."""

    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


def may_be_listing(answer: Answer) -> bool:
    """By its headers and its name alone, so that the body of a page need not be fetched to know."""
    named = answer.url.path.lower().endswith((".xml", ".gz", ".txt"))
    return named or answer.media_type in _TYPES or answer.media_type.endswith("+xml")


def read(answer: Answer, max_bytes: int) -> Listing | None:
    """What the sitemap lists; None for what is no sitemap. Raises LoadError for a sitemap that is broken or a bomb."""
    body = answer.body
    if body.startswith(b"\x1f\x8b"):
        body = unpacked(body, answer.url, max_bytes)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return _from_xml(body, answer.url)
    return _from_lines(body)


def walk(start: httpx2.URL, first: Listing, listing: Callable[[httpx2.URL], Listing | None], tell: Tell) -> list[str]:
    """The pages on the site of `start` that a sitemap and those it refers to list; each once, in order.

    `tell` is called for each thing that is left out: a sitemap that cannot be read, addresses elsewhere, what is above
    the limits.
    """
    walk_ = _Walk(start, tell)
    walk_.take(first, start)
    end = time.monotonic() + MAX_SECONDS
    while walk_.waiting and len(walk_.pages) <= MAX_PAGES and time.monotonic() < end:
        url = walk_.waiting.popleft()
        try:
            found = listing(url)
            if found is None:
                raise LoadError(f"{url} is not a sitemap.", f"It is named in {start}; ask the site's owner.")
            walk_.take(found, url)
        except LoadError as error:
            tell(error)
    return walk_.finish()


class _Walk:
    def __init__(self, start: httpx2.URL, tell: Tell) -> None:
        self.start = start
        self.tell = tell
        self.pages: dict[str, None] = {}
        self.waiting: deque[httpx2.URL] = deque()
        self.seen = {str(start)}
        self.elsewhere = 0

    def take(self, listing: Listing, url: httpx2.URL) -> None:
        for text in listing.pages[:_MAX_ADDRESSES]:
            page = self._here(text, url)
            if page and len(self.pages) <= MAX_PAGES:
                self.pages[str(page)] = None
        for text in listing.sitemaps[:_MAX_ADDRESSES]:
            sitemap = self._here(text, url)
            if sitemap and str(sitemap) not in self.seen and len(self.seen) <= MAX_SITEMAPS:
                self.seen.add(str(sitemap))
                self.waiting.append(sitemap)

    def _here(self, text: str, base: httpx2.URL) -> httpx2.URL | None:
        try:
            url = parse(text, base)
        except LoadError:
            url = None
        if url and same_site(self.start, url):
            return url
        self.elsewhere += 1
        return None

    def finish(self) -> list[str]:
        if self.elsewhere:
            self.tell(
                LoadError(
                    f"{self.start} lists {self.elsewhere} addresses that are not on its own host.",
                    "They were left out; name their own sitemaps to read them.",
                )
            )
        if len(self.pages) > MAX_PAGES:
            self.tell(_too_many(self.start, f"{MAX_PAGES:,} pages"))
        elif self.waiting:
            self.tell(_too_many(self.start, f"could be fetched in {MAX_SECONDS:g} seconds"))
        if len(self.seen) > MAX_SITEMAPS:
            self.tell(_too_many(self.start, f"{MAX_SITEMAPS} sitemaps"))
        return list(self.pages)[:MAX_PAGES]


def _too_many(start: httpx2.URL, limit: str) -> LoadError:
    return LoadError(
        f"{start} lists more than {limit}; those after them were left out.",
        "Name the sitemaps of its parts one by one.",
    )


def _from_lines(body: bytes) -> Listing | None:
    """One address a line, and nothing else."""
    pages = []
    for line in body.decode("utf-8-sig", "replace").splitlines():
        if line.strip() and (len(line) > _MAX_LINE or not line.strip().startswith(("http://", "https://"))):
            return None
        pages += [line.strip()] if line.strip() else []
    return Listing(pages) if pages else None


def _from_xml(body: bytes, url: httpx2.URL) -> Listing | None:
    from lxml import etree

    target = _Target(url)
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        for start in range(0, len(body), _CHUNK):
            parser.feed(body[start : start + _CHUNK])
        parser.close()
    except _OtherXML:
        return None
    except etree.XMLSyntaxError as error:
        if not target.path and not target.elements:
            return None
        raise LoadError(
            f"{url} is a broken sitemap: {str(error)[:200]}.", "Ask the site's owner to mend it."
        ) from error
    return target.listing


class _OtherXML(Exception):  # noqa: N818 (it is not an error)
    """The root is not that of a sitemap."""


class _Target:
    """Takes the addresses out of a sitemap as its elements go by; no tree is built."""

    def __init__(self, url: httpx2.URL) -> None:
        self.url = url
        self.listing = Listing()
        self.path: list[str] = []
        self.elements = 0
        self.text = ""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        if name not in _ROOTS:
            raise _OtherXML
        raise LoadError(f"{self.url} declares a document type, as no sitemap does.", "Ask the site's owner to mend it.")

    def start(self, tag: str, attributes: object) -> None:
        self.path.append(tag.rpartition("}")[2])
        self.elements += 1
        self.text = ""
        if self.elements == 1 and self.path[0] not in _ROOTS:
            raise _OtherXML
        if self.elements > _MAX_ELEMENTS:
            raise LoadError(
                f"{self.url} has more elements than a sitemap may have.", "Ask the site's owner to split it."
            )

    def data(self, text: str) -> None:
        if self.path[-1] == "loc" and len(self.text) < _MAX_LINE:
            self.text += text

    def end(self, tag: str) -> None:
        match self.path:
            case ["urlset", "url", "loc"]:
                self.listing.pages.append(self.text.strip())
            case ["sitemapindex", "sitemap", "loc"]:
                self.listing.sitemaps.append(self.text.strip())
        self.path.pop()

    def close(self) -> None:
        return
