"""What the pipeline needs of a model, and the choice of one."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from langchain_core.messages import AIMessageChunk, BaseMessage

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
    """The engine a profile asks for. Cheap: the model loads at first use."""
    from pathlib import Path

    from assistant.engines.gguf import bundled_model
    from assistant.engines.openvino import OpenVINOChat

    path = bundled_model() if settings.model == "smollm2" else Path(settings.model).expanduser()
    return OpenVINOChat(
        model_path=path,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
    )
