"""What people asked and the documents did not say, for those who keep the documents. Nothing says who asked."""

import json
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.settings import DatabaseSettings
from knowledge import lexical
from knowledge.databases import Database, PostgreSQL, Row, SQLite
from knowledge.schema import Schema
from knowledge.words import stem

# The oldest go when there are more.
MOST_KEPT = 10_000
# Characters kept of a question.
LONGEST_QUESTION = 500
# The share of words that two questions must have in common to be the same one.
SAME = 0.75

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gaps (
    number {serial},
    at TEXT NOT NULL,
    question TEXT NOT NULL,
    query TEXT NOT NULL,
    collections TEXT NOT NULL,
    closest TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL
);
CREATE INDEX IF NOT EXISTS gaps_by_time ON gaps (at);
"""
SCHEMA = Schema(
    "knowledge_gaps",
    1,
    _TABLES.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT"),
    "CREATE SCHEMA IF NOT EXISTS knowledge_gaps; SET LOCAL search_path = knowledge_gaps;"
    + _TABLES.format(serial="INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    what="a list of knowledge gaps",
    variable="ASSISTANT_DATABASE__URL",
    renew="let it be made anew",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gap:
    """A question that was not answered. `query` is what was searched for, `collections` where, `closest` the places of
    the nearest passages, and `confidence`, 0 to 1, how far it seemed that the documents answer it. `at` is ISO 8601, in
    UTC."""

    question: str
    query: str
    collections: tuple[str, ...]
    closest: tuple[str, ...]
    confidence: float
    at: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The same question, asked `count` times; `gap` is the last time, `first` when it was first asked."""

    gap: Gap
    count: int
    first: str


class Gaps:
    """Kept in SQLite in the data folder, or in PostgreSQL beside the conversations. Opened when first used; may be used
    from several threads."""

    def __init__(self, database: DatabaseSettings, folder: Path) -> None:
        self._url = database.url
        self._folder = folder
        self._opening = threading.Lock()
        self._database: Database | None = None

    def record(self, gap: Gap) -> None:
        """Keep it, and forget the oldest beyond MOST_KEPT. A failure is logged and hurts nobody's answer."""
        try:
            self._write(gap)
        except Exception:  # noqa: BLE001 (whatever it was, the person gets the answer)
            _log.exception("A knowledge gap could not be recorded")

    def _write(self, gap: Gap) -> None:
        kept = asdict(gap) | {
            "at": gap.at or datetime.now(UTC).isoformat(timespec="seconds"),
            "question": gap.question[:LONGEST_QUESTION],
            "query": gap.query[:LONGEST_QUESTION],
            "collections": json.dumps(gap.collections),
            "closest": json.dumps(gap.closest, ensure_ascii=False),
        }
        with self._open().transaction() as transaction:
            transaction.execute(
                """INSERT INTO gaps (at, question, query, collections, closest, confidence)
                   VALUES (:at, :question, :query, :collections, :closest, :confidence)""",
                kept,
            )
            transaction.execute(
                "DELETE FROM gaps WHERE number <= (SELECT max(number) FROM gaps) - :most", {"most": MOST_KEPT}
            )

    def all(self, since: str = "") -> list[Gap]:
        """Those recorded at or after a time in ISO 8601, newest first. Raises StorageError."""
        rows = self._open().rows("SELECT * FROM gaps WHERE at >= :since ORDER BY number DESC", {"since": since})
        return [_gap(row) for row in rows]

    def close(self) -> None:
        if self._database:
            self._database.close()

    def _open(self) -> Database:
        with self._opening:
            if self._database is None:
                self._database = (
                    PostgreSQL(self._url.get_secret_value(), SCHEMA)
                    if self._url
                    else SQLite(self._folder / "gaps.sqlite3", SCHEMA)
                )
            return self._database


def grouped(gaps: Sequence[Gap]) -> list[Group]:
    """Near-identical questions together, those asked most often first. `gaps` are newest first."""
    groups: list[list[Gap]] = []
    tokens: list[frozenset[str]] = []
    holding: defaultdict[str, list[int]] = defaultdict(list)  # the groups that hold a token
    for gap in gaps:
        asked = frozenset(stem(token) for token in lexical.query(gap.query).tokens) or frozenset([gap.query.casefold()])
        shared = Counter(group for token in asked for group in holding[token])
        same = next((group for group, count in shared.items() if count >= SAME * len(asked | tokens[group])), None)
        if same is None:
            for token in asked:
                holding[token].append(len(groups))
            tokens.append(asked)
            groups.append([gap])
        else:
            groups[same].append(gap)
    found = [Group(members[0], len(members), members[-1].at) for members in groups]
    return sorted(found, key=lambda group: -group.count)


def _gap(row: Row) -> Gap:
    return Gap(
        question=row["question"],
        query=row["query"],
        collections=_texts(json.loads(row["collections"])),
        closest=_texts(json.loads(row["closest"])),
        confidence=row["confidence"],
        at=row["at"],
    )


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
