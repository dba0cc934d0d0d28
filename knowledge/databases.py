"""Where tables are kept, such as the catalog's: one SQLite file, or a PostgreSQL database that several machines share.

Statements are written once, for both: parameters are `:named`. What the two say differently is in `schema` and
`fulltext`.
"""

import importlib.util
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from filelock import FileLock, Timeout

from knowledge.errors import StorageError
from knowledge.schema import CATALOG, Schema

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow
    from psycopg_pool import ConnectionPool

Values = Mapping[str, object]
Row = Mapping[str, Any]

# Others write for milliseconds; a disk that is asleep takes seconds.
SQLITE_PATIENCE_S = 30.0
POSTGRES_PATIENCE_S = 10.0
POSTGRES_CONNECTIONS = 8
# Any numbers will do that no other program on the same database uses.
_WRITER_LOCK, _SETUP_LOCK = 0x50_1A_2A_56, 0x50_1A_2A_57
_POLL_S = 0.2
_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")


class Lock(Protocol):
    """Held by the one process that writes."""

    @property
    def is_locked(self) -> bool: ...
    def acquire(self, timeout: float = -1) -> object:
        """Raises filelock.Timeout when another holds it for `timeout` seconds, -1 being for ever."""

    def release(self) -> None: ...


class Transaction(Protocol):
    """Statements that all happen or none."""

    def execute(self, sql: str, values: Values = ...) -> list[Row]: ...
    def execute_many(self, sql: str, values: Iterable[Values]) -> None: ...


class Database(Protocol):
    """May be used from several threads. Its methods raise StorageError."""

    def rows(self, sql: str, values: Values = ...) -> list[Row]: ...
    def transaction(self) -> AbstractContextManager[Transaction]: ...
    def writer(self) -> Lock: ...
    def close(self) -> None: ...


@contextmanager
def held(lock: Lock) -> Iterator[None]:
    """Wait for a lock and hold it."""
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


# -- SQLite


class SQLite:
    """One file with the tables of a schema. Several processes may read while one writes."""

    def __init__(self, path: Path, schema: Schema = CATALOG) -> None:
        self.path = path
        self.schema = schema
        self._lock = threading.RLock()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=SQLITE_PATIENCE_S, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        # Two processes cannot switch a new file to write-ahead logging at once, however patient they are.
        with FileLock(self.path.with_suffix(".lock")):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._set_up(connection)
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and version != self.schema.version:
            connection.close()
            raise _other_version(str(self.path.parent), "Move that folder away", self.schema)
        connection.executescript(self.schema.sqlite)
        connection.execute(f"PRAGMA user_version = {self.schema.version}")

    def rows(self, sql: str, values: Values | None = None) -> list[Row]:
        with self._lock, self._explained():
            return cast("list[Row]", self._connection.execute(sql, dict(values or {})).fetchall())

    @contextmanager
    def transaction(self) -> Iterator["SQLiteTransaction"]:
        with self._lock, self._explained(), self._connection:
            yield SQLiteTransaction(self._connection)

    def writer(self) -> FileLock:
        # Whoever goes on with an ingestion may do so in another thread.
        return FileLock(self.path.parent / "writer.lock", thread_local=False)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StorageError(
                f"The data folder {self.path.parent} cannot be used: {error}",
                "Check its permissions and free space, or choose another one with --data-dir or ASSISTANT_DATA_DIR.",
            ) from error


class SQLiteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values | None = None) -> list[Row]:
        return cast("list[Row]", self._connection.execute(sql, dict(values or {})).fetchall())

    def execute_many(self, sql: str, values: Iterable[Values]) -> None:
        self._connection.executemany(sql, (dict(one) for one in values))


# -- PostgreSQL


