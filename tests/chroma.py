"""A real Chroma server on loopback."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
