"""Whether to answer, to ask back, or to say that the documents do not say. Decided before the model is asked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from assistant.covering import covered, weighted
from assistant.grounding.evidence import gather, most_telling, told
from assistant.references import Reference, choices, references
from assistant.searching import Searched
from assistant.settings import AnswerSettings
from assistant.types import Passage, Turn
from knowledge import scoring
from knowledge.embeddings import SentenceEmbeddings
from knowledge.words import content_stems, content_words, words

# A question whose best passage is further away than this is foreign to the documents; they cannot tell it apart either.
FOREIGN = 0.3
# Sentences that are read closely: those that hold most of the question. More tell no more. What is written is checked
# against these and some more, and their vectors are remembered until then.
READ_CLOSELY = 6
# Passages in which the names are looked for that a question may mean.
READ_FOR_NAMES = 8
# What all of a question's words are worth beside a cosine, and how much of that is the passage's. On the tasks that the
# thresholds were fitted to, answerable and unanswerable are told apart as well with 0.25 and 0.45, 0.1 and 0.3.
HELD, PASSAGE = 0.35, 0.2
# What it takes away from a sentence that neither it nor its passage holds a word of a question with words of its own:
# "how much does it cost" is far from what is said of voltmeters, however near it is once it is read with what was said.
NOTHING_HELD = 0.1
# So many of a question's words are all that a sentence can hold: of an exercise that was pasted none holds more.
MOST_HELD = 6
# What the share of the words that a passage holds is worth beside a cosine, where only words can be compared: on a
# small Korean set a passage that answers holds 0.43 to 1, 0.69 in the mean, what is nearest to a question without an
# answer 0.24. In a sentence, which holds fewer, the share counts in full.
WORDS_ALONE = 0.6
# So much nearer to the documents with what was said than without, a question goes on from it beyond doubt.
RESOLVING = 0.3
# Beside an "it" that stands for nothing, so few words do not say what a question is about.
FEW_WORDS = 2
# Turns from which on a conversation is long.
LONG = 6
# A question of so many words, such as an exercise that was pasted, says by itself what it is about. Of 41
# underspecified questions the longest has 21.
MANY_WORDS = 30

_YES_OR_NO = frozenset(
    """is are was were do does did can could will would should has have had isn't aren't wasn't don't
    doesn't didn't can't couldn't won't wouldn't""".split()
)
_ASKING = _YES_OR_NO | frozenset("what how why when where who whom whose which".split())


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known before the model is asked, comparable between collections of any size.

    `directness`, -1 to 1, is how directly one sentence of what was found speaks of the question. `length`, 0 to 1, is
    that of the conversation: people ask first what documents hold. `ambiguity`, 0 to 1, is how sure the question points
    to something that neither it nor the conversation names. `foreign`: it says what it is about, and the documents have
    nothing near. `asks`: it is a question, not a statement or a few keywords; and `yes_or_no`: it wants one of the two.
    """

    directness: float
    length: float = 0.0
    ambiguity: float = 0.0
    foreign: bool = False
    asks: bool = False
    yes_or_no: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`confidence`, 0 to 1, is that the documents answer the question; `unclear`, 0 to 1, that it says too little."""

    kind: Literal["answer", "clarify", "abstain"]
    confidence: float
    unclear: float


# For a request that needs no evidence: about the last answer, or about text that came with it.
ANSWER = Decision("answer", confidence=1.0, unclear=0.0)


def weigh(
    searched: Searched, turns: Sequence[Turn], rarity: Callable[[str], float], embeddings: SentenceEmbeddings
) -> Evidence:
    """The evidence for a question after these turns, oldest first. The embeddings only tell what they can read."""
    question, alone = searched.question, searched.alone
    context = searched.in_context or alone
    unread = 1.0 - scoring.trust(embeddings, question)
    coverage = _coverage(question, [*alone.passages, *context.passages], rarity)
    similarity = max([*alone.cosines, unread * WORDS_ALONE * _coverage(question, alone.passages, rarity)])
    in_context = max([*context.cosines, unread * WORDS_ALONE * coverage])
    closeness = _closeness(searched, turns[-1], unread, rarity) if turns else 0.0
    gain = min(1.0, max(0.0, in_context - similarity) / RESOLVING)
    first = next(iter(words(question)), "")
    return Evidence(
        directness=_directness(searched, turns, unread, rarity, embeddings),
        length=min(len(turns), LONG) / LONG,
        ambiguity=_ambiguity(question, turns, alone.passages, max(closeness, gain)),
        foreign=max(similarity, in_context) < FOREIGN and _names_a_subject(question, turns, coverage),
        asks="?" in question or "？" in question or first in _ASKING,
        yes_or_no=first in _YES_OR_NO,
    )


def _coverage(question: str, passages: Sequence[Passage], rarity: Callable[[str], float]) -> float:
    return max(covered(question, map(_read, dict.fromkeys(passages)), rarity), default=0.0)


def decide(evidence: Evidence, settings: AnswerSettings, *, may_ask: bool = True) -> Decision:
    """Ask back where the question points to something unnamed and the documents have something near it; else abstain
    where they hold too little. Without `may_ask` nothing is asked back: it was asked just before."""
    confidence = 1.0 - _logistic(_UNANSWERED, evidence)
    askable = may_ask and not evidence.foreign and evidence.ambiguity > 0
    unclear = _logistic(_UNCLEAR, evidence) if askable else 0.0
    if unclear > 0 and unclear >= settings.clarify_above:
        return Decision("clarify", confidence, unclear)
    return Decision("answer" if confidence >= settings.min_relevance else "abstain", confidence, unclear)


def pointed_to(question: str, turns: Sequence[Turn]) -> list[Reference]:
    """What the question points to, what nobody has named first."""
    found = references(question, _said(turns))
    return sorted(found, key=lambda reference: (reference.known, not reference.words))


# -- what evidence is made of


def _directness(
    searched: Searched,
    turns: Sequence[Turn],
    unread: float,
    rarity: Callable[[str], float],
    embeddings: SentenceEmbeddings,
) -> float:
    """Of the sentence that speaks most directly of the question: its cosine with the question, as that is read with
    what was said before, and how much it holds of the question's own words, half of it for those that only its passage
    holds."""
    read = _read_closely(searched, rarity)
    if not read:
        return 0.0
    vector = embeddings.embed_queries([(searched.in_context or searched.alone).query])[0]
    cosines = np.asarray(embeddings.embed_documents([sentence for _, sentence in read])) @ vector
    around = _held(searched.question, [(passage, passage.text) for passage, _ in read], rarity)
    held = (_held(searched.question, read, rarity) + around) / 2
    near = (1.0 - unread) * cosines + unread * held
    passages = np.asarray([passage.score for passage, _ in read])
    beside = NOTHING_HELD * (held == 0.0) if _own_words(searched.question, turns) else 0.0
    return min(1.0, float(((1.0 - PASSAGE) * near + PASSAGE * passages + HELD * held - beside).max()))


def _read_closely(searched: Searched, rarity: Callable[[str], float]) -> list[tuple[Passage, str]]:
    """The sentences that hold most of the question as it was understood, each with its passage; of passages that have
    none, such as code, all."""
    passages = searched.passages
    evidence = gather(passages)
    if not evidence:
        return [(passage, passage.text) for passage in passages[:READ_CLOSELY]]
    chosen = most_telling(told(searched.standalone, evidence, passages, rarity), READ_CLOSELY)
    return [(passages[evidence[i].passage], evidence[i].said) for i in chosen]


def _own_words(question: str, turns: Sequence[Turn]) -> set[str]:
    """Stems of the words that say what a question is about and that the last exchange has not."""
    said = content_stems(f"{turns[-1].question} {turns[-1].answer}") if turns else set()
    return content_stems(question) - said


def _held(question: str, texts: Sequence[tuple[Passage, str]], rarity: Callable[[str], float]) -> np.ndarray:
    """How much of the question's words each text holds under the heading of its passage, 0 to 1, of shape (texts,)."""
    counted = weighted(question, rarity)
    most = sum(sorted(counted.values())[-MOST_HELD:])
    share = sum(counted.values()) / most if most else 0.0
    held = covered(question, (f"{passage.section}\n{text}" for passage, text in texts), rarity)
    return np.minimum(1.0, share * np.asarray(held))


