"""A prompt that fits: counted with the tokenizer and the template that serve, never guessed.

Of the context an answer has its reserve, and the rest is shared out. Instructions and the question have a quota each,
and what they are over it is cut. The conversation has its quota too, and what else is free; its oldest turns become
a line that names what was asked, which goes when there is no room for it. Passages have the rest, the best ones first.
"""

import bisect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from langchain_core.messages import BaseMessage

from assistant.errors import QuestionTooLongError
from assistant.types import Passage, Turn

# An answer may be granted this share of the context at most, whatever a profile asks for: a prompt needs room too.
ANSWER_SHARE = 1 / 2
# Shares of what is left for the prompt.
INSTRUCTIONS_SHARE = 1 / 4
QUESTION_SHARE = 1 / 3
HISTORY_SHARE = 1 / 5
# A word that was cut; none in scripts without spaces, where it would be most of the text.
_LAST_WORD = re.compile(r"(?<=\s)\S{1,30}\Z")
_FIRST_WORD = re.compile(r"\A\S{1,30}(?=\s)")
# What stands where something was left out.
GAP = " […] "


class Tokens(Protocol):
    """Whatever serves: its counts are exact."""

    def count_text(self, text: str) -> int: ...

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int: ...


@dataclass(frozen=True, slots=True)
class Content:
    """What a prompt is made of. `turns` are the exchanges before, oldest first; of those before them only the
    questions are told (`earlier`). `passages` are best first."""

    instructions: str
    question: str
    turns: tuple[Turn, ...] = ()
    passages: tuple[Passage, ...] = ()
    earlier: tuple[str, ...] = ()


