"""A small model hub on loopback that answers as the real one does, and can be told to fail.

As there: large files are known by their SHA-256 and come from another host (`localhost` for `127.0.0.1`), small ones by
git's SHA-1; a repository that does not exist and one that is private are both answered with 401.
"""

import contextlib
import functools
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".gguf", ".bin", "tokenizer.model")
_PIECE = 1 << 16


@functools.cache
def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@functools.cache
def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Repository:
    """Files by their path, at one commit that is `main` and whatever `names` says."""

    files: dict[str, bytes]
    names: tuple[str, ...] = ("main",)

    @property
    def commit(self) -> str:
        return git_sha1("".join(sorted(path + self.hash(path) for path in self.files)).encode())

    def has_revision(self, revision: str) -> bool:
        return revision in (*self.names, self.commit)

    def hash(self, path: str) -> str:
        return (sha256 if path.endswith(LARGE) else git_sha1)(self.files[path])


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    range: str
    token: str


@dataclass(slots=True)
class Faults:
    """What goes wrong. Files are named by their path; `cut` counts the bytes after which the connection is closed."""

    status: int = 0
    gated: bool = False
    garbage: bool = False
    ignores_range: bool = False
    rate: int = 0
    cut: dict[str, list[int]] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Hub:
    repositories: dict[str, Repository] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def downloads(self, path: str) -> list[Request]:
        """The requests for the content of a file."""
        ends = {f"/{repository.hash(path)}" for repository in self.repositories.values() if path in repository.files}
        ends.add(f"/{path}")
        return [r for r in self.requests if r.method == "GET" and any(r.path.endswith(end) for end in ends)]


@contextlib.contextmanager
def serve() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = self.headers
        self.hub.requests.append(
            Request(self.command, path, headers.get("Range", ""), headers.get("Authorization", ""))
        )
        faults = self.hub.faults
        if faults.status:
            self._refuse(faults.status)
        elif faults.garbage:
            self._reply(b"<html>Please log in to the airport's network.</html>", {"Content-Type": "text/html"})
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/").split("/"))
        elif path.startswith("/storage/"):
            self._storage(*path.removeprefix("/storage/").rsplit("/", 1))
        else:
            self._resolve(path.removeprefix("/").split("/"))

    def _find(self, name: str, revision: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif self.hub.faults.gated:
            self._refuse(403, "GatedRepo", f"Access to model {name} is restricted.")
        elif not repository.has_revision(revision):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repository
        return None

    def _api(self, parts: list[str]) -> None:
        name, what = "/".join(parts[:2]), parts[2] if len(parts) > 2 else "revision"
        repository = self._find(name, "/".join(parts[3:]) or "main")
        if repository is None:
            return
        if what == "tree":
            self._json([self._entry(repository, path) for path in repository.files])
        else:
            siblings = [{"rfilename": path} for path in repository.files]
            self._json({"id": name, "modelId": name, "sha": repository.commit, "siblings": siblings, "tags": []})

    def _entry(self, repository: Repository, path: str) -> dict[str, object]:
        content = repository.files[path]
        size = self.hub.faults.sizes.get(path, len(content))
        entry: dict[str, object] = {"type": "file", "path": path, "size": size, "oid": git_sha1(content)}
        if path.endswith(LARGE):
            entry["lfs"] = {"oid": sha256(content), "size": size, "pointerSize": 134}
        return entry

    def _resolve(self, parts: list[str]) -> None:
        name, revision, path = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        repository = self._find(name, revision)
        if repository is None:
            return
        if path not in repository.files or path in self.hub.faults.gone:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        about = {"X-Repo-Commit": repository.commit, "ETag": f'"{repository.hash(path)}"', "Accept-Ranges": "bytes"}
        if not path.endswith(LARGE):
            self._content(path, repository.files[path], about)
            return
        about |= {"X-Linked-Etag": f'"{repository.hash(path)}"', "X-Linked-Size": str(len(repository.files[path]))}
        about["Location"] = f"http://localhost:{self.hub.port}/storage/{name}/{repository.hash(path)}"
        self._reply(b"", about, status=302)

    def _storage(self, name: str, sha: str) -> None:
        repository = self.hub.repositories[name]
        path = next(path for path in repository.files if repository.hash(path) == sha)
        self._content(path, repository.files[path], {"ETag": f'"{sha}"'})

    def _content(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        start = 0
        if path in self.hub.faults.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = self.headers.get("Range", "")
        if asked and not self.hub.faults.ignores_range:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        cuts = self.hub.faults.cut.get(path)
        self._reply(
            content[start:], headers, status=206 if start else 200, path=path, cut=cuts.pop(0) if cuts else None
        )

    def _json(self, value: object) -> None:
        self._reply(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._reply(json.dumps({"error": message}).encode(), headers, status=status)

    def _reply(
        self, body: bytes, headers: dict[str, str], *, status: int = 200, path: str = "", cut: int | None = None
    ) -> None:
        self.send_response(status)
        # The real one says this, and more, to those who have not logged in.
        headers = {"X-HF-Warning": "unauthenticated; You are sending unauthenticated requests."} | headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(ConnectionError):
                self._send(body if cut is None else body[:cut], path)
        if cut is not None:
            self.close_connection = True

    def _send(self, body: bytes, path: str) -> None:
        rate = self.hub.faults.rate
        for start in range(0, len(body), _PIECE):
            piece = body[start : start + _PIECE]
            self.wfile.write(piece)
            self.hub.sent[path] = self.hub.sent.get(path, 0) + len(piece)
            if rate:
                time.sleep(len(piece) / rate)
