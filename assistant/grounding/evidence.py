"""The sentences and rows of the passages, and what each says, alone or together with its neighbours."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assistant.covering import covered
from assistant.grounding import rows
from assistant.grounding.alignment import Alignment, align
from assistant.grounding.order import PRONOUNS, subject
from assistant.grounding.quantities import numbers
from assistant.grounding.reading import Reading, Word, read
from assistant.types import Passage
from assistant.untrusted.instructions import is_instruction
from assistant.untrusted.markup import seen
from knowledge.words import content_words, sentences, stem

# How far back the noun is looked for that a pronoun stands for, in sentences.
BACK = 5
# A claim that was put together of two sentences has this many content words from each that the other lacks.
FROM_EACH = 2
# What the numbers and the like of a question count beside its words.
NUMBERS = 0.01
_JOINTS = frozenset("and or but as with by".split())

# What stands under such a heading asks or announces; it does not answer.
_NO_ANSWERS = re.compile(r"\b(?:objectives?|goals?|exercises?|quiz(?:zes)?|review questions|contents)\b", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6} ")
_FENCE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a passage, or a row of a table: as it stands there and where it starts, what it says by itself, and
    the content stems of that in order.

    A sentence says what stands there, a row "item: fuse, price: 2 euros", as far as it is known what its columns are;
    `cells` are the parts of that, `titled` whether the columns are known.
    """

    passage: int
    sentence: str
    said: str
    stems: tuple[str, ...]
    start: int
    cells: tuple[str, ...] = ()
    titled: bool = False

    @property
    def is_row(self) -> bool:
        return bool(self.cells)


@dataclass(frozen=True, slots=True)
class Reach:
    """A claim set against a sentence, alone or with a neighbour. `quote` is a slice of the passage's text."""

    aligned: Alignment
    quote: str


def gather(passages: Sequence[Passage], answering: bool = True) -> list[Evidence]:
    """The sentences and rows of all passages; `answering` leaves out those under headings such as "Exercises".

    What nobody sees of a document says nothing, and neither does what tells a model what to do.
    """
    found = []
    for number, passage in enumerate(passages):
        position = 0
        text = seen(_answering(passage) if answering else passage.text)
        for sentence in sentences(text):
            start = passage.text.find(sentence, position)
            if start >= 0 and not is_instruction(sentence):
                found.append(Evidence(number, sentence, sentence, content_stems(sentence), start))
                position = start
        found += _rows(number, text, passage.text)
    return found


def _rows(number: int, text: str, whole: str) -> Iterator[Evidence]:
    """The rows of the tables of a passage, each under its columns. `whole`: its text, with what nobody sees."""
    columns: list[str] = []
    for line, following in pairwise([*_prose_lines(text), ""]):
        if not rows.ROW.match(line):
            columns = []
        elif rows.RULE.fullmatch(following):
            columns = [] if is_instruction(line) else rows.cells(line)
        elif not rows.RULE.fullmatch(line):
            row = line.strip("| \t")
            start = whole.find(row)
            cells = rows.under_columns(rows.cells(line), columns)
            if start >= 0 and cells and not is_instruction(row):
                said = ", ".join(cells)
                yield Evidence(number, row, said, content_stems(said), start, cells, bool(columns))


def _prose_lines(text: str) -> Iterator[str]:
    """The lines outside code blocks; in place of a block an empty one."""
    for line, fenced in _lines(text):
        yield "" if fenced else line


def told(
    question: str, evidence: Sequence[Evidence], passages: Sequence[Passage], rarity: Callable[[str], float]
) -> np.ndarray:
    """How much of the question each sentence holds, 0 to 1, read under the headings of its passage.

    Of two that hold the same words, such as the rows of a table, the one with the question's numbers holds more; see
    `designations`.
    """
    headed = (f"{passages[one.passage].section} {one.said}" for one in evidence)
    held = np.asarray(covered(question, headed, rarity))
    asked = designations(question)
    if not asked:
        return held
    there = np.asarray([len(asked & designations(one.sentence)) / len(asked) for one in evidence])
    return (1.0 - NUMBERS) * held + NUMBERS * there


