"""HTTP as the remote engine wants it: nothing sent that was not meant, nothing received without end.

Only `assistant.engines.remote` and its helpers come here, and only when a server is to be spoken to: httpx2 is what
openai 3 stands on, and both are an extra.
"""

import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2

CONNECT_SECONDS = 5.0
# An answer of 4,096 tokens is some two megabytes of events.
MOST_BYTES = 32 * 1024 * 1024
# All others are dropped. openai adds headers from OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS, which
# are meant for another server, and says what machine this is.
_HEADERS = frozenset(
    "accept accept-encoding connection content-length content-type host transfer-encoding user-agent".split()
)


class TooMuchError(Exception):
    """The server sent more than any answer has."""


class SilenceError(Exception):
    """The server took the request and said nothing for as long as it may.

    Not one of httpx2's errors, so that openai does not ask again: the server would work on both requests.
    """


class NotEventsError(Exception):
    """The server answered with something else than a stream of events: a page, or a whole answer at once."""


def options(base_url: str, key: str, timeout_s: float, tls: ssl.SSLContext) -> dict[str, Any]:
    """What `Client` and `AsyncClient` are made with.

    Redirects are not followed. A proxy that the environment names (HTTP_PROXY, NO_PROXY) is used, but never for a
    server on this machine, which no proxy can reach.
    """
    host = urlsplit(base_url).hostname or ""
    return {
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "timeout": httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_SECONDS)),
        "verify": tls,
        "follow_redirects": False,
        "mounts": {f"all://{_bracketed(host)}": None} if _is_this_machine(host) else {},
    }


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Client(httpx2.Client):
    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _strip(request, self.headers)
        try:
            response = super().send(request, **options)
        except httpx2.ReadTimeout as error:
            raise SilenceError from error
        return _checked(response)


class AsyncClient(httpx2.AsyncClient):
    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        _strip(request, self.headers)
        try:
            response = await super().send(request, **options)
        except httpx2.ReadTimeout as error:
            raise SilenceError from error
        return _checked(response)


def _strip(request: httpx2.Request, own: httpx2.Headers) -> None:
    for name in [name for name in request.headers if name.lower() not in _HEADERS]:
        del request.headers[name]
    if "authorization" in own:
        request.headers["authorization"] = own["authorization"]


def _checked(response: httpx2.Response) -> httpx2.Response:
    kind = response.headers.get("content-type", "")
    if response.status_code == 200 and response.request.method == "POST" and "text/event-stream" not in kind:
        raise NotEventsError(f"it sent {kind or 'something unnamed'} in place of events")
    if not response.is_closed:
        response.stream = _Bounded(response.stream)
    return response


class _Bounded(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body that ends with an error when it is longer than any answer."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._left = MOST_BYTES

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._body:
            yield self._count(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield self._count(piece)

    def close(self) -> None:
        self._body.close()

    async def aclose(self) -> None:
        await self._body.aclose()

    def _count(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise TooMuchError
        return piece
