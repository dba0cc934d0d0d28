"""A GGUF model of the Llama family on a processor, by OpenVINO GenAI."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from assistant.engines.batching import Request, Stepper
from assistant.engines.gguf import ModelCard, read_card
from assistant.engines.growing import Delivery, GrowingAnswer
from assistant.engines.template import ChatTemplate
from assistant.errors import EngineError

# The default, 8 bits, is slower here, and makes an answer depend on whether its prompt was in the cache.
_PROPERTIES = {"KV_CACHE_PRECISION": "f16"}


@dataclass(slots=True)
class Served:
    """What is in memory once the model is loaded."""

    stepper: Stepper
    tokenizer: Any


class OpenVINOChat(BaseChatModel):
    """Continuous batching with a shared prefix cache; many may ask at once.

    Making one is cheap; `load` takes seconds and is called by whatever needs the model first.
    """

    model_path: Path
    context_tokens: int | None = None
    """A limit on prompt and answer together; None is the model's own."""
    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    cache_gb: int = 1

    _served: Served | None = PrivateAttr(default=None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "openvino"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model_path.name, "max_tokens": self.max_tokens, "temperature": self.temperature}

    @cached_property
    def card(self) -> ModelCard:
        return read_card(self.model_path)

    @cached_property
    def template(self) -> ChatTemplate:
        return ChatTemplate(self.card.chat_template)

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return min(self.card.context_length, self.context_tokens or self.card.context_length)

    def load(self) -> None:
        """Bring the model into memory, once. Raises EngineError."""
        self._serve()

    def close(self) -> None:
        """Stop serving and free the memory; a later question loads it again."""
        with self._lock:
            served, self._served = self._served, None
        if served:
            served.stepper.close()

    @property
    def idle(self) -> bool:
        """Whether no request holds a place in the batch."""
        return self._served is None or self._served.stepper.idle

    def _serve(self) -> Served:
        with self._lock:
            if self._served is None:
                _ = self.card
                self._served = _load(self.model_path, self.cache_gb)
            return self._served

    # -- counting

    def count_text(self, text: str) -> int:
        """Tokens of a text as the served tokenizer cuts it."""
        return len(self._ids(text))

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of the prompt that these messages become: exactly those that are fed."""
        return len(self._ids(self.template.render(messages)))

    def get_num_tokens(self, text: str) -> int:
        return self.count_text(text)

    def get_token_ids(self, text: str) -> list[int]:
        return self._ids(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Any = None) -> int:
        return self.count_tokens(messages)

    def _ids(self, text: str) -> list[int]:
        ids = self._encode(text).data
        return [int(id_) for id_ in ids[0]]

    def _encode(self, text: str) -> Any:
        # Unpaired surrogates have no UTF-8; the tokenizer would crash on them.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        return self._serve().tokenizer.encode(clean, add_special_tokens=False).input_ids

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

        answer = await asyncio.to_thread(self._start, messages, stop, put, **kwargs)
        try:
            while not answer.finished:
                for chunk in answer.take(await deliveries.get()):
                    yield chunk
        finally:
            self._leave(answer)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _start(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        put: Callable[[Delivery], None],
        **kwargs: Any,
    ) -> GrowingAnswer:
        served = self._serve()
        input_ids = self._encode(self.template.render(messages))
        prompt_tokens = int(input_ids.shape[1])
        room = self.context_length - prompt_tokens
        if room < 1:
            raise EngineError(
                f"The prompt has {prompt_tokens} tokens and the model's context {self.context_length}.",
                "Ask with less text.",
            )
        limit = min(int(kwargs.get("max_tokens") or self.max_tokens), room)
        config = _configure(served.tokenizer, limit, self.temperature, self.seed)
        request = Request(input_ids, config, lambda ids, finished, error: put((ids, finished, error)))
        served.stepper.submit(request)
        return GrowingAnswer(request, served.tokenizer, prompt_tokens, tuple(stop or ()))

    def _leave(self, answer: GrowingAnswer) -> None:
        served = self._served
        if served:
            served.stepper.cancel(answer.request)


def _configure(tokenizer: Any, max_new_tokens: int, temperature: float, seed: int) -> Any:
    from openvino_genai import GenerationConfig

    config = GenerationConfig()
    config.max_new_tokens = max_new_tokens
    config.eos_token_id = tokenizer.get_eos_token_id()
    config.stop_token_ids = {tokenizer.get_eos_token_id()}
    config.do_sample = temperature > 0
    if temperature > 0:
        config.temperature = temperature
        config.rng_seed = seed
    return config


def _load(path: Path, cache_gb: int) -> Served:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = cache_gb
    scheduler.enable_prefix_caching = True
    try:
        pipeline = openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU", _PROPERTIES)
    except RuntimeError as error:
        raise EngineError(
            f"OpenVINO cannot load {path}: {str(error).strip().splitlines()[-1]}",
            "Use a GGUF file of the Llama family, quantised to Q4_0, Q4_1, Q4_K_M, Q8_0 or 16 bits.",
        ) from error
    stepper = Stepper(pipeline)
    stepper.start()
    return Served(stepper, pipeline.get_tokenizer())
