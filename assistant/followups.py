"""What a question in the middle of a conversation is about."""

from collections.abc import Sequence

from assistant.elaboration import asks_about_answer
from assistant.types import Turn
from knowledge.words import content_words, sentences, words

# Words that point back to something said before.
POINTERS = frozenset("it its they them their theirs this that these those he him his she her one ones same".split())
OPENINGS = frozenset("and but so also then why how".split())
# With so few words after it, one of these goes on from something: "in two parts?", "for students?"
PREPOSITIONS = frozenset("in on at for with without to from by of under over before after".split())
# A question with fewer words of its own than this can hardly stand alone.
FEW_WORDS = 2
# What is put before a question, in characters: of a longer chain of questions only the first one is.
LONGEST_BEFORE = 300
# Of an answer as much as says what it is about.
ANSWER_BEGINNING = 400
# Words of the last exchange that are searched with a question. On 109 MTRAG tasks recall@5 is level from 6 to 12, at
# 0.92 and 0.91 cross-validated, where the last question alone has 0.84.
TELLING_WORDS = 8


def refers_back(question: str) -> bool:
    """Whether the question cannot be understood without the one before it."""
    spoken = words(question)
    own = [word for word in content_words(question) if word != "not"]
    opens = bool(spoken) and spoken[0] in OPENINGS | PREPOSITIONS and len(own) <= FEW_WORDS
    return opens or len(own) < FEW_WORDS or not POINTERS.isdisjoint(spoken)


def continues(question: str, turns: Sequence[Turn]) -> bool:
    """Whether the question has to be read with what was said before: it points back, or it answers a question."""
    return bool(turns) and (turns[-1].status == "clarify" or refers_back(question))


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question as one that can be understood alone: what it goes on from put before it when it has to be."""
    if not continues(question, turns):
        return question
    before = meaning(turns)
    if len(before) > LONGEST_BEFORE:
        before = next(iter(sentences(before)), before)[:LONGEST_BEFORE]
    return f"{before} {question}"


def meaning(turns: Sequence[Turn]) -> str:
    """The last question of a conversation as one that can be understood alone."""
    *before, last = turns
    if not last.query and before and asks_about_answer(last.question):
        return meaning(before)
    return last.query or standalone(last.question, before)


def last_exchange(turns: Sequence[Turn]) -> str:
    """The last question and the beginning of its answer, where there was one."""
    answer = turns[-1].answer[:ANSWER_BEGINNING] if turns[-1].status == "answered" else ""
    return f"{meaning(turns)} {answer}".strip()
