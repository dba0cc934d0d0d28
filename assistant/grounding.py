"""Is a sentence supported by the passages? The check that stands between the model and the person.

The rule and its constants were measured on held-out sentences: the nearest passage sentence must mean the same
(cosine), cover most of the claim's content words, and no number, unit or name may be missing from the nearest
few; negation must agree and no word may have become its opposite.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.gate import covered
from assistant.types import Passage
from knowledge.words import content_stems, sentences, stem, words

MIN_COSINE = 0.55
MIN_COVERAGE = 0.7
# Where a claim's numbers and names may come from: this many of the nearest sentences.
NEAREST = 3
# Words of its own that a quotation must have, or it says nothing.
MIN_QUOTE_WORDS = 3
# Cosine with the question plus half the share of it that is covered, below which a sentence is no answer.
MIN_QUOTE_VALUE = 0.6

NEGATIONS = frozenset("no not never none nothing nobody neither nor cannot without".split())
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
# "one" is more often a pronoun than a number.
del NUMBER_WORDS["one"]
OPPOSITES = tuple(
    tuple(pair.split("/"))
    for pair in """above/below accept/reject add/remove after/before allow/forbid allow/prevent always/never ascending/descending
    begin/end cause/prevent close/open cold/hot decrease/increase deny/grant disable/enable download/upload drop/rise
    even/odd exclude/include external/internal fail/pass fail/succeed fall/rise false/true fast/slow faster/slower
    few/many first/last forward/backward high/low higher/lower horizontal/vertical immutable/mutable input/output
    inside/outside large/small larger/smaller less/more lose/gain longer/shorter long/short lower/raise
    maximum/minimum mandatory/optional multiply/divide negative/positive on/off parallel/series private/public
    push/pull required/optional right/left same/different safe/dangerous start/stop strong/weak
    stronger/weaker up/down valid/invalid with/without""".split()
)

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?")
_UNIT = re.compile(r"[\d.,]+\s?([^\W\d_]+|%|°[CF]?|[µμΩ]\w*)")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Support:
    """The passage, by its place among those given, and the exact words of it that bear the sentence out."""

    passage: int
    quote: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Evidence:
    passage: int
    sentence: str
    stems: frozenset[str]


class Grounding:
    """Checks sentences against a set of passages, whose sentences are embedded once."""

    def __init__(self, passages: Sequence[Passage], embeddings: Embeddings) -> None:
        self.passages = passages
        self._embeddings = embeddings
        self.evidence = [
            Evidence(number, sentence, frozenset(content_stems(sentence)))
            for number, passage in enumerate(passages)
            for sentence in sentences(passage.text)
        ]
        self._vectors = self._embed([e.sentence for e in self.evidence])

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(self._embeddings.embed_documents(list(texts)) if texts else [], dtype=np.float32)

    def check(self, claim: str) -> Support | None:
        """What supports the claim, or None. Code is supported only where it stands in a passage line by line."""
        if _FENCE.match(claim):
            return self._check_code(claim)
        stems = content_stems(claim)
        if not stems or not self.evidence:
            return None
        cosines = self._cosines(claim)
        nearest = [self.evidence[i] for i in np.argsort(-cosines)[:NEAREST]]
        if missing_details(claim, " ".join(e.sentence for e in nearest)):
            return None
        best = max(
            range(len(self.evidence)), key=lambda i: cosines[i] + _coverage(stems, self.evidence[i].stems)
        )
        return self._accept(claim, stems, best, float(cosines[best]))

    def _accept(self, claim: str, stems: set[str], best: int, cosine: float) -> Support | None:
        evidence = self.evidence[best]
        if cosine < MIN_COSINE or _coverage(stems, evidence.stems) < MIN_COVERAGE:
            return None
        if contradicts(claim, evidence.sentence):
            return None
        return Support(evidence.passage, evidence.sentence, cosine)

    def _check_code(self, block: str) -> Support | None:
        lines = [line.strip() for line in block.splitlines() if line.strip() and not _FENCE.match(line)]
        for number, passage in enumerate(self.passages):
            there = [line.strip() for line in passage.text.splitlines()]
            if lines and all(line in there for line in lines):
                return Support(number, lines[0], 1.0)
        return None

    def nearest_to(self, question: str, count: int, rarity: Callable[[str], float]) -> list[Support]:
        """The sentences that speak most directly of the question, best first: what to quote.

        `rarity` weighs the question's words. Sentences that say the same count once, and those that hardly touch
        the question are left out, so there may be fewer than `count`, or none.
        """
        if not self.evidence:
            return []
        cosines = self._cosines(question)
        value = np.asarray([c + self._told(question, e, rarity) / 2 for c, e in zip(cosines, self.evidence, strict=True)])
        found: dict[frozenset[str], Support] = {}
        for i in np.argsort(-value):
            evidence = self.evidence[i]
            if value[i] >= MIN_QUOTE_VALUE and _quotable(evidence):
                support = Support(evidence.passage, evidence.sentence, float(cosines[i]))
                found.setdefault(evidence.stems, support)
        return list(found.values())[:count]

    def _told(self, question: str, evidence: Evidence, rarity: Callable[[str], float]) -> float:
        """The share of the question that a sentence covers, read under its headings."""
        heading = self.passages[evidence.passage].section
        return covered(question, f"{heading} {evidence.sentence}", rarity)

    def _cosines(self, text: str) -> np.ndarray:
        return self._vectors @ np.asarray(self._embeddings.embed_query(text), dtype=np.float32)


def _coverage(claim: set[str], evidence: frozenset[str]) -> float:
    """The share of the claim's content stems that the evidence has."""
    return len(claim & evidence) / len(claim) if claim else 0.0


