"""What is remembered of a conversation: its turns, as they are stored, and what of them a caller may read.

A stored turn is a dictionary of the fields of `Turn`, with two more: `collections`, those that the answer drew on, and
`understood_by`, those of the earlier turns that gave the question its meaning. Both are missing where a turn was had
elsewhere, and any but `question`, `answer` and `citations` where an earlier version stored it.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from assistant import rewriting
from assistant.state import State
from assistant.types import Citation, Status, Turn
from knowledge import Access, Caller

# Turns kept of a conversation, and of those how many the model is reminded of.
REMEMBERED_TURNS = 50
PROMPTED_TURNS = 3

StoredTurn = dict[str, Any]


def stored(turns: Sequence[Turn]) -> list[StoredTurn]:
    """Turns that were had elsewhere, as many as are kept. What they drew on is not known, so whoever may not read
    everything is not shown them."""
    return [asdict(turn) for turn in turns[-REMEMBERED_TURNS:]]


def restored(turn: StoredTurn) -> Turn:
    citations = tuple(Citation(**citation) for citation in turn["citations"])
    # Of a turn without a status an answer is known by what it cites.
    status: Status = turn.get("status") or ("answered" if citations else "abstained")
    return Turn(turn["question"], turn["answer"], citations, turn.get("id", ""), turn.get("query", ""), status)


def remember(state: State, turn: Turn, drawn_on: Sequence[str], access: Access) -> list[StoredTurn]:
    """The turns with this one, which drew on these collections, in the place of the one with its id, else at the
    end."""
    turns = state.get("turns", [])
    place = _place(turns, turn.id)
    new = asdict(turn) | {"collections": drawn_on, "understood_by": _understood_by(state, access)}
    return [*turns[:place], new, *turns[place + 1 :]][-REMEMBERED_TURNS:]


def readable(turns: Sequence[StoredTurn], access: Access, caller: Caller | None) -> list[Turn]:
    """The exchanges that the caller may read."""
    return [_shown(turn, access, caller) for turn in turns if _may_read(turn, access, caller)]


def before(state: State, access: Access) -> list[Turn]:
    """The conversation as it was when the question was asked, or asked for the first time, without what the caller
    may not read."""
    caller = state["question"].caller
    return [_shown(turn, access, caller) for turn in _stored_before(state, access)]


def _stored_before(state: State, access: Access) -> list[StoredTurn]:
    turns, question = state.get("turns", []), state["question"]
    return [turn for turn in turns[: _place(turns, question.id)] if _may_read(turn, access, question.caller)]


def _may_read(turn: StoredTurn, access: Access, caller: Caller | None) -> bool:
    """Whether an exchange drew on nothing that is closed to the caller. In a place that several people share it may
    have been somebody else's; and rules change."""
    return all(access.allows(collection, caller) for collection in _drawn_on(turn, access))


def _drawn_on(turn: StoredTurn, access: Access) -> Sequence[str]:
    """Where it is not known what an exchange drew on, it may be anything."""
    collections: Sequence[str] = turn.get("collections", list(access.readers))
    return collections


def _shown(turn: StoredTurn, access: Access, caller: Caller | None) -> Turn:
    """The turn, without what the question was understood as where that may say something of what is closed."""
    open_ = all(access.allows(name, caller) for name in turn.get("understood_by", ()))
    return restored(turn) if open_ else replace(restored(turn), query="")


def _understood_by(state: State, access: Access) -> list[str]:
    """The collections of the earlier exchanges that gave the question its meaning."""
    if state["query"] == state["question"].text:
        return []
    said = _stored_before(state, access)[-rewriting.TURNS :]
    drawn_on = [_drawn_on(turn, access) for turn in said]
    inherited = [turn.get("understood_by", ()) for turn in said]
    return sorted({name for names in (*drawn_on, *inherited) for name in names})


def _place(turns: Sequence[StoredTurn], id_: str) -> int:
    """Where the turn with this id stands, or is to stand."""
    ids = [turn.get("id", "") for turn in turns]
    return ids.index(id_) if id_ in ids else len(ids)
