"""The tables behind the Slack connector, for SQLite and PostgreSQL."""

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

metadata = MetaData()

# What was asked, and how far it has come. A question's turn is its place in a fair line; its thread is where the answer
# goes, and begins with "new:" until there is a message to answer under.
questions = Table(
    "slack_questions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("team", String(32), nullable=False),
    Column("enterprise", String(32), nullable=False, default=""),
    Column("channel", String(32), nullable=False),
    Column("thread", String(64), nullable=False),
    Column("ts", String(64), nullable=False),
    Column("user", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("refusal", String(32), nullable=False, default=""),
    Column("turn", Integer, nullable=False),
    Column("state", String(16), nullable=False, default="waiting"),
    Column("outcome", String(32), nullable=False, default=""),
    Column("revision", Integer, nullable=False, default=0),
    Column("halt", String(16), nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String(64), nullable=False, default=""),
    Column("lease", Float, nullable=False, default=0.0),
    Column("asked_at", Float, nullable=False),
    Column("done_at", Float),
    Column("answer", Text, nullable=False, default=""),
    Column("status", String(16), nullable=False, default=""),
    Column("citations", JSON, nullable=False, default=list),
    Column("notes", JSON, nullable=False, default=list),
    UniqueConstraint("team", "channel", "ts", name="slack_questions_message"),
    Index("slack_questions_line", "state", "turn", "number"),
    Index("slack_questions_thread", "team", "channel", "thread"),
    Index("slack_questions_person", "team", "user", "number"),
    sqlite_autoincrement=True,
)

# Each message that an answer is made of. One without `ts` was about to be posted: whether it was, Slack knows.
messages = Table(
    "slack_messages",
    metadata,
    Column("question", ForeignKey(questions.c.number, ondelete="CASCADE"), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("ts", String(64)),
    Column("streamed", Boolean, nullable=False),
    Index("slack_messages_ts", "channel", "ts"),
)

# What has been delivered by Slack already: event ids, and whatever else tells two deliveries of one thing.
deliveries = Table(
    "slack_deliveries",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("at", Float, nullable=False, index=True),
)

# Files that came with a conversation, as text.
attachments = Table(
    "slack_attachments",
    metadata,
    Column("team", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("thread", String(64), primary_key=True),
    Column("file", String(64), primary_key=True),
    Column("parts", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

feedback = Table(
    "slack_feedback",
    metadata,
    Column("question", ForeignKey(questions.c.number, ondelete="CASCADE"), primary_key=True),
    Column("user", String(32), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("comment", Text, nullable=False, default=""),
    Column("at", Float, nullable=False),
)


class now(FunctionElement[float]):  # noqa: N801 (reads as the SQL function that it is)
    """The database's own clock, in seconds since 1970: replicas' clocks differ, and leases must not."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_in_sqlite(element: now, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_in_postgresql(element: now, compiler: Any, **options: Any) -> str:
    return "extract(epoch from clock_timestamp())::float"
