"""Files are read in a process of their own, which may hang, grow or crash without taking the assistant with it.

A keeper process imports the loaders once and forks workers; a worker reads file after file until something goes wrong,
and the keeper forks the next in a hundredth of a second. The kernel holds a worker to its limits: an alarm ends it when
a file takes too long, also after the assistant is gone, and memory is refused beyond the bound. Neither reads the
assistant's own main module, as multiprocessing's would. Answers come back as JSON, so that nothing a file could make a
worker say is run here.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.errors import LoadError

if TYPE_CHECKING:
    from langchain_core.documents import Document

SECONDS = 60
MEMORY_BYTES = 2_000_000_000
# Libraries in C seldom give all their memory back, so a worker is replaced from time to time.
FILES_A_WORKER = 300
# The kernel counts whole seconds; and what it does not end, the reader ends.
GRACE_SECONDS = 5
START_SECONDS = 60


class Reader:
    """Reads files in up to `workers` processes. May be used from several threads; close it when done.

    A file may take `seconds`, and a worker `memory` bytes in all, where the system bounds memory (Linux does).
    A process starts with the first file.
    """

    def __init__(self, seconds: int = SECONDS, memory: int = MEMORY_BYTES, workers: int = 1) -> None:
        self.seconds = seconds
        self.memory = memory
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="reader")
        self._idle: queue.LifoQueue[_Keeper | None] = queue.LifoQueue()
        self._busy: set[_Keeper] = set()
        self._closed = False
        for _ in range(workers):
            self._idle.put(None)

    def read(self, path: Path, name: str = "") -> "list[Document]":
        """What `knowledge.loaders.load` returns, or raises, for the file; and LoadError when it breaks a limit."""
        return self.submit(path, name).result()

    def submit(self, path: Path, name: str = "") -> "Future[list[Document]]":
        """The same, ahead of time: files wait their turn. Raises RuntimeError when the reader is closed."""
        return self._threads.submit(self._read, path, name or str(path))

    def start(self) -> None:
        """Start a process before the first file comes, without waiting for it."""
        if not hasattr(os, "fork"):
            return
        with contextlib.suppress(queue.Empty):
            self._idle.put(self._idle.get_nowait() or _Keeper(self.seconds, self.memory))

    def close(self) -> None:
        """Give up what waits, end what runs, and wait for the processes. A file that is being read fails."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for keeper in tuple(self._busy):
            keeper.kill()
        self._threads.shutdown(wait=True)
        while not self._idle.empty():
            if idle := self._idle.get():
                idle.kill()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, path: Path, name: str) -> "list[Document]":
        if not hasattr(os, "fork"):
            return _read_here(path, name)
        keeper = self._idle.get()
        if keeper is None or not keeper.is_alive():
            keeper = _Keeper(self.seconds, self.memory)
        self._busy.add(keeper)
        try:
            if self._closed:
                raise _closed(name)
            return _documents(keeper.ask(path, name))
        except LoadError as error:
            if self._closed:
                raise _closed(name) from error
            raise
        finally:
            self._busy.discard(keeper)
            self._idle.put(keeper)


