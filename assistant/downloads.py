"""Fetching a model from a hub into the standard Hugging Face cache: whole, checked, and going on where it stopped.

The hub's library speaks to the hub and keeps the cache's layout. Files are received here, because version 2.4 of the
library throws a part of a file away when it stops: six gigabytes would begin anew. The parts lie beside the finished
files as `<hash>.incomplete`, the name that earlier versions of the library gave them.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.errors import EngineError
from assistant.models import PART, absent, cache_folder, find, is_hub_id, locate, named
from assistant.refusals import explained
from assistant.repositories import File, wanted_files

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# Free space that is left alone.
MARGIN_BYTES = 500_000_000
STREAMS = 4
ATTEMPTS = 5
_CHUNK = 1 << 20

Stage = Literal["fetching", "checking", "waiting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of all files that are here, of those that are wanted; and what is being done with which file."""

    stage: Stage
    file: str
    done: int
    total: int


Tell = Callable[[Progress], object]


def fetch(name: str, revision: str | None = None, progress: Tell = lambda _: None) -> Path:
    """Bring a model here, or bring what is missing of it; and check every file against the hub's hashes.

    `name` is one of the catalogue, or a hub's "owner/name" with weights in safetensors. `progress` is called from
    several threads, never from two at once. Raises EngineError. What was received is kept, whatever ends this:
    KeyboardInterrupt too.
    """
    model = named(name)
    if model and not model.repo:
        return locate(name)
    if not model and not is_hub_id(name):
        raise absent(name, revision)
    repo, file = (model.repo, model.file) if model else (name, "")
    with explained(repo, revision, f"assistant models fetch {name}"):
        _fetch(_hub(), repo, file, revision, progress)
    path = find(name, revision)
    if path is None:
        raise EngineError(
            f"{repo} changed on the hub while it was being fetched.", f"Run `assistant models fetch {name}` again."
        )
    return path


def _hub() -> "HfApi":
    # For programs that are not the `assistant` command: the library says to the hub what else is installed here.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi

    return HfApi()


def _fetch(hub: "HfApi", repo: str, file: str, revision: str | None, progress: Tell) -> None:
    commit, files = wanted_files(hub, repo, revision, file)
    folder = cache_folder(repo)
    _check_space(folder, files)
    transfer = _Transfer(hub, repo, commit, folder, files, progress)
    transfer.run()
    for wanted in files:
        # All is here, so this only makes the cache's links; what a hub names in its own way is checked once more.
        linked = Path(hub.hf_hub_download(repo, wanted.path, revision=commit))
        if linked.resolve() != transfer.blob(wanted).resolve() and _hash(wanted, linked) != wanted.hash:
            linked.resolve().unlink()
            raise _damaged(wanted)
    # Last: until now the branch meant what was here before.
    hub.resolve_revision(repo, revision=revision)


def _check_space(folder: Path, files: list[File]) -> None:
    blobs = folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    missing = sum(max(0, file.size - _size(blobs / file.hash) - _size(_part(blobs / file.hash))) for file in files)
    free = shutil.disk_usage(blobs).free
    if missing and missing + MARGIN_BYTES > free:
        raise EngineError(
            f"The model needs {missing / 1e9:.1f} GB more, and {folder.parent} has {free / 1e9:.1f} GB free.",
            "Free some space, or set HF_HOME to a folder on another disk.",
        )


def _part(blob: Path) -> Path:
    return blob.with_name(blob.name + PART)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


class _Stopped(Exception):  # noqa: N818 (it is not an error)
    """Another file failed, or the person pressed Ctrl-C."""


