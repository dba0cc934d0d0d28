"""An aiohttp application on an address of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from connectors.slack.faults import SetupError

PORTS = range(65_536)


@asynccontextmanager
async def listening(
    app: web.Application, address: str, setting: str, shutdown_s: float = 3.0
) -> AsyncIterator[tuple[str, int]]:
    """Serve at "host:port" until left, then let requests end for `shutdown_s`. Yields the host and the actual port.

    Port 0 takes any that is free. Raises SetupError, which names the setting, when the address cannot be used.
    """
    host, port = _split(address, setting)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_s)
    await runner.setup()
    try:
        await _start(web.TCPSite(runner, host, port), address, setting)
        yield host, int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _start(site: web.TCPSite, address: str, setting: str) -> None:
    try:
        await site.start()
    except OSError as error:
        raise SetupError(
            f"Nothing can listen at {address}: {error.strerror or error}.",
            f"Stop what uses that address, or give another one as `{setting}` under [connectors.slack].",
        ) from error


def _split(address: str, setting: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) not in PORTS:
        raise SetupError(
            f"{address!r} is not an address to listen at.",
            f'Give `{setting}` under [connectors.slack] as "host:port", such as "127.0.0.1:3000".',
        )
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 (an address without a host means all of them)
