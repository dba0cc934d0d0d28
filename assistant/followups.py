"""What a question in the middle of a conversation is about."""

from collections.abc import Sequence

from assistant.types import Turn
from knowledge.words import content_words, words

# Words that point back to something said before.
POINTERS = frozenset("it its they them their theirs this that these those he him his she her one ones same".split())
OPENINGS = frozenset("and but so also then why how".split())
# A question with fewer words of its own than this can hardly stand alone.
FEW_WORDS = 2


def refers_back(question: str) -> bool:
    """Whether the question cannot be understood without the one before it."""
    spoken = words(question)
    own = content_words(question)
    opens = bool(spoken) and spoken[0] in OPENINGS and len(own) <= FEW_WORDS
    return opens or len(own) < FEW_WORDS or not POINTERS.isdisjoint(spoken)


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question to search with: the previous one put before it when it refers back."""
    if turns and refers_back(question):
        return f"{turns[-1].question} {question}"
    return question
