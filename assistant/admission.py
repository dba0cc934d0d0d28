"""Who is answered next: a line in front of the engine that has an end and is fair to every caller."""

import asyncio
import bisect
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from assistant.errors import BusyError

# Hears of a position in the line: 1 is next.
Tell = Callable[[int], None]


@dataclass(eq=False, slots=True)
class _Ticket:
    caller: str
    turn: int
    tell: Tell
    admitted: asyncio.Future[None]
    position: int = 0


@dataclass
class Admission:
    """`at_once` are answered, `places` more may wait, and whoever comes then is told to try again. One caller may
    take half of the places where one waits, so that there is room for others.

    Callers take turns, by self-clocked fair queueing (Golestani, 1994) with every question of equal weight: the turn
    of a question is one after its caller's last one, or one after the turn that is being answered if that is later.
    So nobody waits for ever, and one who asks a hundred questions delays everybody else by one.
    It belongs to one event loop.
    """

    at_once: int
    places: int
    _answered: int = 0
    _line: list[_Ticket] = field(default_factory=list)
    _turn: int = 0
    _last_turns: dict[str, int] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether nobody is answered and nobody waits."""
        return not self._line and not self._answered

    def check(self, caller: str) -> None:
        """Raises BusyError when this caller, coming now, would be sent away."""
        if self._answered < self.at_once:
            return
        own = sum(ticket.caller == caller for ticket in self._line)
        if len(self._line) >= self.places:
            raise BusyError(
                f"The assistant is busy: {self._answered} are being answered and {len(self._line)} wait.",
                "Try again in a moment.",
            )
        if own >= math.ceil(self.places / 2):
            raise BusyError(f"{own} of your questions wait already.", "Try again when some of them are answered.")

    @asynccontextmanager
    async def place(self, caller: str, tell: Tell) -> AsyncIterator[None]:
        """A place, after a wait if need be; given back whatever happens. Raises BusyError."""
        self.check(caller)
        ticket = _Ticket(caller, self._next_turn(caller), tell, asyncio.get_running_loop().create_future())
        bisect.insort(self._line, ticket, key=lambda waiting: waiting.turn)
        self._move_up()
        try:
            await ticket.admitted
            yield
        finally:
            self._leave(ticket)

    def _next_turn(self, caller: str) -> int:
        # Turns that are over decide nothing any more.
        self._last_turns = {name: turn for name, turn in self._last_turns.items() if turn > self._turn}
        self._last_turns[caller] = max(self._turn, self._last_turns.get(caller, 0)) + 1
        return self._last_turns[caller]

    def _leave(self, ticket: _Ticket) -> None:
        if ticket in self._line:
            self._line.remove(ticket)
        else:
            self._answered -= 1
        self._move_up()

    def _move_up(self) -> None:
        while self._line and self._answered < self.at_once:
            ticket = self._line.pop(0)
            self._answered += 1
            self._turn = ticket.turn
            if not ticket.admitted.done():  # else its caller has just gone and is about to leave
                ticket.admitted.set_result(None)
        for position, ticket in enumerate(self._line, start=1):
            if ticket.position != position:
                ticket.position = position
                ticket.tell(position)
