"""An answer that grows token by token."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from assistant.engines.serving import FinishReason, Request
from assistant.engines.stops import Stops
from assistant.errors import EngineError

# Libraries tell their whole call stack.
MOST_OF_A_REASON = 300
# (new token ids, why it ended, what went wrong)
Delivery = tuple[list[int], FinishReason | None, BaseException | None]


@dataclass(slots=True)
class GrowingAnswer:
    """Token ids in, whole characters out, cut at the first stop string."""

    request: Request
    decode: Callable[[list[int]], str]
    model_name: str
    stops: Stops
    finished: bool = False
    _ids: list[int] = field(default_factory=list)
    # Tokens before `_settled` are given out; `_context` is where decoding begins, a little earlier, because the
    # first token of a text may be decoded without its space.
    _context: int = 0
    _settled: int = 0

    def take(self, delivery: Delivery) -> Iterator[ChatGenerationChunk]:
        """What a delivery adds. Raises EngineError when it brings an error."""
        ids, finish, error = delivery
        if error is not None:
            self.finished = True
            if isinstance(error, EngineError):
                raise error
            reason = " ".join(str(error).split())[:MOST_OF_A_REASON]
            raise EngineError(f"The model stopped: {reason}.", "Try again.") from error
        self._ids += ids
        text = self.stops.feed(self._decode(last=finish is not None), last=finish is not None)
        self.finished = finish is not None or self.stops.hit
        if text:
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        if self.finished:
            yield self._last("stop" if self.stops.hit else finish or "stop")

    def _decode(self, last: bool) -> str:
        """Text of the tokens not given out yet; none while they end in half a character.

        A tokenizer shows half a character as U+FFFD or not at all, so tokens that add nothing wait for the next.
        """
        before = self.decode(self._ids[self._context : self._settled]) if self._settled else ""
        text = self.decode(self._ids[self._context :]) if self._ids else ""
        if not last and (text.endswith("�") or len(text) <= len(before)):
            return ""
        self._context, self._settled = self._settled, len(self._ids)
        return text[len(before) :]

    def _last(self, reason: str) -> ChatGenerationChunk:
        prompt, written = len(self.request.prompt), len(self._ids)
        usage = UsageMetadata(input_tokens=prompt, output_tokens=written, total_tokens=prompt + written)
        metadata = {"finish_reason": reason, "model_name": self.model_name}
        message = AIMessageChunk(content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last")
        return ChatGenerationChunk(message=message, generation_info=metadata)
