"""What must outlive this process: questions and how far each has come, shared by all replicas.

A question is recorded before Slack is told that it arrived, and from then on exactly one replica at a time works on
it, under a lease that others take over when it lapses.
"""

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from connectors.slack.databases import create_engine, in_thread, lock_tables, setting_up, threads_for
from connectors.slack.tables import attachments, deliveries, feedback, messages, metadata, now, questions
from knowledge import StorageError

# A replica that has not been heard of for so long is taken for dead. It is heard of every `LEASE_S / 3`.
LEASE_S = 15.0
# Whoever fails so often to answer one question is not helped by another try.
MAX_ATTEMPTS = 5
# Slack redelivers within an hour; after two days nobody asks again whether something was seen.
REMEMBER_DELIVERIES_S = 48 * 3600.0
# Slack's last redelivery comes some six minutes after the first delivery.
PARKED_S = 600.0
PARKED = "parked"

# Begins the thread of a question that no message was posted for, such as a slash command.
ROOTLESS = "new:"

Kind = Literal["direct", "mention", "followup", "command", "shortcut", "summary", "unprompted", "ingest"]
UNFINISHED = ("waiting", "working", "written")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it came from Slack. `thread` begins with "new:" when there is no message yet to answer under."""

    team: str
    channel: str
    thread: str
    ts: str
    user: str
    kind: Kind
    text: str
    enterprise: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rooted(self) -> bool:
        """Whether there is a message to answer under."""
        return not self.thread.startswith(ROOTLESS)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A question that this replica works on. `messages` are those it has posted already, by part."""

    number: int
    id: str
    asked: Asked
    state: str
    refusal: str
    attempts: int
    revision: int
    answer: str
    status: str
    outcome: str
    citations: list[dict[str, Any]]
    notes: list[str]
    asked_at: float
    messages: dict[int, "Posted"]

    @property
    def conversation(self) -> str:
        return conversation_id(self.asked.team, self.asked.channel, self.asked.thread)


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of an answer. Without `ts` it is uncertain whether it was posted."""

    channel: str
    ts: str | None
    streamed: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """How a delivery was taken: `position` in the line is 0 for what need not wait behind others."""

    id: str
    position: int
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """What was said about a question while it is worked on."""

    number: int
    revision: int
    halt: str


def conversation_id(team: str, channel: str, thread: str) -> str:
    return f"slack:{team}:{channel}:{thread}"


class Store:
    """The durable line and its memory, on SQLite or PostgreSQL.

    `places` questions may wait, and half of them may be one person's; who comes then is recorded with a refusal, so
    that they are told. Whoever is cancelled while something is recorded does not cut that short.
    """

    def __init__(self, engine: Engine, owner: str | None = None, places: int = 64) -> None:
        self.engine = engine
        self.owner = owner or uuid.uuid4().hex
        self.places = places
        self.threads = threads_for(engine)

    @classmethod
    async def open(cls, url: str, owner: str | None = None, places: int = 64) -> Self:
        """Make the tables where they are missing. Raises StorageError, which does not show the URL's password."""
        engine = create_engine(url)
        store = cls(engine, owner, places)
        try:
            await store._create()
        except (SQLAlchemyError, OSError) as error:
            await store.aclose()
            shown = engine.url.render_as_string(hide_password=True)
            raise StorageError(
                f"The store of the Slack connector, {shown}, cannot be opened: {_reason(error)}.",
                "Check that the database runs and that its address, name and password are right.",
            ) from error
        return store

    @property
    def url(self) -> str:
        """The address of the database, with its password."""
        return self.engine.url.render_as_string(hide_password=False)

    @in_thread
    def _create(self) -> None:
        with setting_up(self.engine), self._writing() as connection:
            lock_tables(connection)
            metadata.create_all(connection)

    async def aclose(self) -> None:
        """Close, once everything is recorded that is being recorded."""
        await asyncio.to_thread(self.threads.shutdown)
        self.engine.dispose()

    @in_thread
    def ping(self) -> None:
        """Raises whatever keeps the database from answering."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    # -- arrivals

    @in_thread
    def accept(self, asked: Asked, *keys: str) -> Accepted | None:
        """Record a question, once. None when one of the keys or the same message was recorded before."""
        try:
            with self._writing() as connection:
                return self._insert(connection, asked) if self._first(connection, *keys) else None
        except IntegrityError:
            return None

    @in_thread
    def park(self, asked: Asked, key: str) -> None:
        """Keep for a while what may turn out to be a follow-up: Slack can deliver it before the question it follows."""
        try:
            with self._writing() as connection:
                if self._first(connection, key):
                    row = _row(asked) | {"state": PARKED, "turn": 0, "asked_at": now()}
                    connection.execute(insert(questions).values(row))
        except IntegrityError:
            return

    @in_thread
    def first(self, key: str) -> bool:
        """Whether this is the first delivery with that key; from now on it is not."""
        with self._writing() as connection:
            return self._first(connection, key)

    def _first(self, connection: Connection, *keys: str) -> bool:
        if not keys:
            return True
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(deliveries).values([{"key": key, "at": now()} for key in sorted(keys)])
        result = connection.execute(statement.on_conflict_do_nothing().returning(deliveries.c.key))
        return len(result.all()) == len(keys)

    def _insert(self, connection: Connection, asked: Asked) -> Accepted | None:
        its = {f"its_{name}": getattr(asked, name) for name in ("team", "channel", "thread", "ts", "user")}
        line = connection.execute(_LINE, its).one()
        if line.known:
            return None
        refusal = self._refusal(line.waiting, line.own)
        row = _row(asked) | {"refusal": refusal, "turn": 0 if refusal else line.turn}
        connection.execute(_INSERT, row)
        if line.parked:
            connection.execute(_RELEASE, its | {"next_turn": line.turn + 1})
        return Accepted(row["id"], 0 if refusal else line.before, refusal)

    def _refusal(self, waiting: int, own: int) -> str:
        if waiting >= self.places:
            return "line_full"
        return "own_line_full" if own >= max(1, self.places // 2) else ""

    @in_thread
    def known(self, team: str, channel: str, ts: str) -> bool:
        """Whether that message was recorded as a question."""
        return self._exists(questions.c.team == team, questions.c.channel == channel, questions.c.ts == ts)

    @in_thread
    def takes_part(self, team: str, channel: str, thread: str, user: str = "") -> bool:
        """Whether something was asked in that thread; or by that person in it."""
        there = [questions.c.team == team, questions.c.channel == channel, questions.c.thread == thread]
        spoken = [*there, questions.c.outcome != "silent", questions.c.state != PARKED]
        return self._exists(*spoken, questions.c.user == user) if user else self._exists(*spoken)

    def _exists(self, *conditions: Any) -> bool:
        with self.engine.connect() as connection:
            found = connection.execute(select(exists().where(*conditions)))
            return bool(found.scalar_one())

    # -- what people do to a question afterwards

    @in_thread
    def edit(self, team: str, channel: str, ts: str, text: str) -> bool:
        """Take the new text of a question that is not answered yet. False when there is none."""
        with self._writing() as connection:
            statement = update(questions).where(*_message(team, channel, ts), questions.c.state != "done")
            changed = statement.where(questions.c.text != text, questions.c.state.in_(("waiting", "working")))
            result = connection.execute(changed.values(text=text, revision=questions.c.revision + 1))
            return bool(result.rowcount)

    @in_thread
    def withdraw(self, team: str, channel: str, ts: str) -> None:
        """A question was deleted: forget it if it waits, else have its answer taken back."""
        self._halt("deleted", *_message(team, channel, ts))

    @in_thread
    def stop(self, team: str, channel: str, thread: str) -> int:
        """Stop what is unfinished in a thread. Returns how many questions that are."""
        place = (questions.c.team == team, questions.c.channel == channel, questions.c.thread == thread)
        return self._halt("stopped", *place)

    def _halt(self, why: str, *which: Any) -> int:
        with self._writing() as connection:
            unfinished = questions.c.state.in_(UNFINISHED)
            running = update(questions).where(*which, unfinished, questions.c.halt == "")
            result = connection.execute(running.values(halt=why))
            waiting = update(questions).where(*which, questions.c.state == "waiting", questions.c.attempts == 0)
            connection.execute(waiting.values(state="done", outcome=why, done_at=now()))
            return result.rowcount

    # -- work

    @in_thread
    def claim(self, *, refused: bool = False) -> Claimed | None:
        """The next question in the line that nobody works on, now this replica's for `LEASE_S`; or the next one that
        was refused, of which the person has to be told.

        Of one thread only the oldest unfinished question is given out, so that answers keep the order of the questions.
        """
        earlier = questions.alias("earlier")
        blocked = exists().where(
            earlier.c.team == questions.c.team,
            earlier.c.channel == questions.c.channel,
            earlier.c.thread == questions.c.thread,
            earlier.c.ts < questions.c.ts,
            earlier.c.state.in_(UNFINISHED),
        )
        lane = questions.c.refusal != "" if refused else questions.c.refusal == ""
        free = and_(questions.c.state.in_(UNFINISHED), questions.c.lease < now(), lane)
        line = select(questions.c.number).where(free, ~blocked).order_by(questions.c.turn, questions.c.number).limit(1)
        if self.engine.dialect.name == "postgresql":
            line = line.with_for_update(skip_locked=True, of=questions)
        taken = update(questions).where(questions.c.number == line.scalar_subquery())
        state = {"owner": self.owner, "lease": now() + LEASE_S, "attempts": questions.c.attempts + 1}
        with self._writing() as connection:
            statement = taken.values(state=_unless_written("working"), **state).returning(questions)
            row = (connection.execute(statement)).one_or_none()
            return self._claimed(connection, row) if row else None

    def _claimed(self, connection: Connection, row: Row[Any]) -> Claimed:
        posted = connection.execute(select(messages).where(messages.c.question == row.number))
        parts = {m.part: Posted(m.channel, m.ts, m.streamed) for m in posted}
        return _claimed(row, parts)

    @in_thread
    def renew(self) -> list[Signal]:
        """Keep all that this replica works on, and hear what was said about it meanwhile."""
        own = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        held = update(questions).where(own, questions.c.lease > 0.0).values(lease=now() + LEASE_S)
        with self._writing() as connection:
            rows = connection.execute(held.returning(questions.c.number, questions.c.revision, questions.c.halt))
            return [Signal(*row) for row in rows]

    @in_thread
    def signals(self) -> list[Signal]:
        """The same without keeping anything: it only reads."""
        own = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        with self.engine.connect() as connection:
            columns = (questions.c.number, questions.c.revision, questions.c.halt)
            return [Signal(*row) for row in connection.execute(select(*columns).where(own))]

    @in_thread
    def hand_back(self, claimed: Claimed, after: float = 0.0, *, blameless: bool = False) -> None:
        """Let any replica go on with this question, `after` seconds from now. Blameless is a try that failed for
        reasons that have nothing to do with the question; it does not count."""
        attempts = questions.c.attempts - int(blameless)
        state = _unless_written("waiting")
        self._update(claimed, owner="", lease=now() + after, state=state, attempts=attempts)

    @in_thread
    def hand_back_all(self) -> None:
        """Let other replicas go on with whatever this one still holds."""
        held = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        values = {
            "owner": "",
            "lease": now(),
            "state": _unless_written("waiting"),
            "attempts": questions.c.attempts - 1,
        }
        with self._writing() as connection:
            connection.execute(update(questions).where(held).values(**values))

    @in_thread
    def place(self, claimed: Claimed, channel: str, thread: str) -> bool:
        """Where the answer goes, once there is a message to answer under."""
        return self._update(claimed, channel=channel, thread=thread)

    @in_thread
    def write(
        self,
        claimed: Claimed,
        *,
        answer: str,
        status: str,
        outcome: str,
        citations: Sequence[Mapping[str, Any]],
        notes: Sequence[str],
    ) -> bool:
        """Keep the whole answer before the last of it is shown. False when it is not this replica's any more."""
        values = {"answer": answer, "status": status, "outcome": outcome, "notes": list(notes)}
        return self._update(claimed, state="written", citations=[dict(c) for c in citations], **values)

    @in_thread
    def finish(self, claimed: Claimed, outcome: str) -> bool:
        """The question needs nothing more."""
        return self._update(claimed, state="done", outcome=outcome, lease=0.0, done_at=now())

    def _update(self, claimed: Claimed, **values: Any) -> bool:
        with self._writing() as connection:
            result = connection.execute(self._own(claimed).values(**values))
            return bool(result.rowcount)

    def _own(self, claimed: Claimed) -> Any:
        """Only while the lease is this replica's: who lost it must change nothing."""
        return update(questions).where(questions.c.number == claimed.number, questions.c.owner == self.owner)

    # -- messages of an answer

    @in_thread
    def intend(self, claimed: Claimed, part: int, channel: str, *, streamed: bool) -> None:
        """Say, before it is done, that a message is about to be posted."""
        with self._writing() as connection:
            connection.execute(delete(messages).where(*_part(claimed, part)))
            row = {"question": claimed.number, "part": part, "channel": channel, "streamed": streamed}
            connection.execute(insert(messages).values(row))

    @in_thread
    def posted(self, claimed: Claimed, part: int, ts: str) -> None:
        with self._writing() as connection:
            connection.execute(update(messages).where(*_part(claimed, part)).values(ts=ts))

    @in_thread
    def unposted(self, claimed: Claimed, part: int) -> None:
        """It turned out that the message does not exist (any more)."""
        with self._writing() as connection:
            connection.execute(delete(messages).where(*_part(claimed, part)))

    @in_thread
    def ours(self, channel: str, stamps: Sequence[str]) -> set[str]:
        """Which of these messages are known to belong to an answer."""
        with self.engine.connect() as connection:
            known = select(messages.c.ts).where(messages.c.channel == channel, messages.c.ts.in_(stamps))
            return set((connection.execute(known)).scalars())

    # -- attachments of a conversation

    @in_thread
    def attach(self, asked: Asked, file: str, parts: Sequence[Mapping[str, Any]]) -> None:
        key = {"team": asked.team, "channel": asked.channel, "thread": asked.thread, "file": file}
        with self._writing() as connection:
            connection.execute(delete(attachments).where(*(attachments.c[k] == v for k, v in key.items())))
            row = {**key, "parts": [dict(p) for p in parts], "at": now()}
            connection.execute(insert(attachments).values(row))

    @in_thread
    def attached(self, asked: Asked) -> dict[str, list[dict[str, Any]]]:
        """The parts of every file of the conversation, by the file's id, oldest first."""
        place = [attachments.c[name] == getattr(asked, name) for name in ("team", "channel", "thread")]
        statement = select(attachments.c.file, attachments.c.parts).where(*place).order_by(attachments.c.at)
        with self.engine.connect() as connection:
            return {row.file: row.parts for row in connection.execute(statement)}

    # -- what is shown elsewhere

    @in_thread
    def question(self, id_: str) -> Claimed | None:
        """A question by its id, whatever its state."""
        return self._question(id_)

    def _question(self, id_: str) -> Claimed | None:
        with self.engine.connect() as connection:
            row = (connection.execute(select(questions).where(questions.c.id == id_))).one_or_none()
            return self._claimed(connection, row) if row else None

    @in_thread
    def recent(self, team: str, user: str, limit: int) -> list[Claimed]:
        """A person's latest questions, newest first."""
        mine = select(questions).where(questions.c.team == team, questions.c.user == user, questions.c.state != PARKED)
        shown = mine.where(questions.c.outcome.not_in(("silent", "deleted")), questions.c.kind != "ingest")
        with self.engine.connect() as connection:
            rows = (connection.execute(shown.order_by(questions.c.number.desc()).limit(limit))).all()
            return [self._claimed(connection, row) for row in rows]

    @in_thread
    def positions(self) -> list[tuple[Claimed, int]]:
        """Everything that waits and has not been refused, in the order of the line; the first place is 1."""
        waiting = select(questions).where(questions.c.state == "waiting", questions.c.refusal == "")
        with self.engine.connect() as connection:
            rows = connection.execute(waiting.order_by(questions.c.turn, questions.c.number))
            return [(_claimed(row, {}), place) for place, row in enumerate(rows, start=1)]

    @in_thread
    def counts(self) -> dict[str, int]:
        """How many questions are in each unfinished state."""
        count = func.count().label("questions")
        statement = select(questions.c.state, count).where(questions.c.state.in_(UNFINISHED))
        with self.engine.connect() as connection:
            rows = connection.execute(statement.group_by(questions.c.state))
            return {row.state: row.questions for row in rows}

    # -- feedback

    @in_thread
    def judge(self, id_: str, user: str, verdict: str, comment: str = "") -> bool:
        """Keep what a person thinks of an answer, the latest word counting. False when the question is unknown."""
        found = self._question(id_)
        if found is None:
            return False
        with self._writing() as connection:
            mine = and_(feedback.c.question == found.number, feedback.c.user == user)
            connection.execute(delete(feedback).where(mine))
            row = {"question": found.number, "user": user, "verdict": verdict, "comment": comment, "at": now()}
            connection.execute(insert(feedback).values(row))
        return True

    @in_thread
    def judgements(self, limit: int, verdict: str | None = None) -> list[dict[str, Any]]:
        """Feedback with what it is about, newest first; of one verdict only, if one is named."""
        columns = (feedback.c.at, feedback.c.verdict, feedback.c.comment, feedback.c.user)
        text = questions.c.text.label("question")
        about = (text, questions.c.answer, questions.c.status, questions.c.citations, questions.c.channel)
        joined = select(*columns, *about).join(questions, questions.c.number == feedback.c.question)
        wanted = joined.where(feedback.c.verdict == verdict) if verdict else joined
        with self.engine.connect() as connection:
            rows = connection.execute(wanted.order_by(feedback.c.at.desc()).limit(limit))
            return [dict(row._mapping) for row in rows]

    # -- forgetting

    @in_thread
    def forget_person(self, team: str, user: str) -> list[str]:
        """Forget what a person asked. Returns the conversations that they took part in."""
        return self._forget(questions.c.team == team, questions.c.user == user)

    @in_thread
    def forget_team(self, team: str) -> list[str]:
        """Forget a workspace altogether. Returns its conversations."""
        return self._forget(questions.c.team == team)

    @in_thread
    def forget_older(self, seconds: float) -> list[str]:
        """Forget what was asked longer ago. Returns the conversations in which nothing newer was asked."""
        with self._writing() as connection:
            connection.execute(delete(deliveries).where(deliveries.c.at < now() - REMEMBER_DELIVERIES_S))
            old = (questions.c.state == PARKED, questions.c.asked_at < now() - PARKED_S)
            connection.execute(delete(questions).where(*old))
        newer = questions.alias("newer")
        alive = exists().where(
            newer.c.team == questions.c.team,
            newer.c.channel == questions.c.channel,
            newer.c.thread == questions.c.thread,
            newer.c.asked_at >= now() - seconds,
        )
        return self._forget(questions.c.asked_at < now() - seconds, ~alive)

    def _forget(self, *which: Any) -> list[str]:
        place = (questions.c.team, questions.c.channel, questions.c.thread)
        with self._writing() as connection:
            threads = (connection.execute(select(*place).where(*which).distinct())).all()
            doomed = select(questions.c.number).where(*which)
            for table in (messages, feedback):
                connection.execute(delete(table).where(table.c.question.in_(doomed)))
            connection.execute(delete(questions).where(*which))
            for team, channel, thread in threads:
                there = (attachments.c.team == team, attachments.c.channel == channel, attachments.c.thread == thread)
                connection.execute(delete(attachments).where(*there))
        return [conversation_id(*thread) for thread in threads]