def designations(text: str) -> set[str]:
    """The numbers of a text, and its names with a digit, such as "T12": what tells the rows of a table apart."""
    named = (word.lower for word in read(text).words if word.lower[0].isalpha())
    return numbers(text) | {name for name in named if any(map(str.isdigit, name))}


def most_telling(held: np.ndarray, count: int) -> list[int]:
    """Those that hold most, those of a better passage first: the only ones that are embedded, which is most of what a
    question takes besides the model."""
    return [int(i) for i in np.argsort(-held, kind="stable")[:count]]


def content_stems(text: str) -> tuple[str, ...]:
    """Stems of the content words, each once, in order."""
    return tuple(dict.fromkeys(stem(word) for word in content_words(text)))


def reaches(claim: Reading, evidence: Sequence[Evidence], i: int, passages: Sequence[Passage]) -> list[Reach]:
    """The claim set against sentence `i`, and against it and the one before or after where it draws on both."""
    own = evidence[i]
    alone = align(claim, _resolved(evidence, i))
    found = [Reach(alone, own.sentence)]
    for j in (i - 1, i + 1):
        if 0 <= j < len(evidence) and evidence[j].passage == own.passage and len(alone.missing) >= FROM_EACH:
            first, second = sorted((own, evidence[j]), key=lambda e: e.start)
            quote = passages[own.passage].text[first.start : second.start + len(second.sentence)]
            both = align(claim, read(f"{first.sentence} {second.sentence}"))
            other = align(claim, read(evidence[j].sentence))
            if _adjoin(first, second) and _gains(alone, both) and _gains(other, both) and _joined(alone, other):
                found.append(Reach(both, quote))
    return found


def _adjoin(first: Evidence, second: Evidence) -> bool:
    """Whether nothing but space stands between them."""
    return first.start >= 0 and 0 <= second.start - first.start - len(first.sentence) <= 2


def _gains(one: Alignment, both: Alignment) -> bool:
    return len(set(one.missing) - set(both.missing)) >= FROM_EACH


def _joined(one: Alignment, other: Alignment) -> bool:
    """Whether the claim speaks of what both sentences speak of, and what it has of either alone is joined to what it
    has of the other by a comma, a conjunction or the like, and not run into it."""
    words = one.claim.words
    if not all(_speaks_of(words, alignment.evidence) for alignment in (one, other)):
        return False
    taken = [i for i in one.claim.content if (i in one.missing) != (i in other.missing)]
    seams = [(i, j) for i, j in pairwise(taken) if (i in one.missing) != (j in one.missing)]
    return all(
        words[i].clause != words[j].clause or not _JOINTS.isdisjoint(word.lower for word in words[i:j])
        for i, j in seams
    )


def _speaks_of(words: Sequence[Word], sentence: Reading) -> bool:
    roots = {sentence.words[j].root for j in subject(sentence)}
    return not roots or any(word.root in roots for word in words)


def _resolved(evidence: Sequence[Evidence], i: int) -> Reading:
    """The sentence; where it begins with a pronoun, after the subject of the sentence that the pronoun points to."""
    own = read(evidence[i].said)
    opening = own.words[: own.content[0] if own.content else len(own.words)]
    if not any(word.lower in PRONOUNS for word in opening):
        return own
    for j in range(i - 1, max(i - 1 - BACK, -1), -1):
        if evidence[j].passage != evidence[i].passage:
            break
        earlier = read(evidence[j].sentence)
        named = subject(earlier)
        if named and earlier.words[0].lower not in PRONOUNS:
            told = " ".join(word.written for word in earlier.words[: named[-1] + 1])
            return read(f"{told}, {evidence[i].sentence}")
    return own


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


def code_lines(text: str) -> set[str]:
    """The lines inside code blocks, without indentation."""
    return {line.strip() for line, fenced in _lines(text) if fenced and not _FENCE.match(line)}


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is of a code block, the marks around it included."""
    fenced = False
    for line in text.splitlines():
        mark = bool(_FENCE.match(line))
        yield line, fenced or mark
        fenced = fenced != mark
