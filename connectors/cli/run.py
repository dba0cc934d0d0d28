"""`assistant connectors` and `assistant run`: other ways to reach the assistant."""

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import typer

from connectors.cli.console import out
from connectors.cli.options import options

if TYPE_CHECKING:
    from assistant import Assistant
    from connectors.base import Connector


def connectors() -> None:
    """List the connectors that are installed."""
    from rich.table import Table

    from connectors.registry import installed

    table = Table("Connector", "Code", "Package", box=None, header_style="bold")
    for connector in installed():
        table.add_row(connector.name, connector.target, connector.distribution)
    out().print(table)


def run(context: typer.Context, connector: str) -> None:
    """Serve through a connector until it ends or is stopped."""
    from connectors.registry import load

    asyncio.run(serve(load(connector), options(context).assistant()))


async def serve(connector: "Connector", assistant: "Assistant") -> None:
    """Serve; a polite signal to stop lets the connector finish."""
    serving = asyncio.ensure_future(connector.serve(assistant))
    # Windows has no such signals; there Ctrl-C is all there is.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    async with assistant:
        try:
            await serving
        except asyncio.CancelledError:
            if not serving.cancelled():
                raise
