"""How the assistant thinks: from a question to an answer that can be checked."""

from typing import TYPE_CHECKING

from assistant.types import (
    Answer,
    Attachment,
    Caller,
    Citation,
    Event,
    Finished,
    Passage,
    Question,
    Queued,
    Retrieved,
    Stage,
    TextDelta,
    Turn,
    new_conversation_id,
)

if TYPE_CHECKING:
    from assistant.agent import Assistant

__all__ = [
    "Answer",
    "Assistant",
    "Attachment",
    "Caller",
    "Citation",
    "Event",
    "Finished",
    "Passage",
    "Question",
    "Queued",
    "Retrieved",
    "Stage",
    "TextDelta",
    "Turn",
    "new_conversation_id",
]


def __getattr__(name: str) -> object:
    # The facade brings in LangGraph; a program that only wants `--help` should not wait for it.
    if name == "Assistant":
        from assistant.agent import Assistant

        return Assistant
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
