"""One request and its answer: packed or not, never larger than allowed, and never late."""

import gzip
import io
import re
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpcore2
import httpx2

from knowledge.errors import LoadError
from knowledge.web.addresses import Resolve
from knowledge.web.connections import CheckedNetwork, Deadline, explained

# What robots.txt calls this program.
PRODUCT = "solar-assistant"
# The longest that a server can make us wait: by Retry-After, or by Crawl-delay between two pages.
MAX_PAUSE_SECONDS = 10.0
# Where a busy server does not say how long.
RETRY_SECONDS = 2.0
# RFC 9110, 8.3.1, and no longer than a person can read.
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `body` is unpacked, and empty where it was not wanted or the status is not 200."""

    url: httpx2.URL
    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def media_type(self) -> str:
        """As in "text/html"; "" where the server does not say, or says what is no type."""
        text = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return text if _MEDIA_TYPE.fullmatch(text) else ""


Wanted = Callable[[Answer], bool]


class Client:
    """Speaks HTTP to public addresses, one request at a time; for one thread."""

    def __init__(
        self,
        allow_private: bool,
        max_bytes: int,
        resolve: Resolve,
        tls: ssl.SSLContext | None,
        sleep: Callable[[float], object],
    ) -> None:
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._network = CheckedNetwork(resolve, allow_private)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or httpx2.create_ssl_context(trust_env=False),
            keepalive_expiry=5.0,
            network_backend=self._network,
        )

    def close(self) -> None:
        self._pool.close()

    def get(self, url: httpx2.URL, deadline: Deadline, wanted: Wanted, limit: int = 0) -> Answer:
        """Ask once, and once more where the server is busy and says to come back soon. Raises LoadError.

        The body is read where `wanted` says so, having seen the headers. `limit` bytes of it are taken and the rest is
        left; without a limit, a body that is too large is refused.
        """
        answer = self._ask(url, deadline, wanted, limit)
        pause = _retry_after(answer)
        if pause > MAX_PAUSE_SECONDS:
            return answer
        self.pause(pause, deadline)
        return self._ask(url, deadline, wanted, limit)

    def pause(self, seconds: float, deadline: Deadline) -> None:
        self._sleep(seconds)
        deadline.extend(seconds)

    def _ask(self, url: httpx2.URL, deadline: Deadline, wanted: Wanted, limit: int) -> Answer:
        self._network.deadline = deadline
        target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [
            ("Host", url.netloc.decode("ascii")),
            ("User-Agent", f"{PRODUCT}/{version('solar-assistant')}"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip"),
        ]
        with explained(str(url), deadline), self._pool.stream("GET", target, headers=headers) as response:
            head = Answer(url, response.status, httpx2.Headers(response.headers), b"")
            if head.status != 200 or not wanted(head):
                return head
            body = self._body(head, response, limit)
        return Answer(url, head.status, head.headers, body)

    def _body(self, head: Answer, response: httpcore2.Response, limit: int) -> bytes:
        packing = head.headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip", "x-gzip"):
            raise LoadError(f"{head.url} is packed in a way that was not asked for: {packing[:40]!r}.", _SAVE_IT)
        raw = bytearray()
        for chunk in response.iter_stream():
            raw += chunk
            if limit and len(raw) >= limit:
                break
            if len(raw) > self._max_bytes:
                raise too_large(head.url, self._max_bytes)
        if packing != "identity":
            return unpacked(bytes(raw), head.url, limit or self._max_bytes, cut=bool(limit))
        return bytes(raw[: limit or None])


def unpacked(data: bytes, url: httpx2.URL, limit: int, cut: bool = False) -> bytes:
    """What gzip packed, up to `limit` bytes. Raises LoadError when there is more, unless it may be cut."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            result = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise LoadError(f"{url} came damaged: {error}.", _SAVE_IT) from error
    if len(result) > limit and not cut:
        raise too_large(url, limit)
    return result[:limit]


def too_large(url: httpx2.URL, limit: int) -> LoadError:
    return LoadError(
        f"{url} has more than {limit / 1e6:g} MB.",
        "Leave it out, or raise max_file_mb under [knowledge] in the profile.",
    )


_SAVE_IT = "Save the page in a browser and ingest the file."


def _retry_after(answer: Answer) -> float:
    """Seconds to wait before the server may be asked again; infinite where it need not be. RFC 9110, 10.2.3."""
    if answer.status not in (429, 503):
        return float("inf")
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return RETRY_SECONDS
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
