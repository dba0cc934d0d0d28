"""The catalog's tables, for SQLite and for PostgreSQL, and the statements that the two word differently."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables that belong together: the scripts that make them where they are missing. The one for PostgreSQL also makes
    a schema `name` of its own for them, with a table `meta (key, value)`, and sets the search path to it.

    In messages `what` is kept there ("a catalog"), `variable` holds the address, and `renew` says how to begin anew.
    """

    name: str
    version: int
    sqlite: str
    postgresql: str
    what: str
    variable: str
    renew: str


# Raised when the tables change so that older ones cannot be used.
VERSION = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
-- A generation is everything as one embedding model and one way of cutting made it. The newest that is ready is
-- searched; one that is not yet is being rebuilt.
CREATE TABLE IF NOT EXISTS generations (
    number INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    cutting TEXT NOT NULL,
    ready INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sources (
    id {serial},
    generation INTEGER NOT NULL,
    collection TEXT NOT NULL,
    path TEXT NOT NULL,
    hash TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    origin TEXT NOT NULL,
    size BIGINT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    error TEXT,
    ingested_at TEXT NOT NULL,
    UNIQUE (generation, collection, path)
);
CREATE TABLE IF NOT EXISTS passages (
    number {serial},
    id TEXT NOT NULL UNIQUE,
    source_id INTEGER NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    section TEXT NOT NULL,
    grams TEXT NOT NULL,
    page INTEGER,
    digest TEXT NOT NULL{terms}
);
CREATE INDEX IF NOT EXISTS passages_by_source ON passages (source_id, position);
CREATE INDEX IF NOT EXISTS passages_by_digest ON passages (digest);
-- Vectors that may be in the vector store without a passage: being written, or no longer wanted.
CREATE TABLE IF NOT EXISTS loose_vectors (id TEXT PRIMARY KEY, generation INTEGER NOT NULL, collection TEXT NOT NULL);
"""

# The plus keeps SQLite from beginning with all sources of the generation where a few passages are looked up.
_VIEW = """live_sources AS
    SELECT * FROM sources WHERE +generation = (SELECT max(number) FROM generations WHERE ready = 1);
"""

_SQLITE = (
    _TABLES.format(serial="INTEGER PRIMARY KEY", terms="")
    + f"CREATE VIEW IF NOT EXISTS {_VIEW}"
    + """
CREATE VIRTUAL TABLE IF NOT EXISTS passage_index USING fts5 (
    section, text, grams, content = 'passages', content_rowid = 'number', tokenize = 'porter unicode61'
);
CREATE TRIGGER IF NOT EXISTS passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO passage_index (rowid, section, text, grams) VALUES (new.number, new.section, new.text, new.grams);
END;
CREATE TRIGGER IF NOT EXISTS passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO passage_index (passage_index, rowid, section, text, grams)
    VALUES ('delete', old.number, old.section, old.text, old.grams);
END;
"""
)

# A word's form is that of PostgreSQL's English, and one of the heading path is marked "A"; grams are left as they are.
_TERMS = """terms tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('english', section), 'A') || to_tsvector('english', text) || to_tsvector('simple', grams)
    ) STORED"""
# Tables that were made when headings were not marked. Looked at first, because the change locks out who reads.
_MARK_HEADINGS = f"""DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM information_schema.columns
                   WHERE table_schema = 'knowledge' AND table_name = 'passages' AND column_name = 'terms') THEN
        ALTER TABLE passages DROP COLUMN tokens, ADD COLUMN {_TERMS};
    END IF;
END $$;"""
_POSTGRESQL = (
    "CREATE SCHEMA IF NOT EXISTS knowledge; SET LOCAL search_path = knowledge;"
    + _TABLES.format(serial="INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY", terms=f",\n    {_TERMS}")
    + _MARK_HEADINGS
    + "CREATE INDEX IF NOT EXISTS passages_by_term ON passages USING gin (terms);"
    + f"CREATE OR REPLACE VIEW {_VIEW}"
)

CATALOG = Schema(
    "knowledge",
    VERSION,
    _SQLITE,
    _POSTGRESQL,
    what="a catalog",
    variable="ASSISTANT_KNOWLEDGE__CATALOG_URL",
    renew="ingest the documents anew",
)
