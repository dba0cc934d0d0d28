"""A model on a GPU, or on a processor in 16 bits, by transformers: SOLAR's engine."""

from functools import cached_property

from pydantic import PrivateAttr

from assistant.engines.gguf import read_card
from assistant.engines.local import LocalChat
from assistant.engines.serving import Served, warm_up
from assistant.engines.template import ChatTemplate
from assistant.engines.weights import Loaded, load, read_config
from assistant.errors import EngineError
from assistant.fit import Quantization


class TransformersChat(LocalChat):
    """Continuous batching where the model lies whole on one device; one at a time where it does not."""

    quantization: Quantization = "none"
    at_once: int = 16
    """Conversations that share one step at most."""
    cache_gb: int | None = None
    """Memory for the conversations in progress; None is what the weights leave free on a card, and 1 elsewhere."""

    _one_at_a_time: str = PrivateAttr(default="")
    _template: ChatTemplate | None = PrivateAttr(default=None)

    @property
    def _llm_type(self) -> str:
        return "transformers"

    @cached_property
    def own_context_length(self) -> int:
        if self.model_path.suffix == ".gguf":
            return read_card(self.model_path).context_length
        return int(read_config(self.model_path)["max_position_embeddings"])

    @property
    def template(self) -> ChatTemplate:
        self._serve()
        if self._template is None:
            raise EngineError("The model has no chat template.", "Use its instruct version.")
        return self._template

    @property
    def one_at_a_time(self) -> str:
        """Once it is loaded: why it answers one at a time; empty when many share it."""
        return self._one_at_a_time

    def _bring_up(self) -> Served:
        loaded = self._load()
        self._template = ChatTemplate(loaded.tokens.chat_template)
        self._one_at_a_time = loaded.one_at_a_time
        if not self._one_at_a_time:
            try:
                return self._serve_many(loaded)
            except Exception as error:  # noqa: BLE001 (what the manager cannot serve, `generate` may)
                self._one_at_a_time = f"continuous batching failed: {error}"
        return _serve_one(loaded)

    def _load(self) -> Loaded:
        return load(self.model_path, quantization=self.quantization)

    def _serve_many(self, loaded: Loaded) -> Served:
        """With flash attention where there is some: its kernels may have to come from the hub, which may be away."""
        try:
            return self._begin(loaded, flash=True)
        except Exception:
            if loaded.model.device.type == "cpu":
                raise  # there is none there that could have failed
        return self._begin(loaded, flash=False)

    def _begin(self, loaded: Loaded, *, flash: bool) -> Served:
        from assistant.engines.continuous import ContinuousServed

        served = ContinuousServed(
            loaded.model, loaded.tokens, self.at_once, self.context_length, self.cache_gb, self.seed, flash=flash
        )
        served.start()
        return served


def _serve_one(loaded: Loaded) -> Served:
    from assistant.engines.sequential import SequentialServed

    served = SequentialServed(loaded.model, loaded.tokens)
    served.start()
    try:
        warm_up(served, loaded.tokens.encode_prompt("Hello"))
    except Exception:
        served.close()
        raise
    return served
