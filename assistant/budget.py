"""A prompt that fits: counted with the tokenizer and the template that serve, never guessed."""

import bisect
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


def fit_summary(
    compose: Callable[[Sequence[Passage]], list[BaseMessage]], passages: Sequence[Passage], tokens: Tokens, limit: int
) -> Fitted:
    """The prompt with the most passages that fit within `limit` tokens, in their order.

    The first and the last one are kept longest, which say what it is about and how it ended, and then those with the
    best score. Raises QuestionTooLongError when not even the first one fits.
    """
    inner = sorted(range(1, len(passages) - 1), key=lambda i: -passages[i].score)
    ranked = [*dict.fromkeys((0, len(passages) - 1)), *inner]

    def fitted(kept: int) -> Fitted:
        chosen = tuple(passages[i] for i in sorted(ranked[:kept]))
        messages = compose(chosen)
        return Fitted(messages, chosen, (), tokens.count_tokens(messages))

    # Every further passage takes tokens, so where the limit lies can be found by halving.
    kept = bisect.bisect_right(range(1, len(passages) + 1), limit, key=lambda n: fitted(n).prompt_tokens)
    best = fitted(max(kept, 1))
    if best.prompt_tokens > limit:
        raise QuestionTooLongError(
            f"What is to be summed up takes {best.prompt_tokens:,} tokens, and the model has room for {limit:,}.",
            "Leave out the longest part, or set a larger [engine] context_tokens.",
        )
    return best


def _retreat(
    turns: tuple[Turn, ...], passages: tuple[Passage, ...]
) -> "Sequence[tuple[tuple[Turn, ...], tuple[Passage, ...]]]":
    """Ever smaller choices of turns and passages, from all to none."""
    fewer_turns = [(turns[start:], passages) for start in range(len(turns) + 1)]
    fewer_passages = [(turns[len(turns) :], passages[:end]) for end in range(len(passages) - 1, -1, -1)]
    return [*fewer_turns, *fewer_passages]
