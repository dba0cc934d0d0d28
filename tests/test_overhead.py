"""`assistant bench --pipeline`: what a question takes besides the model, step by step, among made-up documents."""

import asyncio
import json
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from rich.console import Console

from assistant.overhead import STEPS, Lap, Overhead, Quoting, prepared
from assistant.steps import step, timed
from connectors.cli.bench import print_overhead
from knowledge import KnowledgeBase, SentenceEmbeddings
from knowledge.synthetic import Recombined
from tests.conftest import ScriptedEngine
from tests.test_commands import error_lines, run

SENTENCES = (
    "A fuse opens the circuit when the current is too large.",
    "Tomatoes need sun and a warm wall.",
    "The violin has four strings.",
    "An ammeter is connected in series with the lamp.",
    "Bread rises when the yeast is fresh.",
    "A glacier moves a few metres in a year.",
)
LAPS = tuple(Lap(10.0 * n, {name: float(n) for name in STEPS}, "answered" if n % 4 else "abstained") for n in range(9))
OVERHEAD = Overhead("a machine", "a model", "openvino", 100_000, LAPS)


def test_steps_are_timed_in_tasks_and_threads_and_only_while_somebody_times_them() -> None:
    @step("thread")
    def work() -> None:
        time.sleep(0.01)

    async def question() -> dict[str, float]:
        with timed() as stopwatch:
            await asyncio.create_task(asyncio.to_thread(work))
            with step("here"):
                work()
        work()
        return dict(stopwatch.seconds())

    async def several() -> list[dict[str, float]]:
        return [*await asyncio.gather(question(), question())]

    for spent in asyncio.run(several()):
        assert set(spent) == {"thread", "here"}
        assert spent["thread"] >= 0.02
        assert spent["here"] >= 0.01


def test_a_step_that_fails_is_timed_too() -> None:
    with timed() as stopwatch, pytest.raises(ValueError, match="no"), step("failing"):
        raise ValueError("no")
    assert list(stopwatch.seconds()) == ["failing"]


def test_made_up_passages_are_the_same_every_time_and_no_two_are_alike() -> None:
    vectors = np.eye(len(SENTENCES), 384, dtype=np.float32)
    first, second = (Recombined(SENTENCES, vectors) for _ in range(2))
    texts = [first.passage(number)[0].text for number in range(50)]
    assert texts == [second.passage(number)[0].text for number in range(50)]
    assert len(set(texts)) == 50


@pytest.mark.slow
def test_a_made_up_vector_lies_near_where_the_model_would_put_the_passage(embeddings: SentenceEmbeddings) -> None:
    made = [Recombined(SENTENCES, embeddings.vectors(SENTENCES)).passage(number) for number in range(20)]
    real = embeddings.vectors([passage.text for passage, _ in made])
    vectors = np.stack([vector for _, vector in made])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert float((vectors * real).sum(axis=1).mean()) > 0.6


async def _said(engine: Quoting, text: str) -> str:
    return "".join([chunk.text async for chunk in engine.astream([SystemMessage("Be brief."), HumanMessage(text)])])


def test_the_engine_says_at_once_what_it_was_given_and_half_of_it_in_other_words() -> None:
    engine = Quoting(ScriptedEngine())
    said = asyncio.run(_said(engine, f"Read this text.\n\n{' '.join(SENTENCES)}\n\nWhat opens a circuit?"))
    assert said.startswith(SENTENCES[0])
    assert said.count("In short, ") == 2
    assert engine.count_text("two words") == 2, "it counts as the real one does"


@pytest.mark.slow
def test_the_documents_are_made_once_and_are_as_many_as_asked_for(
    tmp_path: Path, embeddings: SentenceEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    folder = prepared(embeddings, 1_000, said.append)
    with closing(KnowledgeBase(folder, embeddings)) as base:
        assert base.catalog.passage_count() == base.vectors.count("default") == 1_000
        assert base.search("What does Ohm's law state?")[0].metadata["source"].endswith("04-ohms-law.md")
    assert "1,000 of 1,000" in said[-1]
    said.clear()
    assert (prepared(embeddings, 1_000, said.append), said) == (folder, [])


def test_the_figures_are_medians_of_each_step_and_of_the_whole() -> None:
    told = OVERHEAD.to_json()
    assert list(told) == ["machine", "model", "engine", "passages", "questions", "answered", "pipeline_ms", "steps_ms"]
    assert (told["questions"], told["answered"]) == (9, 6)
    assert told["pipeline_ms"] == {"p50": 40.0, "p95": 76.0}
    assert list(told["steps_ms"]) == list(STEPS)
    assert told["steps_ms"]["gate"] == {"p50": 4.0, "p95": 7.6}


def test_the_table_fits_eighty_columns() -> None:
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_overhead(console, OVERHEAD)
    lines = captured.get().splitlines()
    assert len(lines) == 3 + 1 + len(STEPS) + 1 + 2
    assert "9 questions among 100,000 passages, 6 of them answered." in lines[-1]


@pytest.mark.slow
def test_bench_pipeline_measures_every_step(tmp_path: Path) -> None:
    done = run(tmp_path, "bench", "--pipeline", "--passages", "1000", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["model"], told["passages"], told["questions"]) == ("smollm2", 1_000, 60)
    assert told["answered"] > 30
    spent = {name: figures["p50"] for name, figures in told["steps_ms"].items()}
    assert all(spent[name] > 0 for name in STEPS)
    assert sum(spent.values()) == pytest.approx(told["pipeline_ms"]["p50"], rel=0.5)


@pytest.mark.slow
def test_too_few_passages_are_wrong_use(tmp_path: Path) -> None:
    done = run(tmp_path, "bench", "--pipeline", "--passages", "10")
    assert (done.returncode, len(error_lines(done))) == (2, 2)