class PostgreSQL:
    """A database on a server: "postgresql://user:password@host/name". Its tables are in a schema of PostgreSQL's."""

    def __init__(self, url: str, schema: Schema = CATALOG) -> None:
        if importlib.util.find_spec("psycopg_pool") is None:
            raise StorageError(
                f"{schema.what.capitalize()} in PostgreSQL needs psycopg, which is not installed.",
                "Run `pip install 'solar-assistant[postgres]'`.",
            )
        self.schema = schema
        self._url = url
        with self._explained():
            self._set_up()
            self._pool = self._open()

    def _open(self) -> "ConnectionPool[psycopg.Connection[DictRow]]":
        import psycopg
        from psycopg.rows import DictRow, dict_row
        from psycopg_pool import ConnectionPool

        pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            self._url,
            kwargs={"row_factory": dict_row, "options": f"-c search_path={self.schema.name}"},
            min_size=1,
            max_size=POSTGRES_CONNECTIONS,
            timeout=POSTGRES_PATIENCE_S,
            # A server that was restarted costs a connection, not a search.
            check=ConnectionPool.check_connection,
            open=False,
        )
        pool.open()
        return pool

    def _set_up(self) -> None:
        import psycopg

        with psycopg.connect(self._url, connect_timeout=round(POSTGRES_PATIENCE_S)) as connection:
            # Of several that start at once the first makes the tables.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            version = str(self.schema.version)
            connection.execute(self.schema.postgresql)
            found = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
            if found is None:
                connection.execute("INSERT INTO meta VALUES ('schema', %s)", (version,))
            elif found[0] != version:
                raise _other_version("The database", f"Drop its schema `{self.schema.name}`", self.schema)

    def rows(self, sql: str, values: Values | None = None) -> list[Row]:
        with self._explained(), self._pool.connection() as connection:
            return _execute(connection, sql, values or {})

    @contextmanager
    def transaction(self) -> Iterator["PostgreSQLTransaction"]:
        with self._explained(), self._pool.connection() as connection:
            yield PostgreSQLTransaction(connection)

    def writer(self) -> "AdvisoryLock":
        return AdvisoryLock(self._url)

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            yield
        except (psycopg.Error, PoolTimeout) as error:
            # What the server says may name a password; its first line does not.
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise StorageError(
                f"The database of {self.schema.what} cannot be used: {reason}.",
                f"Try again when it answers; its address is in {self.schema.variable}.",
            ) from error


class PostgreSQLTransaction:
    def __init__(self, connection: "psycopg.Connection[DictRow]") -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values | None = None) -> list[Row]:
        return _execute(self._connection, sql, values or {})

    def execute_many(self, sql: str, values: Iterable[Values]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(sql), [dict(one) for one in values])


class AdvisoryLock:
    """A lock that PostgreSQL holds for a connection, and lets go when that ends, however it ends."""

    def __init__(self, url: str) -> None:
        self.lock_file = "the catalog's database"
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @property
    def is_locked(self) -> bool:
        return self._connection is not None

    def acquire(self, timeout: float = -1) -> None:
        import psycopg

        deadline = time.monotonic() + (timeout if timeout >= 0 else float("inf"))
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=round(POSTGRES_PATIENCE_S))
        while not _taken(connection):
            if time.monotonic() >= deadline:
                connection.close()
                raise Timeout(self.lock_file)
            time.sleep(_POLL_S)
        self._connection = connection

    def release(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _taken(connection: "psycopg.Connection[tuple[Any, ...]]") -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_WRITER_LOCK,)).fetchone()
    return bool(row and row[0])


def _execute(connection: "psycopg.Connection[DictRow]", sql: str, values: Values) -> list[Row]:
    cursor = connection.execute(_translated(sql), dict(values))
    return list(cursor.fetchall()) if cursor.description else []


def _translated(sql: str) -> str:
    """With parameters as psycopg writes them."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


def _other_version(place: str, remedy: str, schema: Schema) -> StorageError:
    return StorageError(
        f"{place} holds {schema.what} that another version of this program made.",
        f"{remedy} and {schema.renew}.",
    )


def marks(name: str, values: Sequence[object]) -> tuple[str, dict[str, object]]:
    """ ":id0,:id1,…" for an IN list, and its parameters."""
    named = {f"{name}{number}": value for number, value in enumerate(values)}
    return ",".join(f":{key}" for key in named) or "NULL", named
