"""Many conversations on one card: transformers' continuous-batching manager, kept alive and listened to.

The manager batches all requests that are running into each step, over a paged cache whose pages are shared
between prompts that begin alike. One thread of its own generates; one thread here hands out what comes.
"""

import itertools
import logging
import math
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingTemperatureLogitsWarper,
)

from assistant.engines.serving import FinishReason, Request, warm_up
from assistant.engines.tokens import Tokens, Vocabulary
from assistant.errors import EngineError

# Tokens of a page: the unit in which the cache is given out and shared. On a processor smaller pages share more of
# a prompt and cost nothing; on a card the library's own size suits its kernels.
CPU_PAGE = 64
# Prompt tokens read in one step: more are quicker to the first token, and keep those who are being answered waiting.
CPU_BATCH_TOKENS = 1024
POLL_SECONDS = 0.2
# An error in a step is told to those it concerns, in words; the manager would print its traceback besides.
logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)


class Sampling(ContinuousBatchingTemperatureLogitsWarper):
    """Each request's own temperature; 0 means the likeliest token, which a temperature near 0 cannot promise:
    in 16 bits the first and the second are often equal, and sampling would choose between them by chance."""

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """`scores`: (tokens, vocabulary); `tensor_arg`: a temperature for each, as the bits of a float."""
        temperatures = tensor_arg[: scores.size(0)].view(dtype=torch.float32).unsqueeze(-1)
        best = scores.argmax(dim=-1, keepdim=True)
        likeliest = torch.full_like(scores, float("-inf")).scatter(-1, best, 0.0)
        return torch.where(temperatures > 0, scores / temperatures.clamp_min(1e-4), likeliest)


@dataclass(eq=False, slots=True)
class _Open:
    """A request that is being answered, and how many of its tokens were handed out."""

    request: Request
    manager: Any
    sent: int = 0


