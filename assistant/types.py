"""What goes into the assistant and what comes out of it."""

import uuid
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["answered", "abstained", "clarify", "handed_off", "failed"]


def new_conversation_id() -> str:
    """A fresh, unguessable conversation id (12 hexadecimal digits)."""
    return uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class Attachment:
    """Text that came with a question: evidence for this question only."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked. `collections` narrows the search; empty means all the caller may read."""

    text: str
    conversation_id: str = field(default_factory=new_conversation_id)
    caller: str = "local"
    attachments: tuple[Attachment, ...] = ()
    collections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. `page` and `section` are what a person can open; `score` is a cosine, -1 to 1."""

    text: str
    source: str
    page: int | None
    section: str
    url: str
    score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """`quote` is found verbatim in the passage, and `number` is what `[1]` in the answer points to."""

    number: int
    source: str
    page: int | None
    section: str
    url: str
    quote: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, counted by the tokenizer of the model that served."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question arrived; `first_token_ms` is None when no model was asked."""

    retrieve_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is exactly the concatenation of the `TextDelta`s that were streamed."""

    text: str
    citations: tuple[Citation, ...]
    status: Status
    usage: Usage = Usage()
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True)
class Stage:
    """The assistant has begun a step: "searching", "reading" (the prompt) or "writing"."""

    name: Literal["searching", "reading", "writing"]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages found, best first, before any is used."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Queued:
    """Others are being answered; this question's place in the line, 1 being next. Told whenever it changes."""

    position: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Checked text, Markdown, to append to what is shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every stream."""

    answer: Answer


Event = Stage | Retrieved | Queued | TextDelta | Finished


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation, as it is remembered."""

    question: str
    answer: str
    citations: tuple[Citation, ...] = ()
