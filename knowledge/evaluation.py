"""How well the passages that answer a question are found, measured on a folder in the layout of BEIR.

    corpus.jsonl     {"_id", "title", "text"} a line; the title may be missing
    queries.jsonl    {"_id", "text"} a line
    qrels/test.tsv   query-id, corpus-id, score; dev.tsv or the only file there serves as well

Each may be compressed as `.gz`. Thakur et al. 2021, "BEIR: a heterogenous benchmark for zero-shot evaluation of
information retrieval models", describes the layout; ir-measures computes the figures, by trec_eval's definitions.
"""

import gzip
import hashlib
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from langchain_core.documents import Document

from knowledge.base import KnowledgeBase
from knowledge.catalog import Source
from knowledge.errors import UserError
from knowledge.reading import Loaded

MEASURES = {"ndcg@10": "nDCG@10", "recall@5": "R@5", "recall@10": "R@10"}
HALVES = ("dense", "lexical", "hybrid")
COLLECTION = "corpus"
# Passages asked for: as several may belong to one document, more than the ten that are looked at.
DEPTH = 50
LAYOUT = "A folder in BEIR's layout holds corpus.jsonl, queries.jsonl and qrels/test.tsv."


class DatasetError(UserError):
    """A folder is not in the layout of BEIR."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was read. `queries` holds those that were judged, `judgements` the worth of documents for each."""

    corpus: list[Entry]
    queries: dict[str, str]
    judgements: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Step:
    """`done` of `total` are done of this stage."""

    stage: Literal["documents", "queries"]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the queries, 0 to 1, by half and measure, and the time that one hybrid search takes, in ms."""

    queries: int
    halves: dict[str, dict[str, float]]
    p50_ms: float
    p95_ms: float

    def to_json(self) -> dict[str, object]:
        """The shape that `eval retrieval --json` promises."""
        return {"queries": self.queries} | self.halves | {"p50_ms": self.p50_ms, "p95_ms": self.p95_ms}


# -- the folder


def read_dataset(folder: Path) -> Dataset:
    """Raises DatasetError for what is missing or broken, naming the file and the line."""
    corpus = read_corpus(folder)
    texts = {id_: text for id_, _, text in _records(find_file(folder, "queries.jsonl"))}
    path = _judgements_file(folder)
    judgements = _judgements(path, texts.keys(), {entry.id for entry in corpus})
    if not judgements:
        raise DatasetError(f"{path} judges nothing.", "It needs a line a judgement: query-id, corpus-id, score.")
    return Dataset(corpus, {id_: texts[id_] for id_ in judgements}, judgements)


def read_corpus(folder: Path, layout: str = LAYOUT) -> list[Entry]:
    """The documents in corpus.jsonl. Raises DatasetError."""
    return [Entry(*row) for row in _records(find_file(folder, "corpus.jsonl", layout))]


def find_file(folder: Path, name: str, layout: str = LAYOUT) -> Path:
    """The file of that name, compressed or not. Raises DatasetError, which says how the folder is laid out."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DatasetError(f"{folder} has no {name}.", layout)


def _judgements_file(folder: Path) -> Path:
    found = sorted(path for path in (folder / "qrels").glob("*.tsv*") if path.name.endswith((".tsv", ".tsv.gz")))
    for name in ("test.tsv", "dev.tsv"):
        for path in found:
            if path.name.removesuffix(".gz") == name:
                return path
    return found[0] if len(found) == 1 else find_file(folder, "qrels/test.tsv")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that hold anything, with their numbers from 1."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(io.TextIOWrapper(stream, encoding="utf-8-sig"), start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}", "Check that the file is whole and UTF-8.") from error


