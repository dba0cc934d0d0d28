"""What is said when the documents do not say: that, what was searched, and what is close."""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath

from assistant.clarifying import heading
from assistant.types import Passage

# Places that are named as close.
MOST_PLACES = 3
# A score below which a passage is close to nothing that was asked.
CLOSE = 0.2
_LONGEST = 80


def abstention(collections: Sequence[str], documents: int, passages: Sequence[Passage], say: Callable[..., str]) -> str:
    """The text, Markdown. `collections` were searched, which hold so many `documents`; `passages` are what was found,
    all of which the caller may read; `say` gives the phrase of a name with its fields filled."""
    places = close(passages)
    lines = [
        say("abstention"),
        say("searched", collections=", ".join(collections), documents=f"{documents:,}") if collections else "",
        say("closest", places="; ".join(places)) if places else "",
    ]
    return "\n\n".join(line for line in lines if line)


def close(passages: Sequence[Passage]) -> list[str]:
    """Where the nearest passages stand, each place once: "Refunds (handbook.pdf, 3)"."""
    near = sorted((p for p in passages if p.score >= CLOSE), key=lambda passage: -passage.score)
    return list(dict.fromkeys(_place(passage) for passage in near))[:MOST_PLACES]


def _place(passage: Passage) -> str:
    # Of a path on this machine people need the name of the file; of an address, all that follows "https://".
    path = PurePath(passage.source)
    source = literal(path.name if path.is_absolute() else passage.source.rpartition("://")[2])
    where = f"{source}, {passage.page}" if passage.page is not None else source
    title = literal(_DOT_WITHIN.sub(" ", heading(passage.section)))
    return f"{title} ({where})" if title and title != source else where


def literal(text: str) -> str:
    """Words of a document on one line, with nothing in them that is markup or a mention."""
    short = " ".join(_UNSAFE.sub(" ", text).split())
    return short if len(short) <= _LONGEST else f"{short[:_LONGEST].rstrip()}…"


# A colon may end a word and an underscore join two; the rest of what markup is made of goes.
_UNSAFE = re.compile(r"[^\w '’.,/+:-]|:(?! )|_(?!\w)|(?<!\w)_")
# In a heading it would make an address that some programs turn into a link.
_DOT_WITHIN = re.compile(r"[./](?=[^\W\d])")
