"""`assistant chat`: the terminal as a connector."""

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import typer

from connectors.cli import errors
from connectors.cli.options import Session, options_of

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output
    from rich.console import Console

    from assistant import Assistant
    from connectors.cli.conversation import Conversation
    from connectors.cli.prompt import Reader


def chat(context: typer.Context, session: Session = None) -> None:
    """Talk with the assistant. Piped in, every line is a question."""
    options = options_of(context)
    connector = TerminalConnector(session, debug=options.debug, command=options.command())
    asyncio.run(_serve(options.assistant(), connector))
    raise typer.Exit(errors.FAILED if connector.failed else 0)


async def _serve(assistant: "Assistant", connector: "TerminalConnector") -> None:
    async with assistant:
        await connector.serve(assistant)


class TerminalConnector:
    """A person, or a script, at a terminal. For tests, the parts of the terminal can be given."""

    def __init__(
        self,
        session: str | None = None,
        *,
        out: "Console | None" = None,
        err: "Console | None" = None,
        input: "Input | None" = None,  # noqa: A002 (prompt_toolkit's own name for it)
        output: "Output | None" = None,
        debug: bool = False,
        command: str = "assistant",
    ) -> None:
        self.session = session
        self.out = out
        self.err = err
        self.input = input
        self.output = output
        self.debug = debug
        self.command = command
        # A script wants to know that a question failed; a person has seen it.
        self.failed = False

    async def serve(self, assistant: "Assistant") -> None:
        """Answer until there are no more questions. The models load while the first one is typed."""
        conversation = self._conversation(assistant)
        reader = self._reader(assistant)
        await conversation.greet()
        warming = asyncio.create_task(_warm_up(assistant))
        try:
            await _converse(conversation, reader)
        finally:
            warming.cancel()
        self.failed = bool(conversation.failures) and not conversation.interactive
        if conversation.interactive and conversation.asked:
            await conversation.where()

    @property
    def interactive(self) -> bool:
        return self.input is not None or (sys.stdin.isatty() and sys.stdout.isatty())

    def _conversation(self, assistant: "Assistant") -> "Conversation":
        from assistant import new_conversation_id
        from connectors.cli import console
        from connectors.cli.conversation import Conversation

        return Conversation(
            assistant,
            self.session or new_conversation_id(),
            self.out or console.out(),
            self.err or console.err(),
            interactive=self.interactive,
            debug=self.debug,
            command=self.command,
        )

    def _reader(self, assistant: "Assistant") -> "Reader":
        from connectors.cli.conversation import COMMANDS
        from connectors.cli.prompt import Lines, Prompt

        if not self.interactive:
            return Lines()
        history = assistant.settings.data_dir / "chat_history"
        return Prompt(history, list(COMMANDS), self.input, self.output)


async def _converse(conversation: "Conversation", reader: "Reader") -> None:
    from connectors.cli.conversation import Leave

    with contextlib.suppress(EOFError, Leave):
        while True:
            await conversation.take(await reader.read())


async def _warm_up(assistant: "Assistant") -> None:
    # What is wrong with a model is told when a question needs it, not in the middle of typing.
    with contextlib.suppress(Exception):
        await assistant.warm_up()
