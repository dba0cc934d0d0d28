"""What is done with a question, from what was found for it."""

from collections.abc import Sequence
from dataclasses import replace

from assistant import gate
from assistant.searching import Reading, Searched
from assistant.state import State
from assistant.steps import step
from assistant.types import Turn
from knowledge import KnowledgeBase


@step("gate")
def decide(searched: Searched, state: State, before: Sequence[Turn], knowledge: KnowledgeBase) -> gate.Decision:
    """Text that came with the question is evidence in itself; the last answer was evidence enough for itself."""
    if searched.about_answer:
        return gate.ANSWER
    if state["question"].attachments:
        searched = replace(searched, alone=Reading(searched.question, searched.passages), in_context=None)
    searched = replace(searched, passages=searched.passages[: state["profile"].knowledge.passages])
    evidence = gate.weigh(searched, before, state["rarity"], knowledge.embeddings)
    # Whoever was asked back has said what they could.
    may_ask = not before or before[-1].status != "clarify"
    decision = gate.decide(evidence, state["profile"].answers, may_ask=may_ask)
    return replace(decision, kind="answer") if state["question"].attachments else decision
