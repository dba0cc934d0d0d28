"""Is a sentence supported by the passages? The check that stands between the model and the person.

A claim is set against the sentences nearest to it, alone or with a neighbour it draws on. The one it was most likely
made of decides: it must contradict nothing (numbers, units, dates, names, negation, opposites, who does what) and
hold enough of the claim. Where the language is not English, only practically a quotation passes. What is not
supported is not shown as fact; then the passage itself is quoted, which is always true to the source.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.grounding import languages, rows
from assistant.grounding.borrowing import borrowed
from assistant.grounding.claims import statements
from assistant.grounding.evidence import Evidence, Reach, code_lines, designations, gather, most_telling, reaches, told
from assistant.grounding.reading import Reading, plain, read, unled
from assistant.grounding.verdict import ENOUGH, at_odds, closeness, contradicted, support
from assistant.types import Passage
from knowledge import Entailment
from knowledge.words import content_words

# Sentences that a claim is set against: those that share most of its words.
CANDIDATES = 4
# A sentence that says it by itself is quoted rather than two that say it together.
ALONE = 0.1
# Characters of a quotation that takes in several sentences.
LONGEST_QUOTE = 700
# Fewer content words than this make no claim that could be checked.
SHORTEST_CLAIM = 2
# The chance from which on a model for inference is believed that a sentence follows from another.
ENTAILED = 0.5
# Sentences that are weighed by meaning; the gate has read some of them. With 6 to 16, what is quoted is about as near
# to the reference answers of 95 conversations.
WEIGHED = 8
# A written answer must rest on one of the sentences that speak most directly of the question, and on none that is worth
# less than this share of the best one.
ON_TOPIC = 5
ON_TOPIC_SHARE = 0.4
# Words of its own that a quotation must have, or it says nothing.
MIN_QUOTE_WORDS = 3
# Cosine with the question plus half the share of it that is covered: below the first a sentence is no answer, and
# below the second share of the best one it is not worth quoting beside it.
MIN_QUOTE_VALUE = 0.6
MIN_QUOTE_SHARE = 0.75

# Ends like a statement: not a heading, not a question, not cut off in the middle.
_WHOLE_SENTENCE = re.compile(r"^[^#].*[.!。！][\"'”’)*_`]*\s*$", re.DOTALL)
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Support:
    """The passage, by its place among those given, and the exact words of it that bear the sentence out."""

    passage: int
    quote: str


class Grounding:
    """Checks sentences against a set of passages, whose sentences are embedded once.

    `rarity` says how telling a word is in these documents; `entailment` decides in place of the rules for wording.
    """

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        embeddings: Embeddings,
        rarity: Callable[[str], float],
        entailment: Entailment | None = None,
    ) -> None:
        self.passages = passages
        self._entailment = entailment
        self._question = read(question)
        self._asked = designations(question)
        self._embeddings = embeddings
        self.evidence = gather(passages)
        held = told(question, self.evidence, passages, rarity)
        self._read = self._choose(held)
        self._vectors = self._embed([self.evidence[i].said for i in self._read])
        self._values = self._worth(question, held)
        self._on_topic = {self._read[i] for i in self._telling()}

    def _choose(self, held: "np.ndarray") -> list[int]:
        """The sentences that are weighed, in their order."""
        return sorted(most_telling(held, WEIGHED))

    def _embed(self, texts: Sequence[str]) -> "np.ndarray":
        return np.asarray(self._embeddings.embed_documents(list(texts)) if texts else [], dtype=np.float32)

    def _worth(self, question: str, held: "np.ndarray") -> "np.ndarray":
        """How directly each sentence that is weighed speaks of the question."""
        if not self._read:
            return np.zeros(0)
        worth: np.ndarray = self._cosines(question) + held[self._read] / 2
        return worth

    def _telling(self) -> list[int]:
        """Places among the values: of the best and, where one of them is an answer, of what is worth nearly as much."""
        wanted = self._wanted()
        order = [i for i in np.argsort(-self._values).tolist() if wanted[i]][:ON_TOPIC]
        best = float(self._values[order[0]]) if order else 0.0
        return [i for i in order if best < MIN_QUOTE_VALUE or self._values[i] >= ON_TOPIC_SHARE * best]

    def _wanted(self) -> list[bool]:
        """Of what is weighed, all but the rows beside those that the question names by their numbers."""
        read = [self.evidence[i] for i in self._read]
        named = [rows.asked_for(self._question, one.cells) for one in read]
        return [name or not one.is_row or not any(named) for name, one in zip(named, read, strict=True)]

    def _cosines(self, text: str) -> "np.ndarray":
        vector = np.asarray(self._embeddings.embed_query(text), dtype=np.float32)
        cosines: np.ndarray = self._vectors @ vector
        return cosines

    def check(self, claim: str) -> Support | None:
        """What supports the claim, or None. Code is supported only where it stands in a passage line by line."""
        if _FENCE.match(claim):
            return self._check_code(claim)
        if not self.evidence or not checkable(claim):
            return None
        near = nearest(read(claim), self.evidence, sorted(self._on_topic))
        # Before the claim is embedded, which takes longest and tells nothing of a sentence that stands there.
        if same := verbatim(unled(claim.strip()), self.evidence, near):
            return same
        cosines = dict(zip(self._read, map(float, self._cosines(claim)), strict=True)) if near else {}
        if self._entailment:
            near = with_alike(near, {i: cosines[i] for i in self._on_topic})
        return judge(claim, self.evidence, self.passages, {i: cosines[i] for i in near}, self._entailment)

    def _check_code(self, block: str) -> Support | None:
        lines = [line.strip() for line in block.splitlines() if line.strip() and not _FENCE.match(line)]
        for number, passage in enumerate(self.passages):
            there = code_lines(passage.text)
            if lines and all(line in there for line in lines):
                return Support(number, lines[0])
        return None

    def best(self, count: int) -> list[Support]:
        """The sentences that speak most directly of the question, best first: what to quote.

        Sentences that say the same count once, and those that hardly touch the question are left out, so there may
        be fewer than `count`, or none.
        """
        order = sorted(zip(self._values.tolist(), self._read, strict=True), key=lambda one: -one[0])
        worth = [(value, self.evidence[i]) for value, i in order if self._answers(self.evidence[i])]
        least = max(MIN_QUOTE_VALUE, MIN_QUOTE_SHARE * worth[0][0]) if worth else 0.0
        found: dict[frozenset[str], Support] = {}
        for value, evidence in worth:
            if value >= least:
                found.setdefault(frozenset(evidence.stems), Support(evidence.passage, evidence.sentence))
        return list(found.values())[:count]

    def row(self, support: Support) -> str:
        """What a row that is quoted whole says under its columns: "room: 71, seats: 81"; else, or where nobody knows
        the columns, nothing."""
        rows = (one for one in self.evidence if one.titled and one.passage == support.passage)
        return next((one.said for one in rows if one.sentence == support.quote), "")

    def _answers(self, evidence: Evidence) -> bool:
        """Whether it may be quoted: of rows one that has the numbers asked for, as the one beside it speaks of
        something else."""
        if not evidence.is_row:
            return quotable(evidence)
        return self._asked <= designations(evidence.sentence) and not rows.misplaced(self._question, evidence.cells)


def checkable(claim: str) -> bool:
    """Whether a sentence is a whole statement with something in it to check."""
    return bool(_WHOLE_SENTENCE.search(claim)) and len(content_words(claim)) >= SHORTEST_CLAIM


def nearest(claim: Reading, evidence: Sequence[Evidence], allowed: Sequence[int]) -> list[int]:
    """Those of the allowed sentences that share most of the claim's words, a short one before a long one."""
    roots = {word.root for word in claim.words}
    content = {claim.words[i].root for i in claim.content}
    worth = {}
    for i in allowed:
        there = [word.root for word in read(evidence[i].said).words]
        worth[i] = (len(content.intersection(there)) + 0.1 * len(roots.intersection(there))) - 0.001 * len(there)
    return sorted(allowed, key=lambda i: -worth[i])[:CANDIDATES]


