"""A prompt that fits: counted with the tokenizer and the template that serve, never guessed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.messages import BaseMessage

from assistant.errors import QuestionTooLongError
from assistant.types import Passage, Turn

Compose = Callable[[Sequence[Turn], Sequence[Passage]], list[BaseMessage]]


class Tokens(Protocol):
    """Whatever serves: its counts are exact."""

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt of at most `limit` tokens, and what it has room for."""

    messages: list[BaseMessage]
    passages: tuple[Passage, ...]
    turns: tuple[Turn, ...]
    prompt_tokens: int


def fit(compose: Compose, turns: Sequence[Turn], passages: Sequence[Passage], tokens: Tokens, limit: int) -> Fitted:
    """The fullest prompt within `limit` tokens.

    The conversation gives way first, oldest turn first, and then the passages, last one first: an answer without
    its memory is better than one without its evidence. Raises QuestionTooLongError when the question alone is
    over the limit.
    """
    for kept_turns, kept_passages in _retreat(tuple(turns), tuple(passages)):
        messages = compose(kept_turns, kept_passages)
        count = tokens.count_tokens(messages)
        if count <= limit:
            return Fitted(messages, kept_passages, kept_turns, count)
    raise QuestionTooLongError(
        f"The question takes {count:,} tokens, and the model has room for {limit:,}.",
        "Shorten it, or pipe the long text in: `assistant ask QUESTION < FILE`.",
    )


def _retreat(
    turns: tuple[Turn, ...], passages: tuple[Passage, ...]
) -> "Sequence[tuple[tuple[Turn, ...], tuple[Passage, ...]]]":
    """Ever smaller choices of turns and passages, from all to none."""
    fewer_turns = [(turns[start:], passages) for start in range(len(turns) + 1)]
    fewer_passages = [(turns[len(turns) :], passages[:end]) for end in range(len(passages) - 1, -1, -1)]
    return [*fewer_turns, *fewer_passages]
