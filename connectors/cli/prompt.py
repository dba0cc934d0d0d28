"""Where questions come from: a person at a prompt, or the lines of a pipe."""

import asyncio
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output


class Reader(Protocol):
    """Gives one question after the other; raises EOFError when there are no more."""

    async def read(self) -> str: ...


class Prompt:
    """Reads from a person: history, several lines, completion of commands, Ctrl-C twice to leave."""

    def __init__(
        self,
        history: Path,
        commands: Sequence[str],
        input: "Input | None" = None,  # noqa: A002 (prompt_toolkit's own name for it)
        output: "Output | None" = None,
    ) -> None:
        self.session: PromptSession[str] = PromptSession(
            [("bold ansicyan", "> ")],
            multiline=True,
            prompt_continuation="  ",
            key_bindings=key_bindings(),
            completer=WordCompleter(list(commands), sentence=True),
            complete_while_typing=False,
            history=open_history(history),
            input=input,
            output=output,
        )
        self.session.default_buffer.on_text_insert += self._typed
        self._interrupted = False

    def _typed(self, _: "Buffer") -> None:
        self._interrupted = False

    async def read(self) -> str:
        while True:
            try:
                # Ctrl-C comes as a key; the signal belongs to whoever stops an answer.
                return await self.session.prompt_async(handle_sigint=False)
            except KeyboardInterrupt:
                if self._interrupted:
                    raise EOFError from None
                self._interrupted = True


def key_bindings() -> KeyBindings:
    """Enter sends; Alt-Enter, or a backslash before Enter, begins a new line."""
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def open_history(path: Path) -> History:
    """Earlier questions, nobody else's to read; where no file can be written, those of this run only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


class Lines:
    """Reads from a pipe, a question a line. Blank lines are passed over."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or _own_stdin()
        self._queue: asyncio.Queue[str | BaseException] | None = None

    async def read(self) -> str:
        queue = self._started()
        while True:
            line = await queue.get()
            if isinstance(line, BaseException):
                raise line
            if line.strip():
                return line.rstrip("\n")

    def _started(self) -> "asyncio.Queue[str | BaseException]":
        if self._queue is None:
            self._queue = asyncio.Queue()
            # A daemon, not the loop's executor: a pipe on which nothing comes must not hold up the end.
            pump = threading.Thread(
                target=_pump, args=(self._stream, self._queue, asyncio.get_running_loop()), daemon=True
            )
            pump.start()
        return self._queue


def _own_stdin() -> IO[str]:
    """Standard input, apart from `sys.stdin`: Python cannot end while a thread waits inside that one."""
    return open(sys.stdin.fileno(), encoding=sys.stdin.encoding, errors="replace", closefd=False)


def _pump(stream: IO[str], queue: "asyncio.Queue[str | BaseException]", loop: asyncio.AbstractEventLoop) -> None:
    end: BaseException = EOFError()
    try:
        for line in stream:
            loop.call_soon_threadsafe(queue.put_nowait, line)
    except (OSError, ValueError) as error:  # closed, or not text
        end = error
    try:
        loop.call_soon_threadsafe(queue.put_nowait, end)
    except RuntimeError:
        return  # the loop has ended first
