"""Whether to answer, to ask back, or to say that the documents do not say. Decided before the model is asked."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.references import Reference, choices, references
from assistant.settings import AnswerSettings
from assistant.types import Passage, Turn
from knowledge import lexical
from knowledge.embeddings import SentenceEmbeddings
from knowledge.readability import readability
from knowledge.words import content_words, words

# Of the last answer as much is read as says what it was about.
ANSWER_BEGINNING = 600
# A question whose best passage is further away than this is foreign to the documents; they cannot tell it apart either.
FOREIGN = 0.3
# Passages in which the names are looked for that a question may mean.
READ_FOR_NAMES = 8

_YES_OR_NO = frozenset("""is are was were do does did can could will would should has have had isn't aren't wasn't don't
    doesn't didn't can't couldn't won't wouldn't""".split())
_ASKING = _YES_OR_NO | frozenset("what how why when where who whom whose which".split())
_PRICE_ASKED = re.compile(
    r"\b(?:costs?|prices?|pricing|fees?|free|cheap|cheaper|expensive|how much|paid|charges?)\b|\$", re.IGNORECASE
)
_PRICE_TOLD = re.compile(r"[$€£¥₩]|\b(?:USD|EUR|free|fees?|costs?|prices?|pricing)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known before the model is asked. Scores and shares are comparable between collections of any size.

    `similarity` is the best score, -1 to 1, among the passages that the question by itself finds; `in_context` among
    those that it finds together with what was said before (the same where nothing was). `coverage` is the share,
    0 to 1, of the question's words that one passage holds, rare words counting for more. `closeness`, 0 to 1, is how
    near the question is to the last exchange; 0 where there was none. `ambiguity`, 0 to 1, is how sure the question
    points to something that neither it nor the conversation names. `asks`: it is a question, not a statement or a few
    keywords; `yes_or_no`; and `unpriced`: it asks for a price, and the best passages tell none.
    """

    similarity: float
    in_context: float
    coverage: float
    closeness: float = 0.0
    ambiguity: float = 0.0
    asks: bool = False
    yes_or_no: bool = False
    unpriced: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`confidence`, 0 to 1, is that the documents answer the question, `unclear`, 0 to 1, that it must be asked back."""

    kind: Literal["answer", "clarify", "abstain"]
    confidence: float
    unclear: float


ANSWER = Decision("answer", confidence=1.0, unclear=0.0)


def weigh(
    question: str,
    turns: Sequence[Turn],
    alone: Sequence[Passage],
    in_context: Sequence[Passage],
    rarity: Callable[[str], float],
    embeddings: SentenceEmbeddings,
) -> Evidence:
    """The evidence for a question after these turns, oldest first.

    `alone` are the passages that the question by itself finds, `in_context` those that it finds with what was said
    before; without turns, none. Embeds up to three short texts when there are turns.
    """
    rarities = {token: rarity(token) for token in lexical.query(question).tokens}
    best = max((passage.score for passage in alone), default=0.0)
    closeness = _closeness(question, turns[-1], rarities, embeddings) if turns else 0.0
    spoken = words(question)
    first = spoken[0] if spoken else ""
    return Evidence(
        similarity=best,
        in_context=max((passage.score for passage in in_context), default=best),
        coverage=max((lexical.coverage(rarities, _read(p)) for p in [*alone, *in_context]), default=0.0),
        closeness=closeness,
        ambiguity=_ambiguity(question, turns, alone, closeness),
        asks="?" in question or "？" in question or first in _ASKING,
        yes_or_no=first in _YES_OR_NO,
        unpriced=_is_unpriced(question, [*alone[:3], *in_context[:3]]),
    )


def decide(evidence: Evidence, settings: AnswerSettings, *, may_ask: bool = True) -> Decision:
    """Ask back where the question points to something unnamed and the documents have something near it; else abstain
    where they hold too little. Without `may_ask` nothing is asked back: it was asked just before."""
    confidence, unclear = 1.0 - _logistic(_UNANSWERED, evidence), _logistic(_UNCLEAR, evidence)
    near = max(evidence.similarity, evidence.in_context) >= FOREIGN
    if may_ask and near and evidence.ambiguity > 0 and unclear >= settings.clarify_above:
        return Decision("clarify", confidence, unclear)
    return Decision("answer" if confidence >= settings.min_relevance else "abstain", confidence, unclear)


def pointed_to(question: str, turns: Sequence[Turn]) -> list[Reference]:
    """What the question points to, what nobody has named first."""
    found = references(question, _said(turns))
    return sorted(found, key=lambda reference: (reference.known, not reference.words))


# -- what evidence is made of


def _closeness(
    question: str, last: Turn, rarities: dict[str, float], embeddings: SentenceEmbeddings
) -> float:
    """The cosine with the last question or its answer, whichever is nearer; as far as the embedding model cannot read
    the question, the share of its words that were in them."""
    before = [text for text in (last.question, last.answer[:ANSWER_BEGINNING]) if text.strip()]
    trust = readability(embeddings)(question)
    held = lexical.coverage(rarities, " ".join(before)) if trust < 1.0 else 0.0
    if not before or not trust:
        return held
    vectors = embeddings.vectors([question, *before])
    cosine = float((vectors[1:] @ vectors[0]).max())
    return min(1.0, max(0.0, trust * cosine + (1.0 - trust) * held))


def _ambiguity(question: str, turns: Sequence[Turn], passages: Sequence[Passage], closeness: float) -> float:
    texts = [_read(passage) for passage in passages[:READ_FOR_NAMES]]
    pointers = [_doubt(reference, texts, closeness, spoken=bool(turns)) for reference in pointed_to(question, turns)]
    if not turns and words(question) and not content_words(question):  # "What is it?"
        return 1.0
    return max(pointers, default=0.0)


def _doubt(reference: Reference, texts: Iterable[str], closeness: float, *, spoken: bool) -> float:
    """How little it can be known what a reference means. What was spoken of is known as far as the question goes on
    from it. What is called "the" may be the only one of its kind, most so when it has a name, unless the documents
    tell several apart; or unless people were talking of something else."""
    if reference.known:
        return 1.0 - closeness
    if not reference.words or reference.demonstrative or spoken or len(choices(reference, texts)) > 1:
        return 1.0
    return 0.25 if reference.named else 0.5


def _said(turns: Sequence[Turn]) -> str:
    return " ".join(f"{turn.question} {turn.answer}" for turn in turns)


def _is_unpriced(question: str, passages: Iterable[Passage]) -> bool:
    return bool(_PRICE_ASKED.search(question)) and not any(_PRICE_TOLD.search(passage.text) for passage in passages)


def _read(passage: Passage) -> str:
    return f"{passage.section}\n{passage.text}"


# -- what it is worth


@dataclass(frozen=True, slots=True)
class Weights:
    """Of a logistic function of the evidence."""

    bias: float
    similarity: float = 0.0
    in_context: float = 0.0
    coverage: float = 0.0
    closeness: float = 0.0
    ambiguity: float = 0.0
    asks: float = 0.0
    yes_or_no: float = 0.0
    unpriced: float = 0.0


_UNANSWERED = Weights(0.0)
_UNCLEAR = Weights(0.0)


def _logistic(weights: Weights, evidence: Evidence) -> float:
    named = ((getattr(weights, name), getattr(evidence, name)) for name in Evidence.__dataclass_fields__)
    return 1.0 / (1.0 + math.exp(-weights.bias - sum(weight * value for weight, value in named)))
