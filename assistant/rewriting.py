"""A question put by the model so that it can stand alone, where a profile asks for that, and what is believed of it."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from assistant.admission import Admission
from assistant.engines.base import Engine
from assistant.types import Turn
from knowledge import UserError
from knowledge.words import content_words, stem, words

INSTRUCTIONS = (
    "You rewrite the last question of a conversation so that it can be understood without the conversation. "
    "Write the question only, in its own language. Do not answer it."
)
# Turns the model is shown, and characters of each answer.
TURNS, ANSWER_CHARACTERS = 3, 300
# A question that is longer is an answer, or a model that does not stop.
MAX_CHARACTERS, MAX_WORDS, MAX_TOKENS = 300, 40, 80
# The share of its subject words that must have been said in the conversation; the others the model has thought up.
MIN_KNOWN = 0.75

# What it may take, waiting for a place included, before it is done by the rule.
PATIENCE_S = 10.0

ASKING = ("?", "？", "؟")

_LABEL = re.compile(r"^\W*(?:(?:standalone|rewritten|new|last|the)\s+)*(?:question|query)\s*:\s*", re.IGNORECASE)


async def rewritten_in_time(
    engine: Engine, admission: Admission, caller_id: str, question: str, turns: Sequence[Turn]
) -> str:
    """The question as the model puts it, or nothing when it cannot be believed or does not come in time."""
    try:
        await asyncio.to_thread(engine.load)
        async with asyncio.timeout(PATIENCE_S), admission.place(caller_id, lambda _: None):
            return await rewritten(engine, question, turns)
    except (TimeoutError, UserError):
        return ""  # the rule does without the model, and what ails it is told when it is to answer


async def rewritten(engine: Engine, question: str, turns: Sequence[Turn]) -> str:
    """The question as the model puts it, or nothing when it cannot be believed. Raises EngineError."""
    messages = prompt(question, turns)
    if engine.count_tokens(messages) + MAX_TOKENS > engine.context_length:
        return ""
    text = ""
    stream = cast("AsyncGenerator[AIMessageChunk, None]", engine.astream(messages))
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            text += chunk.text
            if len(text) > MAX_CHARACTERS or "\n" in text.strip():
                break
    written = clean(text)
    return written if believable(written, question, turns) else ""


def prompt(question: str, turns: Sequence[Turn]) -> list[BaseMessage]:
    said = [f"User: {turn.question}\nAssistant: {turn.answer[:ANSWER_CHARACTERS]}" for turn in turns[-TURNS:]]
    return [SystemMessage(INSTRUCTIONS), HumanMessage("\n".join([*said, f"Last question: {question}"]))]


def clean(text: str) -> str:
    """The first line without a label and quotation marks."""
    line = text.strip().partition("\n")[0]
    return _LABEL.sub("", line).strip().strip("\"'“”‘’*`").strip()


def believable(written: str, question: str, turns: Sequence[Turn]) -> bool:
    """Whether it is short, speaks of what was said, keeps something of the question, and asks where that asks."""
    if not written or len(written) > MAX_CHARACTERS or len(words(written)) > MAX_WORDS:
        return False
    if question.rstrip().endswith(ASKING) and not written.endswith(ASKING):
        return False
    own = _stems(question)
    known = own.union(*(_stems(f"{turn.question} {turn.answer} {turn.query}") for turn in turns))
    stems = _stems(written)
    kept = not own or bool(own & stems)
    return bool(stems) and kept and len(stems & known) >= MIN_KNOWN * len(stems)


def _stems(text: str) -> set[str]:
    return {stem(word) for word in content_words(text)}
