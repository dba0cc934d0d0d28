"""One conversation at a time: `generate` with a streamer, for models that are split, offloaded or otherwise beyond
the continuous-batching manager."""

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from assistant.engines.continuous import explain, release_memory
from assistant.engines.serving import Request
from assistant.engines.tokens import Tokens, Vocabulary


@dataclass(eq=False)
class SequentialServed(Vocabulary):
    """Requests wait in line for the one thread that generates."""

    model: Any
    tokens: Tokens
    _line: "queue.SimpleQueue[Request | None]" = field(default_factory=queue.SimpleQueue)
    _waiting: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _closed: bool = False

    def start(self) -> None:
        # What a request leaves open, `generate` takes from here: an answer would end where it must not.
        self.model.generation_config.eos_token_id = None
        self._thread = threading.Thread(target=self._run, name="sequential-generator", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        return self._waiting == 0

    def submit(self, request: Request) -> None:
        with self._lock:
            if not self._closed:
                self._waiting += 1
                self._line.put(request)
                return
        request.sink([], None, RuntimeError("the engine is closed"))

    def cancel(self, request: Request) -> None:
        request.cancelled = True

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._line.put(None)
        if self._thread:
            self._thread.join()
        self.model = None
        release_memory()

    def _run(self) -> None:
        while (request := self._line.get()) is not None:
            if self._closed:
                request.sink([], None, RuntimeError("the engine was closed"))
            elif not request.cancelled:
                self._answer(request)
            with self._lock:
                self._waiting -= 1

    def _answer(self, request: Request) -> None:
        streamer = _Streamer(request)
        try:
            prompt = torch.tensor([request.prompt], device=self.model.device)
            self.model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                generation_config=self._configure(request),
                streamer=streamer,
                stopping_criteria=[_Left(request, self)],
            )
        except Exception as error:  # noqa: BLE001 (a card that ran out of memory must not end the thread)
            release_memory()
            request.sink([], None, explain(error))
            return
        stopped = streamer.last in self.tokens.eos_ids and not request.ignore_eos
        if self._closed:
            request.sink([], None, RuntimeError("the engine was closed"))
        elif not request.cancelled:
            request.sink([], "stop" if stopped else "length", None)

    def _configure(self, request: Request) -> GenerationConfig:
        sampling: dict[str, Any] = {"do_sample": False}
        if request.temperature > 0:
            torch.manual_seed(request.seed)
            sampling = {"do_sample": True, "temperature": request.temperature, "top_k": 0}
        return GenerationConfig(
            max_new_tokens=request.max_tokens,
            eos_token_id=None if request.ignore_eos else list(self.tokens.eos_ids) or None,
            pad_token_id=self.tokens.pad_id,
            **sampling,
        )


class _Streamer(BaseStreamer):
    """Passes each new token to the sink; the first thing put is the prompt."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._prompt_seen = False
        self.last: int | None = None

    def put(self, value: torch.Tensor) -> None:
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        ids = [int(id_) for id_ in value.flatten()]
        self.last = ids[-1]
        if not self._request.cancelled:
            self._request.sink(ids, None, None)

    def end(self) -> None:
        return


class _Left(StoppingCriteria):
    """Stops when nobody listens any more."""

    def __init__(self, request: Request, served: SequentialServed) -> None:
        self._request = request
        self._served = served

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        done = self._request.cancelled or self._served._closed
        return torch.full((input_ids.shape[0],), done, device=input_ids.device, dtype=torch.bool)
