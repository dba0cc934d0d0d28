"""What becomes of a question, and what stands below it."""

from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import ContextBlock, PlainTextObject

from assistant import Citation
from connectors.slack.blocks import answer_blocks, note_block, reason_blocks
from connectors.slack.wording import Reason, Wording

# How a question can be interrupted.
STOPPED, DELETED, EDITED = "stopped", "deleted", "edited"
# Nothing is said, because nobody asked and the documents do not answer.
SILENT = "silent"
REFUSED = "refused"
# A model wrote nothing of what is shown.
QUOTED = "quoted"
ADDED = "added"
# Reasons that may be gone on another try.
PASSING = frozenset({"line_full", "own_line_full", "took_too_long", "model_failed"})


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be left in the thread: text, and below it its sources, or why there is not more.

    The first two notes of a refusal are its reason; all others are what the person must be told besides.
    """

    text: str = ""
    status: str = "answered"
    outcome: str = "answered"
    citations: tuple[Citation, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def refused(cls, name: str, reason: Reason, text: str = "") -> "Result":
        return cls(text, REFUSED, name, notes=(reason.problem, reason.remedy))

    def blocks(self, question_id: str, words: Wording, help_text: str) -> list[dict[str, Any]]:
        """What stands below the text, or in its place."""
        if self.status == REFUSED:
            again = question_id if self.outcome in PASSING else ""
            notes = [note_block(note).to_dict() for note in self.notes[2:]]
            return reason_blocks(Reason(*self.notes[:2]), words, help_text, again) + notes
        if self.status == STOPPED:
            return [ContextBlock(elements=[PlainTextObject(text=words.stopped)]).to_dict()]
        if self.status == ADDED:
            return []
        status = QUOTED if self.status == "answered" and is_quotation(self.text) else self.status
        return answer_blocks(
            question_id=question_id, status=status, citations=self.citations, notes=self.notes, words=words
        )


def is_quotation(text: str) -> bool:
    """Whether everything but the line that announces it is quoted from the documents."""
    lines = [line for line in text.splitlines() if line.strip()][1:]
    return bool(lines) and all(line.startswith("> ") for line in lines)