@dataclass(slots=True)
class _Transfer:
    """Several files at once into the cache's store of blobs. A file is there only once its hash was right."""

    hub: "HfApi"
    repo: str
    commit: str
    folder: Path
    files: Sequence[File]
    progress: Tell
    _done: int = 0
    _told: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def blob(self, file: File) -> Path:
        return self.folder / "blobs" / file.hash

    def run(self) -> None:
        blobs = [self.blob(file) for file in self.files]
        self._done = sum(_size(blob) or _size(_part(blob)) for blob in blobs)
        with ThreadPoolExecutor(STREAMS, "fetch") as pool:
            futures = [pool.submit(self._bring, file) for file in self.files]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _bring(self, file: File) -> None:
        blob = self.blob(file)
        part = _part(blob)
        if self._is_right(file, blob):
            return
        with self._alone(file):
            if self._is_right(file, blob):  # another program has brought it meanwhile
                return
            self._drop(file, blob)
            self._receive(file, part)
            if not self._is_right(file, part):
                self._drop(file, part)
                raise _damaged(file)
            part.replace(blob)

    @contextmanager
    def _alone(self, file: File) -> Iterator[None]:
        """Hold the lock that every program takes which writes this file of the cache."""
        from filelock import Timeout
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # public, and not declared so

        path = self.folder.parent / ".locks" / self.folder.name / f"{file.hash}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            self._go_on()
            try:
                with WeakFileLock(path, timeout=1):
                    yield
                    return
            except Timeout:
                self._tell("waiting", file)

    def _receive(self, file: File, part: Path) -> None:
        """Append what is missing. A cut connection is taken up again as long as something comes each time."""
        import httpx2

        failures = 0
        if _size(part) > file.size:
            self._drop(file, part)
        part.touch()
        while (before := _size(part)) < file.size:
            self._go_on()
            try:
                self._append(file, part, before)
            except httpx2.TransportError:
                failures = 0 if _size(part) > before else failures + 1
                if failures == ATTEMPTS:
                    raise
                self._stop.wait(failures)

    def _append(self, file: File, part: Path, before: int) -> None:
        from huggingface_hub import constants, hf_hub_url
        from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, and not declared so
            build_hf_headers,
            hf_raise_for_status,
            http_stream_backoff,
        )

        url = hf_hub_url(self.repo, file.path, revision=self.commit, endpoint=self.hub.endpoint)
        headers = (
            build_hf_headers() | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={before}-"} if before else {})
        )
        with (
            http_stream_backoff(
                "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, retry_on_exceptions=()
            ) as response,
            part.open("ab") as out,
        ):
            hf_raise_for_status(response)
            if before and response.status_code != 206:  # a hub that cannot begin in the middle
                out.truncate(0)
                self._tell("fetching", file, -before)
            for chunk in response.iter_bytes():
                self._go_on()
                out.write(chunk)
                self._tell("fetching", file, len(chunk))

    def _drop(self, file: File, path: Path) -> None:
        size = _size(path)
        path.unlink(missing_ok=True)
        self._tell("fetching", file, -size)

    def _is_right(self, file: File, path: Path) -> bool:
        if not path.is_file():
            return False
        self._tell("checking", file)
        return _hash(file, path, self._go_on) == file.hash

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _tell(self, stage: Stage, file: File, received: int = 0) -> None:
        with self._lock:
            self._done += received
            now = time.monotonic()
            total = sum(wanted.size for wanted in self.files)
            if stage != "fetching" or now - self._told > 0.1 or self._done == total:
                self._told = now
                self.progress(Progress(stage, file.path, self._done, total))


def _hash(file: File, path: Path, between: Callable[[], None] = lambda: None) -> str:
    """The hash of what is at the path, of the kind that the hub states: large files SHA-256, small ones git's."""
    large = len(file.hash) == 64
    sha = hashlib.sha256() if large else hashlib.sha1(f"blob {_size(path)}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            between()
            sha.update(chunk)
    return sha.hexdigest()


def _damaged(file: File) -> EngineError:
    return EngineError(
        f"{file.path} came damaged: its hash is not the one that the hub states. It was deleted.",
        "Run the same command again; what came whole is kept.",
    )
