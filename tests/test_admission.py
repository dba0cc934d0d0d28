"""The line in front of the engine: bounded, fair, and never short of a place that somebody left."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.admission import Admission
from assistant.errors import BusyError


class Office:
    """Callers who take a place and keep it until they are told to leave."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.admitted: list[str] = []
        self.positions: dict[str, list[int]] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, name: str, caller: str | None = None) -> None:
        self._leave[name] = asyncio.Event()
        self.positions[name] = []
        self.tasks[name] = asyncio.create_task(self._stay(name, caller or name))
        await settle()

    async def go(self, name: str) -> None:
        self._leave[name].set()
        await settle()

    async def vanish(self, name: str) -> None:
        self.tasks[name].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.tasks[name]
        await settle()

    async def _stay(self, name: str, caller: str) -> None:
        async with self.admission.place(caller, self.positions[name].append):
            self.admitted.append(name)
            await self._leave[name].wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_places_are_answered_and_the_others_hear_their_position() -> None:
    office = Office(Admission(at_once=2, places=9))
    for name in "abcd":
        await office.come(name)
    assert office.admitted == ["a", "b"]
    assert office.positions == {"a": [], "b": [], "c": [1], "d": [2]}
    await office.go("a")
    assert office.admitted == ["a", "b", "c"]
    assert office.positions["d"] == [2, 1]


async def test_when_the_line_is_full_whoever_comes_is_told_to_try_again() -> None:
    office = Office(Admission(at_once=1, places=1))
    await office.come("a")
    await office.come("b")
    await office.come("c")
    with pytest.raises(BusyError, match="1 are being answered and 1 wait") as error:
        await office.tasks["c"]
    assert "Try again" in error.value.remedy
    await office.go("a")
    await office.come("d")
    assert office.positions["d"] == [1]


async def test_one_caller_cannot_fill_the_line() -> None:
    office = Office(Admission(at_once=1, places=4))
    for number in range(4):
        await office.come(f"greedy {number}", "greedy")
    with pytest.raises(BusyError, match="2 of your questions wait"):
        await office.tasks["greedy 3"]
    await office.come("modest")
    assert office.positions["modest"] == [2]


async def test_without_places_to_wait_one_is_still_answered() -> None:
    office = Office(Admission(at_once=1, places=0))
    await office.come("a")
    assert office.admitted == ["a"]
    with pytest.raises(BusyError):
        office.admission.check("b")


async def test_one_who_asks_a_lot_does_not_keep_others_waiting() -> None:
    office = Office(Admission(at_once=1, places=9))
    for number in range(4):
        await office.come(f"greedy {number}", "greedy")
    await office.come("modest")
    assert office.positions["modest"] == [2]
    for name in ["greedy 0", "greedy 1", "modest", "greedy 2"]:
        await office.go(name)
    assert office.admitted == ["greedy 0", "greedy 1", "modest", "greedy 2", "greedy 3"]


async def test_one_who_asks_a_lot_is_answered_in_the_end_however_many_others_come() -> None:
    office = Office(Admission(at_once=1, places=9))
    for number in range(3):
        await office.come(f"greedy {number}", "greedy")
    for number in range(12):
        await office.come(f"other {number}")
        await office.go(office.admitted[-1])
    assert "greedy 2" in office.admitted


async def test_a_caller_who_vanishes_while_waiting_leaves_no_gap() -> None:
    office = Office(Admission(at_once=1, places=9))
    for name in "abc":
        await office.come(name)
    await office.vanish("b")
    assert office.positions["c"] == [2, 1]
    await office.go("a")
    assert office.admitted == ["a", "c"]
    await office.go("c")
    assert office.admission.idle


async def test_a_caller_who_vanishes_at_the_moment_of_admission_gives_the_place_on() -> None:
    office = Office(Admission(at_once=1, places=9))
    for name in "abc":
        await office.come(name)
    office._leave["a"].set()
    await asyncio.sleep(0)  # a has not left yet, or b was admitted and has not run yet
    await office.vanish("b")
    assert office.admitted[-1] == "c"
    await office.go("c")
    assert office.admission.idle


class RefusedError(Exception):
    pass


async def test_an_error_while_being_answered_frees_the_place() -> None:
    admission = Admission(at_once=1, places=0)
    with pytest.raises(RefusedError):
        async with admission.place("a", print):
            raise RefusedError
    assert admission.idle


Step = tuple[str, int]


@settings(deadline=None, max_examples=150)
@given(
    at_once=st.integers(1, 4),
    places=st.integers(0, 6),
    steps=st.lists(st.tuples(st.sampled_from(["come", "go", "vanish"]), st.integers(0, 30)), max_size=40),
)
def test_whatever_callers_do_no_place_is_lost_and_none_is_given_twice(
    at_once: int, places: int, steps: list[Step]
) -> None:
    asyncio.run(_play(Office(Admission(at_once, places)), steps))


async def _play(office: Office, steps: list[Step]) -> None:
    admission = office.admission
    for number, (step, which) in enumerate(steps):
        here = [name for name, task in office.tasks.items() if not task.done()]
        if step == "come":
            await office.come(str(number), caller=f"caller {which % 3}")
        elif here:
            await _act(office, step)(here[which % len(here)])
        answered, waiting = admission._answered, len(admission._line)
        assert answered <= admission.at_once
        assert waiting <= admission.places
        assert answered == admission.at_once or not waiting, "nobody waits while a place is free"
        assert sorted(ticket.position for ticket in admission._line) == list(range(1, waiting + 1))
    for name, task in office.tasks.items():
        if not task.done():
            await office.vanish(name)
        elif not task.cancelled() and task.exception():
            assert isinstance(task.exception(), BusyError)
    assert admission.idle


def _act(office: Office, step: str) -> Callable[[str], Awaitable[None]]:
    return office.go if step == "go" else office.vanish