@dataclass(eq=False)
class ContinuousServed(Vocabulary):
    """A model on one device, serving many at once. Use `start` before anything else."""

    model: Any
    tokens: Tokens
    at_once: int
    context_length: int
    cache_gb: int | None = None
    seed: int = 0
    flash: bool = True
    _open: dict[str, _Open] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)
    _manager: Any = None
    _listener: threading.Thread | None = None
    _closed: bool = False

    def start(self) -> None:
        """Begin to serve, warmed up. Raises EngineError when the manager cannot serve this model."""
        if self.model.device.type == "cpu":
            # Without it, every step copies the cache once for each query head that shares a key head: half the speed.
            os.environ.setdefault("TRANSFORMERS_SDPA_FORCE_GQA", "1")
        self._manager = self._new_manager()
        self._listener = threading.Thread(target=self._listen, name="continuous-listener", daemon=True)
        self._listener.start()
        try:
            warm_up(self, self.tokens.encode_prompt("Hello"))
        except Exception:
            self.close()
            raise

    @property
    def idle(self) -> bool:
        manager = self._manager
        processor = manager.batch_processor if manager else None
        with self._lock:
            return not self._open and (processor is None or not processor.has_pending_requests())

    def submit(self, request: Request) -> None:
        with self._lock:
            error = self._begin(request)
        if error:
            request.sink([], None, error)

    def cancel(self, request: Request) -> None:
        with self._lock:
            request.cancelled = True
            if self._open.pop(request.handle, None):
                self._manager.cancel_request(request.handle)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            manager = self._manager
        if manager:
            manager.stop(block=True, hard_stop=True)
        if self._listener:
            self._listener.join()
        self._fail_all(RuntimeError("the engine was closed"), manager)
        self.model = self._manager = None
        release_memory()

    # -- requests

    def _begin(self, request: Request) -> Exception | None:
        if self._closed:
            return RuntimeError("the engine is closed")
        try:
            self._revive()
        except Exception as error:  # noqa: BLE001 (whatever the card says, the caller must hear of it)
            return explain(error)
        request.handle = str(next(self._ids))
        self._open[request.handle] = _Open(request, self._manager)
        accepted = self._manager.add_request(
            request.prompt,
            request_id=request.handle,
            max_new_tokens=request.max_tokens,
            streaming=True,
            eos_token_id=-1 if request.ignore_eos else list(self.tokens.eos_ids),
            temperature=float(request.temperature),
        )
        if accepted is None:
            del self._open[request.handle]
            return EngineError("The model has just stopped.", "Try again.")
        return None

    def _revive(self) -> None:
        """An error in a step, such as a card out of memory, ends the manager for good; begin anew for the others."""
        manager = self._manager
        if manager and manager.is_running() and manager.background_thread_status.can_accept_new_requests() is None:
            return
        if manager:
            manager.stop(block=True)
        self._manager = manager = None
        release_memory()
        self._manager = self._new_manager()

    def _new_manager(self) -> Any:
        manager = self.model.init_continuous_batching(
            generation_config=GenerationConfig(
                do_sample=True,
                temperature=0.5,  # any but 1: it makes the manager take a temperature with each request
                max_new_tokens=self.context_length,
                eos_token_id=list(self.tokens.eos_ids) or -1,
                pad_token_id=self.tokens.pad_id,
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                per_request_processors=True,
                seed=self.seed,
                max_requests_per_batch=self.at_once,
                auto_switch_to_flash=self.flash,
                **self._sizes(),
            ),
        )
        processors = manager.logit_processor.logits_processor
        processors[:] = [Sampling(processor) for processor in processors]
        if self.model.device.type == "cuda":
            manager.warmup()  # records the graphs that every later step replays
        _start_as_daemon(manager)
        return manager

    def _sizes(self) -> dict[str, Any]:
        """The cache: on a card, what the weights leave free; on a processor, what the profile grants."""
        if self.model.device.type != "cpu" and self.cache_gb is None:
            return {"max_blocks_per_request": _even(math.ceil(self.context_length / 256) + 1)}
        config = self.model.config
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        page = CPU_PAGE if self.model.device.type == "cpu" else 256
        page_bytes = 2 * config.num_hidden_layers * config.num_key_value_heads * head * self.model.dtype.itemsize * page
        blocks = int((self.cache_gb or 1) * 1e9 // page_bytes)
        # One conversation of full length must fit whatever was granted.
        blocks = max(blocks, math.ceil(self.context_length / page) + 1)
        return {"page_size": page, "num_blocks": blocks, "max_batch_tokens": CPU_BATCH_TOKENS}

    # -- results

    def _listen(self) -> None:
        while not self._closed:
            manager = self._manager
            output = manager.get_result(timeout=POLL_SECONDS) if manager else None
            if output is not None:
                self._hand_out(output)
            elif manager is not None and not manager.is_running():
                self._fail_all(_fatal(manager), manager)
                time.sleep(POLL_SECONDS)

    def _hand_out(self, output: Any) -> None:
        with self._lock:
            held = self._open.get(output.request_id)
            if held is None:
                return
            new, held.sent = output.generated_tokens[held.sent :], len(output.generated_tokens)
            finished = output.is_finished()
            if finished:
                del self._open[output.request_id]
        if output.error:
            held.request.sink([], None, explain(output.error))
            return
        held.request.sink(new, self._reason(held.request, new) if finished else None, None)

    def _reason(self, request: Request, new: list[int]) -> FinishReason:
        ended = bool(new) and new[-1] in self.tokens.eos_ids and not request.ignore_eos
        return "stop" if ended else "length"

    def _fail_all(self, error: Exception, manager: Any) -> None:
        """Fail what was asked of this manager, and not what has been asked of its successor since."""
        with self._lock:
            failed = {id_: held for id_, held in self._open.items() if held.manager is manager}
            for id_ in failed:
                del self._open[id_]
        for held in failed.values():
            held.request.sink([], None, error)


def _start_as_daemon(manager: Any) -> None:
    """The manager's thread is of the kind of the one that starts it, and must not keep a process from ending."""
    starter = threading.Thread(target=manager.start, daemon=True)
    starter.start()
    starter.join()


def explain(error: object) -> EngineError:
    """The error of a step in words; a card out of memory above all."""
    text = str(error).strip()
    if "out of memory" in text.lower() or isinstance(error, torch.OutOfMemoryError):
        return EngineError(
            "The GPU ran out of memory.",
            'Lower [engine] parallel or context_tokens, or set quantization = "4bit"; `assistant doctor` says which.',
        )
    return EngineError(f"The model stopped: {text.splitlines()[0] if text else type(error).__name__}.", "Try again.")


def release_memory() -> None:
    """Give back what the last user of the card has left."""
    import gc

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _fatal(manager: Any) -> EngineError:
    return explain(getattr(getattr(manager, "background_thread_status", None), "fatal_error", None) or "it was closed")


def _even(number: int) -> int:
    return number + number % 2
