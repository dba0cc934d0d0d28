"""A small web site on loopback that answers as it is told, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Self


@dataclass(frozen=True, slots=True)
class Asked:
    host: str
    path: str
    headers: Message


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` may be a function that writes whatever it likes after the headers, which then tell no length."""

    body: bytes | Callable[[BufferedIOBase], object] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def page(text: str, kind: str = "text/html; charset=utf-8", **headers: str) -> Reply:
    """`x_robots_tag="noindex"` is the header X-Robots-Tag."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Reply(text.encode(), 200, {"Content-Type": kind, **named})


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(b"", status, {"Location": location})


@dataclass
class Site:
    """Gives for each path the reply that stands there, or each of a list in turn; 404 for the rest."""

    replies: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    port: int = 0

    @property
    def paths(self) -> list[str]:
        """What was asked for, except robots.txt."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]

    def url(self, path: str, host: str = "docs.test") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply_to(self, path: str) -> Reply:
        found = self.replies.get(path, Reply(b"nothing here", 404))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            site.asked.append(Asked(self.headers["Host"].rpartition(":")[0], self.path, self.headers))
            reply = site.reply_to(self.path)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if isinstance(reply.body, bytes):
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                return
            self.send_header("Connection", "close")
            self.end_headers()
            reply.body(self.wfile)

        def handle(self) -> None:
            with suppress(OSError):  # whoever asked has gone
                super().handle()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            return

    return Handler
