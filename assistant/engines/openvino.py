"""A GGUF model of the Llama family on a processor, by OpenVINO GenAI."""

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.engines.batching import Stepper
from assistant.engines.gguf import ModelCard, read_card
from assistant.engines.local import LocalChat
from assistant.engines.serving import Request
from assistant.engines.template import ChatTemplate
from assistant.errors import EngineError

# The default, 8 bits, is slower here, and makes an answer depend on whether its prompt was in the cache.
_PROPERTIES = {"KV_CACHE_PRECISION": "f16"}
# Tokens read in one step. The default, 256, takes a fifth longer to the first token of 564; more brings no more.
_STEP_TOKENS = 1024
# What its reader of GGUF files can build.
ARCHITECTURES = ("llama", "qwen2", "qwen3")


class OpenVINOChat(LocalChat):
    """Continuous batching with a shared prefix cache."""

    cache_gb: int | None = None
    """Memory for the conversations in progress, and for prompts that may come again; None is 1."""

    @property
    def _llm_type(self) -> str:
        return "openvino"

    @cached_property
    def card(self) -> ModelCard:
        return read_card(self.model_path)

    @cached_property
    def template(self) -> ChatTemplate:
        return ChatTemplate(self.card.chat_template)

    @property
    def own_context_length(self) -> int:
        return self.card.context_length

    def _bring_up(self) -> "OpenVINOServed":
        if self.card.architecture not in ARCHITECTURES:
            raise EngineError(
                f"{self.model_path} is a {self.card.architecture!r} model, which OpenVINO does not read.",
                "Use a GGUF file of the Llama family, such as `assistant models fetch solar-gguf`.",
            )
        pipeline = _load(self.model_path, self.cache_gb or 1)
        served = OpenVINOServed(Stepper(pipeline, _adder(pipeline)), pipeline.get_tokenizer(), self.card.adds_bos)
        served.stepper.start()
        return served


@dataclass(slots=True)
class OpenVINOServed:
    """The model in memory, its tokenizer and the thread that steps it."""

    stepper: Stepper
    tokenizer: Any
    adds_bos: bool

    @property
    def bos_token(self) -> str:
        return str(self.tokenizer.get_bos_token())

    @property
    def eos_token(self) -> str:
        return str(self.tokenizer.get_eos_token())

    @property
    def idle(self) -> bool:
        return self.stepper.idle

    def encode(self, text: str) -> list[int]:
        return [int(id_) for id_ in self.tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]]

    def encode_prompt(self, text: str) -> list[int]:
        ids, bos = self.encode(text), self.tokenizer.get_bos_token_id()
        return [bos, *ids] if self.adds_bos and ids[:1] != [bos] else ids

    def decode(self, ids: list[int]) -> str:
        return str(self.tokenizer.decode(ids))

    def submit(self, request: Request) -> None:
        self.stepper.submit(request)

    def cancel(self, request: Request) -> None:
        self.stepper.cancel(request)

    def close(self) -> None:
        self.stepper.close()


def _adder(pipeline: Any) -> Any:
    import numpy as np
    from openvino import Tensor

    eos = pipeline.get_tokenizer().get_eos_token_id()

    def add(id_: int, request: Request) -> Any:
        return pipeline.add_request(id_, Tensor(np.array([request.prompt], dtype=np.int64)), _configure(request, eos))

    return add


def _configure(request: Request, eos: int) -> Any:
    from openvino_genai import GenerationConfig

    config = GenerationConfig()
    config.max_new_tokens = request.max_tokens
    config.eos_token_id = eos
    config.stop_token_ids = {eos}
    config.ignore_eos = request.ignore_eos
    config.do_sample = request.temperature > 0
    if request.temperature > 0:
        config.temperature = request.temperature
        config.rng_seed = request.seed
    return config


def _load(path: Path, cache_gb: int) -> Any:
    # It would tell its makers of every use; what cannot be imported tells nobody.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = cache_gb
    scheduler.enable_prefix_caching = True
    scheduler.max_num_batched_tokens = _STEP_TOKENS
    try:
        return openvino_genai.ContinuousBatchingPipeline(path, scheduler, "CPU", _PROPERTIES)
    except RuntimeError as error:
        raise EngineError(
            f"OpenVINO cannot load {path}: {str(error).strip().splitlines()[-1]}",
            "Use a GGUF file of the Llama family, quantised to Q4_0, Q4_1, Q4_K_M, Q8_0 or 16 bits.",
        ) from error
