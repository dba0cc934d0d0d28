"""The database behind the store: SQLite in the data folder, or PostgreSQL."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

from filelock import AsyncFileLock
from sqlalchemy import Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

SQLITE_PATIENCE_S = 10.0
# Any number will do that no other program on the same database uses.
_SETUP_LOCK = 7_521_337


def sqlite_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'slack.sqlite3'}"


def create_engine(url: str) -> AsyncEngine:
    """An engine whose connections may be cancelled. Transactions that will write ask for that by the execution option
    `writes`."""
    engine = create_async_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        # By itself SQLAlchemy closes and stops the connection of a task that is cancelled, and aiosqlite 0.22 then
        # waits for ever for a thread that has ended.
        setattr(engine.sync_engine.dialect, "do_terminate", _stop_sqlite)  # noqa: B010 (mypy forbids to assign a method)
    return engine


def setting_up(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    """Held while tables are made. Two processes cannot switch a new file to write-ahead logging at once, however
    patient they are; for PostgreSQL see `lock_tables`."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return AsyncFileLock(Path(engine.url.database).with_suffix(".lock"))
    return nullcontext()


async def lock_tables(connection: AsyncConnection) -> None:
    """Two replicas that start at once must not make the same table: one waits until the other's transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_SETUP_LOCK)))


def writer(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    """Held by whoever writes. SQLite has one writer at a time, and lets those who wait try again now and then, of
    whom some are unlucky for seconds; in one process they can as well stand in line."""
    return asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # SQLAlchemy is to begin transactions, not the driver: see `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(SQLITE_PATIENCE_S * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A transaction that reads before it writes must hold the lock from the start, or it fails when another wrote."""
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _stop_sqlite(connection: Any) -> None:
    connection.driver_connection.stop()