def with_alike(near: Sequence[int], cosines: Mapping[int, float]) -> list[int]:
    """As many again that are alike in meaning: what is worded freely shares few words with what it rests on."""
    return list(dict.fromkeys([*near, *sorted(cosines, key=lambda i: -cosines[i])[:CANDIDATES]]))


def verbatim(claim: str, evidence: Sequence[Evidence], among: Iterable[int]) -> Support | None:
    """The first of these sentences that is the claim, but for Markdown and case."""
    said = plain(claim).lower()
    same = (evidence[i] for i in among if plain(evidence[i].sentence).lower() == said)
    return next((Support(one.passage, one.sentence) for one in same), None)


def judge(
    claim: str,
    evidence: Sequence[Evidence],
    passages: Sequence[Passage],
    cosines: dict[int, float],
    entailment: Entailment | None = None,
) -> Support | None:
    """What supports the claim among the sentences that a cosine with it is given for, or None.

    Where it joins several statements, each may have a sentence of its own.
    """
    claim = unled(claim.strip())
    whole = _judge_one(claim, evidence, passages, cosines, entailment)
    parts = statements(claim)
    if whole or len(parts) == 1 or not languages.english(read(claim)):
        return whole
    found = [_judge_one(part, evidence, passages, cosines, entailment) for part in parts]
    told = [support for support in found if support is not None]
    return _spanning(told, passages) if len(told) == len(parts) else None


