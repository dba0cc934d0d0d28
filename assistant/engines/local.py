"""A chat model whose weights are in this process: what the two engines of that kind have in common."""

import asyncio
import queue
import threading
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from assistant.engines.growing import Delivery, GrowingAnswer
from assistant.engines.serving import Request, Served
from assistant.engines.stops import Stops
from assistant.engines.streamed import StreamedChat
from assistant.engines.template import ChatTemplate, encodable
from assistant.errors import EngineError


class LocalChat(StreamedChat):
    """Many may ask at once. Making one is cheap; `load` takes seconds and is called by whatever needs it first.

    A call may override `max_tokens`, `temperature` and `seed`; with `ignore_eos` an answer is exactly
    `max_tokens` long, which is for measuring.
    """

    model_path: Path
    model: str = ""
    """What the profile calls it."""
    context_tokens: int | None = None
    """A limit on prompt and answer together; None is the model's own."""
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop: list[str] | None = None
    """Strings that end an answer, where a call names none."""

    _served: Served | None = PrivateAttr(default=None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    # -- what an engine says of itself

    @property
    @abstractmethod
    def own_context_length(self) -> int:
        """Tokens that the model was made for."""

    @property
    @abstractmethod
    def template(self) -> ChatTemplate: ...

    @abstractmethod
    def _bring_up(self) -> Served:
        """Load the model. Raises EngineError."""

    @property
    def model_name(self) -> str:
        return self.model or self.model_path.name

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model_name, "max_tokens": self.max_tokens, "temperature": self.temperature}

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return min(self.own_context_length, self.context_tokens or self.own_context_length)

    # -- loading

    def load(self) -> None:
        """Bring the model into memory, once. Raises EngineError."""
        self._serve()

    def close(self) -> None:
        """Stop serving and free the memory; a later question loads it again."""
        with self._lock:
            served, self._served = self._served, None
        if served:
            served.close()

    @property
    def idle(self) -> bool:
        """Whether no request holds a place in the batch."""
        return self._served is None or self._served.idle

    def _serve(self) -> Served:
        with self._lock:
            if self._served is None:
                self._served = self._bring_up()
            return self._served

    # -- counting

    def count_text(self, text: str) -> int:
        """Tokens of a text as the served tokenizer cuts it."""
        return len(self.get_token_ids(text))

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of the prompt that these messages become: exactly those that are fed."""
        return len(self._prompt(messages))

    def get_token_ids(self, text: str) -> list[int]:
        return self._serve().encode(encodable(text))

    def _prompt(self, messages: Sequence[BaseMessage]) -> list[int]:
        served = self._serve()
        text = self.template.render(messages, bos_token=served.bos_token, eos_token=served.eos_token)
        return served.encode_prompt(encodable(text))

    # -- generating

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        deliveries: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        answer = self._start(messages, stop, deliveries.put, **kwargs)
        try:
            while not answer.finished:
                yield from answer.take(deliveries.get())
        finally:
            self._leave(answer)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        loop = asyncio.get_running_loop()
        deliveries: asyncio.Queue[Delivery] = asyncio.Queue()

        def put(delivery: Delivery) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(deliveries.put_nowait, delivery)

        starting = asyncio.ensure_future(asyncio.to_thread(self._start, messages, stop, put, **kwargs))
        try:
            answer = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # A thread cannot be stopped: whoever leaves now must not leave a request behind.
            starting.add_done_callback(self._abandon)
            raise
        try:
            while not answer.finished:
                for chunk in answer.take(await deliveries.get()):
                    yield chunk
        finally:
            self._leave(answer)

    def _start(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        put: Callable[[Delivery], None],
        **kwargs: Any,
    ) -> GrowingAnswer:
        prompt = self._prompt(messages)
        served = self._serve()
        request = Request(
            prompt,
            min(int(kwargs.get("max_tokens") or self.max_tokens), self._room(len(prompt))),
            lambda ids, finished, error: put((ids, finished, error)),
            temperature=_given(kwargs, "temperature", self.temperature),
            seed=_given(kwargs, "seed", self.seed),
            ignore_eos=bool(kwargs.get("ignore_eos")),
        )
        served.submit(request)
        stops = self.stop if stop is None else stop
        return GrowingAnswer(request, served.decode, self.model_name, Stops(tuple(stops or ())))

    def _room(self, prompt_tokens: int) -> int:
        room = self.context_length - prompt_tokens
        if room < 1:
            raise EngineError(
                f"The prompt has {prompt_tokens} tokens and the model's context {self.context_length}.",
                "Ask with less text.",
            )
        return room

    def _leave(self, answer: GrowingAnswer) -> None:
        served = self._served
        if served:
            served.cancel(answer.request)

    def _abandon(self, starting: "asyncio.Future[GrowingAnswer]") -> None:
        if not starting.cancelled() and starting.exception() is None:
            self._leave(starting.result())


def _given(kwargs: dict[str, Any], name: str, default: Any) -> Any:
    value = kwargs.get(name)
    return default if value is None else value
