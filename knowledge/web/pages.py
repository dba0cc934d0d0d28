"""A site's pages, for whoever ingests them: which ones a URL stands for, and each as a file."""

import hashlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2

from knowledge.errors import GoneError, LoadError
from knowledge.web import robots, sitemaps
from knowledge.web.addresses import Resolve, resolve
from knowledge.web.answers import Answer, Client, Wanted
from knowledge.web.connections import Deadline
from knowledge.web.kinds import file_name
from knowledge.web.urls import parse, same_site

# For one page with its redirects; waiting that the server asked for is not counted.
SECONDS = 30.0
# Unpacked.
MAX_BYTES = 50_000_000
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Download:
    """A page as a file. `name` has the suffix that says its kind; `url` is where the redirects ended."""

    path: Path
    name: str
    url: str


class Web:
    """Reads the pages of sites: one run, one thread. Use it as a context manager, or close it.

    `allow_private` also reads pages on private, loopback and link-local addresses. `max_bytes` is for a page or a
    sitemap, unpacked. `resolve`, `tls` and `sleep` take the place of the system's resolver, of its certificates, and
    of time.sleep.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        seconds: float = SECONDS,
        max_bytes: int = MAX_BYTES,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._client = Client(allow_private, max_bytes, resolve, tls, sleep)
        self._robots = robots.Robots(self._robots_txt)
        self._kept: dict[str, Answer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def expand(self, url: str, tell: sitemaps.Tell = lambda _: None) -> list[str]:
        """The pages that a URL stands for: those that it lists if it is a sitemap, else itself, in its one spelling.

        `tell` is called with a LoadError for each thing that a sitemap lists and that was left out; where it was
        called, the list is not the whole of the site. Raises LoadError, and GoneError as `fetch` does.
        """
        start = parse(url)
        listing = self._named(start)
        return [str(start)] if listing is None else sitemaps.walk(start, listing, self._listing, tell)

    def fetch(self, url: str, folder: Path) -> Download:
        """Bring a page into a file below `folder`, under a name that the loaders know what to do with.

        Raises GoneError where the server says that there is no such page, and LoadError where the page cannot be had,
        may not be had, or is of a kind that cannot be read.
        """
        page = parse(url)
        answer = self._kept.pop(str(page), None) or self._answer(page, lambda head: bool(file_name(head)))
        robots.check_indexable(answer)
        name = file_name(answer)
        # A folder a page, so that pages of one name do not meet.
        path = folder / hashlib.sha256(str(answer.url).encode()).hexdigest()[:16] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.body)
        return Download(path, name, str(answer.url))

    def _named(self, url: httpx2.URL) -> sitemaps.Listing | None:
        """What a URL lists that a person named. If it is a page it is kept, so that it is not asked for again."""
        may_be_listing: list[bool] = []

        def wanted(head: Answer) -> bool:
            may_be_listing.append(sitemaps.may_be_listing(head))
            return may_be_listing[-1] or _is_readable(head)

        try:
            answer = self._answer(url, wanted)
        except LoadError:
            if may_be_listing and not may_be_listing[-1]:
                return None  # what is wrong with the page, fetching it will tell
            raise
        listing = sitemaps.read(answer, self._max_bytes) if answer.body and may_be_listing[-1] else None
        if listing is None and answer.body and _is_readable(answer):
            self._keep(url, answer)
        return listing

    def _keep(self, url: httpx2.URL, answer: Answer) -> None:
        """All that are kept are together no larger than one page may be; what has no room is asked for again."""
        if sum(len(kept.body) for kept in self._kept.values()) + len(answer.body) <= self._max_bytes:
            self._kept[str(url)] = answer

    def _listing(self, url: httpx2.URL) -> sitemaps.Listing | None:
        answer = self._answer(url, sitemaps.may_be_listing)
        return sitemaps.read(answer, self._max_bytes) if answer.body else None

    def _answer(self, url: httpx2.URL, wanted: Wanted) -> Answer:
        """What a page's server answers, its redirects within the host followed; the status is 200."""
        deadline = Deadline(self._seconds)

        def ask(url: httpx2.URL) -> Answer:
            self._robots.check(url)
            self._client.pause(self._robots.pause(url), deadline)
            return self._client.get(url, deadline, wanted)

        return _checked(_followed(url, ask))

    def _robots_txt(self, url: httpx2.URL) -> Answer:
        deadline = Deadline(self._seconds)
        return _followed(url, lambda url: self._client.get(url, deadline, lambda _: True, robots.MAX_BYTES))


def _is_readable(head: Answer) -> bool:
    """Whether its headers and its name say that it is of a kind that the loaders read."""
    try:
        return bool(file_name(head))
    except LoadError:
        return False


def _followed(url: httpx2.URL, ask: Callable[[httpx2.URL], Answer]) -> Answer:
    """The first answer that is not a redirect. Every step is checked as if a person had named it."""
    for _ in range(MAX_REDIRECTS + 1):
        answer = ask(url)
        location = answer.headers.get("location", "")
        if answer.status not in (301, 302, 303, 307, 308) or not location:
            return answer
        target = parse(location, url)
        if not same_site(url, target):
            raise LoadError(
                f"{url} leads to another place, {target}, which was not named.",
                "If you mean that one, ingest it by its own address.",
            )
        url = target
    raise LoadError(
        f"{url} is at the end of {MAX_REDIRECTS} redirects and leads on.", "Name the page that you see in a browser."
    )


def _checked(answer: Answer) -> Answer:
    match answer.status:
        case 200:
            return answer
        case 404 | 410:
            raise GoneError(f"{answer.url} does not exist ({answer.status}).", "Check the address.")
        case 401 | 403 | 407 | 451:
            raise LoadError(
                f"{answer.url} is not open to everybody ({answer.status}).",
                "Save the page in a browser and ingest the file.",
            )
        case status:
            raise LoadError(f"{answer.url} cannot be had now; its server answers {status}.", "Try again later.")
