"""What a question takes besides the model, in a large knowledge base.

Real questions go through the pipeline as it is, with its conversation kept on disk. Only the writing is left out: in
place of a model there is one that at once says sentences of the passages that it was given, and counts tokens as the
model of the profile does. The documents are the bundled samples, and passages made of their sentences. No vector is
remembered from one conversation to the next, as though nobody had asked about these passages for long.
"""

import asyncio
import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import platformdirs
from langchain_core.messages import AIMessageChunk, BaseMessage

from assistant import hardware, samples
from assistant.agent import Assistant
from assistant.bench import Say, describe, others_at_work
from assistant.engines.base import Engine, create
from assistant.idleness import BUSY, busy_share
from assistant.settings import DatabaseSettings, KnowledgeSettings, Settings
from assistant.steps import step, timed
from assistant.types import Question, Status, new_conversation_id
from knowledge import KnowledgeBase, Report, SentenceEmbeddings
from knowledge.chunking import VERSION as CUTTING
from knowledge.fingerprints import model_fingerprint
from knowledge.schema import VERSION as SCHEMA
from knowledge.synthetic import VERSION as SYNTHETIC
from knowledge.synthetic import fill
from knowledge.words import sentences

QUESTIONS = 60
# Questions before those that are measured: what is read from the disk once is no part of what a question takes.
WARM_UP = 6
# What the model says: an answer of a few sentences.
SAID = 4
STEPS = ("retrieve", "gate", "compose", "ground", "save", "other")
# About the samples; the second and third of each refer back to what was said before them.
CONVERSATIONS = (
    ("What does Ohm's law state?", "Where does it not hold?", "And for a diode?"),
    ("How is an ammeter connected in a circuit?", "Why is it connected like that?", "And a voltmeter?"),
    ("What is the total resistance of resistors in parallel?", "And in series?", "Why are houses wired like that?"),
    ("How quickly does a capacitor charge through a resistor?", "What does it store?", "Is that dangerous?"),
    ("What does Kirchhoff's current law say about a junction?", "And the voltage law?", "What does it follow from?"),
    ("Which files can be ingested?", "What if one of them cannot be read?", "How are they removed again?"),
    ("How do I keep a collection closed to other people?", "What does it say to them?", "And in Slack?"),
    ("Why is the first answer slow?", "And the ones after it?", "What can I do about that?"),
)


@dataclass(frozen=True, slots=True)
class Quoting:
    """An engine that takes no time: what it says stands in its prompt. What it counts, the real one counts."""

    real: Engine

    @property
    def context_length(self) -> int:
        return self.real.context_length

    def load(self) -> None:
        self.real.load()

    def close(self) -> None:
        self.real.close()

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        return self.real.count_tokens(messages)

    def count_text(self, text: str) -> int:
        return self.real.count_text(text)

    async def astream(self, messages: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]:
        with step("model"):
            # After the first line of the prompt stand the passages. Every other sentence is worded anew.
            read = [" ".join(sentence.split()) for sentence in sentences(messages[-1].text)][1 : 1 + SAID]
            said = [f"In short, {sentence}" if number % 2 else sentence for number, sentence in enumerate(read)]
        for sentence in said:
            yield AIMessageChunk(content=f"{sentence} ")


@dataclass(frozen=True, slots=True)
class Lap:
    """Milliseconds that one question took, all in all and by step, and what came of it."""

    total: float
    steps: dict[str, float]
    status: Status


@dataclass(frozen=True, slots=True)
class Overhead:
    """What the questions took. `laps` are theirs, in the order asked; `note` is what a reader should know besides."""

    machine: str
    model: str
    engine: str
    passages: int
    laps: tuple[Lap, ...]
    note: str = ""

    @property
    def answered(self) -> int:
        return sum(lap.status == "answered" for lap in self.laps)

    def rows(self) -> Iterator[tuple[str, float, float]]:
        """(step, median, 95 of 100) in milliseconds; the last is all of it, which is not the sum of medians."""
        for name in STEPS:
            yield name, *_quantiles([lap.steps[name] for lap in self.laps])
        yield "all", *_quantiles([lap.total for lap in self.laps])

    def to_json(self) -> dict[str, Any]:
        """The shape that `bench --pipeline --json` promises."""
        found = {name: {"p50": round(p50, 1), "p95": round(p95, 1)} for name, p50, p95 in self.rows()}
        return {
            "machine": self.machine,
            "model": self.model,
            "engine": self.engine,
            "passages": self.passages,
            "questions": len(self.laps),
            "answered": self.answered,
            "pipeline_ms": found.pop("all"),
            "steps_ms": found,
        }


