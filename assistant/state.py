"""What the nodes of the graph hand on to each other, and how they tell whoever asked of it."""

import time
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.channels import UntrackedValue
from langgraph.config import get_stream_writer

from assistant import gate
from assistant.draft import Draft
from assistant.searching import Searched
from assistant.settings import Settings
from assistant.types import Event, Passage, Question, Status, Timings, Usage


class State(TypedDict, total=False):
    """Only `turns` is remembered; untracked values never reach the checkpointer."""

    turns: list[dict[str, Any]]
    question: Annotated[Question, UntrackedValue]
    profile: Annotated[Settings, UntrackedValue]
    rarity: Annotated[Callable[[str], float], UntrackedValue]
    query: Annotated[str, UntrackedValue]
    searched: Annotated[Searched, UntrackedValue]
    passages: Annotated[tuple[Passage, ...], UntrackedValue]
    decision: Annotated[gate.Decision, UntrackedValue]
    firm: Annotated[bool, UntrackedValue]
    messages: Annotated[list[BaseMessage], UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]
    cut_off: Annotated[bool, UntrackedValue]
    deadline: Annotated[float, UntrackedValue]
    status: Annotated[Status, UntrackedValue]
    usage: Annotated[Usage, UntrackedValue]
    timings: Annotated[Timings, UntrackedValue]
    started: Annotated[float, UntrackedValue]


def emit(event: Event) -> None:
    """Give out an event of the question that is being answered."""
    get_stream_writer()(event)


def elapsed_ms(state: State) -> float:
    """Milliseconds since the question arrived."""
    return round((time.monotonic() - state["started"]) * 1000, 1)
