"""Is a sentence supported by the passages? The check that stands between the model and the person.

A first, strict rule: one sentence of the passages must mean the same as the claim (cosine), hold practically all of
its content words in the same order, and agree in numbers, units, names, formulas, negation and qualification. A
true sentence that is worded freely fails it too; then the passage itself is quoted, which is always true to the
source. What is never acceptable is the reverse.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.gate import covered
from assistant.types import Passage
from assistant.untrusted.instructions import is_instruction
from assistant.untrusted.markup import seen
from knowledge.words import content_words, sentences, stem, words

MIN_COSINE = 0.55
# Content words of the claim that may be missing from the sentence that supports it: none in a short claim, and in a
# claim of six words or more one, provided that the passages do not have it either. A word that was taken from
# another sentence is how a subject is swapped.
LONG_CLAIM = 6
# Fewer content words than this make no claim.
SHORTEST_CLAIM = 3
# The longest run of the claim's content words, gaps allowed, that stands in the same order in the evidence.
MIN_IN_ORDER = 0.75
# A written answer must rest on one of the sentences that speak most directly of the question.
ON_TOPIC = 5
# Words of its own that a quotation must have, or it says nothing.
MIN_QUOTE_WORDS = 3
# Cosine with the question plus half the share of it that is covered: below the first a sentence is no answer, and
# below the second share of the best one it is not worth quoting beside it.
MIN_QUOTE_VALUE = 0.6
MIN_QUOTE_SHARE = 0.75

NEGATIONS = frozenset("no not never none nothing nobody neither nor cannot without".split())
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
# "one" is more often a pronoun than a number.
del NUMBER_WORDS["one"]
NUMBER_WORDS |= {"once": "once", "twice": "2", "double": "2", "half": "half", "triple": "3", "dozen": "12"}
# Words that bound a number: none may be lost or added beside one.
BOUNDS = frozenset(
    "more less least most fewer over under below above about almost nearly up within only exceed exactly".split()
)
# Words that make a claim stronger than its evidence: none may be added.
STRONG = frozenset("always only all both every each must never most entirely completely exactly best worst".split())
# Small words that say how things relate, and in programming what they are ("for loop"): none may be added.
RELATIONS = frozenset(
    """about above after against among and at because before below between but by during except for from if in into
    near off on once onto or out over since than through under until up upon when whereas while with within
    without""".split()
)
OPPOSITES = tuple(
    tuple(pair.split("/"))
    for pair in """
    above/below accept/reject add/remove after/before allow/forbid allow/prevent always/never ascending/descending
    begin/end cause/prevent close/open cold/hot decrease/increase deny/grant disable/enable download/upload drop/rise
    even/odd exclude/include external/internal fail/pass fail/succeed fall/rise false/true fast/slow faster/slower
    few/many first/last forward/backward high/low higher/lower horizontal/vertical immutable/mutable input/output
    inside/outside large/small larger/smaller less/more lose/gain longer/shorter long/short lower/raise
    maximum/minimum mandatory/optional multiply/divide negative/positive on/off parallel/series private/public
    push/pull required/optional right/left same/different safe/dangerous start/stop strong/weak stronger/weaker
    up/down valid/invalid with/without""".split()
)

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?")
_UNIT = re.compile(r"[\d.,]+\s?([^\W\d_]+|%|°[CF]?|[µμΩ]\w*)")
_FORMULA = re.compile(r"[\w.()₀-₉²³]+(?:\s*[=×*/+−·^<>≤≥]+\s*[\w.()₀-₉²³]+)+")
# Ends like a statement: not a heading, not a question, not cut off in the middle.
_WHOLE_SENTENCE = re.compile(r"^[^#].*[.!][\"'”’)*_`]*\s*$", re.DOTALL)
# What stands under such a heading asks or announces; it does not answer.
_NO_ANSWERS = re.compile(r"\b(?:objectives?|goals?|exercises?|quiz(?:zes)?|review questions|contents)\b", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6} ")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Support:
    """The passage, by its place among those given, and the exact words of it that bear the sentence out."""

    passage: int
    quote: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a passage, and its content stems in order."""

    passage: int
    sentence: str
    stems: tuple[str, ...]


