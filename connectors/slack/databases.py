"""The database behind the store: SQLite in the data folder, or PostgreSQL."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from filelock import FileLock
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import create_async_engine as create_any_async_engine

SQLITE_PATIENCE_S = 10.0
POSTGRES_PATIENCE_S = 10.0
POSTGRES_CONNECTIONS = 5
# Any number will do that no other program on the same database uses.
_SETUP_LOCK = 7_521_337
_POSTGRES: dict[str, Any] = {
    "pool_pre_ping": True,
    "pool_size": POSTGRES_CONNECTIONS,
    "connect_args": {"connect_timeout": round(POSTGRES_PATIENCE_S)},
}


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'slack.sqlite3'}"


# -- threads


class Threaded(Protocol):
    """What has threads of its own for what blocks."""

    @property
    def threads(self) -> ThreadPoolExecutor: ...


S = TypeVar("S", bound=Threaded)
P = ParamSpec("P")
T = TypeVar("T")


def in_thread(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Make a method that blocks one to be awaited. A transaction that is in a thread as a whole goes there and back
    once instead of with every statement, and cancelling whoever waits for it cannot cut it short."""

    @functools.wraps(method)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = functools.partial(method, self, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    return run


def threads_for(engine: Engine) -> ThreadPoolExecutor:
    """SQLite has one writer at a time, and lets those who wait try again now and then, of whom some are unlucky for
    seconds; in one process they can as well stand in line."""
    return ThreadPoolExecutor(1 if engine.dialect.name == "sqlite" else POSTGRES_CONNECTIONS, "slack-store")


# -- engines


def create_engine(url: str) -> Engine:
    """An engine for `threads_for` it. Transactions that will write ask for that by the execution option `writes`."""
    if not url.startswith("sqlite"):
        return create_sync_engine(url, **_POSTGRES)
    engine = create_sync_engine(url)
    _prepare(engine)
    return engine


def create_async_engine(url: str) -> AsyncEngine:
    """The same for those who bring transactions of their own, such as slack_sdk's stores of installations."""
    if not url.startswith("sqlite"):
        return create_any_async_engine(url, **_POSTGRES)
    engine = create_any_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:", 1))
    _prepare(engine.sync_engine)
    # By itself SQLAlchemy closes and stops the connection of a task that is cancelled, and aiosqlite 0.22 then waits
    # for ever for a thread that has ended.
    setattr(engine.sync_engine.dialect, "do_terminate", _stop_sqlite)  # noqa: B010 (mypy forbids to assign a method)
    return engine


def setting_up(engine: Engine) -> AbstractContextManager[Any]:
    """Held while tables are made. Two processes cannot switch a new file to write-ahead logging at once, however
    patient they are; for PostgreSQL see `lock_tables`."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return FileLock(Path(engine.url.database).with_suffix(".lock"))
    return nullcontext()


def lock_tables(connection: Connection) -> None:
    """Two replicas that start at once must not make the same table: one waits until the other's transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SETUP_LOCK)))


def _prepare(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


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
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _stop_sqlite(connection: Any) -> None:
    connection.driver_connection.stop()
