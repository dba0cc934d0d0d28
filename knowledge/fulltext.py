"""Full-text search in the catalog: BM25 by SQLite's FTS5, or over PostgreSQL's tsvector."""

from collections.abc import Sequence

from knowledge.databases import Database, PostgreSQL, marks

# The usual constants of BM25, which FTS5 has built in: https://www.sqlite.org/fts5.html#the_bm25_function
K1, B = 1.2, 0.75
# Counting stops here: a word that is in so many passages is common, however common.
COUNTED = 1_000
# Looking at all occurrences of a common word would take a tenth of a second.
LOOKED_AT = 5_000

_FTS5 = """SELECT passages.id, -bm25(passage_index) AS worth FROM passage_index
    JOIN passages ON passages.number = passage_index.rowid JOIN live_sources s ON s.id = passages.source_id
    WHERE passage_index MATCH :query AND s.collection = :collection ORDER BY worth DESC LIMIT :count"""

# PostgreSQL's own ranks know nothing of how rare a word is, so BM25 is computed here from its index and its vectors:
# Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with the idf of Lucene, which is never negative.
_TSVECTOR = f"""WITH wanted AS (
        SELECT lexeme, to_tsquery('simple', quote_literal(lexeme)) AS query
        FROM unnest(to_tsvector('english', :words) || to_tsvector('simple', :grams))
    ),
    size AS (SELECT count(*)::float AS passages, avg(length(tokens))::float AS mean FROM passages),
    rare AS (
        SELECT lexeme, query, (SELECT count(*) FROM passages WHERE tokens @@ query)::float AS found FROM wanted
    )
    SELECT p.id, sum(
        ln(1 + (size.passages - found + 0.5) / (found + 0.5)) * {K1 + 1} * occurrences
        / (occurrences + {K1} * (1 - {B} + {B} * length(p.tokens) / size.mean))
    ) AS worth
    FROM size, rare, passages p JOIN live_sources s ON s.id = p.source_id,
    LATERAL (
        SELECT coalesce(array_length(positions, 1), 1)::float AS occurrences
        FROM unnest(p.tokens) t WHERE t.lexeme = rare.lexeme
    ) found_in
    WHERE p.tokens @@ rare.query AND s.collection = :collection
    GROUP BY p.id ORDER BY worth DESC LIMIT :count"""


def matching(database: Database, words: Sequence[str], collection: str, count: int) -> list[tuple[str, float]]:
    """(passage id, BM25) of the passages in which any of the words occurs, best first; more is better."""
    if not words:
        return []
    if isinstance(database, PostgreSQL):
        sql, query = _TSVECTOR, {"words": " ".join(words), "grams": ""}
    else:
        sql, query = _FTS5, {"query": " OR ".join(f'"{word}"' for word in words)}
    rows = database.rows(sql, query | {"collection": collection, "count": count})
    return [(row["id"], float(row["worth"])) for row in rows]


def frequency(database: Database, word: str, without: Sequence[str] = ()) -> int:
    """In how many passages the word occurs, in any form, not counting those of some collections.

    Counting stops at COUNTED, and where some are not counted after LOOKED_AT.
    """
    if isinstance(database, PostgreSQL):
        found, query = "SELECT number FROM passages WHERE tokens @@ plainto_tsquery('english', :word)", word
    else:
        found, query = "SELECT rowid AS number FROM passage_index WHERE passage_index MATCH :word", f'"{word}"'
    counted = f"SELECT count(*) AS found FROM ({found} LIMIT {LOOKED_AT if without else COUNTED}) matching"
    listed, values = marks("collection", without)
    if without:
        counted += f""" JOIN passages ON passages.number = matching.number JOIN sources ON sources.id = source_id
            WHERE collection NOT IN ({listed})"""
    return min(int(database.rows(counted, values | {"word": query})[0]["found"]), COUNTED)
