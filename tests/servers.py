"""Servers on loopback that speak OpenAI's chat completions: one that misbehaves as it is told, and a real one."""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.smollm2 import write_folder

MODEL = "a-model"
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


@dataclass(frozen=True, slots=True)
class Received:
    """A request, as it came over the wire."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


# -- replies


def response(status: int, body: str | bytes = "", kind: str = "application/json", **headers: str) -> Reply:
    """One whole answer; `retry_after="0.1"` is the header Retry-After."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        content = body.encode() if isinstance(body, str) else body
        writer.write(_head(status, kind, headers | {"content_length": str(len(content))}) + content)
        await writer.drain()

    return reply


def answer(
    *texts: str, finish: str | None = "stop", usage: Any = USAGE, done: bool = True, pause: float = 0.0
) -> Reply:
    """Text in events, the way vLLM sends it."""
    pieces = [event(text) for text in texts]
    if finish:
        pieces.append(event("", finish))
    if usage:
        pieces.append(data({"object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": usage}))
    return events(*pieces, *([b"data: [DONE]\n\n"] if done else []), pause=pause)


def events(*pieces: bytes, pause: float = 0.0, then: str = "end") -> Reply:
    """A stream of these; `then` the body ends, the connection is "cut", or it is "silent" for ever."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, "text/event-stream; charset=utf-8", {"transfer_encoding": "chunked"}))
        for piece in pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(pause)
        if then == "silent":
            await asyncio.sleep(3600)
        if then == "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    return reply


def endless(piece: bytes) -> Reply:
    """The same for ever."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, "text/event-stream", {"transfer_encoding": "chunked"}))
        while True:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()

    return reply


def raw(content: bytes) -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()

    return reply


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
    return data({"id": "1", "object": "chat.completion.chunk", "model": MODEL, "choices": [choice]})


def data(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def models(*names: str, owner: str = "vllm", **more: Any) -> Reply:
    entries = [{"id": name, "object": "model", "owned_by": owner, **more} for name in names]
    return response(200, json.dumps({"object": "list", "data": entries}))


def _head(status: int, kind: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", *lines, "", ""]).encode()


# -- the server


@dataclass
class ScriptedServer:
    """Gives the replies it was told to give, one a question and the last one again and again.

    It runs in a thread with an event loop of its own, so that those who ask may have any loop or none.
    """

    replies: list[Reply] = field(default_factory=lambda: [answer("Hello", " there", ".")])
    models: Reply = field(default_factory=lambda: models(MODEL, max_model_len=2048))
    received: list[Received] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    """Set when a question has come."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when somebody went away before the reply had ended."""
    tls: ssl.SSLContext | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def questions(self) -> list[Received]:
        return [request for request in self.received if request.method == "POST"]

    def __enter__(self) -> "ScriptedServer":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            request = await _read(reader)
            self.received.append(request)
            await self._reply(self._next(request), reader, writer)
        writer.close()

    def _next(self, request: Received) -> Reply:
        if request.method != "POST":
            return self.models
        self.asked.set()
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def _reply(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replying, leaving = asyncio.ensure_future(reply(writer)), asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((replying, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not replying.done() or isinstance(replying.exception(), ConnectionError):
                self.left.set()
        finally:
            for task in (replying, leaving):
                task.cancel()
            await asyncio.gather(replying, leaving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, path, headers, json.loads(content) if content else None)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# -- a real one

_SECONDS_TO_START = 150.0


@contextmanager
def serve_bundled_model(model: Path) -> Iterator[tuple[str, str]]:
    """`transformers serve` with the bundled model: its base URL, and the name that it knows the model by.

    The model is pinned, so it is loaded before the port opens; its name is the folder's path. `model` is where the
    model lies as safetensors; where it does not yet, it is written there, which takes some 20 seconds. Starting takes
    some 10 more.
    """
    if not (model / "config.json").is_file():
        write_folder(model)
    port = free_port()
    with TemporaryDirectory() as name, Path(name, "serve.log").open("w+b") as log:
        process = subprocess.Popen(_command(model, port), stdout=log, stderr=log, env=_environment(Path(name)))
        try:
            _wait(process, port, Path(log.name))
            yield f"http://127.0.0.1:{port}/v1", str(model)
        finally:
            _end(process)


def _command(model: Path, port: int) -> list[str]:
    program = str(Path(sys.executable).parent / "transformers")
    # By default it fills most of the memory with its cache, which takes its first answer 15 seconds and not one; a
    # fraction of the memory is too little on a small machine. 16 bits are slow on a processor without them.
    batching = ["--dtype", "float32", "--continuous-batching", "--cb-num-blocks", "16", "--cb-max-batch-tokens", "1024"]
    return [program, "serve", str(model), *batching, "--host", "127.0.0.1", "--port", str(port)]


def _environment(folder: Path) -> dict[str, str]:
    """No hub, no telemetry, a cache that is there (without one, its list of models is an error), and a core for us."""
    cache = folder / "hub"
    cache.mkdir(exist_ok=True)
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    return {**os.environ, **offline, "HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1"}


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"transformers serve did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
