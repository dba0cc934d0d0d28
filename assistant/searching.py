"""The search for a question of a conversation: as it was asked, and as the conversation lets it be understood."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from langchain_core.documents import Document

from assistant.elaboration import asks_about_answer
from assistant.followups import TELLING_WORDS, continues, last_exchange, meaning, standalone
from assistant.types import Attachment, Citation, Passage, Turn
from knowledge import Caller, KnowledgeBase
from knowledge.words import content_words, stem

# Below this cosine of a question with the last one the topic has changed, unless the question points back. Of MTRAG's
# questions 4 in 100 are below; with the histories of other conversations, which are changes of topic, it is half.
MIN_KINSHIP = 0.03
# Of the words that an answer quoted as many characters as a search can use.
QUOTED = 400


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search and for whom. No `collections` means all that the caller may read; `None`, none at all."""

    collections: Sequence[str] | None
    caller: Caller
    attachments: tuple[Attachment, ...] = ()
    count: int = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """What one form of the question finds by itself among the documents: passages, best first, each with its cosine
    with this form."""

    query: str
    passages: tuple[Passage, ...] = ()

    @property
    def cosines(self) -> tuple[float, ...]:
        """Of the passages, falling."""
        return tuple(sorted((passage.score for passage in self.passages), reverse=True))


@dataclass(frozen=True, slots=True)
class Searched:
    """The evidence for a question.

    `standalone` is the question as it can be understood without the conversation. `passages` are what all its forms
    find together, best first, each with its best cosine. `alone` is what the question finds as it was asked;
    `in_context` what it finds with telling words of the last exchange, and None where nothing was said before or the
    topic has changed. `kinship` is the cosine, -1 to 1, of the question with the last one, 0 where there is none.
    `about_answer` says that it asks for the last answer in another form ("simpler, please"): the passages are those of
    the last question then, with what was cited first.
    """

    question: str
    standalone: str
    passages: tuple[Passage, ...]
    alone: Reading
    in_context: Reading | None = None
    kinship: float = 0.0
    about_answer: bool = False


def search(
    knowledge: KnowledgeBase, question: str, turns: Sequence[Turn], scope: Scope, rewritten: str = ""
) -> Searched:
    """Everything that is known to the caller of this question, after these turns.

    `rewritten` is the question as a model has put it to stand alone, where one was asked. Raises NotFoundError for a
    collection that the caller may not read, and StorageError.
    """
    if about_the_answer(question, turns):
        return _search_again(knowledge, question, turns, scope)
    if not turns:
        return _found(knowledge, scope, question, question, [question])
    telling = f"{_telling(knowledge, last_exchange(turns), question, scope.caller)} {question}".strip()
    forms = list(dict.fromkeys(form for form in (question, telling, rewritten) if form))
    understood = rewritten or standalone(question, turns)
    # All that is going to be compared with anything, at once: what is embedded alone takes longer.
    *vectors, last, _ = knowledge.embeddings.embed_queries([*forms, meaning(turns), understood])
    kinship = float(vectors[0] @ last)
    if kinship < MIN_KINSHIP and not rewritten and not continues(question, turns):
        return _found(knowledge, scope, question, question, [question], vectors[:1], kinship)
    return _found(knowledge, scope, question, understood, forms, vectors, kinship)


def about_the_answer(question: str, turns: Sequence[Turn]) -> bool:
    """Whether the question asks for the last answer in another form, and there is one."""
    return bool(turns) and turns[-1].status == "answered" and asks_about_answer(question)


def _telling(knowledge: KnowledgeBase, context: str, question: str, caller: Caller) -> str:
    """The words of what was said that say most of what it was about, without those of the question."""
    own = {stem(word) for word in content_words(question)}
    words = [word for word in content_words(context) if stem(word) not in own]
    return " ".join(knowledge.rarest(words, TELLING_WORDS, caller))


def _found(
    knowledge: KnowledgeBase,
    scope: Scope,
    question: str,
    understood: str,
    forms: Sequence[str],
    vectors: "Sequence[Sequence[float]] | np.ndarray | None" = None,
    kinship: float = 0.0,
) -> Searched:
    passages: tuple[Passage, ...] = ()
    readings = [Reading(form) for form in forms]
    if scope.collections is not None:
        retriever = knowledge.retriever(scope.count, scope.collections, scope.caller)
        found = retriever.together(forms, vectors, understood)
        passages = _passages(found.documents)
        readings = [Reading(one.query, _passages(one.documents)) for one in found.alone]
    if scope.attachments:
        both = (*passages, *_attached(knowledge, forms, scope))
        passages = tuple(sorted(both, key=lambda passage: -passage.score))[: scope.count]
    alone, *others = readings
    return Searched(question, understood, passages, alone, others[0] if others else None, kinship)


def _attached(knowledge: KnowledgeBase, forms: Sequence[str], scope: Scope) -> list[Passage]:
    """What any of the forms finds in the attachments, each passage with its best score."""
    best: dict[Passage, Passage] = {}
    for form in forms:
        for passage in _passages(knowledge.search_in(form, scope.attachments, scope.count)):
            place = replace(passage, score=0.0)
            best[place] = max(passage, best.get(place, passage), key=lambda found: found.score)
    return list(best.values())


def _search_again(knowledge: KnowledgeBase, question: str, turns: Sequence[Turn], scope: Scope) -> Searched:
    """For a request about the last answer: what its question finds, and first what it cited."""
    understood, cited = meaning(turns), turns[-1].citations
    quotes = " ".join(dict.fromkeys(citation.quote for citation in cited))[:QUOTED]
    forms = list(dict.fromkeys(form for form in (understood, quotes) if form))
    found = _found(knowledge, scope, question, understood, forms)
    first = sorted(found.passages, key=lambda passage: not any(_is_cited(passage, one) for one in cited))
    return Searched(question, understood, tuple(first), found.alone, found.in_context, 1.0, about_answer=True)


def _is_cited(passage: Passage, citation: Citation) -> bool:
    place = (citation.source, citation.collection)
    return (passage.source, passage.collection) == place and citation.quote in passage.text


def _passages(documents: Sequence[Document]) -> tuple[Passage, ...]:
    return tuple(passage_of(document) for document in documents)


def passage_of(document: Document) -> Passage:
    place = {key: document.metadata[key] for key in ("source", "page", "section", "url", "score")}
    return Passage(text=document.page_content, collection=document.metadata.get("collection", ""), **place)
