"""An answer on the screen while it is being written."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Self

from assistant import Finished, Queued, Retrieved, Stage, TextDelta
from connectors.cli.console import clean

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.status import Status

    from assistant import Answer, Event

STAGES = {"searching": "Searching…", "reading": "Reading…", "writing": "Writing…"}


async def show(events: AsyncIterator["Event"], out: "Console | None", err: "Console") -> "Answer":
    """Show an answer as it comes: Markdown on a terminal, plain text elsewhere. Stages go to `err`.

    Without `out`, only the stages are shown.
    """
    with _view(out) as text, Progress(err) as progress:
        async for event in events:
            match event:
                case Stage(name):
                    progress.say(progress.reading if name == "reading" else STAGES[name])
                case Retrieved(passages):
                    progress.reading = f"Reading {len(passages)} passages…"
                case Queued(position):
                    progress.say(f"Others are being answered; you are number {position} in the line…")
                case TextDelta(delta) if text:
                    progress.stop()
                    text.add(delta)
                case Finished(answer):
                    finished = answer
    return finished


def _view(out: "Console | None") -> "AbstractContextManager[Streamed | Plain | None]":
    if out is None:
        return nullcontext()
    return Streamed(out) if out.is_terminal and not out.is_dumb_terminal else Plain(out)


class Progress:
    """A spinner with what is being done, on a terminal only; it leaves nothing behind."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._status: Status | None = None
        self._stopped = not console.is_terminal or console.is_dumb_terminal
        self.reading = STAGES["reading"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def say(self, text: str) -> None:
        if self._stopped:
            return
        if self._status is None:
            self._status = self._console.status(text, spinner="dots")
            self._status.start()
        self._status.update(text)

    def stop(self) -> None:
        """For good: once text is on the screen, a spinner would only jump about below it."""
        self._stopped = True
        if self._status:
            self._status.stop()
            self._status = None


class Plain:
    """Text into a pipe, as it comes."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._ended:
            self.add("\n")

    def add(self, delta: str) -> None:
        text = clean(delta)
        self._ended = text.endswith("\n") if text else self._ended
        self._console.file.write(text)
        self._console.file.flush()


class Streamed:
    """Markdown that grows. Finished blocks are printed once and stay; only the last one is drawn again.

    So a long answer scrolls like any other output, and nothing above the last block ever flickers.
    """

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._console = console
        self._tail = ""
        self._printed = False
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()
        self._print(self._tail)

    def add(self, delta: str) -> None:
        from connectors.cli.markdown import finished_length

        self._live.start()
        self._tail += clean(delta)
        length = finished_length(self._tail)
        finished, self._tail = self._tail[:length], self._tail[length:]
        self._live.update(Tail(self._tail, gap=self._printed or bool(finished.strip())))
        # Printing draws the last block again below what it prints, both in one go.
        self._print(finished)
        self._live.refresh()

    def _print(self, block: str) -> None:
        from rich.console import Group

        from connectors.cli.markdown import markdown

        if block.strip():
            self._console.print(Group(*([""] if self._printed else []), markdown(block)))
            self._printed = True


class Tail:
    """The block being written: its last lines, as many as the screen holds, so that it can be drawn over."""

    def __init__(self, text: str, *, gap: bool) -> None:
        self.text = text
        self.gap = gap

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.segment import Segment

        from connectors.cli.markdown import markdown

        lines = console.render_lines(markdown(self.text), options.update(height=None), pad=False)
        if self.gap and self.text.strip():
            lines.insert(0, [])
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()