def _line() -> Select[Any]:
    """What there is when a question comes: whether it is known, how many wait, and which turn it will have.

    Self-clocked fair queueing, as in `assistant.admission`, over all replicas.
    """
    count, latest = select(func.count()), select(func.max(questions.c.turn))
    waiting = count.where(questions.c.state == "waiting", questions.c.refusal == "")
    mine = _same("team", "user")
    working = latest.where(questions.c.state == "working").scalar_subquery()
    taken = latest.where(questions.c.state != "waiting").scalar_subquery()
    clock = func.coalesce(working, taken, 0)
    own = func.coalesce(latest.where(*mine, questions.c.state.in_(UNFINISHED)).scalar_subquery(), 0)
    turn = case((own > clock, own), else_=clock) + 1
    return select(
        exists().where(*_same("team", "channel", "ts")).label("known"),
        exists().where(*_PARKED_WITH_IT).label("parked"),
        waiting.scalar_subquery().label("waiting"),
        waiting.where(*mine).scalar_subquery().label("own"),
        waiting.where(questions.c.turn <= turn).scalar_subquery().label("before"),
        turn.label("turn"),
    )


def _same(*names: str) -> tuple[Any, ...]:
    """That these columns are what they are in the question that comes: `its_team`, and so on."""
    return tuple(questions.c[name] == bindparam(f"its_{name}") for name in names)


