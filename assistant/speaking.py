"""What we say around an answer, and in which language; and whether the model must be told to write it."""

from collections.abc import Callable, Iterator, Sequence

from assistant import languages, phrases
from assistant.remembering import PROMPTED_TURNS
from assistant.state import State
from assistant.types import Passage, Turn


def speaker(state: State, before: Sequence[Turn]) -> Callable[..., str]:
    """What gives our own phrases, by their names, in the asker's language."""
    language = spoken(state, before)
    return lambda phrase, **values: phrases.say(state["profile"].persona, phrase, language, **values)


def notices(state: State) -> Iterator[str]:
    """Names of the phrases that say how far the answer goes, and how far it can be trusted."""
    draft = state["draft"]
    if state["cut_off"]:
        yield "cut_off"
    if draft.unconfirmed:
        yield "unconfirmed"
    if draft.policy == "off":
        yield "unchecked"


def spoken(state: State, before: Sequence[Turn]) -> str:
    """The code of the language to speak: the one that is asked for, else that of the question or, where that is too
    short to tell, of those `before` it. A summary is written in the language of what it sums up."""
    question = state["question"]
    if question.language:
        return question.language
    if question.task == "summary":
        return languages.detect(_beginnings(state["passages"]))
    asked = [question.text, *(turn.question for turn in reversed(before[-PROMPTED_TURNS:]))]
    return next(filter(None, map(languages.detect, asked)), "")


def asked_for(state: State, before: Sequence[Turn], passages: Sequence[Passage]) -> str:
    """The language that the model must be told to write; empty where it comes by itself."""
    language = spoken(state, before)
    return language if state["question"].language or _foreign(language, passages) else ""


def _foreign(language: str, passages: Sequence[Passage]) -> bool:
    """Whether a model must be told which language to write. It follows its instructions and what it reads, so that
    English about English texts comes by itself."""
    return bool(language) and (language != "en" or languages.detect(_beginnings(passages)) not in ("", "en"))


def _beginnings(passages: Sequence[Passage]) -> str:
    return " ".join(passage.text[:100] for passage in passages)
