"""One conversation in a terminal: what is said, and the commands that begin with a slash."""

import asyncio
import difflib
import shlex
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from assistant import Citation, Question
from connectors.cli import errors, live, render
from connectors.cli.caller import caller
from connectors.cli.console import clean, one_line
from connectors.cli.markdown import markdown
from connectors.cli.signals import is_cancelled, on_signal

if TYPE_CHECKING:
    from assistant import Answer, Assistant

COMMANDS = {
    "/help": "what can be typed here",
    "/sources": "the sources of the last answer, with the words that support it",
    "/history": "what was asked and answered so far",
    "/reset": "forget this conversation and begin anew",
    "/session": "the id of this conversation and how to come back to it",
    "/quit": "leave (also /exit, or Ctrl-D)",
    "/exit": "leave",
}
KEYS = {
    "Enter": "send",
    "Alt-Enter": "a new line (also a backslash before Enter)",
    "Ctrl-C": "stop the answer; at the prompt, clear the line, and twice to leave",
}


class Leave(Exception):  # noqa: N818 (it is not an error)
    """The person is done."""


class Conversation:
    """Takes lines and prints what comes of them. `interactive` says that somebody is watching."""

    def __init__(
        self,
        assistant: "Assistant",
        session: str,
        out: Console,
        err: Console,
        *,
        interactive: bool,
        debug: bool = False,
        command: str = "assistant",
    ) -> None:
        self.assistant = assistant
        self.session = session
        self.caller = caller()
        self.out = out
        self.err = err
        self.interactive = interactive
        self.debug = debug
        self.command = command
        self.asked = 0
        self.failures = 0
        self._citations: tuple[Citation, ...] = ()
        self._commands: dict[str, Callable[[], Awaitable[None]]] = {
            "/help": self.help,
            "/sources": self.sources,
            "/history": self.history,
            "/reset": self.reset,
            "/session": self.where,
            "/quit": self.leave,
            "/exit": self.leave,
        }

    async def greet(self) -> None:
        """What a person should know before the first question."""
        turns = await self.assistant.history(self.session, self.caller)
        self._citations = turns[-1].citations if turns else ()
        if not self.interactive:
            return
        count = len(self.assistant.knowledge.documents(caller=self.caller))
        profile = one_line(self.assistant.settings.name)
        self.out.print(
            Text(f"Profile {profile} · {_plural(count, 'document')} · session {one_line(self.session)}", "bold")
        )
        if not count:
            self.out.print(f"There are no documents yet. Add some with: {self.command} ingest FOLDER")
        self._dim("Ask a question, or type /help. Ctrl-D leaves.")
        if turns:
            self._dim(f"Resuming {one_line(self.session)} ({_plural(len(turns), 'turn')}). Last time:")
            self._dim(f"> {clean(turns[-1].question)}")
            self._dim(clean(turns[-1].answer))

    async def take(self, line: str) -> None:
        """Answer a question or obey a command. Raises Leave."""
        text = line.strip()
        if text.startswith("/"):
            await self._command(text)
        elif text:
            await self._answer(text)

    # -- questions

    async def _answer(self, text: str) -> None:
        self.asked += 1
        question = Question(text.encode("utf-8", "replace").decode(), conversation_id=self.session, caller=self.caller)
        if not self.interactive:
            await self._show(question)
            return
        task = asyncio.create_task(self._show(question))
        # Once only: a second Ctrl-C must not cut short the tidying up after the first.
        with on_signal(signal.SIGINT, lambda: task.cancelling() or task.cancel()):
            try:
                await task
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                self._dim("Stopped. This question is not remembered; the conversation is.")

    async def _show(self, question: Question) -> None:
        try:
            answer = await live.show(self.assistant.stream(question), self.out, self.err)
        except Exception as error:  # noqa: BLE001 (one question failed; the conversation goes on)
            self.failures += 1
            errors.report(error, self.err, debug=self.debug)
            return
        self._finish(answer)

    def _finish(self, answer: "Answer") -> None:
        self.failures += answer.status == "failed"
        self._citations = answer.citations
        render.print_sources(self.out, answer.citations, quotes=not self.interactive)
        if self.interactive:
            self._dim(render.footer(answer))
        self.out.print()

    # -- commands

    async def _command(self, text: str) -> None:
        action = self._commands.get(text.split()[0])
        if action:
            await action()
            return
        name = one_line(text.split()[0])
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "/help lists what there is."
        self.err.print(Text(f"There is no command {name}. {hint}"), soft_wrap=True)

    async def help(self) -> None:
        for name, meaning in (COMMANDS | KEYS).items():
            self.out.print(Text.assemble((f"  {name:<11}", "cyan"), meaning))

    async def sources(self) -> None:
        if not self._citations:
            self._dim("The last answer has no sources.")
        render.print_sources(self.out, self._citations)
        for citation in self._citations:
            if citation.url:
                self._dim(f"[{citation.number}] {one_line(citation.url)}")

    async def history(self) -> None:
        turns = await self.assistant.history(self.session, self.caller)
        for turn in turns:
            self.out.print(Text(f"> {clean(turn.question)}", "bold"))
            self.out.print(markdown(turn.answer) if self.out.is_terminal else Text(clean(turn.answer)))
        if not turns:
            self._dim("Nothing has been asked yet.")

    async def reset(self) -> None:
        await self.assistant.forget(self.session)
        self._citations = ()
        self._dim("Forgotten. The next question begins anew.")

    async def where(self) -> None:
        self.out.print(Text(f"Session {one_line(self.session)}"))
        self._dim(one_line(f"Come back with: {self.command} chat --session {shlex.quote(self.session)}"))

    async def leave(self) -> None:
        raise Leave

    def _dim(self, text: str) -> None:
        self.out.print(Text(text, "dim"), soft_wrap=not self.out.is_terminal)


def _plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
