"""Signals inside an event loop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


def is_cancelled() -> bool:
    """Whether it is this task that was cancelled, and not only one it waited for."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


@contextlib.contextmanager
def on_signal(number: signal.Signals, act: Callable[[], object]) -> Iterator[None]:
    """While inside, the signal does this and nothing else."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, act)
    except (NotImplementedError, RuntimeError, ValueError):
        # Windows, or not the main thread: the signal keeps its usual effect.
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
