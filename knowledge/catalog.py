"""What the knowledge base holds: generations of sources, their passages and a full-text index.

The catalog is the truth. A passage that is not here does not exist, whatever the vector store still holds.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from knowledge import fulltext
from knowledge.databases import Database, Lock, Row, Transaction, Values, marks

State = Literal["ready", "outdated", "failed"]

# SQLite takes 32,766 parameters in a statement at most.
BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Source:
    """A document. `version` counts its contents from 1, and is 0 when none could ever be read; `outdated` means that
    the newest could not be read, so that the one before is still searched. `path` is a file's or a URL; `origin` is the
    sitemap that named it, or nothing."""

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
    version: int = 0
    origin: str = ""


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
    """`digest` is that of what is embedded: passages that have it in common have their vector in common."""

    id: str
    text: str
    section: str
    page: int | None
    grams: str
    digest: str


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything as one embedding model and one way of cutting made it."""

    number: int
    model: str
    cutting: str


class Catalog:
    """Safe to share between threads; several processes may read while one writes. Methods raise StorageError.

    What readers are told is of the live generation; writers name theirs.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.id = self._identity()

    def _identity(self) -> str:
        """Twelve hexadecimal digits, by which this catalog's vectors are known among others in the same store."""
        with self._database.transaction() as transaction:
            transaction.execute(
                "INSERT INTO meta VALUES ('id', :id) ON CONFLICT DO NOTHING", {"id": uuid.uuid4().hex[:12]}
            )
            return str(transaction.execute("SELECT value FROM meta WHERE key = 'id'")[0]["value"])

    def close(self) -> None:
        self._database.close()

    def writer(self) -> Lock:
        """The lock that whoever writes has to hold."""
        return self._database.writer()

    # -- generations

    def live(self) -> Generation | None:
        """The generation that is searched; None before the first ingestion."""
        return self._newest("ready = 1")

    def building(self) -> Generation | None:
        """The generation that a rebuild is filling, or was when it was interrupted."""
        return self._newest("ready = 0")

    def _newest(self, condition: str) -> Generation | None:
        rows = self._database.rows(
            f"SELECT number, model, cutting FROM generations WHERE {condition} ORDER BY number DESC LIMIT 1"
        )
        return Generation(**dict(rows[0])) if rows else None

    def generations(self) -> set[int]:
        return {row["number"] for row in self._database.rows("SELECT number FROM generations")}

    def begin(self, model: str, cutting: str, *, ready: bool) -> Generation:
        """A new generation, searched from now on if it is `ready`."""
        with self._database.transaction() as transaction:
            rows = transaction.execute(
                """INSERT INTO generations SELECT coalesce(max(number), 0) + 1, :model, :cutting, :ready
                   FROM generations RETURNING number""",
                {"model": model, "cutting": cutting, "ready": int(ready)},
            )
        return Generation(int(rows[0]["number"]), model, cutting)

    def promote(self, generation: Generation) -> None:
        """Search this generation from now on, and forget all others."""
        values = {"number": generation.number}
        with self._database.transaction() as transaction:
            transaction.execute(_SAME_VERSIONS, values)
            transaction.execute("UPDATE generations SET ready = 1 WHERE number = :number", values)
            _forget_generations(transaction, "<>", values)

    def abandon(self, generation: Generation) -> None:
        """Forget a generation that will not be finished."""
        with self._database.transaction() as transaction:
            _forget_generations(transaction, "=", {"number": generation.number})

    # -- what is here

    def sources(self, collection: str | None = None, generation: Generation | None = None) -> list[Source]:
        """By collection and path; of the live generation, or of the one that is named."""
        table, conditions, values = "live_sources", ["1 = 1"], dict[str, object]()
        if generation:
            table, values["generation"] = "sources", generation.number
            conditions.append("generation = :generation")
        if collection is not None:
            values["collection"] = collection
            conditions.append("collection = :collection")
        rows = self._database.rows(
            f"""SELECT s.*, (SELECT count(*) FROM passages WHERE source_id = s.id) AS passages
                FROM {table} s WHERE {" AND ".join(conditions)} ORDER BY collection, path""",
            values,
        )
        return [_source(row) for row in rows]

    def collections(self) -> list[str]:
        rows = self._database.rows("SELECT DISTINCT collection FROM live_sources ORDER BY collection")
        return [row["collection"] for row in rows]

    def source_count(self, collections: Sequence[str]) -> int:
        listed, values = marks("collection", collections)
        (row,) = self._database.rows(
            f"SELECT count(*) AS found FROM live_sources WHERE collection IN ({listed})", values
        )
        return int(row["found"])

    def passages_of(self, source: Source) -> list[StoredPassage]:
        rows = self._database.rows(
            f"{_PASSAGES} WHERE s.collection = :collection AND s.path = :path ORDER BY position",
            {"collection": source.collection, "path": source.path},
        )
        return [StoredPassage(**dict(row)) for row in rows]

    def passages(self, ids: Sequence[str]) -> dict[str, StoredPassage]:
        """Those of the passages that exist, by id."""
        listed, values = marks("id", ids)
        rows = self._database.rows(f"{_PASSAGES} WHERE passages.id IN ({listed})", values)
        return {row["id"]: StoredPassage(**dict(row)) for row in rows}

    def same(self, digests: Sequence[str], model: str) -> dict[str, tuple[int, str, str]]:
        """(generation, collection, passage id) of a passage with each digest that the model has embedded already."""
        found: dict[str, tuple[int, str, str]] = {}
        for start in range(0, len(digests), BATCH):
            listed, values = marks("digest", digests[start : start + BATCH])
            rows = self._database.rows(
                f"""SELECT digest, passages.id, generation, collection FROM passages
                    JOIN sources ON sources.id = source_id JOIN generations ON generations.number = generation
                    WHERE digest IN ({listed}) AND model = :model""",
                values | {"model": model},
            )
            found |= {row["digest"]: (row["generation"], row["collection"], row["id"]) for row in rows}
        return found

    # -- words

    def matching(self, tokens: Sequence[str], collections: Sequence[str], count: int) -> list[tuple[str, float]]:
        """(passage id, BM25) of the passages in which any of the tokens occurs, best first; more is better.

        Words match in any form, in the text and in the heading path, where they count for more.
        """
        if not tokens or not collections:
            return []
        # Looking up the collection of every match takes longer than its BM25, so it is done only where it decides.
        everything = len(self.generations()) == 1 and set(collections) >= set(self.collections())
        return fulltext.matching(self._database, tokens, () if everything else collections, count)

    def frequencies(self, tokens: Sequence[str], limit: int, without: Sequence[str] = ()) -> dict[str, int]:
        """In how many passages each token occurs, as `frequency` says; counting stops at `limit`."""
        if without:
            return {token: self.frequency(token, without) for token in tokens}
        return fulltext.frequencies(self._database, tokens, limit)

    def neighbours(self, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        """The ids of the passages before and after each, in the same source; None at its ends."""
        listed, values = marks("id", ids)
        rows = self._database.rows(
            f"""SELECT hit.id, before.id AS before, after.id AS after FROM passages hit
                LEFT JOIN passages before ON before.source_id = hit.source_id AND before.position = hit.position - 1
                LEFT JOIN passages after ON after.source_id = hit.source_id AND after.position = hit.position + 1
                WHERE hit.id IN ({listed})""",
            values,
        )
        return {row["id"]: (row["before"], row["after"]) for row in rows}

    def frequency(self, word: str, without: Sequence[str] = ()) -> int:
        """In how many passages the word occurs, in any form, not counting those of some collections.

        Counting stops at 1,000, and where some are not counted after 5,000 that were looked at.
        """
        return fulltext.frequency(self._database, word, without)

    def passage_count(self, without: Sequence[str] = ()) -> int:
        """How many passages there are, not counting those of some collections."""
        listed, values = marks("collection", without)
        rows = self._database.rows(
            f"""SELECT (SELECT count(*) FROM passages) - (SELECT count(*) FROM sources
                JOIN passages ON source_id = sources.id WHERE collection IN ({listed})) AS found""",
            values,
        )
        return int(rows[0]["found"])

    # -- changes

    def expect_vectors(self, generation: Generation, collection: str, ids: Iterable[str]) -> None:
        """Note, before they are written, that these vectors may exist without a passage."""
        with self._database.transaction() as transaction:
            _loosen(transaction, ((id_, generation.number, collection) for id_ in ids))

    def put(self, generation: Generation, source: Source, passages: Sequence[NewPassage]) -> None:
        """Replace a source and all its passages: readers see the old version or the new one."""
        with self._database.transaction() as transaction:
            _forget(transaction, _THIS, _key(generation, source))
            (row,) = transaction.execute(f"{_INSERT_SOURCE} RETURNING id", _values(generation, source))
            transaction.execute_many(
                """INSERT INTO passages (id, source_id, position, text, section, grams, page, digest)
                   VALUES (:id, :source_id, :position, :text, :section, :grams, :page, :digest)""",
                (asdict(p) | {"source_id": row["id"], "position": n} for n, p in enumerate(passages)),
            )
            transaction.execute_many("DELETE FROM loose_vectors WHERE id = :id", ({"id": p.id} for p in passages))

    def record_failure(self, generation: Generation, source: Source) -> None:
        """Note why a source cannot be read. Passages of a version that could be read are kept."""
        with self._database.transaction() as transaction:
            transaction.execute(
                f"""{_INSERT_SOURCE} ON CONFLICT (generation, collection, path) DO UPDATE SET error = excluded.error,
                    state = CASE WHEN sources.state = 'failed' THEN 'failed' ELSE 'outdated' END""",
                _values(generation, source),
            )

    def remove(self, generation: Generation, sources: Iterable[Source]) -> None:
        with self._database.transaction() as transaction:
            for source in sources:
                _forget(transaction, _THIS, _key(generation, source))

    def loose_vectors(self) -> dict[tuple[int, str], list[str]]:
        """By generation and collection, the ids of vectors that no passage wants any more."""
        loose: dict[tuple[int, str], list[str]] = {}
        for row in self._database.rows("SELECT id, generation, collection FROM loose_vectors"):
            loose.setdefault((row["generation"], row["collection"]), []).append(row["id"])
        return loose

    def forget_vectors(self, ids: Iterable[str]) -> None:
        with self._database.transaction() as transaction:
            transaction.execute_many("DELETE FROM loose_vectors WHERE id = :id", ({"id": id_} for id_ in ids))


_PASSAGES = """SELECT passages.id, passages.text, passages.section, passages.page, s.path AS source,
    s.title, s.url, s.collection FROM passages JOIN live_sources s ON s.id = passages.source_id"""

_INSERT_SOURCE = """INSERT INTO sources
    (generation, collection, path, hash, title, url, origin, size, state, version, error, ingested_at) VALUES
    (:generation, :collection, :path, :hash, :title, :url, :origin, :size, :state, :version, :error, :ingested_at)"""

# What is rebuilt from the same content is the same version.
_SAME_VERSIONS = """UPDATE sources SET version = coalesce(
        (SELECT CASE WHEN live.hash = sources.hash THEN live.version ELSE live.version + 1 END FROM live_sources live
         WHERE live.collection = sources.collection AND live.path = sources.path), version)
    WHERE generation = :number"""

_THIS = "generation = :generation AND collection = :collection AND path = :path"


def _key(generation: Generation, source: Source) -> dict[str, object]:
    return {"generation": generation.number, "collection": source.collection, "path": source.path}


def _values(generation: Generation, source: Source) -> dict[str, object]:
    values = asdict(source) | {"generation": generation.number}
    del values["passages"]
    return values


def _source(row: Row) -> Source:
    values = dict(row)
    del values["id"], values["generation"]
    return Source(**values)


def _forget(transaction: Transaction, condition: str, values: dict[str, object]) -> None:
    """Delete the sources of which the condition is true, with their passages, and note their vectors."""
    sources = f"SELECT id FROM sources WHERE {condition}"
    transaction.execute(
        f"""INSERT INTO loose_vectors SELECT passages.id, generation, collection FROM passages
            JOIN sources ON sources.id = source_id WHERE {condition} ON CONFLICT DO NOTHING""",
        values,
    )
    transaction.execute(f"DELETE FROM passages WHERE source_id IN ({sources})", values)
    transaction.execute(f"DELETE FROM sources WHERE {condition}", values)


def _forget_generations(transaction: Transaction, which: Literal["=", "<>"], values: Values) -> None:
    """Their vectors are dropped as a whole, so they need not be noted one by one."""
    sources = f"SELECT id FROM sources WHERE generation {which} :number"
    transaction.execute(f"DELETE FROM passages WHERE source_id IN ({sources})", values)
    for table in ("sources", "loose_vectors"):
        transaction.execute(f"DELETE FROM {table} WHERE generation {which} :number", values)
    transaction.execute(f"DELETE FROM generations WHERE number {which} :number", values)


def _loosen(transaction: Transaction, vectors: Iterator[tuple[str, int, str]]) -> None:
    transaction.execute_many(
        "INSERT INTO loose_vectors VALUES (:id, :generation, :collection) ON CONFLICT DO NOTHING",
        ({"id": id_, "generation": generation, "collection": collection} for id_, generation, collection in vectors),
    )
