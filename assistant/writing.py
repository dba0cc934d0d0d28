"""An answer while the model writes it: each sentence is checked, and given out, as soon as it is whole."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessageChunk

from assistant.draft import Draft
from assistant.engines.base import Engine
from assistant.errors import BusyError, TooLateError
from assistant.grounding import Grounding
from assistant.sentences import SentenceStream, ends_whole
from assistant.state import State, elapsed_ms, emit
from assistant.steps import step
from assistant.summaries import Digest
from assistant.types import Stage, TextDelta, Timings
from knowledge import KnowledgeBase, UserError

# A model that has left the passages seldom finds its way back.
MAX_DROPPED_IN_A_ROW = 3


@dataclass(slots=True)
class Written:
    """What the model has written so far, and what of it was found to hold."""

    timings: Timings
    admitted: bool = False
    text: str = ""
    tokens: int | None = None
    draft: Draft | None = None
    cut_off: bool = False


async def write(
    engine: Engine, state: State, written: Written, grounding: asyncio.Task[Grounding], deadline: float
) -> None:
    """Let the model write into `written` until `deadline`, a time of the event loop's clock. Raises TimeoutError."""
    sentences, reason = SentenceStream(), ""
    async with aclosing(_until(deadline, engine.astream(state["messages"]))) as stream:
        async for chunk in stream:
            if written.timings.first_token_ms is None:
                written.timings = replace(written.timings, first_token_ms=elapsed_ms(state))
                emit(Stage("writing"))
            written.text += chunk.text
            if chunk.usage_metadata:
                written.tokens = chunk.usage_metadata["output_tokens"]
            reason = chunk.response_metadata.get("finish_reason") or reason
            for sentence in sentences.feed(chunk.text):
                written.draft = written.draft or empty_draft(state, await grounding)
                await _check(written.draft, sentence)
            if written.draft and written.draft.dropped_in_a_row >= MAX_DROPPED_IN_A_ROW:
                return
    draft = written.draft = written.draft or empty_draft(state, await grounding)
    *whole, last = sentences.finish() or [""]
    written.cut_off = reason == "length" and not ends_whole(last) and not draft.dropped_in_a_row
    for sentence in (*whole, *([] if written.cut_off and draft.text else [last])):
        await _check(draft, sentence)


@step("ground")
def grounding_for(state: State, knowledge: KnowledgeBase) -> Grounding:
    """What the sentences are checked against. Blocks while it reads the passages."""
    passages, rarity = state["passages"], state["rarity"]
    if state["question"].task == "summary":
        return Digest(passages, knowledge.embeddings, rarity, knowledge.entailment)
    return Grounding(state["query"], passages, knowledge.embeddings, rarity, knowledge.entailment)


def empty_draft(state: State, grounding: Grounding) -> Draft:
    return Draft(grounding, state["profile"].answers.policy, state["messages"][0].text)


def too_late(written: Written, deadline_s: float) -> UserError:
    """Why nothing of an answer came within so many seconds."""
    seconds = f"{deadline_s:g} s"
    if written.admitted:
        return TooLateError(
            f"The model did not begin to answer within {seconds}.",
            "Try again; a longer time can be granted by [queue] deadline_s.",
        )
    return BusyError(f"It was not this question's turn within {seconds}.", "Try again when fewer people ask.")


async def _until(deadline: float, chunks: AsyncIterator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk, None]:
    """The chunks that come in time. Raises TimeoutError, and only while it waits for one: what is done with a chunk,
    checking a sentence above all, is never broken off half-way."""
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


async def _check(draft: Draft, sentence: str) -> None:
    with step("ground"):
        added = await asyncio.to_thread(draft.add, sentence)
    if added:
        emit(TextDelta(added))
