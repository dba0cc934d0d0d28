"""Where conversations are kept: SQLite in the data folder, or a PostgreSQL database that several machines share."""

import asyncio
import importlib.util
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import AsyncFileLock
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from assistant.errors import SettingsError
from assistant.settings import DatabaseSettings
from knowledge import StorageError

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

VARIABLE = "ASSISTANT_DATABASE__URL"
SCHEMES = ("postgresql", "postgres")
# A write takes milliseconds; a disk that is asleep, seconds.
SQLITE_PATIENCE_S = 30.0
# How long a server is waited for, and a free connection.
POSTGRES_PATIENCE_S = 10.0
POSTGRES_CONNECTIONS = 10
# Any number will do that no other program on the same database uses.
_SETUP_LOCK = 0x50_1A_2A_55
_POLL_S = 0.1

Saver = BaseCheckpointSaver[str]


def open_conversations(database: DatabaseSettings, folder: Path) -> AbstractAsyncContextManager[Saver]:
    """The conversations; entering it makes the tables where they are missing, however many processes do so at once.

    Raises SettingsError, which does not show the address, and on entering StorageError.
    """
    if database.url is None:
        return _sqlite(folder)
    url = database.url.get_secret_value()
    _check_url(url)
    if importlib.util.find_spec("psycopg") is None:
        raise SettingsError(
            "Keeping conversations in PostgreSQL needs psycopg, which is not installed.",
            "Run `pip install 'solar-assistant[postgres]'`.",
        )
    return _postgres(url)


def _check_url(url: str) -> None:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in SCHEMES:
        kind = f"begins with {scheme + separator!r}" if separator else "is no address"
        raise SettingsError(
            f"What {VARIABLE} holds {kind}; conversations are kept in PostgreSQL or in the data folder.",
            'Set it to "postgresql://user:password@host/name", or unset it.',
        )


@contextmanager
def explained(database: DatabaseSettings) -> Iterator[None]:
    """What the database says, such as that the disk is full or the connection lost, becomes a StorageError."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, sqlite3.Error) and not type(error).__module__.startswith("psycopg"):
            raise
        place = "the data folder" if database.url is None else "the database"
        raise StorageError(
            f"The conversation cannot be kept in {place}: {_reason(error)}.",
            "See that there is room on the disk." if database.url is None else "Try again when the database answers.",
        ) from error


# -- SQLite


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Saver]:
    async with AsyncSqliteSaver.from_conn_string(str(folder / "sessions.sqlite3")) as saver:
        # Two processes cannot switch a new file to write-ahead logging at once, however patient they are.
        async with AsyncFileLock(folder / "sessions.lock"):
            await saver.setup()
        await saver.conn.execute(f"PRAGMA busy_timeout = {SQLITE_PATIENCE_S * 1000:.0f}")
        yield saver


# -- PostgreSQL


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Saver]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow, dict_row
    from psycopg_pool import AsyncConnectionPool

    await _set_up(url)
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        min_size=1,
        max_size=POSTGRES_CONNECTIONS,
        timeout=POSTGRES_PATIENCE_S,
        # A server that was restarted costs a connection, not a conversation.
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    async with pool:
        yield AsyncPostgresSaver(pool)


async def _set_up(url: str) -> None:
    """Make the tables. Raises SettingsError and StorageError."""
    import psycopg
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg.rows import dict_row

    options = _options(url)
    options.setdefault("connect_timeout", round(POSTGRES_PATIENCE_S))
    try:
        connection = await psycopg.AsyncConnection.connect(
            **options, autocommit=True, prepare_threshold=0, row_factory=dict_row
        )
        async with connection:
            await _migrate(connection, AsyncPostgresSaver(connection))
    except psycopg.Error as error:
        raise _unusable(options, error) from error


async def _migrate(connection: "AsyncConnection[DictRow]", saver: "AsyncPostgresSaver") -> None:
    """One process after the other. To wait inside the server would block the building of an index, which waits for
    everyone, and so both for ever."""
    while not await _take_lock(connection):  # noqa: ASYNC110 (who has the lock is another process)
        await asyncio.sleep(_POLL_S)
    # The lock is given back with the connection.
    await saver.setup()


async def _take_lock(connection: "AsyncConnection[DictRow]") -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", (_SETUP_LOCK,))
    row = await cursor.fetchone()
    return bool(row and row["taken"])


def _options(url: str) -> dict[str, Any]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        return conninfo_to_dict(url)
    except ProgrammingError:
        # Its message would show a part of the password.
        raise SettingsError(
            f"What {VARIABLE} holds is not an address of PostgreSQL.",
            'Write it as "postgresql://user:password@host:5432/name"; in a password, % is %25, @ is %40 and / is %2F.',
        ) from None


def _unusable(options: dict[str, Any], error: Exception) -> StorageError:
    name, host = options.get("dbname", options.get("user", "")), options.get("host", "this machine")
    return StorageError(
        f"The database {name!r} on {host} cannot be used: {_reason(error)}.",
        f"Check that it runs, and that name, password and rights in {VARIABLE} are right.",
    )


def _reason(error: Exception) -> str:
    """The first line of what a database says; all of it where the details stand below."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
