"""What must outlive this process: questions and how far each has come, shared by all replicas.

A question is recorded before Slack is told that it arrived, and from then on exactly one replica at a time works on
it, under a lease that others take over when it lapses.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from sqlalchemy import Row, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from connectors.slack.databases import create_engine, lock_tables, setting_up, writer
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
    that they are told.
    """

    def __init__(self, engine: AsyncEngine, owner: str | None = None, places: int = 64) -> None:
        self.engine = engine
        self.owner = owner or uuid.uuid4().hex
        self.places = places
        self._writer = writer(engine)

    @classmethod
    async def open(cls, url: str, owner: str | None = None, places: int = 64) -> Self:
        """Make the tables where they are missing. Raises StorageError, which does not show the URL's password."""
        engine = create_engine(url)
        store = cls(engine, owner, places)
        try:
            await store._create()
        except (SQLAlchemyError, OSError) as error:
            await engine.dispose()
            shown = engine.url.render_as_string(hide_password=True)
            raise StorageError(
                f"The store of the Slack connector, {shown}, cannot be opened: {_reason(error)}.",
                "Check that the database runs and that its address, name and password are right.",
            ) from error
        return store

    async def _create(self) -> None:
        async with setting_up(self.engine), self._writing() as connection:
            await lock_tables(connection)
            await connection.run_sync(metadata.create_all)

    async def aclose(self) -> None:
        await self.engine.dispose()

    async def ping(self) -> None:
        """Raises whatever keeps the database from answering."""
        async with self.engine.connect() as connection:
            await connection.execute(select(1))

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer, self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    # -- arrivals

    async def accept(self, asked: Asked, *keys: str) -> Accepted | None:
        """Record a question, once. None when one of the keys or the same message was recorded before."""
        try:
            async with self._writing() as connection:
                if not await self._first(connection, *keys):
                    return None
                accepted = await self._insert(connection, asked)
                await self._release(connection, asked)
                return accepted
        except IntegrityError:
            return None

    async def park(self, asked: Asked, key: str) -> None:
        """Keep for a while what may turn out to be a follow-up: Slack can deliver it before the question it follows."""
        try:
            async with self._writing() as connection:
                if await self._first(connection, key):
                    row = _row(asked) | {"state": PARKED, "turn": 0, "asked_at": now()}
                    await connection.execute(insert(questions).values(row))
        except IntegrityError:
            return

    async def _release(self, connection: AsyncConnection, asked: Asked) -> None:
        """What the same person added to the thread, and came before this, joins the line after it."""
        there = (questions.c.team == asked.team, questions.c.channel == asked.channel)
        theirs = (questions.c.thread == asked.thread, questions.c.user == asked.user, questions.c.ts > asked.ts)
        parked = update(questions).where(*there, *theirs, questions.c.state == PARKED)
        turn = await self._turn(connection, asked)
        await connection.execute(parked.values(state="waiting", turn=turn))

    async def first(self, key: str) -> bool:
        """Whether this is the first delivery with that key; from now on it is not."""
        async with self._writing() as connection:
            return await self._first(connection, key)

    async def _first(self, connection: AsyncConnection, *keys: str) -> bool:
        if not keys:
            return True
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(deliveries).values([{"key": key, "at": now()} for key in sorted(keys)])
        result = await connection.execute(statement.on_conflict_do_nothing().returning(deliveries.c.key))
        return len(result.all()) == len(keys)

    async def _insert(self, connection: AsyncConnection, asked: Asked) -> Accepted:
        refusal = await self._refusal(connection, asked)
        turn = 0 if refusal else await self._turn(connection, asked)
        row = _row(asked) | {"refusal": refusal, "turn": turn, "asked_at": now()}
        result = await connection.execute(insert(questions).values(row).returning(questions.c.number))
        number = result.scalar_one()
        position = 0 if refusal else await self._ahead(connection, turn, number)
        return Accepted(row["id"], position, refusal)

    async def _refusal(self, connection: AsyncConnection, asked: Asked) -> str:
        mine = and_(questions.c.team == asked.team, questions.c.user == asked.user)
        counts = select(func.count(), func.count().filter(mine)).where(questions.c.state == "waiting")
        waiting, own = (await connection.execute(counts.where(questions.c.refusal == ""))).one()
        if waiting >= self.places:
            return "line_full"
        return "own_line_full" if own >= max(1, self.places // 2) else ""

    async def _turn(self, connection: AsyncConnection, asked: Asked) -> int:
        """Self-clocked fair queueing, as in `assistant.admission`, over all replicas."""
        working = select(func.max(questions.c.turn)).where(questions.c.state == "working").scalar_subquery()
        latest = select(func.max(questions.c.turn)).where(questions.c.state != "waiting").scalar_subquery()
        own = (
            select(func.max(questions.c.turn))
            .where(questions.c.team == asked.team, questions.c.user == asked.user)
            .where(questions.c.state.in_(UNFINISHED))
        ).scalar_subquery()
        clock, last = (await connection.execute(select(func.coalesce(working, latest, 0), func.coalesce(own, 0)))).one()
        return max(int(clock), int(last)) + 1

    async def _ahead(self, connection: AsyncConnection, turn: int, number: int) -> int:
        before = or_(questions.c.turn < turn, and_(questions.c.turn == turn, questions.c.number < number))
        waiting = select(func.count()).where(questions.c.state == "waiting", questions.c.refusal == "", before)
        return int((await connection.execute(waiting)).scalar_one())

    async def known(self, team: str, channel: str, ts: str) -> bool:
        """Whether that message was recorded as a question."""
        return await self._exists(questions.c.team == team, questions.c.channel == channel, questions.c.ts == ts)

    async def takes_part(self, team: str, channel: str, thread: str, user: str = "") -> bool:
        """Whether something was asked in that thread; or by that person in it."""
        there = [questions.c.team == team, questions.c.channel == channel, questions.c.thread == thread]
        spoken = [*there, questions.c.outcome != "silent", questions.c.state != PARKED]
        return await self._exists(*spoken, questions.c.user == user) if user else await self._exists(*spoken)

    async def _exists(self, *conditions: Any) -> bool:
        async with self.engine.connect() as connection:
            found = await connection.execute(select(exists().where(*conditions)))
            return bool(found.scalar_one())

    # -- what people do to a question afterwards

    async def edit(self, team: str, channel: str, ts: str, text: str) -> bool:
        """Take the new text of a question that is not answered yet. False when there is none."""
        async with self._writing() as connection:
            statement = update(questions).where(*_message(team, channel, ts), questions.c.state != "done")
            changed = statement.where(questions.c.text != text, questions.c.state.in_(("waiting", "working")))
            result = await connection.execute(changed.values(text=text, revision=questions.c.revision + 1))
            return bool(result.rowcount)

    async def withdraw(self, team: str, channel: str, ts: str) -> None:
        """A question was deleted: forget it if it waits, else have its answer taken back."""
        await self._halt("deleted", *_message(team, channel, ts))

    async def stop(self, team: str, channel: str, thread: str) -> int:
        """Stop what is unfinished in a thread. Returns how many questions that are."""
        place = (questions.c.team == team, questions.c.channel == channel, questions.c.thread == thread)
        return await self._halt("stopped", *place)

    async def _halt(self, why: str, *which: Any) -> int:
        async with self._writing() as connection:
            unfinished = questions.c.state.in_(UNFINISHED)
            running = update(questions).where(*which, unfinished, questions.c.halt == "")
            result = await connection.execute(running.values(halt=why))
            waiting = update(questions).where(*which, questions.c.state == "waiting", questions.c.attempts == 0)
            await connection.execute(waiting.values(state="done", outcome=why, done_at=now()))
            return result.rowcount

    # -- work

    async def claim(self, *, refused: bool = False) -> Claimed | None:
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
        async with self._writing() as connection:
            statement = taken.values(state=_unless_written("working"), **state).returning(questions)
            row = (await connection.execute(statement)).one_or_none()
            return await self._claimed(connection, row) if row else None

    async def _claimed(self, connection: AsyncConnection, row: Row[Any]) -> Claimed:
        posted = await connection.execute(select(messages).where(messages.c.question == row.number))
        parts = {m.part: Posted(m.channel, m.ts, m.streamed) for m in posted}
        return _claimed(row, parts)

    async def renew(self) -> list[Signal]:
        """Keep all that this replica works on, and hear what was said about it meanwhile."""
        own = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        held = update(questions).where(own, questions.c.lease > 0.0).values(lease=now() + LEASE_S)
        async with self._writing() as connection:
            rows = await connection.execute(held.returning(questions.c.number, questions.c.revision, questions.c.halt))
            return [Signal(*row) for row in rows]

    async def signals(self) -> list[Signal]:
        """The same without keeping anything: it only reads."""
        own = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        async with self.engine.connect() as connection:
            columns = (questions.c.number, questions.c.revision, questions.c.halt)
            return [Signal(*row) for row in await connection.execute(select(*columns).where(own))]

    async def hand_back(self, claimed: Claimed, after: float = 0.0, *, blameless: bool = False) -> None:
        """Let any replica go on with this question, `after` seconds from now. Blameless is a try that failed for
        reasons that have nothing to do with the question; it does not count."""
        attempts = questions.c.attempts - int(blameless)
        state = _unless_written("waiting")
        await self._update(claimed, owner="", lease=now() + after, state=state, attempts=attempts)

    async def hand_back_all(self) -> None:
        """Let other replicas go on with whatever this one still holds."""
        held = and_(questions.c.owner == self.owner, questions.c.state.in_(("working", "written")))
        values = {
            "owner": "",
            "lease": now(),
            "state": _unless_written("waiting"),
            "attempts": questions.c.attempts - 1,
        }
        async with self._writing() as connection:
            await connection.execute(update(questions).where(held).values(**values))

    async def place(self, claimed: Claimed, channel: str, thread: str) -> bool:
        """Where the answer goes, once there is a message to answer under."""
        return await self._update(claimed, channel=channel, thread=thread)

    async def write(
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
        return await self._update(claimed, state="written", citations=[dict(c) for c in citations], **values)

    async def finish(self, claimed: Claimed, outcome: str) -> bool:
        """The question needs nothing more."""
        return await self._update(claimed, state="done", outcome=outcome, lease=0.0, done_at=now())

    async def _update(self, claimed: Claimed, **values: Any) -> bool:
        async with self._writing() as connection:
            result = await connection.execute(self._own(claimed).values(**values))
            return bool(result.rowcount)

    def _own(self, claimed: Claimed) -> Any:
        """Only while the lease is this replica's: who lost it must change nothing."""
        return update(questions).where(questions.c.number == claimed.number, questions.c.owner == self.owner)

    # -- messages of an answer

    async def intend(self, claimed: Claimed, part: int, channel: str, *, streamed: bool) -> None:
        """Say, before it is done, that a message is about to be posted."""
        async with self._writing() as connection:
            await connection.execute(delete(messages).where(*_part(claimed, part)))
            row = {"question": claimed.number, "part": part, "channel": channel, "streamed": streamed}
            await connection.execute(insert(messages).values(row))

    async def posted(self, claimed: Claimed, part: int, ts: str) -> None:
        async with self._writing() as connection:
            await connection.execute(update(messages).where(*_part(claimed, part)).values(ts=ts))

    async def unposted(self, claimed: Claimed, part: int) -> None:
        """It turned out that the message does not exist (any more)."""
        async with self._writing() as connection:
            await connection.execute(delete(messages).where(*_part(claimed, part)))

    async def ours(self, channel: str, stamps: Sequence[str]) -> set[str]:
        """Which of these messages are known to belong to an answer."""
        async with self.engine.connect() as connection:
            known = select(messages.c.ts).where(messages.c.channel == channel, messages.c.ts.in_(stamps))
            return set((await connection.execute(known)).scalars())

    # -- attachments of a conversation

    async def attach(self, asked: Asked, file: str, parts: Sequence[Mapping[str, Any]]) -> None:
        key = {"team": asked.team, "channel": asked.channel, "thread": asked.thread, "file": file}
        async with self._writing() as connection:
            await connection.execute(delete(attachments).where(*(attachments.c[k] == v for k, v in key.items())))
            row = {**key, "parts": [dict(p) for p in parts], "at": now()}
            await connection.execute(insert(attachments).values(row))

    async def attached(self, asked: Asked) -> dict[str, list[dict[str, Any]]]:
        """The parts of every file of the conversation, by the file's id, oldest first."""
        place = [attachments.c[name] == getattr(asked, name) for name in ("team", "channel", "thread")]
        statement = select(attachments.c.file, attachments.c.parts).where(*place).order_by(attachments.c.at)
        async with self.engine.connect() as connection:
            return {row.file: row.parts for row in await connection.execute(statement)}

    # -- what is shown elsewhere

    async def question(self, id_: str) -> Claimed | None:
        """A question by its id, whatever its state."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(select(questions).where(questions.c.id == id_))).one_or_none()
            return await self._claimed(connection, row) if row else None

    async def recent(self, team: str, user: str, limit: int) -> list[Claimed]:
        """A person's latest questions, newest first."""
        mine = select(questions).where(questions.c.team == team, questions.c.user == user, questions.c.state != PARKED)
        shown = mine.where(questions.c.outcome.not_in(("silent", "deleted")), questions.c.kind != "ingest")
        async with self.engine.connect() as connection:
            rows = (await connection.execute(shown.order_by(questions.c.number.desc()).limit(limit))).all()
            return [await self._claimed(connection, row) for row in rows]

    async def positions(self) -> list[tuple[Claimed, int]]:
        """Everything that waits and has not been refused, in the order of the line; the first place is 1."""
        waiting = select(questions).where(questions.c.state == "waiting", questions.c.refusal == "")
        async with self.engine.connect() as connection:
            rows = await connection.execute(waiting.order_by(questions.c.turn, questions.c.number))
            return [(_claimed(row, {}), place) for place, row in enumerate(rows, start=1)]

    async def counts(self) -> dict[str, int]:
        """How many questions are in each unfinished state."""
        count = func.count().label("questions")
        statement = select(questions.c.state, count).where(questions.c.state.in_(UNFINISHED))
        async with self.engine.connect() as connection:
            rows = await connection.execute(statement.group_by(questions.c.state))
            return {row.state: row.questions for row in rows}

    # -- feedback

    async def judge(self, id_: str, user: str, verdict: str, comment: str = "") -> bool:
        """Keep what a person thinks of an answer, the latest word counting. False when the question is unknown."""
        found = await self.question(id_)
        if found is None:
            return False
        async with self._writing() as connection:
            mine = and_(feedback.c.question == found.number, feedback.c.user == user)
            await connection.execute(delete(feedback).where(mine))
            row = {"question": found.number, "user": user, "verdict": verdict, "comment": comment, "at": now()}
            await connection.execute(insert(feedback).values(row))
        return True

    async def judgements(self, limit: int, verdict: str | None = None) -> list[dict[str, Any]]:
        """Feedback with what it is about, newest first; of one verdict only, if one is named."""
        columns = (feedback.c.at, feedback.c.verdict, feedback.c.comment, feedback.c.user)
        text = questions.c.text.label("question")
        about = (text, questions.c.answer, questions.c.status, questions.c.citations, questions.c.channel)
        joined = select(*columns, *about).join(questions, questions.c.number == feedback.c.question)
        wanted = joined.where(feedback.c.verdict == verdict) if verdict else joined
        async with self.engine.connect() as connection:
            rows = await connection.execute(wanted.order_by(feedback.c.at.desc()).limit(limit))
            return [dict(row._mapping) for row in rows]

    # -- forgetting

    async def forget_person(self, team: str, user: str) -> list[str]:
        """Forget what a person asked. Returns the conversations that they took part in."""
        return await self._forget(questions.c.team == team, questions.c.user == user)

    async def forget_team(self, team: str) -> list[str]:
        """Forget a workspace altogether. Returns its conversations."""
        return await self._forget(questions.c.team == team)

    async def forget_older(self, seconds: float) -> list[str]:
        """Forget what was asked longer ago. Returns the conversations in which nothing newer was asked."""
        async with self._writing() as connection:
            await connection.execute(delete(deliveries).where(deliveries.c.at < now() - REMEMBER_DELIVERIES_S))
            old = (questions.c.state == PARKED, questions.c.asked_at < now() - PARKED_S)
            await connection.execute(delete(questions).where(*old))
        newer = questions.alias("newer")
        alive = exists().where(
            newer.c.team == questions.c.team,
            newer.c.channel == questions.c.channel,
            newer.c.thread == questions.c.thread,
            newer.c.asked_at >= now() - seconds,
        )
        return await self._forget(questions.c.asked_at < now() - seconds, ~alive)

    async def _forget(self, *which: Any) -> list[str]:
        place = (questions.c.team, questions.c.channel, questions.c.thread)
        async with self._writing() as connection:
            threads = (await connection.execute(select(*place).where(*which).distinct())).all()
            doomed = select(questions.c.number).where(*which)
            for table in (messages, feedback):
                await connection.execute(delete(table).where(table.c.question.in_(doomed)))
            await connection.execute(delete(questions).where(*which))
            for team, channel, thread in threads:
                there = (attachments.c.team == team, attachments.c.channel == channel, attachments.c.thread == thread)
                await connection.execute(delete(attachments).where(*there))
        return [conversation_id(*thread) for thread in threads]


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