def _closeness(searched: Searched, last: Turn, unread: float, rarity: Callable[[str], float]) -> float:
    """The cosine with the last exchange; as far as the embedding model cannot read the question, the share of its
    words that were in it."""
    (held,) = covered(searched.question, [f"{last.question} {last.answer}"], rarity) if unread else (0.0,)
    return max(0.0, (1.0 - unread) * searched.kinship + unread * held)


def _ambiguity(question: str, turns: Sequence[Turn], passages: Sequence[Passage], resolved: float) -> float:
    spoken = words(question)
    if len(spoken) >= MANY_WORDS:
        return 0.0
    texts = [_read(passage) for passage in passages[:READ_FOR_NAMES]]
    pointers = [_doubt(reference, texts, resolved, spoken=bool(turns)) for reference in pointed_to(question, turns)]
    if not turns and spoken and not content_words(question):  # "How so?"
        return 1.0
    return max(pointers, default=0.0)


def _names_a_subject(question: str, turns: Sequence[Turn], coverage: float) -> bool:
    """Whether a question says what it is about: "how do I reset it" does not, however far it is from the documents;
    "what is the refund policy" does where they have no word of it."""
    pointed, own = pointed_to(question, turns), len(content_words(question))
    if own <= FEW_WORDS and any(not reference.words and not reference.known for reference in pointed):
        return False
    return own > 1 or (coverage == 0.0 and any(reference.words for reference in pointed))


