"""`assistant connectors` and `assistant run`: other ways to reach the assistant."""

import asyncio
import logging
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
    _show_what_happens()
    asyncio.run(serve(options_of(context).assistant(), connector))


def _show_what_happens() -> None:
    """A line on stderr for whatever an operator should know, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger("assistant")
    ours.addHandler(handler)
    ours.propagate = False
    ours.setLevel(min(logging.INFO, logging.getLogger().level))


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
