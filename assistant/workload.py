"""Prompts to measure with: of exactly as many tokens as asked for, in words that mean nothing in particular."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant.errors import UsageError

WORDS = (
    "river stone garden window paper summer winter bridge forest island market morning evening kitchen letter "
    "mountain music ocean orange pencil planet pocket road school silver station street table tower valley village"
).split()
# Tokens at the end of a prompt that are its own where the beginning is shared.
QUESTION_TOKENS = 40
# What makes up for a word that does not fit: tokenizers cut each of these into one or two tokens.
_FILLERS = (" a", "a", ".", " I")
_MOST_FILLERS = 12


@dataclass(slots=True)
class Workload:
    """Makes prompts of `prompt_tokens` tokens, as `count` counts them.

    No two have the same question. Those of one `alike` begin with the same text, as those do that are asked about the
    same passages; one that is `distinct` begins as none before.
    """

    count: Callable[[Sequence[BaseMessage]], int]
    prompt_tokens: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def distinct(self) -> list[BaseMessage]:
        return next(self.alike())

    def alike(self) -> Iterator[list[BaseMessage]]:
        """Without end. Raises UsageError when a prompt has no room for a beginning and a question."""
        first = f"{next(self._numbers)}:"
        room = self.prompt_tokens - QUESTION_TOKENS
        length = self._most(lambda words: self.count(_prompt(_text(first, words), "")), room)
        beginning = _text(first, max(length, 0))
        while True:
            yield self._asking(beginning)

    def _asking(self, beginning: str) -> list[BaseMessage]:
        first = f"Question {next(self._numbers)}:"
        length = self._most(lambda words: self.count(_prompt(beginning, _text(first, words))), self.prompt_tokens)
        # A filler may be longer than what is missing; a word less leaves room for another mixture.
        for words in range(length, max(length - 3, -1), -1):
            for filler in _fillers():
                prompt = _prompt(beginning, _text(first, words) + filler)
                if self.count(prompt) == self.prompt_tokens:
                    return prompt
        raise UsageError(
            f"A prompt of {self.prompt_tokens} tokens cannot be made for this model.",
            "Ask for more with --prompt-tokens.",
        )

    def _most(self, cost: Callable[[int], int], limit: int) -> int:
        """The most words that cost no more than the limit; -1 when none at all is too much. A word costs a token."""
        return bisect_right(range(max(limit, 0) + 1), limit, key=cost) - 1


def _prompt(beginning: str, question: str) -> list[BaseMessage]:
    return [SystemMessage(beginning), HumanMessage(question)]


def _text(first: str, words: int) -> str:
    return " ".join([first, *itertools.islice(itertools.cycle(WORDS), words)])


def _fillers() -> Iterable[str]:
    yield ""
    for number in range(1, _MOST_FILLERS + 1):
        for piece in _FILLERS:
            yield piece * number
