"""One thread that steps an OpenVINO continuous-batching pipeline for all who are waiting."""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assistant.engines.serving import FinishReason, Request


@dataclass(slots=True)
class Stepper:
    """Feeds requests to the pipeline and hands out tokens as they come. Sleeps when there is nothing to do.

    `begin` adds a request to the pipeline under a number and returns its handle.
    """

    pipeline: Any
    begin: Callable[[int, Request], Any]
    _waiting: deque[Request] = field(default_factory=deque)
    _running: dict[int, Request] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)
    _closed: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="openvino-stepper", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> None:
        with self._changed:
            if not self._closed:
                self._waiting.append(request)
                self._changed.notify()
                return
        request.sink([], None, RuntimeError("the engine is closed"))

    def cancel(self, request: Request) -> None:
        """Give the request's place to others; its sink hears no more of it."""
        with self._changed:
            request.cancelled = True
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    @property
    def idle(self) -> bool:
        """Whether no request holds a place."""
        with self._changed:
            return not self._waiting and not self._running

    def _run(self) -> None:
        while self._admit():
            try:
                if self.pipeline.has_non_finished_requests():
                    self.pipeline.step()
                self._deliver()
            except BaseException as error:  # noqa: BLE001 (whatever it is, nobody may be left waiting)
                self._fail(error)
        self._fail(RuntimeError("the engine was closed"))
        # A cancelled request gives its memory back at the next step.
        if self.pipeline.has_non_finished_requests():
            self.pipeline.step()

    def _admit(self) -> bool:
        """Wait for work, start what is new and drop what was cancelled. False when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._running or self._closed)
            arrived = [request for request in self._waiting if not request.cancelled]
            self._waiting.clear()
            left = [id_ for id_, request in self._running.items() if request.cancelled]
            closed = self._closed
        for id_ in left:
            self._running.pop(id_).handle.cancel()
        for request in arrived:
            self._begin(request)
        return not closed

    def _begin(self, request: Request) -> None:
        id_ = next(self._ids)
        try:
            request.handle = self.begin(id_, request)
            self._running[id_] = request
        except Exception as error:  # noqa: BLE001 (the library raises what it likes; the caller must hear of it)
            request.sink([], None, error)

    def _deliver(self) -> None:
        for id_, request in list(self._running.items()):
            reason = _read(request)
            if reason or request.handle.get_status().name != "RUNNING":
                self._running.pop(id_)
                if not reason:
                    request.sink([], None, RuntimeError(f"generation ended: {request.handle.get_status().name}"))

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            failed = [*self._running.values(), *self._waiting]
            self._running.clear()
            self._waiting.clear()
        for request in failed:
            if request.handle is not None:
                request.handle.cancel()
            request.sink([], None, error)


def _read(request: Request) -> FinishReason | None:
    """Pass on what is there; the reason when it was the last."""
    while not request.cancelled and request.handle.can_read():
        for output in request.handle.read().values():
            name = output.finish_reason.name
            reason: FinishReason | None = None if name == "NONE" else "length" if name == "LENGTH" else "stop"
            request.sink(list(output.generated_ids), reason, None)
            if reason:
                return reason
    return "cancelled" if request.cancelled else None
