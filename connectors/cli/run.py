"""`assistant connectors` and `assistant run`: other ways to reach the assistant."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli.options import options_of
from connectors.cli.signals import is_cancelled, on_signal

if TYPE_CHECKING:
    from assistant import Assistant
    from connectors.base import Connector


def connectors() -> None:
    """List the connectors that are installed."""
    from connectors import registry
    from connectors.cli import console

    rows = [(c.name, c.target, c.distribution) for c in registry.installed()]
    if not sys.stdout.isatty():
        for row in rows:
            console.write_row(*row)
        return
    from rich.table import Table

    table = Table("Name", "Where", "From", box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.out().print(table)


def run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="One that `assistant connectors` lists.")],
) -> None:
    """Serve through a connector until it ends or is stopped."""
    from connectors import registry

    connector = registry.load(name)
    asyncio.run(serve(options_of(context).assistant(), connector))


async def serve(assistant: "Assistant", connector: "Connector") -> None:
    """Serve until there is nothing more to do, or until SIGTERM. Ctrl-C is asyncio's to handle."""
    async with assistant:
        task = asyncio.create_task(connector.serve(assistant))
        try:
            with on_signal(signal.SIGTERM, lambda: task.cancel()):
                await task
        except asyncio.CancelledError:
            if is_cancelled():
                raise