def _doubt(reference: Reference, texts: Sequence[str], resolved: float, *, spoken: bool) -> float:
    """How little it can be known what a reference means. What was spoken of is known as far as the question goes on
    from it. Unless the documents tell several apart, "this course" may be the one that they themselves are, and what is
    called "the" the only one of its kind; a thing with a name most likely is, even where people spoke of others."""
    if reference.known:
        return 1.0 - resolved
    if not reference.words or len(choices(reference, texts)) > 1:
        return 1.0
    if reference.demonstrative:
        own = f"this {' '.join(reference.words)}".lower()
        return 0.5 if any(own in text.lower() for text in texts) else 1.0
    if reference.named:
        return 0.25
    return 1.0 - resolved if spoken else 0.5


def _said(turns: Sequence[Turn]) -> str:
    return " ".join(f"{turn.question} {turn.answer}" for turn in turns)


def _read(passage: Passage) -> str:
    return f"{passage.section}\n{passage.text}"


# -- what it is worth


@dataclass(frozen=True, slots=True)
class Weights:
    """Of a logistic function of the evidence."""

    bias: float
    directness: float
    length: float = 0.0
    ambiguity: float = 0.0
    asks: float = 0.0
    yes_or_no: float = 0.0


# Ridge regressions, classes and sets balanced, on 151 tasks of multi-turn conversations over 1,152 passages of four
# domains, on single questions to a manual and to a course, 382 that belong there and 320 that do not, and on 142 tasks
# of our own; rounded. Held out, over ten repetitions of five folds by conversation, answerable and unanswerable tasks
# of the conversations are told apart with an AUROC of 0.94 and a balanced accuracy of 0.83, and 0.70 of the
# underspecified are asked back, 0.04 of the answerable; fitted to the other sets alone it is 0.94 and 0.85. On 55 tasks
# of our own that nothing was fitted to, short ones with near misses, it is 0.83 and 0.73.
_UNANSWERED = Weights(6.4, directness=-10.0, length=0.6, yes_or_no=0.7)
_UNCLEAR = Weights(-0.75, directness=-5.7, ambiguity=4.8, asks=1.7)
_WEIGHED = [field.name for field in fields(Weights) if field.name != "bias"]


def _logistic(weights: Weights, evidence: Evidence) -> float:
    named = ((getattr(weights, name), getattr(evidence, name)) for name in _WEIGHED)
    return 1.0 / (1.0 + math.exp(-weights.bias - sum(weight * value for weight, value in named)))
