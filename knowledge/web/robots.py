"""What a site's owner asks of programs: robots.txt (RFC 9309), and pages that are not to be kept."""

import time
from collections.abc import Callable

import httpx2
from protego import Protego

from knowledge.errors import LoadError
from knowledge.web.answers import MAX_PAUSE_SECONDS, PRODUCT, Answer
from knowledge.web.urls import origin

# RFC 9309, 2.5, asks for at least this many bytes to be read.
MAX_BYTES = 512_000
# A robots meta element stands in the head of a page.
_HEAD_BYTES = 500_000
# Directives of X-Robots-Tag that carry a value; any other name before a colon is a program's.
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


class Robots:
    """The rules of each host, fetched once. `get` follows redirects, and raises LoadError."""

    def __init__(self, get: Callable[[httpx2.URL], Answer]) -> None:
        self._get = get
        self._rules: dict[str, Protego | LoadError] = {}
        self._last: dict[str, float] = {}

    def check(self, url: httpx2.URL) -> None:
        """Raises LoadError where the host's rules close the page to programs, or cannot be had."""
        rules = self._rules_of(url)
        if isinstance(rules, LoadError):
            raise LoadError(rules.problem, rules.remedy) from rules
        if not rules.can_fetch(str(url), PRODUCT):
            raise LoadError(
                f"{url} is closed to programs by the robots.txt of its host.",
                "Ask the site's owner, or save the page in a browser and ingest the file.",
            )

    def pause(self, url: httpx2.URL) -> float:
        """Seconds to wait until the host may be asked for its next page, which counts as asked for then."""
        rules = self._rules_of(url)
        delay = (rules.crawl_delay(PRODUCT) if isinstance(rules, Protego) else None) or 0.0
        now = time.monotonic()
        wait = max(0.0, self._last.get(url.host, -1e9) + min(delay, MAX_PAUSE_SECONDS) - now)
        self._last[url.host] = now + wait
        return wait

    def _rules_of(self, url: httpx2.URL) -> Protego | LoadError:
        key = origin(url)
        if key not in self._rules:
            self._rules[key] = self._fetched(httpx2.URL(f"{key}/robots.txt"))
        return self._rules[key]

    def _fetched(self, url: httpx2.URL) -> Protego | LoadError:
        try:
            answer = self._get(url)
        except LoadError as error:
            return error
        if answer.status >= 500:
            return LoadError(
                f"{url} answers {answer.status}; without it nothing on {url.host} may be read.", "Try again later."
            )
        return Protego.parse(answer.body.decode("utf-8-sig", "replace"))


def check_indexable(answer: Answer) -> None:
    """Raises LoadError for a page that asks, in its headers or its head, not to be kept for searching."""
    if _header_forbids(answer.headers.get_list("x-robots-tag")) or _head_forbids(answer):
        raise LoadError(
            f"{answer.url} asks not to be indexed (noindex).",
            "Ask the site's owner, or save the page in a browser and ingest the file.",
        )


def _header_forbids(values: list[str]) -> bool:
    for value in values:
        ours = True
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _VALUED:
                ours = name.strip() in (PRODUCT, "*", "robots")
                part = rest
            if ours and part.strip() in ("noindex", "none"):
                return True
    return False


def _head_forbids(answer: Answer) -> bool:
    from lxml import etree

    if answer.media_type not in ("text/html", "application/xhtml+xml"):
        return False
    metas = _Metas()
    parser = etree.HTMLParser(target=metas)
    parser.feed(answer.body[:_HEAD_BYTES])
    parser.close()
    return metas.forbid


class _Metas:
    """Looks at the meta elements of a page as they go by; no tree is built, so none can be too deep."""

    forbid = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        named = {name.lower(): value for name, value in attributes.items()} if tag == "meta" else {}
        if named.get("name", "").strip().lower() in ("robots", PRODUCT):
            words = named.get("content", "").lower().replace(",", " ").split()
            self.forbid = self.forbid or not {"noindex", "none"}.isdisjoint(words)

    def close(self) -> None:
        return