class _Keeper:
    """The process that forks workers, and the line to them. Used by one thread at a time, but for `kill`."""

    def __init__(self, seconds: int, memory: int) -> None:
        self.seconds = seconds
        self.memory = memory
        self._line, theirs = Pipe()
        # A worker that is killed in the middle of an answer must not leave us waiting for the rest.
        with socket.socket(fileno=os.dup(self._line.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", GRACE_SECONDS, 0))
        # Its threads would not survive the fork; and one page needs no more than one.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", f"from {__name__} import keep; keep({seconds}, {memory})"],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C is for the assistant, which ends this process itself; and all of its children end with it.
            start_new_session=True,
        )
        theirs.close()
        self._worker = 0

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        for group in filter(None, (self._process.pid, self._worker)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        self._process.wait()

    def ask(self, path: Path, name: str) -> dict[str, Any]:
        """The worker's answer for a file. Raises LoadError when there is none."""
        self._wait_until_ready()
        answer = self._exchange(path, name)
        if answer.get("memory") == "worn":
            answer = self._exchange(path, name)  # In a new worker: files before this one had taken their part.
        if answer.get("memory"):
            raise _too_large(name, self.memory)
        return answer

    def _wait_until_ready(self) -> None:
        if self._worker:
            return
        try:
            self._hear(START_SECONDS)
        except (EOFError, OSError, TimeoutError) as error:
            self.kill()
            raise LoadError(
                "The process that reads files cannot be started.",
                "Run `python -c 'import knowledge.loaders'` to see why.",
            ) from error

    def _exchange(self, path: Path, name: str) -> dict[str, Any]:
        try:
            while self._line.poll(0):
                self._hear(0)  # There is a new worker, since the last was worn, or killed while it had nothing to do.
            self._line.send_bytes(json.dumps([os.fspath(path.absolute()), name]).encode())
            answer = self._hear(self.seconds + GRACE_SECONDS)
            while "worker" in answer:
                answer = self._hear(self.seconds + GRACE_SECONDS)
        except TimeoutError as error:
            self.kill()
            raise _too_slow(name, self.seconds) from error
        except (EOFError, OSError) as error:
            self.kill()
            raise _crashed(name, "it was ended", self.memory) from error
        if (code := answer.get("ended")) is not None:
            raise (
                _too_slow(name, self.seconds) if code == -signal.SIGALRM else _crashed(name, _named(code), self.memory)
            )
        return answer

    def _hear(self, seconds: float) -> dict[str, Any]:
        """What the keeper or its worker says next; each worker says first who it is."""
        if not self._line.poll(seconds):
            raise TimeoutError
        answer: dict[str, Any] = json.loads(self._line.recv_bytes())
        self._worker = answer.get("worker", self._worker)
        return answer


def _read_here(path: Path, name: str) -> "list[Document]":
    """Where a system cannot fork, files are read without bounds."""
    from knowledge import loaders

    return loaders.load(path, name)


def _documents(answer: dict[str, Any]) -> "list[Document]":
    from langchain_core.documents import Document

    if error := answer.get("error"):
        raise LoadError(*error)
    return [Document(text, metadata=metadata) for text, metadata in answer["documents"]]


def _too_slow(name: str, seconds: int) -> LoadError:
    return LoadError(f"{name} takes longer than {seconds} s to read.", "Split it, or save a simpler copy of it.")


def _too_large(name: str, memory: int) -> LoadError:
    return LoadError(
        f"{name} needs too much memory to be read: more than {memory / 1e9:.1f} GB.",
        "Split it, or save a simpler copy of it.",
    )


def _crashed(name: str, how: str, memory: int) -> LoadError:
    """A library in C that is refused memory seldom says so before it ends."""
    return LoadError(
        f"{name} crashed the reader ({how}), or needs more memory than {memory / 1e9:.1f} GB.",
        "Save it anew, or in another format.",
    )


def _closed(name: str) -> LoadError:
    return LoadError(f"{name} was not read: the reader is closed.", "Start again.")


def _named(code: int) -> str:
    """How a process ended, by its exit code: the signal's name for a negative one."""
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"


# What follows runs in the other processes.

# Imported once, and inherited by every worker: what most kinds of files need.
_SHARED = ("knowledge.loaders", "langchain_core.documents", "bs4", "lxml.etree", "markdownify", "pypdfium2", "yaml")
# How a worker ends: nobody is there any more, or it has done its part. Neither is what a library would end with.
HUNG_UP, REPLACE = 113, 114


def keep(seconds: int, memory: int) -> None:
    """Fork a worker, wait for its end, tell of it, and fork the next, until the assistant hangs up."""
    for module in _SHARED:
        import_module(module)
    line = Connection(os.dup(0))
    while True:
        worker = os.fork()
        if worker == 0:
            _work(line, seconds, memory)
        _, status = os.waitpid(worker, 0)
        # Programs that it had started, Tesseract for one, end with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        if code == HUNG_UP:
            return
        if code != REPLACE:
            line.send_bytes(json.dumps({"ended": code}).encode())


def _work(line: Connection, seconds: int, memory: int) -> None:
    """Answer for file after file. Ends with HUNG_UP or REPLACE, or as a file makes it end."""
    status = 1
    with contextlib.suppress(BaseException):
        os.setpgid(0, 0)
        _bound(memory)
        line.send_bytes(json.dumps({"worker": os.getpid()}).encode())
        status = _answer_all(line, seconds)
    os._exit(status)


def _answer_all(line: Connection, seconds: int) -> int:
    for done in range(FILES_A_WORKER):
        try:
            path, name = json.loads(line.recv_bytes())
        except (EOFError, OSError):
            return HUNG_UP
        signal.alarm(seconds)
        answer = _answer(Path(path), name)
        signal.alarm(0)
        line.send_bytes(answer or json.dumps({"memory": "worn" if done else "new"}).encode())
        if not answer:
            break
    return REPLACE


def _answer(path: Path, name: str) -> bytes:
    """The documents or the error; nothing when the memory did not suffice."""
    from knowledge import loaders

    try:
        documents = loaders.load(path, name)
        return json.dumps({"documents": [[d.page_content, d.metadata] for d in documents]}).encode()
    except MemoryError:
        return b""
    except LoadError as error:
        if isinstance(error.__cause__, MemoryError):
            return b""
        return json.dumps({"error": [error.problem, error.remedy]}).encode()


def _bound(memory: int) -> None:
    """Refuse memory beyond the bound; what is mapped already and does not count as memory in use is let go by."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        mapped, used = (
            int(pages) * resource.getpagesize() for pages in Path("/proc/self/statm").read_text().split()[:2]
        )
        limit = mapped - used + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
