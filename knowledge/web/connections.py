"""Connections that go to addresses that were checked, and that end in time."""

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future

import httpcore2

from knowledge.errors import LoadError
from knowledge.web.addresses import Resolve, is_public


class Deadline:
    """So many seconds from the first use on, of which waiting on purpose takes none."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = 0.0

    def left(self) -> float:
        """The seconds that are left, more than 0. Raises httpcore2.ReadTimeout when there are none."""
        now = time.monotonic()
        self._end = self._end or now + self.seconds
        if self._end <= now:
            raise httpcore2.ReadTimeout
        return self._end - now

    def extend(self, seconds: float) -> None:
        if self._end:
            self._end += seconds


class CheckedNetwork(httpcore2.NetworkBackend):
    """Resolves a host, refuses it if one of its addresses is not public, and connects to one of those very addresses.

    So no second look at the host's name can give another address than the one that was checked. The caller's names
    stay what TLS and the Host header are about. `deadline` holds for all that is done until the next one is set.
    """

    def __init__(self, resolve: Resolve, allow_private: bool) -> None:
        self.deadline = Deadline(0)
        self._resolve = resolve
        self._allow_private = allow_private
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError("the host has no address")
        addresses = self._addresses(host, port)
        for tried, address in enumerate(addresses):
            # An address that does not answer leaves time for the others.
            share = self.deadline.left() / (len(addresses) - tried)
            try:
                stream = self._sockets.connect_tcp(address, port, share, local_address, socket_options)
                return _TimedStream(stream, self)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(self._resolved(host, port))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(getattr(error, "strerror", None) or "the host is not known") from error
        inner = [address for address in addresses if not is_public(address)]
        if inner and not self._allow_private:
            raise LoadError(
                f"{host} is at {inner[0]}, which is not an address of the public internet.",
                "Name a public page; for those of your own network, set web_allow_private = true under [knowledge].",
            )
        return addresses

    def _resolved(self, host: str, port: int) -> Sequence[str]:
        """Raises TimeoutError: a resolver knows no deadline, so it is left behind in a thread of its own."""
        answer: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self._resolve(host, port))
            except Exception as error:  # noqa: BLE001 (raised by `result`)
                answer.set_exception(error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        return answer.result(self.deadline.left())


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every wait ends at the network's deadline, also when a byte a second comes in."""

    def __init__(self, stream: httpcore2.NetworkStream, network: CheckedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._network.deadline.left())
        return _TimedStream(stream, self._network)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


@contextlib.contextmanager
def explained(url: str, deadline: Deadline) -> Iterator[None]:
    """What goes wrong on the network becomes a LoadError that names the page."""
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise LoadError(
            f"{url} took longer than {deadline.seconds:g} seconds.",
            "Try again later, or save the page and ingest the file.",
        ) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        raise LoadError(
            f"{url} cannot be reached: {str(error)[:200] or type(error).__name__}.",
            "Check the address and the network, and try again.",
        ) from error
