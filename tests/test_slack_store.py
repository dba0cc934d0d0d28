"""The durable line of questions, on SQLite and on a real PostgreSQL, with several replicas on one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from connectors.slack.databases import create_async_engine, sqlite_url
from connectors.slack.store import LEASE_S, MAX_ATTEMPTS, Asked, Store
from connectors.slack.tables import now, questions
from knowledge import StorageError
from tests.postgres import fresh_database


def asked(number: int = 1, user: str = "U1", thread: int | None = None, kind: str = "mention") -> Asked:
    ts = f"1700000000.{number:06d}"
    root = ts if thread is None else f"1700000000.{thread:06d}"
    return Asked("T1", "C1", root, ts, user, kind, f"question {number}")  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    return fresh_database(request.getfixturevalue("postgres")).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[tuple[Store, Store]]:
    both = await asyncio.gather(Store.open(url, "one", places=1000), Store.open(url, "two", places=1000))
    yield both[0], both[1]
    await asyncio.gather(*(store.aclose() for store in both))


async def let_leases_lapse(store: Store) -> None:
    with store.engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(questions).where(questions.c.lease > 0).values(lease=now() - 1))


async def test_one_event_that_is_delivered_to_two_replicas_at_once_is_recorded_once(
    replicas: tuple[Store, Store],
) -> None:
    accepted = await asyncio.gather(*(store.accept(asked(), "event:1") for store in replicas for _ in range(5)))
    assert sum(one is not None for one in accepted) == 1


async def test_a_mention_that_comes_as_two_events_is_recorded_once(replicas: tuple[Store, Store]) -> None:
    accepted = await asyncio.gather(
        replicas[0].accept(asked(), "event:message"), replicas[1].accept(asked(), "event:mention")
    )
    assert sum(one is not None for one in accepted) == 1


async def test_every_question_is_claimed_once_by_some_replica(replicas: tuple[Store, Store]) -> None:
    for number in range(30):
        await replicas[number % 2].accept(asked(number, user=f"U{number % 7}"), f"event:{number}")
    claimed = await asyncio.gather(*(store.claim() for store in replicas for _ in range(20)))
    numbers = [one.number for one in claimed if one]
    assert sorted(numbers) == sorted(set(numbers)) and len(numbers) == 30


async def test_a_thread_is_answered_in_order_and_one_question_at_a_time(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    for number in (3, 1, 2):  # Slack does not keep the order either
        await one.accept(asked(number, thread=1), f"event:{number}")
    order = []
    for _ in range(3):
        claimed = await one.claim()
        assert claimed is not None and await two.claim() is None
        order.append(claimed.asked.text)
        assert await one.finish(claimed, "answered")
    assert order == ["question 1", "question 2", "question 3"]


async def test_a_question_of_a_replica_that_died_goes_to_another_with_the_messages_it_had_posted(
    replicas: tuple[Store, Store],
) -> None:
    dead, alive = replicas
    await dead.accept(asked())
    claimed = await dead.claim()
    assert claimed is not None
    await dead.intend(claimed, 0, "C1", streamed=True)
    await dead.posted(claimed, 0, "1700000001.000001")
    await dead.intend(claimed, 1, "C1", streamed=True)
    assert await alive.claim() is None
    await let_leases_lapse(alive)
    again = await alive.claim()
    assert again is not None and again.id == claimed.id and again.attempts == 2
    assert (again.messages[0].ts, again.messages[1].ts) == ("1700000001.000001", None)


async def test_a_replica_that_lost_its_lease_changes_nothing_any_more(replicas: tuple[Store, Store]) -> None:
    slow, quick = replicas
    await slow.accept(asked())
    before = await slow.claim()
    assert before is not None
    await let_leases_lapse(quick)
    after = await quick.claim()
    assert after is not None
    kept = await slow.write(before, answer="late", status="answered", outcome="answered", citations=[], notes=[])
    assert not kept and not await slow.finish(before, "answered")
    assert await quick.finish(after, "answered")


async def test_a_written_answer_survives_the_replica_that_wrote_it(replicas: tuple[Store, Store]) -> None:
    dead, alive = replicas
    await dead.accept(asked())
    claimed = await dead.claim()
    assert claimed is not None
    citation = {"number": 1, "source": "a.md", "page": None, "section": "", "url": "", "quote": "words"}
    await dead.write(
        claimed, answer="The answer [1].", status="answered", outcome="ok", citations=[citation], notes=["n"]
    )
    await let_leases_lapse(alive)
    again = await alive.claim()
    assert again is not None and again.state == "written"
    assert (again.answer, again.citations, again.notes) == ("The answer [1].", [citation], ["n"])


async def test_a_lease_that_is_renewed_does_not_lapse(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.accept(asked())
    claimed = await one.claim()
    assert claimed is not None
    assert [signal.number for signal in await one.renew()] == [claimed.number]
    assert await two.claim() is None
    with one.engine.connect() as connection:
        left = connection.execute(text("select max(lease) from slack_questions")).scalar_one()
        clock = connection.execute(now().select()).scalar_one()
    assert 0 < left - clock <= LEASE_S


async def test_one_person_who_asks_much_delays_another_by_one_question(replicas: tuple[Store, Store]) -> None:
    store = replicas[0]
    for number in range(20):
        await store.accept(asked(number, user="U-busy"))
    await store.accept(asked(50, user="U-quiet"))
    first, second = await store.claim(), await store.claim()
    assert first is not None and second is not None
    assert "U-quiet" in (first.asked.user, second.asked.user)


async def test_a_full_line_refuses_but_forgets_nobody(url: str) -> None:
    store = await Store.open(url, places=4)
    accepted = [await store.accept(asked(number, user=f"U{number}")) for number in range(6)]
    mine = [await store.accept(asked(100 + number, user="U0")) for number in range(1)]
    await store.aclose()
    refusals = [one.refusal for one in (*accepted, *mine) if one]
    assert refusals == ["", "", "", "", "line_full", "line_full", "line_full"]


async def test_one_person_has_half_of_the_line_at_most(url: str) -> None:
    store = await Store.open(url, places=4)
    accepted = [await store.accept(asked(number)) for number in range(3)]
    refused = await store.claim(refused=True)
    assert [one.refusal for one in accepted if one] == ["", "", "own_line_full"]
    assert refused is not None and refused.refusal == "own_line_full"
    await store.aclose()


async def test_what_is_handed_back_without_blame_costs_no_try(replicas: tuple[Store, Store]) -> None:
    store = replicas[0]
    await store.accept(asked())
    for _ in range(MAX_ATTEMPTS + 2):
        claimed = await store.claim()
        assert claimed is not None and claimed.attempts == 1
        await store.hand_back(claimed, blameless=True)
    claimed = await store.claim()
    assert claimed is not None
    await store.hand_back(claimed, blameless=False)
    again = await store.claim()
    assert again is not None and again.attempts == 2


async def test_an_edit_reaches_a_question_that_waits_and_one_that_is_worked_on(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.accept(asked(1))
    assert await two.edit("T1", "C1", asked(1).ts, "what I meant")
    claimed = await one.claim()
    assert claimed is not None and claimed.asked.text == "what I meant"
    assert await two.edit("T1", "C1", asked(1).ts, "no, this")
    assert [signal.revision for signal in await one.signals()] == [2]
    await one.finish(claimed, "answered")
    assert not await two.edit("T1", "C1", asked(1).ts, "too late")


async def test_a_question_that_is_deleted_while_it_waits_is_not_answered(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.accept(asked(1))
    await two.withdraw("T1", "C1", asked(1).ts)
    assert await one.claim() is None


async def test_stopping_a_thread_is_heard_by_the_replica_that_works_on_it(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.accept(asked(1))
    await one.accept(asked(2, thread=1))
    await one.claim()
    assert await two.stop("T1", "C1", asked(1).thread) == 2
    assert [signal.halt for signal in await one.signals()] == ["stopped"]
    assert (await two.counts()) == {"working": 1}


async def test_a_follow_up_that_overtakes_its_question_waits_for_it(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.park(asked(2, thread=1, kind="followup"), "event:2")
    assert await one.claim() is None and not await one.takes_part("T1", "C1", asked(1).ts)
    await two.accept(asked(1), "event:1")
    first = await one.claim()
    assert first is not None and first.asked.text == "question 1"
    await one.finish(first, "answered")
    second = await one.claim()
    assert second is not None and second.asked.text == "question 2"


async def test_forgetting_a_person_leaves_nothing_of_theirs(replicas: tuple[Store, Store]) -> None:
    store = replicas[0]
    accepted = await store.accept(asked(1))
    await store.accept(asked(2, user="U2"))
    assert accepted is not None
    await store.judge(accepted.id, "U2", "good")
    await store.attach(asked(1), "F1", [{"name": "a.txt", "text": "secret"}])
    assert await store.forget_person("T1", "U1") == [f"slack:T1:C1:{asked(1).ts}"]
    assert await store.question(accepted.id) is None and await store.judgements(10) == []
    assert await store.attached(asked(1)) == {}
    assert [one.asked.user for one, _ in await store.positions()] == ["U2"]


async def test_the_latest_judgement_counts_and_comes_with_question_and_answer(replicas: tuple[Store, Store]) -> None:
    store = replicas[0]
    await store.accept(asked(1))
    claimed = await store.claim()
    assert claimed is not None
    await store.write(claimed, answer="Yes.", status="answered", outcome="answered", citations=[], notes=[])
    await store.judge(claimed.id, "U1", "good")
    await store.judge(claimed.id, "U1", "bad", "it is no")
    (found,) = await store.judgements(10)
    assert (found["verdict"], found["comment"], found["question"], found["answer"]) == (
        "bad",
        "it is no",
        "question 1",
        "Yes.",
    )
    assert await store.judgements(10, "good") == []


async def test_old_questions_are_forgotten_with_their_conversations(replicas: tuple[Store, Store]) -> None:
    store = replicas[0]
    await store.accept(asked(1))
    assert await store.forget_older(60) == []
    assert await store.forget_older(-60) == [f"slack:T1:C1:{asked(1).ts}"]
    assert await store.counts() == {}


async def cancelled_again_and_again(work: Callable[[int], Awaitable[object]]) -> None:
    """Cancel at sixty moments, and a little later once more, as the end of a program does; then all must end."""
    for number in range(60):
        task = asyncio.ensure_future(work(number))
        await asyncio.sleep(number / 20_000)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(task, return_exceptions=True)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    async with asyncio.timeout(20):
        await asyncio.gather(*others, return_exceptions=True)


async def test_whoever_is_cancelled_at_any_moment_leaves_a_store_that_works_and_can_be_closed(
    replicas: tuple[Store, Store],
) -> None:
    store = replicas[0]
    await cancelled_again_and_again(lambda number: store.accept(asked(number, user=f"U{number}")))
    assert await store.accept(asked(1000, user="U1000"))


async def test_installations_can_be_read_and_cancelled_at_any_moment(url: str) -> None:
    engine = create_async_engine(url)

    async def read(number: int) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("select 1"))
            await connection.execute(text("select 2"))

    await cancelled_again_and_again(read)
    await read(0)
    await engine.dispose()


async def test_many_replicas_start_at_once_on_a_new_database(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(8)))
    assert await stores[0].accept(asked())
    assert await stores[7].counts() == {"waiting": 1}
    await asyncio.gather(*(store.aclose() for store in stores))


async def test_a_new_file_is_never_locked_for_those_who_start_at_once(tmp_path: Path) -> None:
    for number in range(30):
        folder = tmp_path / str(number)
        folder.mkdir()
        stores = await asyncio.gather(*(Store.open(sqlite_url(folder)) for _ in range(4)))
        await asyncio.gather(*(store.aclose() for store in stores))


async def test_what_a_replica_holds_when_it_ends_is_at_once_free_for_others(replicas: tuple[Store, Store]) -> None:
    one, two = replicas
    await one.accept(asked(1))
    await one.accept(asked(2))
    assert await one.claim()
    written = await one.claim()
    assert written is not None
    await one.write(written, answer="Yes.", status="answered", outcome="answered", citations=[], notes=[])
    assert await two.claim() is None
    await one.hand_back_all()
    taken = [await two.claim(), await two.claim()]
    assert [(c.state, c.attempts) for c in taken if c] == [("working", 1), ("written", 1)]


async def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(StorageError) as caught:
        await Store.open("postgresql+psycopg://someone:hunter2@127.0.0.1:1/nothing")
    assert "127.0.0.1:1" in caught.value.problem and "hunter2" not in str(caught.value)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.integers(0, 4), min_size=1, max_size=20))
async def test_the_line_takes_turns_between_people(people: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    store = await Store.open(sqlite_url(tmp_path_factory.mktemp("line")), places=1000)
    for number, person in enumerate(people):
        await store.accept(asked(number, user=f"U{person}"))
    served: list[str] = []
    while claimed := await store.claim():
        served.append(claimed.asked.user)
        await store.finish(claimed, "answered")
    await store.aclose()
    assert sorted(served) == sorted(f"U{person}" for person in people)
    # Until a person's questions are all answered, nobody gets two turns more than they.
    for user in set(served):
        last = len(served) - 1 - served[::-1].index(user)
        for other in set(served) - {user}:
            assert served[: last + 1].count(other) <= served[: last + 1].count(user) + 1