class Grounding:
    """Checks sentences against a set of passages, whose sentences are embedded once.

    `rarity` says how telling a word is in these documents.
    """

    def __init__(
        self, question: str, passages: Sequence[Passage], embeddings: Embeddings, rarity: Callable[[str], float]
    ) -> None:
        self.passages = passages
        self._embeddings = embeddings
        self.evidence = [
            Evidence(number, sentence, content_stems(sentence))
            for number, passage in enumerate(passages)
            for sentence in sentences(seen(_answering(passage)))
            if not is_instruction(sentence)
        ]
        self._known = {stem for evidence in self.evidence for stem in evidence.stems}
        self._vectors = self._embed([e.sentence for e in self.evidence])
        self._values = self._worth(question, rarity)
        self._on_topic = set(np.argsort(-self._values)[:ON_TOPIC].tolist())

    def _embed(self, texts: Sequence[str]) -> "np.ndarray":
        return np.asarray(self._embeddings.embed_documents(list(texts)) if texts else [], dtype=np.float32)

    def _worth(self, question: str, rarity: Callable[[str], float]) -> "np.ndarray":
        """How directly each sentence, read under its headings, speaks of the question."""
        if not self.evidence:
            return np.zeros(0)
        headed = [f"{self.passages[e.passage].section} {e.sentence}" for e in self.evidence]
        told = np.asarray([covered(question, text, rarity) for text in headed])
        worth: np.ndarray = self._cosines(question) + told / 2
        return worth

    def _cosines(self, text: str) -> "np.ndarray":
        vector = np.asarray(self._embeddings.embed_query(text), dtype=np.float32)
        cosines: np.ndarray = self._vectors @ vector
        return cosines

    def check(self, claim: str) -> Support | None:
        """What supports the claim, or None. Code is supported only where it stands in a passage line by line."""
        if _FENCE.match(claim):
            return self._check_code(claim)
        stems = content_stems(claim)
        if len(stems) < SHORTEST_CLAIM or not _WHOLE_SENTENCE.search(claim) or not self.evidence:
            return None
        cosines = self._cosines(claim)
        agreeing = [i for i in self._on_topic if cosines[i] >= MIN_COSINE and self._agrees(claim, stems, i)]
        if not agreeing:
            return None
        best = max(agreeing, key=lambda i: float(cosines[i]))
        return Support(self.evidence[best].passage, self.evidence[best].sentence)

    def _agrees(self, claim: str, stems: Sequence[str], number: int) -> bool:
        evidence = self.evidence[number]
        return (
            self._covers(stems, evidence.stems)
            and in_order(stems, evidence.stems) >= MIN_IN_ORDER
            and not missing_details(claim, evidence.sentence)
            and not contradicts(claim, evidence.sentence)
            and not overstates(claim, evidence.sentence)
        )

    def _covers(self, claim: Sequence[str], evidence: Sequence[str]) -> bool:
        missing = set(claim) - set(evidence)
        allowed = 1 if len(claim) >= LONG_CLAIM else 0
        return len(missing) <= allowed and missing.isdisjoint(self._known)

    def _check_code(self, block: str) -> Support | None:
        lines = [line.strip() for line in block.splitlines() if line.strip() and not _FENCE.match(line)]
        for number, passage in enumerate(self.passages):
            there = _code_lines(passage.text)
            if lines and all(line in there for line in lines):
                return Support(number, lines[0])
        return None

    def best(self, count: int) -> list[Support]:
        """The sentences that speak most directly of the question, best first: what to quote.

        Sentences that say the same count once, and those that hardly touch the question are left out, so there may
        be fewer than `count`, or none.
        """
        order = [i for i in np.argsort(-self._values) if quotable(self.evidence[i])]
        least = max(MIN_QUOTE_VALUE, MIN_QUOTE_SHARE * self._values[order[0]]) if order else 0.0
        found: dict[frozenset[str], Support] = {}
        for i in order:
            if self._values[i] >= least:
                evidence = self.evidence[i]
                found.setdefault(frozenset(evidence.stems), Support(evidence.passage, evidence.sentence))
        return list(found.values())[:count]


def _answering(passage: Passage) -> str:
    """The passage's text without what stands under headings such as "Exercises"."""
    skipping = bool(_NO_ANSWERS.search(passage.section.rpartition(" > ")[2]))
    kept: list[str] = []
    for line in passage.text.splitlines(keepends=True):
        if _HEADING.match(line):
            skipping = bool(_NO_ANSWERS.search(line))
        if not skipping:
            kept.append(line)
    return "".join(kept)


def _code_lines(text: str) -> set[str]:
    """The lines inside code blocks, without indentation."""
    lines: set[str] = set()
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif fenced:
            lines.add(line.strip())
    return lines


def is_claim(sentence: str) -> bool:
    """Whether a sentence says something that may be true or false."""
    return not sentence.rstrip().endswith("?")


def quotable(evidence: Evidence) -> bool:
    """Whether a sentence says something by itself: no question, no announcement, no line set in bold as a heading."""
    heading = evidence.sentence.startswith("**") and evidence.sentence.endswith("**")
    return len(evidence.stems) >= MIN_QUOTE_WORDS and not heading and not evidence.sentence.endswith(("?", ":"))


def content_stems(text: str) -> tuple[str, ...]:
    """Stems of the content words, each once, in order."""
    return tuple(dict.fromkeys(stem(word) for word in content_words(text)))


def in_order(claim: Sequence[str], evidence: Sequence[str]) -> float:
    """The share of the claim's words that stand in the evidence in the same order: 1 for a verbatim part of it."""
    kept = SequenceMatcher(None, claim, evidence, autojunk=False).get_matching_blocks()
    return sum(block.size for block in kept) / len(claim) if claim else 0.0


def missing_details(claim: str, evidence: str) -> set[str]:
    """Numbers, units, names and formulas of the claim that the evidence lacks."""
    known = numbers(evidence) | {stem(word) for word in words(evidence)}
    details = numbers(claim) | units(claim) | {stem(name.lower()) for name in names(claim)}
    solid = "".join(evidence.split())
    formulas = {"".join(match.group().split()) for match in _FORMULA.finditer(claim)}
    return (details - known) | {formula for formula in formulas if formula not in solid}


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
        if (any(c.isupper() or c.isdigit() for c in inner) and not word.isdigit()) or (
            position and word[0].isupper() and len(word) > 1
        ):
            found.add(word)
    return found


def overstates(claim: str, evidence: str) -> bool:
    """Whether the claim says more than the evidence: more surely, more exactly, or of something else.

    Beside a number, bounds ("more than", "about") must agree, and no number of the evidence may be left out: which of
    several numbers belongs to what cannot be told from the words alone.
    """
    said, known = set(words(claim)), set(words(evidence))
    if numbers(claim) and (said & BOUNDS != known & BOUNDS or numbers(claim) != numbers(evidence)):
        return True
    return not said & (STRONG | RELATIONS) <= known


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
