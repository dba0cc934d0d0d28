"""`assistant chat`: a conversation. Also the connector `cli`."""

import asyncio
import difflib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli.console import err, out, printable
from connectors.cli.options import options

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from rich.console import Console

    from assistant import Answer, Assistant

HELP = """/help      this list
/sources   the sources of the last answer, in full
/history   what was said in this session
/session   this session's id, and how to take it up again
/reset     forget what was said in this session
/quit      leave (also Ctrl-D)

Enter sends; Esc then Enter, or a backslash at the end of the line, starts a new line. Ctrl-C stops an answer."""
COMMANDS = ("/help", "/sources", "/history", "/session", "/reset", "/quit", "/exit")


def chat(
    context: typer.Context,
    session: Annotated[str | None, typer.Option(help="A conversation to take up again.")] = None,
) -> None:
    """Talk with the assistant. /help shows what can be typed."""
    from connectors.cli.run import serve

    asyncio.run(serve(TerminalConnector(session), options(context).assistant()))


@dataclass
class TerminalConnector:
    """A conversation on a terminal, or, when standard input is a pipe, a question a line."""

    session: str | None = None
    console: "Console" = field(default_factory=out)
    errors: "Console" = field(default_factory=err)
    prompt: "PromptSession[str] | None" = None
    last: "Answer | None" = None

    async def serve(self, assistant: "Assistant") -> None:
        from assistant import new_conversation_id

        self.session = self.session or new_conversation_id()
        warming = asyncio.gather(assistant.warm_up(), return_exceptions=True)
        try:
            await self._greet(assistant)
            async for line in self._lines(assistant):
                if line.startswith("/"):
                    if not await self._command(line, assistant):
                        return
                else:
                    await self._answer(line, assistant)
        finally:
            warming.cancel()
            self.errors.print(f"Session {self.session}: assistant chat --session {self.session}", style="dim")

    # -- what comes in

    async def _lines(self, assistant: "Assistant") -> AsyncIterator[str]:
        """What the person types, until they leave."""
        read = self._typed(assistant) if sys.stdin.isatty() or self.prompt else _piped
        while (line := await read()) is not None:
            if line.strip():
                yield line.strip()

    def _typed(self, assistant: "Assistant") -> Callable[[], Awaitable[str | None]]:
        from connectors.cli.prompt import new_prompt

        prompt = self.prompt or new_prompt(assistant.settings.data_dir / "history", COMMANDS)
        stops = 0

        async def read() -> str | None:
            nonlocal stops
            try:
                line = await prompt.prompt_async()
            except EOFError:
                return None
            except KeyboardInterrupt:
                stops += 1
                if stops > 1:
                    return None
                self.errors.print("Ctrl-C again, or Ctrl-D, to leave.", style="dim")
                return ""
            stops = 0
            return line

        return read

    # -- what goes out

    async def _greet(self, assistant: "Assistant") -> None:
        if not self.console.is_terminal:
            return
        documents = len(assistant.knowledge.documents())
        name = assistant.settings.persona.name
        self.console.print(f"{name} · {documents} documents · session {self.session} · /help", style="dim")
        if not documents:
            self.console.print("There are no documents yet. Add some: assistant ingest FOLDER", style="yellow")
        turns = await assistant.history(self.session or "")
        if turns:
            self.console.print(f"Resuming after {len(turns)} turns. The last was:", style="dim")
            self.console.print(f"› {printable(turns[-1].question)}\n{printable(turns[-1].answer)}\n", style="dim")

    async def _answer(self, text: str, assistant: "Assistant") -> None:
        """Answer one question; Ctrl-C stops the answer and not the conversation."""
        answering = asyncio.ensure_future(self._show(text, assistant))
        with _interrupts(answering):
            try:
                await answering
            except asyncio.CancelledError:
                if not answering.cancelled():
                    raise
                self.errors.print("\nStopped. The session goes on.", style="dim")
            except Exception as error:  # noqa: BLE001 (one failed answer does not end the conversation)
                self._report(error)

    async def _show(self, text: str, assistant: "Assistant") -> None:
        from assistant import Finished, Question
        from connectors.cli.render import AnswerView

        view = AnswerView(self.console, self.errors)
        try:
            async for event in assistant.stream(Question(text, self.session or "")):
                view.show(event)
                if isinstance(event, Finished):
                    self.last = event.answer
                    self._footer(event.answer)
        finally:
            view.close()

    def _footer(self, answer: "Answer") -> None:
        if not self.console.is_terminal:
            self.console.print()
            return
        timings = answer.timings
        first = f", first word {timings.first_token_ms:.0f} ms" if timings.first_token_ms else ""
        tokens = f", {answer.usage.completion_tokens} tokens" if answer.usage.completion_tokens else ""
        total = timings.total_ms / 1000
        self.console.print(f"search {timings.retrieve_ms:.0f} ms{first}, {total:.1f} s{tokens}\n", style="dim")

    def _report(self, error: Exception) -> None:
        from connectors.cli.render import print_error
        from knowledge import UserError

        if isinstance(error, UserError):
            print_error(self.errors, error.problem, error.remedy)
        else:
            print_error(self.errors, f"Something went wrong: {error}", "Ask again, or leave and use --debug.")

    # -- commands

    async def _command(self, line: str, assistant: "Assistant") -> bool:
        """Do what a line that begins with a slash says. False to leave."""
        name = line.split()[0].lower()
        if name in ("/quit", "/exit"):
            return False
        if name == "/help":
            self.console.print(HELP)
        elif name == "/sources":
            self._sources()
        elif name == "/history":
            await self._history(assistant)
        elif name == "/session":
            self.console.print(f"{self.session}: assistant chat --session {self.session}")
        elif name == "/reset":
            await assistant.forget(self.session or "")
            self.last = None
            self.console.print("Forgotten. What was said before plays no part any more.")
        else:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else "/help shows what there is."
            self.console.print(f"There is no command {name}. {hint}")
        return True

    def _sources(self) -> None:
        from connectors.cli.render import print_sources

        if self.last and self.last.citations:
            print_sources(self.console, self.last.citations)
        else:
            self.console.print("The last answer has no sources." if self.last else "Nothing was answered yet.")

    async def _history(self, assistant: "Assistant") -> None:
        for turn in await assistant.history(self.session or ""):
            self.console.print(f"› {printable(turn.question)}", style="bold")
            self.console.print(f"{printable(turn.answer)}\n")


async def _piped() -> str | None:
    line = await asyncio.to_thread(sys.stdin.readline)
    return line if line else None


class _interrupts:  # noqa: N801 (used as a `with` block)
    """While open, Ctrl-C cancels the task instead of ending the program."""

    def __init__(self, task: "asyncio.Future[None]") -> None:
        self._task = task
        self._set = False

    def __enter__(self) -> None:
        try:
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._task.cancel)
            self._set = True
        except (NotImplementedError, RuntimeError, ValueError):
            # No signals on this platform or in this thread: Ctrl-C ends the program, as it would anyway.
            return

    def __exit__(self, *exc: object) -> None:
        if self._set:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
