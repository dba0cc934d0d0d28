"""What the knowledge base holds: sources, their passages and a full-text index, in SQLite.

The catalog is the truth. A passage that is not here does not exist, whatever the vector store still holds.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from knowledge.errors import StorageError
from knowledge.lexical import grams

State = Literal["ready", "outdated", "failed"]

# What a word in the heading path is worth beside one in the text. With 1 to 2, claims and exercises rank alike.
HEADING_WEIGHT = 1.5

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sources (
    id INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    path TEXT NOT NULL,
    hash TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    size INTEGER NOT NULL,
    state TEXT NOT NULL,
    error TEXT,
    ingested_at TEXT NOT NULL,
    UNIQUE (collection, path)
);
CREATE TABLE IF NOT EXISTS passages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source_id INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    section TEXT NOT NULL,
    page INTEGER,
    grams TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS passages_by_source ON passages (source_id);
CREATE VIRTUAL TABLE IF NOT EXISTS passage_index USING fts5 (
    section, text, grams, content = 'passages', content_rowid = 'number', tokenize = 'porter unicode61'
);
CREATE TRIGGER IF NOT EXISTS passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO passage_index (rowid, section, text, grams)
    VALUES (new.number, new.section, new.text, new.grams);
END;
CREATE TRIGGER IF NOT EXISTS passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO passage_index (passage_index, rowid, section, text, grams)
    VALUES ('delete', old.number, old.section, old.text, old.grams);
END;
-- Vectors that may be in the vector store without a passage: being written, or no longer wanted.
CREATE TABLE IF NOT EXISTS loose_vectors (id TEXT PRIMARY KEY, collection TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A document. `outdated` means that the file changed but its new content could not be read."""

    path: str
    collection: str
    title: str
    state: State
    error: str | None
    passages: int
    size: int
    ingested_at: str
    url: str
    hash: str


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with the source it belongs to."""

    id: str
    text: str
    section: str
    page: int | None
    source: str
    title: str
    url: str
    collection: str


@dataclass(frozen=True, slots=True)
class NewPassage:
    id: str
    text: str
    section: str
    page: int | None


class Catalog:
    """One SQLite file. Safe to share between threads; several processes may read while one writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._database = _open(path)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explained(self.path), self._database:
            yield self._database

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock, _explained(self.path):
            return self._database.execute(sql, values).fetchall()

    # -- what is here

    def get_meta(self, key: str) -> str | None:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0]["value"]) if rows else None

    def set_meta(self, key: str, value: str) -> None:
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def sources(self, collection: str | None = None) -> list[Source]:
        rows = self._rows(
            """SELECT sources.*, (SELECT count(*) FROM passages WHERE source_id = sources.id) AS passages
               FROM sources WHERE ?1 IS NULL OR collection = ?1 ORDER BY collection, path""",
            (collection,),
        )
        return [_source(row) for row in rows]

    def collections(self) -> list[str]:
        return [row["collection"] for row in self._rows("SELECT DISTINCT collection FROM sources ORDER BY 1")]

    def passages_of(self, source: Source) -> list[StoredPassage]:
        rows = self._rows(
            _PASSAGES + "WHERE sources.collection = ? AND sources.path = ? ORDER BY number",
            (source.collection, source.path),
        )
        return [StoredPassage(**dict(row)) for row in rows]

    def passages(self, ids: Sequence[str]) -> dict[str, StoredPassage]:
        """Those of the passages that exist, by id."""
        marks = ",".join("?" * len(ids))
        rows = self._rows(_PASSAGES + f"WHERE passages.id IN ({marks})", ids)
        return {row["id"]: StoredPassage(**dict(row)) for row in rows}

    # -- words

    def matching(self, tokens: Sequence[str], collections: Sequence[str], count: int) -> list[tuple[str, float]]:
        """(passage id, BM25) of the passages in which any of the tokens occurs, best first; more is better.

        Words match in any form, in the text and in the heading path, where they count for more; a token with marks in
        it matches as a phrase.
        """
        if not tokens or not collections:
            return []
        # Looking up the collection of every match takes longer than its BM25, so it is done only where it decides.
        chosen = [] if set(collections) >= set(self.collections()) else list(collections)
        within = f"AND ({_COLLECTION_OF}) IN ({','.join('?' * len(chosen))})" if chosen else ""
        rows = self._rows(
            f"""SELECT passages.id, worth FROM
               (SELECT rowid AS found, -bm25(passage_index, ?, 1.0, 1.0) AS worth FROM passage_index
                WHERE passage_index MATCH ? {within} ORDER BY worth DESC LIMIT ?)
               JOIN passages ON passages.number = found ORDER BY worth DESC""",  # noqa: S608 (only marks are put in)
            (HEADING_WEIGHT, " OR ".join(f'"{token}"' for token in tokens), *chosen, count),
        )
        return [(row["id"], row["worth"]) for row in rows]

    def frequencies(self, tokens: Sequence[str], limit: int) -> dict[str, int]:
        """In how many passages of all collections each token occurs, in any form; counting stops at `limit`."""
        if not tokens:
            return {}
        one = """SELECT ? AS token, (SELECT count(*) FROM
               (SELECT 1 FROM passage_index WHERE passage_index MATCH ? LIMIT ?)) AS found"""
        values = [value for token in tokens for value in (token, f'"{token}"', limit)]
        return {row["token"]: row["found"] for row in self._rows(" UNION ALL ".join([one] * len(tokens)), values)}

    def neighbours(self, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        """The ids of the passages before and after each, in the same source; None at its ends."""
        marks = ",".join("?" * len(ids))
        rows = self._rows(
            f"""SELECT hit.id,
               (SELECT id FROM passages WHERE source_id = hit.source_id AND number < hit.number
                ORDER BY number DESC LIMIT 1) AS before,
               (SELECT id FROM passages WHERE source_id = hit.source_id AND number > hit.number
                ORDER BY number LIMIT 1) AS after
               FROM passages AS hit WHERE hit.id IN ({marks})""",  # noqa: S608 (only marks are put in)
            ids,
        )
        return {row["id"]: (row["before"], row["after"]) for row in rows}

    def frequency(self, word: str) -> int:
        """In how many passages the word occurs, in any form; counting stops at 1,000."""
        rows = self._rows(
            """SELECT count(*) AS found FROM
               (SELECT 1 FROM passage_index WHERE passage_index MATCH ? LIMIT 1000)""",
            (f'"{word}"',),
        )
        return int(rows[0]["found"])

    def passage_count(self) -> int:
        return int(self._rows("SELECT count(*) AS found FROM passages")[0]["found"])

    # -- changes

    def expect_vectors(self, collection: str, ids: Iterable[str]) -> None:
        """Note, before they are written, that these vectors may exist without a passage."""
        with self._transaction() as database:
            _loosen(database, collection, ids)

    def put(self, source: Source, passages: Sequence[NewPassage]) -> None:
        """Replace a source and all its passages: readers see the old version or the new one."""
        with self._transaction() as database:
            _remove(database, source.collection, source.path)
            source_id = database.execute(_INSERT_SOURCE, asdict(source)).lastrowid
            database.executemany(
                "INSERT INTO passages (id, source_id, text, section, page, grams) VALUES (?, ?, ?, ?, ?, ?)",
                [(p.id, source_id, p.text, p.section, p.page, grams(f"{p.section}\n{p.text}")) for p in passages],
            )
            database.executemany("DELETE FROM loose_vectors WHERE id = ?", [(p.id,) for p in passages])

    def record_failure(self, source: Source) -> None:
        """Note why a source cannot be read. Passages of a version that could be read are kept."""
        with self._transaction() as database:
            database.execute(
                _INSERT_SOURCE
                + """ON CONFLICT DO UPDATE SET error = excluded.error, state =
                     CASE WHEN state = 'failed' THEN 'failed' ELSE 'outdated' END""",
                asdict(source),
            )

    def remove(self, source: Source) -> None:
        with self._transaction() as database:
            _remove(database, source.collection, source.path)

    def loose_vectors(self) -> dict[str, list[str]]:
        """Ids by collection of vectors that no passage wants any more."""
        loose: dict[str, list[str]] = {}
        for row in self._rows("SELECT id, collection FROM loose_vectors"):
            loose.setdefault(row["collection"], []).append(row["id"])
        return loose

    def forget_vectors(self, ids: Iterable[str]) -> None:
        with self._transaction() as database:
            database.executemany("DELETE FROM loose_vectors WHERE id = ?", [(id_,) for id_ in ids])


_PASSAGES = """SELECT passages.id, passages.text, passages.section, passages.page, sources.path AS source,
    sources.title, sources.url, sources.collection FROM passages JOIN sources ON sources.id = passages.source_id """

_COLLECTION_OF = """SELECT collection FROM passages JOIN sources ON sources.id = passages.source_id
    WHERE passages.number = passage_index.rowid"""

_INSERT_SOURCE = """INSERT INTO sources (collection, path, hash, title, url, size, state, error, ingested_at)
    VALUES (:collection, :path, :hash, :title, :url, :size, :state, :error, :ingested_at) """


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, timeout=30, check_same_thread=False)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
    except (OSError, sqlite3.Error) as error:
        raise _storage_error(path, error) from error
    return database


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _storage_error(path, error) from error


def _storage_error(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"The data folder {path.parent} cannot be used: {error}",
        "Check its permissions and free space, or choose another one with --data-dir or ASSISTANT_DATA_DIR.",
    )


def _source(row: sqlite3.Row) -> Source:
    values = {key: row[key] for key in row.keys() if key != "id"}  # noqa: SIM118 (a Row iterates its values)
    return Source(**values)


def _remove(database: sqlite3.Connection, collection: str, path: str) -> None:
    rows = database.execute(
        """SELECT passages.id FROM passages JOIN sources ON sources.id = source_id
           WHERE collection = ? AND path = ?""",
        (collection, path),
    ).fetchall()
    _loosen(database, collection, (row["id"] for row in rows))
    database.execute(
        "DELETE FROM passages WHERE source_id IN (SELECT id FROM sources WHERE collection = ? AND path = ?)",
        (collection, path),
    )
    database.execute("DELETE FROM sources WHERE collection = ? AND path = ?", (collection, path))


def _loosen(database: sqlite3.Connection, collection: str, ids: Iterable[str]) -> None:
    database.executemany("INSERT OR IGNORE INTO loose_vectors VALUES (?, ?)", [(id_, collection) for id_ in ids])
