from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from knowledge import KnowledgeBase
from knowledge.retriever import HybridRetriever
from tests.conftest import ingest
from tests.korean import ELSEWHERE, PARAGRAPHS, QUESTIONS

pytestmark = pytest.mark.slow

Write = Callable[[str, str | bytes], Path]

STEPS = """# Fuses

## Replacing

Read all of this before you begin, and keep the manual at hand while you work on the device, since a mistake can be
dangerous. {filler} To replace a fuse, do as follows, in this order:

1. Switch the device off and pull the plug. {filler}
2. Open the lid with a coin. {filler}
3. Pull the old fuse out. {filler}
""".replace("{filler}", "Take your time with this and do not hurry; nobody is waiting for you to be done with it. " * 6)


Half = Literal["both", "dense", "lexical"]


def retriever(
    knowledge: KnowledgeBase,
    halves: Half = "both",
    k: int = 5,
    collections: tuple[str, ...] = (),
    complete: bool = False,
) -> HybridRetriever:
    return HybridRetriever(
        catalog=knowledge.catalog,
        vectors=knowledge.vectors,
        embeddings=knowledge.embeddings,
        halves=halves,
        k=k,
        collections=collections,
        complete=complete,
    )


def names(found: list[Document]) -> list[str]:
    return [Path(document.metadata["source"]).stem for document in found]


@pytest.fixture
def korean(knowledge: KnowledgeBase, write: Write) -> KnowledgeBase:
    ingest(knowledge, *(write(f"{name}.md", text) for name, text in PARAGRAPHS.items()))
    return knowledge


def test_it_is_a_langchain_retriever(knowledge: KnowledgeBase) -> None:
    retriever = knowledge.retriever(3)
    assert isinstance(retriever, BaseRetriever)
    assert retriever.invoke("anything") == []


def test_each_half_can_be_searched_alone(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("code.md", "Error E-4711 is shown."), write("heat.md", "The appliance becomes very warm."))
    assert names(retriever(knowledge, halves="lexical").invoke("E-4711")) == ["code"]
    assert names(retriever(knowledge, halves="dense").invoke("my machine overheats"))[0] == "heat"
    assert set(names(retriever(knowledge).invoke("4711 overheats"))) == {"code", "heat"}


def test_korean_questions_find_their_paragraphs(korean: KnowledgeBase) -> None:
    first = [names(korean.search(question, 1)) == [name] for question, name in QUESTIONS.items()]
    assert sum(first) >= len(QUESTIONS) - 1


def test_korean_scores_tell_what_is_there_from_what_is_not(korean: KnowledgeBase) -> None:
    there = [korean.search(question, 1)[0].metadata["score"] for question in QUESTIONS]
    elsewhere = [max([d.metadata["score"] for d in korean.search(question, 5)], default=0.0) for question in ELSEWHERE]
    assert sorted(there)[1] > max(elsewhere)
    assert all(-1.0 <= score <= 1.0 for score in there + elsewhere)


def test_english_is_scored_by_the_cosine_as_it_is(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("fuse.md", "A fuse melts when the current is too high."))
    question = "When does a fuse melt?"
    (hybrid,), (dense,) = knowledge.search(question, 1), retriever(knowledge, halves="dense").invoke(question)
    assert hybrid.metadata["score"] == dense.metadata["score"] > 0.5


@pytest.mark.parametrize(
    ("question", "wanted"),
    [("サーバーを再起動する方法", "ja"), ("如何更换过滤网", "zh"), ("วิธีรีสตาร์ท", "th"), ("перезапуск сервера", "ru")],
)
def test_other_scripts_are_found_by_their_characters(
    knowledge: KnowledgeBase, write: Write, question: str, wanted: str
) -> None:
    texts = {
        "ja": "再起動するには、管理画面でサーバーを選びます。",
        "zh": "过滤网每三个月更换一次。",
        "th": "กดปุ่มสีแดงเพื่อรีสตาร์ทเครื่อง",
        "ru": "Перезапуск сервера занимает минуту.",
        "en": "Restart the server from the menu. Replace the filter every three months.",
    }
    ingest(knowledge, *(write(f"{name}.md", text) for name, text in texts.items()))
    assert names(knowledge.search(question, 1)) == [wanted]


def test_copies_do_not_crowd_out_other_passages(knowledge: KnowledgeBase, write: Write) -> None:
    copy = "To reset the router press the red button for five seconds and wait for the light, as in version {}."
    ingest(knowledge, *(write(f"copy{n}.md", copy.format(n)) for n in range(4)), write("other.md", "Routers need air."))
    found = names(knowledge.search("How do I reset the router?", 5))
    assert found[1] == "other"
    assert len(set(found)) == 5


def test_a_passage_that_is_cut_can_be_completed(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("fuses.md", STEPS)
    ingest(knowledge, path)
    question = "In which order do I replace a fuse?"
    plain = retriever(knowledge, k=10).invoke(question)
    completed = retriever(knowledge, k=10, complete=True).invoke(question)
    assert len(completed[0].metadata["joined"]) > 1
    assert plain[0].page_content in completed[0].page_content
    shown = [id_ for document in completed for id_ in document.metadata["joined"]]
    assert completed[0].metadata["id"] == plain[0].metadata["id"]
    assert set(shown) == {document.metadata["id"] for document in plain}
    assert " ".join(completed[0].page_content.split()) in " ".join(path.read_text().split())


def test_only_the_named_collections_are_searched(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("open.md", "A fuse melts."), collection="open")
    ingest(knowledge, write("secret.md", "A fuse melts in secret."), collection="secret")
    for halves in get_args(Half):
        assert names(retriever(knowledge, collections=("open",), halves=halves).invoke("When does a fuse melt?")) == [
            "open"
        ]