def _spanning(found: Sequence[Support], passages: Sequence[Passage]) -> Support | None:
    """The shortest slice of a passage that has all the quotes, unless it would have to be long."""
    passage = found[0].passage
    text = passages[passage].text
    starts = [text.find(support.quote) for support in found]
    start, end = min(starts), max(at + len(one.quote) for at, one in zip(starts, found, strict=True))
    if any(support.passage != passage for support in found) or end - start > LONGEST_QUOTE:
        return None
    return Support(passage, text[start:end])


def _judge_one(
    claim: str,
    evidence: Sequence[Evidence],
    passages: Sequence[Passage],
    cosines: dict[int, float],
    entailment: Entailment | None,
) -> Support | None:
    if same := verbatim(claim, evidence, cosines):
        return same
    reading = read(claim)
    if not languages.english(reading):
        quoted = (evidence[i] for i in cosines if languages.quotes(claim, evidence[i].sentence))
        return next((Support(one.passage, one.sentence) for one in quoted), None)
    fitting = (i for i in cosines if not rows.misplaced(reading, evidence[i].cells))
    found = [(reach, i) for i in fitting for reach in reaches(reading, evidence, i, passages)]
    if not found:
        return None
    if entailment:
        return _entailed(claim, found, evidence, passages, entailment)
    reach, i = max(found, key=lambda pair: _closeness(pair[0], evidence[pair[1]], cosines[pair[1]]))
    others = [read(e.sentence) for e in evidence if e.sentence not in reach.quote]
    known = _known(passages[evidence[i].passage])
    if contradicted(reach.aligned, claim, reach.quote, known) or borrowed(reach.aligned, others):
        return None
    return Support(evidence[i].passage, reach.quote) if support(reach.aligned, cosines[i]) >= ENOUGH else None


def _entailed(
    claim: str,
    found: Sequence[tuple[Reach, int]],
    evidence: Sequence[Evidence],
    passages: Sequence[Passage],
    entailment: Entailment,
) -> Support | None:
    """What the claim follows from, by the model's reading, among what it is not at odds with."""
    allowed = [
        (reach, i)
        for reach, i in found
        if not at_odds(reach.aligned, claim, reach.quote, _known(passages[evidence[i].passage]))
    ]
    chances = entailment.probabilities([reach.aligned.evidence.text for reach, _ in allowed], claim)
    best = max(range(len(allowed)), key=lambda at: chances[at], default=-1)
    if best < 0 or chances[best] < ENTAILED:
        return None
    reach, i = allowed[best]
    return Support(evidence[i].passage, reach.quote)


def _known(passage: Passage) -> frozenset[str]:
    """The words of a passage, and of what it stands under: that may be named, too."""
    return frozenset(word.lower for text in (passage.text, passage.section) for word in read(text).words)


def _closeness(reach: Reach, own: Evidence, cosine: float) -> float:
    return closeness(reach.aligned, cosine) - ALONE * (reach.quote != own.sentence)


def quotable(evidence: Evidence) -> bool:
    """Whether a sentence says something by itself: no question, no announcement, no line set in bold as a heading."""
    heading = evidence.sentence.startswith("**") and evidence.sentence.endswith("**")
    return len(evidence.stems) >= MIN_QUOTE_WORDS and not heading and not evidence.sentence.endswith(("?", ":"))
