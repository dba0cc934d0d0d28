"""An answer that arrives from a server piece by piece."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from assistant.engines.stops import Stops

if TYPE_CHECKING:
    from assistant.engines.faults import Place


@dataclass(slots=True)
class ArrivingAnswer:
    """What was asked, and what has come. Text goes on at once; why it ended and what it took, at the end."""

    messages: list[BaseMessage]
    asked: dict[str, Any]
    place: "Place"
    stops: Stops
    prompt_tokens: int
    count: Callable[[str], int]
    has_begun: bool = False
    _text: list[str] = field(default_factory=list)
    _ending: dict[str, Any] = field(default_factory=dict)
    _usage: UsageMetadata | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the server said that this was all; what comes after it is only what it took."""
        return "finish_reason" in self._ending

    def take(self, chunk: ChatGenerationChunk) -> Iterator[ChatGenerationChunk]:
        """What a piece adds to the text. Not every server minds stop strings, so they are looked for here as well."""
        if isinstance(chunk.message, AIMessageChunk) and chunk.message.usage_metadata:
            self._usage = chunk.message.usage_metadata
        self._ending |= {
            name: value
            for name, value in (chunk.generation_info or {}).items()
            if name in ("finish_reason", "model_name") and value
        }
        self.has_begun = self.has_begun or bool(chunk.text)
        yield from self._show(self.stops.feed(chunk.text))

    def finish(self) -> Iterator[ChatGenerationChunk]:
        """The rest. Raises EngineError when the server never said that this was all."""
        if self.stops.hit:
            # The server was left before it could say what it took.
            self._ending["finish_reason"], self._usage = "stop", None
        if not self.is_whole:
            raise self.place.incomplete(wrote=self.has_begun)
        yield from self._show(self.stops.feed("", last=True))
        metadata = {"model_name": self.asked.get("model", self.place.model), **self._ending}
        message = AIMessageChunk(
            content="", usage_metadata=self._usage or self._counted(), response_metadata=metadata, chunk_position="last"
        )
        yield ChatGenerationChunk(message=message, generation_info=metadata)

    def _show(self, text: str) -> Iterator[ChatGenerationChunk]:
        if text:
            self._text.append(text)
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))

    def _counted(self) -> UsageMetadata:
        written = self.count("".join(self._text))
        return UsageMetadata(
            input_tokens=self.prompt_tokens, output_tokens=written, total_tokens=self.prompt_tokens + written
        )
