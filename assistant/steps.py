"""How long each step of a question takes, for whoever wants to know; for all others it costs next to nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """What was timed, in the order of its end. Threads and tasks that a question is answered in share it."""

    laps: list[tuple[str, float]] = field(default_factory=list)

    def seconds(self) -> dict[str, float]:
        """Seconds by step. Steps may run side by side, so their sum may be more than the time that went by."""
        total: dict[str, float] = {}
        for name, seconds in self.laps:
            total[name] = total.get(name, 0.0) + seconds
        return total


_running: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time the steps of what is done inside, also in its tasks and threads."""
    stopwatch = Stopwatch()
    token = _running.set(stopwatch)
    try:
        yield stopwatch
    finally:
        _running.reset(token)


@contextmanager
def step(name: str) -> Iterator[None]:
    """A step, as a context or as a decorator of a function that is no coroutine."""
    started = time.perf_counter()
    try:
        yield
    finally:
        stopwatch = _running.get()
        if stopwatch:
            stopwatch.laps.append((name, time.perf_counter() - started))
