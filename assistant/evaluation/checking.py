"""A second look at an answer: what each sentence cites, and whether the whole of the cited documents bears it out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from assistant import phrases
from assistant.draft import UNCONFIRMED
from assistant.grounding import Grounding, is_claim
from assistant.settings import PersonaSettings
from assistant.types import Answer, Passage
from knowledge import KnowledgeBase
from knowledge.evaluation import Entry
from knowledge.words import content_words, sentences

# The phrases that stand around an answer.
REMARKS = ("quotation", "abstention", "cut_off", "unconfirmed", "unchecked")
_MARKS = re.compile(r"((?:\s*\[\d+\])+)")
_NUMBER = re.compile(r"\d+")
_MARKUP = re.compile(r"[>*_`“”\"]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, and the documents it cites."""

    text: str
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """The sentences that an answer shows as fact, and those of them that its documents do not bear out."""

    sentences: tuple[Sentence, ...] = ()
    unsupported: tuple[Sentence, ...] = ()


def check(answer: Answer, corpus: Mapping[str, Entry], knowledge: KnowledgeBase, persona: PersonaSettings) -> Checked:
    """Every sentence against the whole text of what it cites, whatever passages the model was given."""
    if answer.status != "answered":
        return Checked()
    found = cited_sentences(answer, persona)
    return Checked(found, tuple(one for one in found if not _holds(one, corpus, knowledge)))


def cited_sentences(answer: Answer, persona: PersonaSettings) -> tuple[Sentence, ...]:
    """The statements of an answer, each with what the marks directly after it cite.

    What the persona says of itself, questions and courtesies are no statements; what is marked is not shown as fact.
    """
    sources = {citation.number: citation.source for citation in answer.citations}
    pieces = _MARKS.split(_without_remarks(answer.text, persona))
    found: list[Sentence] = []
    for text, marks in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        *others, last = [*_statements(text)] or [""]
        numbers = [int(number) for number in _NUMBER.findall(marks)]
        cited = frozenset(sources[number] for number in numbers if number in sources)
        found += [Sentence(other, frozenset()) for other in others]
        found += [Sentence(last, cited)] if last else []
    return tuple(found)


def _without_remarks(said: str, persona: PersonaSettings) -> str:
    for name in REMARKS:
        for wording in phrases.wordings(persona, name):
            said = said.replace(f"_{wording}_", "\n\n").replace(wording, "\n\n")
    return said


def _statements(text: str) -> list[str]:
    lines = "\n".join(line.lstrip("> ").strip() for line in text.splitlines())
    found = [one for one in sentences(lines) if (is_claim(one) or one.endswith(":")) and content_words(one)]
    return [one for one in found if not one.startswith(UNCONFIRMED.strip())]


def _holds(sentence: Sentence, corpus: Mapping[str, Entry], knowledge: KnowledgeBase) -> bool:
    documents = [corpus[source] for source in sorted(sentence.sources) if source in corpus]
    if any(_plain(sentence.text) in _plain(f"{document.title}\n{document.text}") for document in documents):
        return True
    passages = [Passage(entry.text, entry.id, None, entry.title, "", 1.0) for entry in documents]
    # Asked about itself, a sentence is compared with what is nearest to it in the documents.
    grounding = Grounding(sentence.text, passages, knowledge.embeddings, knowledge.rarity_for(), knowledge.entailment)
    if any(_plain(sentence.text) in _plain(one.said) for one in grounding.evidence if one.is_row):
        return True
    return bool(passages) and grounding.check(sentence.text) is not None


def _plain(text: str) -> str:
    return " ".join(_MARKUP.sub(" ", text).split()).casefold()
