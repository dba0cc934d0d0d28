"""Full-text search in the catalog: BM25 by SQLite's FTS5, or over PostgreSQL's tsvector."""

from collections.abc import Sequence

from knowledge.databases import Database, PostgreSQL, marks

# The usual constants of BM25, which FTS5 has built in: https://www.sqlite.org/fts5.html#the_bm25_function
K1, B = 1.2, 0.75
# What a word in the heading path is worth beside one in the text. With 1 to 2, claims and exercises rank alike.
HEADING_WEIGHT = 1.5
# Counting stops here: a word that is in so many passages is common, however common.
COUNTED = 1_000
# Looking at all occurrences of a common word would take a tenth of a second.
LOOKED_AT = 5_000

# Matches are ranked before their passages are looked up.
_FTS5 = """SELECT passages.id, worth FROM
    (SELECT rowid AS found, -bm25(passage_index, {heading}, 1.0, 1.0) AS worth FROM passage_index
     WHERE passage_index MATCH :query {within} ORDER BY worth DESC LIMIT :count)
    JOIN passages ON passages.number = found ORDER BY worth DESC"""
_FTS5_WITHIN = """AND (SELECT s.collection FROM passages JOIN live_sources s ON s.id = source_id
    WHERE passages.number = passage_index.rowid) IN ({listed})"""

# PostgreSQL's own ranks know nothing of how rare a word is, so BM25 is computed here from its index and its vectors:
# Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with the idf of Lucene, which is never negative.
_TSVECTOR = """WITH wanted AS (
        SELECT lexeme, to_tsquery('simple', quote_literal(lexeme)) AS query
        FROM unnest(to_tsvector('english', :query) || to_tsvector('simple', :query))
    ),
    size AS (SELECT count(*)::float AS passages, avg(length(terms))::float AS mean FROM passages),
    rare AS (
        SELECT lexeme, query, (SELECT count(*) FROM passages WHERE terms @@ query)::float AS found FROM wanted
    )
    SELECT p.id, sum(
        ln(1 + (size.passages - found + 0.5) / (found + 0.5)) * {gain} * occurrences
        / (occurrences + {k1} * (1 - {b} + {b} * length(p.terms) / size.mean))
    ) AS worth
    FROM size, rare, passages p JOIN live_sources s ON s.id = p.source_id,
    LATERAL (
        SELECT coalesce(array_length(positions, 1), 1)
            + ({heading} - 1) * coalesce(array_length(array_positions(weights, 'A'), 1), 0)::float AS occurrences
        FROM unnest(p.terms) t WHERE t.lexeme = rare.lexeme
    ) found_in
    WHERE p.terms @@ rare.query {within}
    GROUP BY p.id ORDER BY worth DESC LIMIT :count"""


def matching(
    database: Database, tokens: Sequence[str], collections: Sequence[str], count: int
) -> list[tuple[str, float]]:
    """(passage id, BM25) of the passages in which any of the tokens occurs, best first; more is better.

    No `collections` means that every passage there is may be found.
    """
    listed, values = marks("collection", collections)
    if isinstance(database, PostgreSQL):
        within = f"AND s.collection IN ({listed})" if collections else ""
        sql, query = _TSVECTOR.format(gain=K1 + 1, k1=K1, b=B, heading=HEADING_WEIGHT, within=within), " ".join(tokens)
    else:
        within = _FTS5_WITHIN.format(listed=listed) if collections else ""
        sql, query = _FTS5.format(heading=HEADING_WEIGHT, within=within), " OR ".join(f'"{token}"' for token in tokens)
    rows = database.rows(sql, values | {"query": query, "count": count})
    return [(row["id"], float(row["worth"])) for row in rows]


def frequencies(database: Database, tokens: Sequence[str], limit: int) -> dict[str, int]:
    """In how many passages each token occurs, in any form; counting stops at `limit`."""
    if isinstance(database, PostgreSQL):
        found, values = "passages WHERE terms @@ plainto_tsquery('english', {token})", list(tokens)
    else:
        found, values = "passage_index WHERE passage_index MATCH {token}", [f'"{token}"' for token in tokens]
    named = {f"token{number}": value for number, value in enumerate(values)}
    one = "SELECT {number} AS number, (SELECT count(*) FROM (SELECT 1 FROM {found} LIMIT :most) f) AS found"
    counts = [one.format(number=number, found=found.format(token=f":{name}")) for number, name in enumerate(named)]
    rows = database.rows(" UNION ALL ".join(counts), named | {"most": limit}) if counts else []
    return {tokens[row["number"]]: int(row["found"]) for row in rows}


def frequency(database: Database, word: str, without: Sequence[str] = ()) -> int:
    """In how many passages the word occurs, in any form, not counting those of some collections.

    Counting stops at COUNTED, and where some are not counted after LOOKED_AT.
    """
    if isinstance(database, PostgreSQL):
        found, query = "SELECT number FROM passages WHERE terms @@ plainto_tsquery('english', :word)", word
    else:
        found, query = "SELECT rowid AS number FROM passage_index WHERE passage_index MATCH :word", f'"{word}"'
    counted = f"SELECT count(*) AS found FROM ({found} LIMIT {LOOKED_AT if without else COUNTED}) matching"
    listed, values = marks("collection", without)
    if without:
        counted += f""" JOIN passages ON passages.number = matching.number JOIN sources ON sources.id = source_id
            WHERE collection NOT IN ({listed})"""
    return min(int(database.rows(counted, values | {"word": query})[0]["found"]), COUNTED)