# What the same person added to the thread, and came before this, joins the line after it.
_PARKED_WITH_IT = (
    *_same("team", "channel", "thread", "user"),
    questions.c.ts > bindparam("its_ts"),
    questions.c.state == PARKED,
)
# Made once: the making of a statement takes longer than what the database does with it.
_LINE = _line()
_INSERT = insert(questions).values(asked_at=now())
_RELEASE = update(questions).where(*_PARKED_WITH_IT).values(state="waiting", turn=bindparam("next_turn"))


def _row(asked: Asked) -> dict[str, Any]:
    names = ("team", "enterprise", "channel", "thread", "ts", "user", "kind", "text")
    row: dict[str, Any] = {name: getattr(asked, name) for name in names}
    return row | {"extra": dict(asked.extra), "id": uuid.uuid4().hex}


def _message(team: str, channel: str, ts: str) -> tuple[Any, ...]:
    return questions.c.team == team, questions.c.channel == channel, questions.c.ts == ts


def _part(claimed: Claimed, part: int) -> tuple[Any, ...]:
    return messages.c.question == claimed.number, messages.c.part == part


def _unless_written(state: str) -> Any:
    """A written answer stays written: it only has to be shown."""
    return case((questions.c.state == "written", "written"), else_=state)


def _claimed(row: Row[Any], parts: dict[int, Posted]) -> Claimed:
    asked = Asked(
        row.team, row.channel, row.thread, row.ts, row.user, row.kind, row.text, row.enterprise, row.extra or {}
    )
    return Claimed(
        number=row.number,
        id=row.id,
        asked=asked,
        state=row.state,
        refusal=row.refusal,
        attempts=row.attempts,
        revision=row.revision,
        answer=row.answer,
        status=row.status,
        outcome=row.outcome,
        citations=row.citations or [],
        notes=row.notes or [],
        asked_at=row.asked_at,
        messages=parts,
    )


def _reason(error: Exception) -> str:
    """The database's own first line; SQLAlchemy adds statements and links that help nobody here."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