Item = TypeVar("Item")
Compose = Callable[[Content], list[BaseMessage]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt of at most `limit` tokens, and what it has room for."""

    messages: list[BaseMessage]
    content: Content
    prompt_tokens: int


def prompt_limit(context: int, max_tokens: int) -> int:
    """Tokens that a prompt may have, so that an answer of `max_tokens` still fits into the context; one that would
    take more than its share has what that share leaves."""
    return context - min(max_tokens, int(context * ANSWER_SHARE))


def fit(compose: Compose, content: Content, tokens: Tokens, limit: int) -> Fitted:
    """The fullest prompt within `limit` tokens.

    What is over is dropped from the least useful end: the lowest-ranked passages, the oldest turns, then what was
    asked before them. Raises QuestionTooLongError when the question alone is over the limit.
    """
    whole = _fitted(compose, content, tokens)
    if whole.prompt_tokens <= limit:
        return whole
    _check_question(content.question, tokens, limit)
    content = _shortened(content, tokens, limit)
    without_history = _fitted(compose, replace(content, turns=(), earlier=()), tokens).prompt_tokens
    room = max(int(limit * HISTORY_SHARE), limit - without_history)
    content = _with_less_history(compose, content, tokens, room)
    return _with_less_evidence(compose, content, tokens, limit)


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
        return Fitted(messages, Content("", "", passages=chosen), tokens.count_tokens(messages))

    best = fitted(max(_most(len(passages), limit, lambda n: fitted(n).prompt_tokens), 1))
    if best.prompt_tokens > limit:
        raise QuestionTooLongError(
            f"What is to be summed up takes {best.prompt_tokens:,} tokens, and the model has room for {limit:,}.",
            "Leave out the longest part, or set a larger [engine] context_tokens.",
        )
    return best


def _check_question(question: str, tokens: Tokens, limit: int) -> None:
    count = tokens.count_text(question)
    if count > limit:
        raise QuestionTooLongError(
            f"The question takes {count:,} tokens, and the model has room for {limit:,}.",
            "Shorten it, or pipe the long text in: `assistant ask QUESTION < FILE`.",
        )


def _shortened(content: Content, tokens: Tokens, limit: int) -> Content:
    """Instructions lose their end, a question its middle: it is put at the beginning or at the end of a long text."""
    return replace(
        content,
        instructions=beginning(content.instructions, int(limit * INSTRUCTIONS_SHARE), tokens),
        question=ends(content.question, int(limit * QUESTION_SHARE), tokens),
    )


def _with_less_history(compose: Compose, content: Content, tokens: Tokens, room: int) -> Content:
    """The newest turns that fit into `room` tokens, and as much of what was asked before them as does too."""
    empty = _fitted(compose, Content("", ""), tokens).prompt_tokens

    def size(turns: tuple[Turn, ...], earlier: tuple[str, ...] = ()) -> int:
        return _fitted(compose, Content("", "", turns, (), earlier), tokens).prompt_tokens - empty

    kept = _newest(content.turns, _most(len(content.turns), room, lambda n: size(_newest(content.turns, n))))
    dropped = content.turns[: len(content.turns) - len(kept)]
    asked = (*content.earlier, *(turn.question for turn in dropped))
    named = _newest(asked, _most(len(asked), room, lambda n: size(kept, _newest(asked, n))))
    return replace(content, turns=kept, earlier=named)


def _newest(items: tuple[Item, ...], count: int) -> tuple[Item, ...]:
    return items[len(items) - count :]


def _with_less_evidence(compose: Compose, content: Content, tokens: Tokens, limit: int) -> Fitted:
    """The best passages that fit; of the very best one its beginning, where no more does."""

    def fitted(kept: int, content: Content = content) -> Fitted:
        return _fitted(compose, replace(content, passages=content.passages[:kept]), tokens)

    kept = _most(len(content.passages), limit, lambda n: fitted(n).prompt_tokens)
    best = fitted(kept)
    if kept == 0 and content.passages:
        best = _with_a_beginning(fitted, content, tokens, limit) or best
    if best.prompt_tokens <= limit:
        return best
    return _last_resort(compose, content, tokens, limit)


def _with_a_beginning(
    fitted: Callable[[int, Content], Fitted], content: Content, tokens: Tokens, limit: int
) -> Fitted | None:
    first = content.passages[0]
    free = limit - fitted(0, content).prompt_tokens
    while free > 0:
        cut = replace(first, text=beginning(first.text, free, tokens))
        best = fitted(1, replace(content, passages=(cut,)))
        if best.prompt_tokens <= limit:
            return best
        free -= best.prompt_tokens - limit
    return None


def _last_resort(compose: Compose, content: Content, tokens: Tokens, limit: int) -> Fitted:
    """The question alone, as much of it as there is room for. The shares are not exact: tokens of two texts are not
    those of their sum, and a template adds its own."""
    room = tokens.count_text(content.question)
    while room > 0:
        best = _fitted(compose, Content("", ends(content.question, room, tokens)), tokens)
        if best.prompt_tokens <= limit:
            return best
        room -= best.prompt_tokens - limit
    raise QuestionTooLongError(
        f"The model has room for {limit:,} tokens, which is too little for any question.",
        "Set a larger [engine] context_tokens.",
    )


def _fitted(compose: Compose, content: Content, tokens: Tokens) -> Fitted:
    messages = compose(content)
    return Fitted(messages, content, tokens.count_tokens(messages))


def _most(count: int, limit: int, size: Callable[[int], int]) -> int:
    """The largest number up to `count` whose size is within the limit; sizes grow with it, so by halving."""
    return bisect.bisect_right(range(1, count + 1), limit, key=size)


def beginning(text: str, limit: int, tokens: Tokens) -> str:
    """As much of the text's beginning as `limit` tokens hold, ending with a word where words are parted by spaces."""
    if tokens.count_text(text) <= limit:
        return text
    kept = text[: _most(len(text), limit, lambda n: tokens.count_text(text[:n]))]
    return _LAST_WORD.sub("", kept).rstrip()


def ends(text: str, limit: int, tokens: Tokens) -> str:
    """The text's beginning and its end, with a gap between them, within `limit` tokens; the whole text where it is."""
    if tokens.count_text(text) <= limit:
        return text

    def kept(number: int) -> str:
        head, tail = text[: (number + 1) // 2], text[len(text) - number // 2 :]
        return f"{_LAST_WORD.sub('', head).rstrip()}{GAP}{_FIRST_WORD.sub('', tail).lstrip()}"

    return kept(_most(len(text) - 1, limit, lambda n: tokens.count_text(kept(n)))).strip()
