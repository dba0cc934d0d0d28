"""What the model is asked: one system message and one user message, since SOLAR was tuned for single turns."""

from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant.types import Passage, Turn

# A remembered answer only has to say what a follow-up refers to.
REMEMBERED_CHARACTERS = 400


def compose(
    instructions: str, question: str, turns: Sequence[Turn], passages: Sequence[Passage]
) -> list[BaseMessage]:
    """The prompt: instructions; then passages, the conversation so far and the question."""
    parts = [_passages(passages), _conversation(turns), f"Question: {question}"]
    return [SystemMessage(instructions), HumanMessage("\n\n".join(part for part in parts if part))]


def _passages(passages: Sequence[Passage]) -> str:
    return "\n\n".join(f"Passage {n}, {_place(p)}:\n{p.text}" for n, p in enumerate(passages, start=1))


def _place(passage: Passage) -> str:
    return passage.section or passage.source.rpartition("/")[2]


def _conversation(turns: Sequence[Turn]) -> str:
    if not turns:
        return ""
    lines = [f"They asked: {t.question}\nYou answered: {t.answer[:REMEMBERED_CHARACTERS]}" for t in turns]
    return "Earlier in this conversation:\n" + "\n".join(lines)
