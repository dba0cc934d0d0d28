"""A real Chroma server on loopback, and a guard before it that wants a token, as where Chroma is for rent."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from tests.servers import free_port

_PROGRAM = str(Path(sys.executable).with_name("chroma"))
_SECONDS_TO_START = 60.0


@contextmanager
def serve_chroma() -> Iterator[str]:
    """The URL of a server that lives as long as the context."""
    port = free_port()
    with TemporaryDirectory() as folder:
        command = [_PROGRAM, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)]
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(server, f"http://127.0.0.1:{port}/api/v2/heartbeat")
            yield f"http://127.0.0.1:{port}"
        finally:
            # It would wait for connections that are kept open; nothing of it is read again.
            server.kill()
            server.wait()


def _wait(server: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while server.poll() is None and time.monotonic() < until:
        with suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError("Chroma did not start.")


@contextmanager
def guarded(url: str, token: str) -> Iterator[str]:
    """The URL of a way to the server that is open to those who send the token."""

    class Guard(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") != f"Bearer {token}":
                self._answer(401, b'{"error": "AuthError", "message": "no valid token"}')
                return
            kind = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            reply = httpx2.request(self.command, url + self.path, content=body, headers=kind, trust_env=False)
            self._answer(reply.status_code, reply.content)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 (the names that are looked for)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
