"""Which collections a question is put to, and which of them its answer may say something of."""

from collections.abc import Sequence

from assistant.searching import Scope
from assistant.state import State
from knowledge import KnowledgeBase, NotFoundError

# Passages that are looked for, of which a profile's `passages` are used.
SEARCHED_PASSAGES = 20


def scope(state: State, knowledge: KnowledgeBase) -> Scope:
    """Where to search for the question. Raises NotFoundError."""
    question, settings = state["question"], state["profile"].knowledge
    readable = knowledge.collections(question.caller)
    if not readable and not question.attachments:
        raise NotFoundError("There are no documents yet.", "Add some: `assistant ingest FOLDER`.")
    collections = _wanted(question.collections or settings.collections, readable)
    # Further passages are evidence of how far the best ones stand out.
    count = settings.passages if question.attachments else max(settings.passages, SEARCHED_PASSAGES)
    return Scope(collections if readable else None, question.caller, question.attachments, count)


def searched_collections(state: State, knowledge: KnowledgeBase) -> list[str]:
    """The names of the collections that were searched for this question."""
    question = state["question"]
    readable = knowledge.collections(question.caller)
    return _wanted(question.collections or state["profile"].knowledge.collections, readable) or readable


def drawn_on(state: State, knowledge: KnowledgeBase) -> list[str]:
    """The collections that an answer may say something of: where the documents do not say, all that it names."""
    passages = {*state["passages"], *(state["searched"].alone.passages if "searched" in state else ())}
    named = searched_collections(state, knowledge) if state["status"] == "abstained" else []
    return sorted({*named, *(passage.collection for passage in passages if passage.collection)})


def _wanted(names: Sequence[str], readable: Sequence[str]) -> list[str]:
    """Those that are named and may be read; none where none is named, which means all.

    Raises NotFoundError when nothing is left; whether a collection is closed or does not exist makes no difference.
    """
    found = [name for name in names if name in readable]
    if names and readable and not found:
        raise NotFoundError(f"There is no collection {names[0]!r}.", f"There are: {', '.join(readable)}.")
    return found
