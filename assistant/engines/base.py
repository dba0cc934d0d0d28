"""What the pipeline needs of a model, and the choice of one."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from langchain_core.messages import AIMessageChunk, BaseMessage

from assistant.errors import EngineError
from assistant.settings import EngineSettings


class Engine(Protocol):
    """A LangChain chat model that also counts exactly: the pipeline asks nothing else of it."""

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        ...

    def load(self) -> None: ...

    def close(self) -> None: ...

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int: ...

    def count_text(self, text: str) -> int: ...

    def astream(self, input: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]: ...  # noqa: A002


def create(settings: EngineSettings) -> Engine:
    """The engine a profile asks for. Cheap: the model loads at first use. Raises EngineError when it is not here."""
    if settings.kind == "remote":
        return _remote(settings)
    from assistant import models

    known = models.named(settings.model)
    if known and known.use != "chat":
        raise EngineError(f"The model {settings.model!r} writes no answers.", "`assistant models list` shows which do.")
    path = models.locate(settings.model, settings.revision)
    common: dict[str, Any] = {
        "model_path": path,
        "model": settings.model,
        "context_tokens": settings.context_tokens,
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "cache_gb": settings.cache_gb,
    }
    if settings.kind == "transformers":
        from assistant.engines.transformers import TransformersChat

        return TransformersChat(quantization=settings.quantization, at_once=settings.parallel, **common)
    from assistant.engines.openvino import OpenVINOChat

    return OpenVINOChat(**common)


def _remote(settings: EngineSettings) -> Engine:
    from assistant.engines.remote import connect

    return connect(settings)