def _quotable(evidence: Evidence) -> bool:
    return len(evidence.stems) >= MIN_QUOTE_WORDS and not evidence.sentence.endswith(("?", ":"))


def missing_details(claim: str, evidence: str) -> set[str]:
    """Numbers, units and names of the claim that the evidence lacks."""
    known = numbers(evidence) | {stem(word) for word in words(evidence)}
    details = numbers(claim) | units(claim) | {stem(name.lower()) for name in names(claim)}
    return details - known


def numbers(text: str) -> set[str]:
    """The numbers in a text, written alike: "3,000" is "3000", "three" is "3", "2.50" is "2.5"."""
    digits = {_plain(match.group()) for match in _NUMBER.finditer(text)}
    return digits | {NUMBER_WORDS[word] for word in words(text) if word in NUMBER_WORDS}


def _plain(number: str) -> str:
    plain = number.replace(",", "").lstrip("+")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def units(text: str) -> set[str]:
    """Words that directly follow a number, stemmed: they say what it counts."""
    return {stem(match.group(1).lower()) for match in _UNIT.finditer(text)} & {stem(w) for w in words(text)}


def names(text: str) -> set[str]:
    """Words that look like names: capitals after the first word, or capitals or digits inside a word."""
    found = set()
    for position, word in enumerate(re.findall(r"[^\W_]+", text)):
        inner = word[1:]
        if any(c.isupper() or c.isdigit() for c in inner) and not word.isdigit():
            found.add(word)
        elif position and word[0].isupper() and len(word) > 1:
            found.add(word)
    return found


def contradicts(claim: str, evidence: str) -> bool:
    """Whether one is negated and the other is not, or a word was swapped for its opposite."""
    said, known = words(claim), words(evidence)
    if _negated(said) != _negated(known):
        return True
    said_stems, known_stems = {stem(w) for w in said}, {stem(w) for w in known}
    return any(_swapped(stem(a), stem(b), said_stems, known_stems) for a, b in OPPOSITES)


def _negated(text: Sequence[str]) -> bool:
    return sum(word in NEGATIONS or word.endswith("n't") for word in text) % 2 == 1


def _swapped(a: str, b: str, said: set[str], known: set[str]) -> bool:
    return (a in said and b not in said and b in known and a not in known) or (
        b in said and a not in said and a in known and b not in known
    )