def _records(path: Path) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of each line. Raises DatasetError for a line without them, and for an id that comes twice."""
    seen: dict[str, int] = {}
    for number, line in numbered_lines(path):
        id_, title, text = _record(path, number, line)
        if id_ in seen:
            raise broken(path, number, f"repeats the _id {id_!r} of line {seen[id_]}", "Give each its own.")
        seen[id_] = number
        yield id_, title, text


def _record(path: Path, number: int, line: str) -> tuple[str, str, str]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise broken(path, number, "is not JSON", "Write one JSON object a line.") from error
    texts = [value.get("title") or "", value.get("text")] if isinstance(value, dict) else [None]
    if not all(isinstance(text, str) for text in texts) or not isinstance(value.get("_id"), str | int):
        raise broken(path, number, "lacks an _id or a text", 'Write {"_id": "…", "title": "…", "text": "…"}.')
    return str(value["_id"]), *texts


def _judgements(path: Path, queries: Any, corpus: Any) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(path):
        query, document, score = _judgement(path, number, line)
        if number == 1 and not _is_number(score):
            continue  # the header
        if not _is_number(score):
            raise broken(path, number, f"has the score {score!r}", "Write a whole number.")
        if query not in queries:
            raise broken(path, number, f"judges the query {query!r}", "queries.jsonl does not hold it: add it there.")
        if document not in corpus:
            raise broken(path, number, f"names the document {document!r}", "corpus.jsonl does not hold it: add it.")
        found.setdefault(query, {})[document] = int(score)
    return found


def _judgement(path: Path, number: int, line: str) -> list[str]:
    parts = line.split("\t") if "\t" in line else line.split()
    if len(parts) != 3:
        raise broken(path, number, f"has {len(parts)} columns", "Write query-id, corpus-id and score, with tabs.")
    return [part.strip() for part in parts]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def broken(path: Path, number: int, what: str, remedy: str) -> DatasetError:
    """What is wrong with a line of a file."""
    return DatasetError(f"{path}, line {number}, {what}.", remedy)


# -- the measuring


def evaluate(base: KnowledgeBase, dataset: Dataset) -> Iterator[Step | Figures]:
    """Put the corpus into the knowledge base, which should be empty, and ask it the queries; the last is the figures.

    A document is a source, and is worth what its best passage is worth.
    """
    for done in fill(base, dataset.corpus):
        yield Step("documents", done, len(dataset.corpus))
    searches = Searches(base)
    for done, (id_, text) in enumerate(dataset.queries.items(), start=1):
        searches.ask(id_, text)
        yield Step("queries", done, len(dataset.queries))
    yield searches.figures(dataset.judgements)


def fill(base: KnowledgeBase, corpus: Sequence[Entry]) -> Iterator[int]:
    """As an ingestion does with files; yields how many documents are in."""
    yield from base.add(Loaded(_source(entry), [_document(entry)]) for entry in corpus)


def _document(entry: Entry) -> Document:
    # Under its title, as a file's passages stand under its headings: both halves read it with every passage.
    place = {"title": entry.title, "page": None, "format": "text", "section": entry.title}
    return Document(entry.text if entry.text.strip() else entry.title, metadata=place)


def _source(entry: Entry) -> Source:
    content = f"{entry.title}\0{entry.text}".encode("utf-8", "replace")
    return Source(
        path=entry.id,
        collection=COLLECTION,
        title=entry.title,
        state="ready",
        error=None,
        passages=0,
        size=len(content),
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        url="",
        hash=hashlib.sha256(content).hexdigest(),
    )


class Searches:
    """What was found for each query by each half, and how long the search took that people get."""

    def __init__(self, base: KnowledgeBase) -> None:
        hybrid = base.retriever(DEPTH, [COLLECTION])
        self._retrievers = {
            "dense": hybrid.model_copy(update={"halves": "dense"}),
            "lexical": hybrid.model_copy(update={"halves": "lexical"}),
            "hybrid": hybrid,
        }
        self._ranked: dict[str, dict[str, dict[str, float]]] = {half: {} for half in HALVES}
        self._times_ms: list[float] = []
        hybrid.invoke("warm up")

    def ask(self, id_: str, text: str) -> None:
        for half in HALVES:
            started = time.perf_counter()
            found = self._retrievers[half].invoke(text)
            if half == "hybrid":
                self._times_ms.append((time.perf_counter() - started) * 1000)
            self._ranked[half][id_] = ranked(found, id_)

    def figures(self, judgements: Mapping[str, Mapping[str, int]]) -> Figures:
        import numpy as np

        p50, p95 = (round(float(ms), 4) for ms in np.percentile(self._times_ms, [50, 95]))
        measured = {half: measure(judgements, self._ranked[half]) for half in HALVES}
        return Figures(len(self._times_ms), measured, p50, p95)


def ranked(found: Sequence[Document], query: str) -> dict[str, float]:
    """The documents in the order of their best passage, as scores that fall, so that no tie reorders them.

    A document that is the query itself is left out, as BEIR does.
    """
    ids = [id_ for id_ in dict.fromkeys(str(passage.metadata["source"]) for passage in found) if id_ != query]
    return {id_: float(len(ids) - place) for place, id_ in enumerate(ids)}


def measure(judgements: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over all judged queries; one for which nothing was found counts as 0."""
    import ir_measures

    measures = {name: ir_measures.parse_measure(theirs) for name, theirs in MEASURES.items()}
    found = ir_measures.calc_aggregate(list(measures.values()), judgements, run)
    return {name: round(float(found[theirs]), 4) for name, theirs in measures.items()}
