"""How well the check tells true sentences from false ones, measured on a file of judged sentences.

A line is an object: {"sentence", "passages": [text or {"text"}, …], "supported": true or false, "kind": optional}.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.grounding.check import checkable, judge, nearest, with_alike
from assistant.grounding.evidence import Evidence, gather
from assistant.grounding.reading import read
from assistant.types import Passage
from knowledge import Entailment, UserError

NO_KIND = "unnamed"
REMEDY = 'A line looks like {"sentence": "…", "passages": ["…"], "supported": true, "kind": "number"}.'
# Lines whose sentences are embedded together.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence, the texts it was set against, and whether these bear it out."""

    sentence: str
    passages: tuple[str, ...]
    supported: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of `n` sentences of a kind, the share that was judged rightly."""

    n: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class GroundingFigures:
    """Shares, 0 to 1. Precision: of those let through, how many are true; recall: of the true, how many got through."""

    accuracy: float
    precision: float
    recall: float
    by_kind: dict[str, Accuracy]

    def to_json(self) -> dict[str, object]:
        """The shape that `eval grounding --json` promises."""
        kinds = {kind: {"n": one.n, "accuracy": one.accuracy} for kind, one in self.by_kind.items()}
        return {"accuracy": self.accuracy, "precision": self.precision, "recall": self.recall, "by_kind": kinds}


class JudgedFileError(UserError):
    """A file of judged sentences cannot be read."""


def read_judged(path: Path) -> list[Judged]:
    """The lines of the file; raises JudgedFileError, with the line's number where one is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise JudgedFileError(f"{path} cannot be read: {reason}.", "Name a file of JSON Lines. " + REMEDY) from error
    found = [_judged(path, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not found:
        raise JudgedFileError(f"{path} holds no sentence.", REMEDY)
    return found


def _judged(path: Path, number: int, line: str) -> Judged:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise JudgedFileError(f"Line {number} of {path} is not JSON.", REMEDY) from error
    problem = _problem(value)
    if problem:
        raise JudgedFileError(f"Line {number} of {path} {problem}.", REMEDY)
    passages = tuple(passage if isinstance(passage, str) else passage["text"] for passage in value["passages"])
    return Judged(value["sentence"], passages, value["supported"], value.get("kind") or NO_KIND)


def _problem(value: Any) -> str:
    """What is wrong with a line, or nothing."""
    if not isinstance(value, dict):
        return "is no object"
    if not isinstance(value.get("sentence"), str):
        return 'has no "sentence" that is text'
    if not isinstance(value.get("supported"), bool):
        return 'has no "supported" that is true or false'
    if not isinstance(value.get("kind") or "", str):
        return 'has a "kind" that is not text'
    passages = value.get("passages")
    if not isinstance(passages, list) or not all(_is_passage(passage) for passage in passages):
        return 'has no "passages" that is a list of texts'
    return ""


def _is_passage(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("text"), str))


def evaluate(
    lines: Sequence[Judged], embeddings: Embeddings, entailment: Entailment | None = None
) -> Iterator[int | GroundingFigures]:
    """Yields how many lines are done, again and again, and the figures last."""
    right: dict[str, list[bool]] = {}
    passed: list[bool] = []
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        for line, supported in zip(batch, _supported(batch, embeddings, entailment), strict=True):
            right.setdefault(line.kind, []).append(supported == line.supported)
            passed.append(supported)
        yield start + len(batch)
    yield _figures([line.supported for line in lines], passed, right)


def _figures(true: list[bool], passed: list[bool], right: dict[str, list[bool]]) -> GroundingFigures:
    hits = sum(t and p for t, p in zip(true, passed, strict=True))
    kinds = {kind: Accuracy(len(found), sum(found) / len(found)) for kind, found in sorted(right.items())}
    correct = sum(sum(found) for found in right.values())
    return GroundingFigures(
        accuracy=correct / len(true),
        precision=hits / sum(passed) if any(passed) else 0.0,
        recall=hits / sum(true) if any(true) else 0.0,
        by_kind=kinds,
    )


def _supported(lines: Sequence[Judged], embeddings: Embeddings, entailment: Entailment | None) -> list[bool]:
    """Whether each is let through. As there is no question, every sentence of the passages is on topic.

    Only the sentences that share most words with the claim are embedded, all lines' together; with a model for
    inference every sentence, as it also reads those alike in meaning.
    """
    gathered = [_near(line) for line in lines]
    texts = {
        one.said
        for _, _, evidence, near in gathered
        for one in (evidence if near and entailment else (evidence[i] for i in near))
    }
    texts |= {claim for claim, *_ in gathered}
    vectors = _vectors(sorted(texts), embeddings)
    found = []
    for claim, passages, evidence, near in gathered:
        read_too = range(len(evidence)) if near and entailment else near
        cosines = {i: float(vectors[evidence[i].said] @ vectors[claim]) for i in read_too}
        if entailment:
            cosines = {i: cosines[i] for i in with_alike(near, cosines)}
        found.append(judge(claim, evidence, passages, cosines, entailment) is not None)
    return found


def _near(line: Judged) -> tuple[str, list[Passage], list[Evidence], list[int]]:
    # A judged sentence is whole, whether or not its full stop was kept.
    claim = line.sentence.strip() + ("." if line.sentence.strip()[-1:].isalnum() else "")
    passages = [Passage(text, "", None, "", "", 0.0) for text in line.passages]
    evidence = gather(passages, answering=False)
    near = nearest(read(claim), evidence, range(len(evidence))) if checkable(claim) else []
    return claim, passages, evidence, near


def _vectors(texts: list[str], embeddings: Embeddings) -> dict[str, np.ndarray]:
    rows: list[np.ndarray] = list(np.asarray(embeddings.embed_documents(texts), dtype=np.float32)) if texts else []
    return dict(zip(texts, rows, strict=True))