def _quantiles(times: Sequence[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20, method="inclusive")[-1]


def measure_overhead(settings: Settings, passages: int, say: Say) -> Overhead:
    """Ask among so many passages, which are made unless they were before. Takes seconds, and minutes the first time.

    Raises UserError.
    """
    engine = Quoting(create(settings.engine))
    embeddings = SentenceEmbeddings(settings.knowledge.embedding_model)
    folder = prepared(embeddings, passages, say)
    busy = busy_share()
    say("Loading the models…")
    laps = asyncio.run(_ask(Assistant(_apart(settings, folder), engine, embeddings), say))
    return Overhead(
        machine=describe(hardware.detect(with_torch=True)),
        model=settings.engine.model,
        engine=settings.engine.kind,
        passages=passages,
        laps=tuple(laps),
        note=f"{others_at_work(busy)}: the figures may be too high." if busy > BUSY else "",
    )


def _apart(settings: Settings, folder: Path) -> Settings:
    """The profile, but for its own documents and conversations."""
    knowledge = settings.knowledge
    kept = {
        key: getattr(knowledge, key)
        for key in ("embedding_model", "passages", "reranker", "entailment_model", "join_neighbours")
    }
    changes = {"data_dir": folder, "database": DatabaseSettings(), "knowledge": KnowledgeSettings(**kept)}
    return settings.model_copy(update=changes)


# -- asking


async def _ask(assistant: Assistant, say: Say) -> list[Lap]:
    laps: list[Lap] = []
    async with assistant:
        await assistant.warm_up()
        for number, conversation in enumerate(islice(cycle(CONVERSATIONS), (WARM_UP + QUESTIONS) // 3)):
            say(f"Asking: {3 * number} of {WARM_UP + QUESTIONS}…")
            assistant.knowledge.embeddings.forget()
            laps += await _converse(assistant, conversation)
    return laps[WARM_UP:]


async def _converse(assistant: Assistant, questions: Sequence[str]) -> list[Lap]:
    """The conversation is forgotten at the end, so that it can be held again."""
    id_ = new_conversation_id()
    try:
        return [await _lap(assistant, Question(text, id_)) for text in questions]
    finally:
        await assistant.forget(id_)


async def _lap(assistant: Assistant, question: Question) -> Lap:
    with timed() as stopwatch:
        started = time.perf_counter()
        answer = await assistant.ask(question)
        seconds = time.perf_counter() - started
    spent = stopwatch.seconds()
    seconds -= spent.pop("model", 0.0)
    spent["other"] = max(seconds - sum(spent.values()), 0.0)
    return Lap(seconds * 1000, {name: spent.get(name, 0.0) * 1000 for name in STEPS}, answer.status)


# -- the documents


def prepared(embeddings: SentenceEmbeddings, passages: int, say: Say) -> Path:
    """A folder with a knowledge base of so many passages, kept in the user's cache."""
    folder = _cache() / _key(embeddings, passages)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as scratch:
            making = Path(scratch) / "whole"
            _make(making, embeddings, passages, say)
            with suppress(OSError):  # another process was quicker
                making.rename(folder)
    return folder


def _cache() -> Path:
    return platformdirs.user_cache_path("solar-assistant", appauthor=False) / "bench"


def _key(embeddings: SentenceEmbeddings, passages: int) -> str:
    """By all that decides what is in it."""
    digest = hashlib.sha256()
    digest.update(repr((SYNTHETIC, SCHEMA, CUTTING, model_fingerprint(embeddings.model))).encode())
    for path in _sample_files():
        digest.update(path.read_bytes())
    return f"{passages}-{digest.hexdigest()[:16]}"


def _sample_files() -> list[Path]:
    return sorted(path for path in samples.folder().rglob("*") if path.suffix in (".md", ".pdf", ".docx"))


def _make(folder: Path, embeddings: SentenceEmbeddings, passages: int, say: Say) -> None:
    say("Reading the samples…")
    base = KnowledgeBase(folder, embeddings)
    with closing(base):
        *_, report = base.ingest(_sample_files())
        assert isinstance(report, Report)  # noqa: S101 (the last event is)
        texts = (path.read_text(encoding="utf-8") for path in _sample_files() if path.suffix == ".md")
        for done in fill(base, [s for text in texts for s in sentences(text)], passages - report.passages):
            say(f"Making documents, once: {report.passages + done:,} of {passages:,} passages…")
    # The files that were written are copied for those who read, and nobody will write them again.
    shutil.rmtree(folder / "chroma" / "written", ignore_errors=True)
