"""What goes into the assistant and what comes out of it."""

import uuid
from dataclasses import dataclass, field
from typing import Literal

from knowledge import Attachment as Attachment
from knowledge import Caller as Caller

Status = Literal["answered", "abstained", "clarify", "handed_off", "failed"]


def new_conversation_id() -> str:
    """A fresh, unguessable conversation id (12 hexadecimal digits)."""
    return uuid.uuid4().hex[:12]


def new_question_id() -> str:
    """A fresh, unguessable question id (32 hexadecimal digits)."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked.

    `profile`, by name or path, lends its persona, answers and knowledge; empty is that of the assistant. `collections`
    are searched in place of those of the profile, as far as the caller may read them. `language` is a BCP 47 code such
    as "ko", for the model to write in; empty leaves it to the model. The `task` "summary" sums up the attachments, in
    the order they have, and searches no documents. A question that is answered again, because it was edited or because
    the first answer was cut off, keeps its `id`: its turn takes the place of the earlier one.
    """

    text: str
    conversation_id: str = field(default_factory=new_conversation_id)
    caller: Caller = field(default_factory=Caller)
    attachments: tuple[Attachment, ...] = ()
    collections: tuple[str, ...] = ()
    id: str = field(default_factory=new_question_id)
    profile: str = ""
    language: str = ""
    task: Literal["answer", "summary"] = "answer"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. `page` and `section` are what a person can open; `score` is a cosine, -1 to 1.

    `collection` is empty for what came with the question.
    """

    text: str
    source: str
    page: int | None
    section: str
    url: str
    score: float
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """`quote` is found verbatim in the passage, and `number` is what `[1]` in the answer points to.

    `collection` is that of the passage; empty for what came with the question.
    """

    number: int
    source: str
    page: int | None
    section: str
    url: str
    quote: str
    collection: str = ""


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
    """One exchange of a conversation, as it is remembered. `id` is the question's, and `query` the question as it was
    understood: so that it can stand alone."""

    question: str
    answer: str
    citations: tuple[Citation, ...] = ()
    id: str = ""
    query: str = ""
    status: Status = "answered"
