"""Files that come with a question: read as documents are, searched, cited by their pages, and kept nowhere."""

import statistics
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from fpdf import FPDF

from assistant import Assistant, Attachment, Question
from assistant.settings import load_profile
from knowledge import KnowledgeBase, LoadError, SentenceEmbeddings, attachments
from knowledge.attachments import AttachmentIndex
from tests.conftest import ScriptedEngine, ingest
from tests.korean import ELSEWHERE, PARAGRAPHS, QUESTIONS

pytestmark = pytest.mark.slow

Write = Callable[[str, str | bytes], Path]
PUMP = "The coolant pump must be bled after every change of the filter."
VALVE = "The relief valve opens when the pressure exceeds nine bar."
NOTES = f"# Maintenance\n\n## Pumps\n\n{PUMP}\n\n## Valves\n\n{VALVE}\n"


def pdf(path: Path, *pages: str) -> Path:
    document = FPDF()
    for text in pages:
        document.add_page()
        document.set_font("Helvetica", size=12)
        document.multi_cell(0, 8, text)
    document.output(str(path))
    return path


class CountingEmbeddings(SentenceEmbeddings):
    """The bundled model, which counts the texts that it embeds as documents."""

    def __init__(self, model: SentenceEmbeddings) -> None:
        super().__init__(model.model)
        self._loaded = model.load()
        self.documents = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.documents += len(texts)
        return super().embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return super().embed_documents([text])[0]


@pytest.fixture
def counting(embeddings: SentenceEmbeddings) -> CountingEmbeddings:
    return CountingEmbeddings(embeddings)


@pytest.fixture
async def assistant(tmp_path: Path, embeddings: SentenceEmbeddings) -> AsyncIterator[Assistant]:
    async with Assistant(load_profile("docs", tmp_path / "data"), ScriptedEngine(), embeddings) as assistant:
        yield assistant


async def test_a_page_of_a_pdf_is_cited_with_its_name_page_and_address(assistant: Assistant, tmp_path: Path) -> None:
    path = pdf(tmp_path / "download-1", "Nothing of interest stands here.", PUMP, VALVE)
    pages = await assistant.read_attachment(path, "manual.pdf", "https://example.test/manual")
    assert [page.page for page in pages] == [1, 2, 3]
    answer = await assistant.ask(Question("When does the relief valve open?", attachments=tuple(pages)))
    citation = answer.citations[0]
    assert (citation.source, citation.page, citation.url) == ("manual.pdf", 3, "https://example.test/manual")
    assert citation.quote == VALVE


async def test_the_headings_of_a_file_are_its_sections(assistant: Assistant, write: Write) -> None:
    parts = await assistant.read_attachment(write("notes.md", NOTES * 3))
    answer = await assistant.ask(Question("When must the coolant pump be bled?", attachments=tuple(parts)))
    assert (answer.citations[0].source, answer.citations[0].section) == ("notes.md", "Maintenance > Pumps")


async def test_what_came_with_a_question_is_forgotten_with_it(assistant: Assistant) -> None:
    question = Question("When must the pump be bled?", "c", attachments=(Attachment("notes", PUMP),))
    await assistant.ask(question)
    assert assistant.knowledge.documents() == []
    assert assistant.knowledge.search("coolant pump") == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.exe", b"MZ", "notes.exe is of a kind that cannot be read"),
        ("notes.pdf", b"not a pdf", "notes.pdf is damaged"),
        ("notes.docx", b"PK not a document", "notes.docx is damaged"),
        ("notes.txt", b" \n", "notes.txt is empty"),
        ("notes.md", b"\0\1\2", "notes.md is not a text file"),
    ],
)
def test_what_cannot_be_read_is_told_by_the_name_that_people_know(
    knowledge: KnowledgeBase, write: Write, name: str, content: bytes, says: str
) -> None:
    path = write("download-7f3a", content)
    with pytest.raises(LoadError) as error:
        knowledge.read_file(path, name)
    assert says in error.value.problem
    assert "download-7f3a" not in str(error.value)


def test_a_scanned_page_is_told_with_the_way_out(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"scan\.pdf has no text") as error:
        knowledge.read_file(pdf(tmp_path / "x", ""), "scan.pdf")
    assert "OCR" in error.value.remedy


def test_a_file_over_the_limit_is_not_opened(tmp_path: Path, embeddings: SentenceEmbeddings, write: Write) -> None:
    base = KnowledgeBase(tmp_path / "small", embeddings, max_file_mb=1)
    with pytest.raises(LoadError, match=r"big\.pdf has 2 MB; files up to 1 MB are read"):
        base.read_file(write("x", b"%" * 1_500_001), "big.pdf")
    base.close()


def test_more_text_than_a_book_is_refused_with_its_size(
    knowledge: KnowledgeBase, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_CHARACTERS", 100)
    assert knowledge.read_file(write("a", "x" * 100), "short.txt")
    with pytest.raises(LoadError, match=r"long\.txt holds 101 characters of text; with a question up to 100 are read"):
        knowledge.read_file(write("b", "x" * 101), "long.txt")


def test_a_further_question_about_a_file_embeds_nothing_again(counting: CountingEmbeddings) -> None:
    index = AttachmentIndex(counting)
    parts = [Attachment("notes", PUMP), Attachment("notes", VALVE), Attachment("copy of notes", PUMP)]
    first = index.nearest("When does the valve open?", parts, 3)
    assert counting.documents == 2, "the same text is embedded once"
    again = index.nearest("When does the valve open?", parts, 3)
    assert counting.documents == 2
    assert first == again
    assert [document.metadata["source"] for document in again] == ["notes", "notes", "copy of notes"]
    index.nearest("Which pump?", [*parts, Attachment("more", "The fan is driven by a belt.")], 3)
    assert counting.documents == 3


def test_what_is_remembered_of_attachments_is_bounded_and_the_oldest_goes_first(counting: CountingEmbeddings) -> None:
    index = AttachmentIndex(counting, cache_bytes=3 * (384 * 4 + 60))
    texts = [Attachment("a", f"Sentence number {number} speaks of a pump.") for number in range(4)]
    for text in [texts[0], texts[1], texts[2], texts[0], texts[3]]:
        index.nearest("pump", [text], 1)
    assert counting.documents == 4
    index.nearest("pump", [texts[0]], 1)
    assert counting.documents == 4, "it was asked for later than the second one"
    index.nearest("pump", [texts[1]], 1)
    assert counting.documents == 5


def test_attachments_are_searched_from_several_threads_at_once(counting: CountingEmbeddings) -> None:
    index = AttachmentIndex(counting, cache_bytes=4_000)
    texts = [Attachment(str(number), f"Sentence {number} speaks of pump {number}.") for number in range(8)]
    found: list[str] = []

    def ask(text: Attachment) -> None:
        found.extend(index.nearest("Which pump?", [text], 1)[0].page_content for _ in range(5))

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(text.text for text in texts for _ in range(5))


def test_no_text_is_no_passage(knowledge: KnowledgeBase) -> None:
    assert knowledge.search_in("anything", ()) == []
    assert knowledge.search_in("anything", [Attachment("a", " \n"), Attachment("b", "")]) == []
    assert knowledge.passages_in([Attachment("a", "")]) == []


KOREAN = [Attachment(f"{name}.txt", text) for name, text in PARAGRAPHS.items()]


def best(index: AttachmentIndex, query: str, texts: list[Attachment]) -> tuple[str, float]:
    document = index.nearest(query, texts, 1)[0]
    return document.metadata["source"], document.metadata["score"]


def test_korean_attachments_are_found_by_their_words_where_the_model_cannot_read_them(
    embeddings: SentenceEmbeddings,
) -> None:
    index = AttachmentIndex(embeddings)
    found = {question: best(index, question, KOREAN) for question in QUESTIONS}
    assert [source for source, _ in found.values()] == [f"{name}.txt" for name in QUESTIONS.values()]
    elsewhere = [best(index, question, KOREAN)[1] for question in ELSEWHERE]
    assert max(elsewhere) < statistics.median(score for _, score in found.values())


def test_an_attachment_is_worth_what_the_same_text_is_worth_in_a_collection(
    knowledge: KnowledgeBase, write: Write
) -> None:
    for name, text in PARAGRAPHS.items():
        write(f"{name}.txt", text)
    ingest(knowledge, write("valve.txt", VALVE).parent)
    for question in [*QUESTIONS, "When does the relief valve open?"]:
        texts = [*KOREAN, Attachment("valve.txt", VALVE)]
        searched, attached = knowledge.search(question, 1)[0], knowledge.search_in(question, texts, 1)[0]
        assert Path(searched.metadata["source"]).name == attached.metadata["source"]
        assert attached.metadata["score"] == pytest.approx(searched.metadata["score"], abs=0.1)


def test_english_attachments_are_found_by_their_meaning(embeddings: SentenceEmbeddings) -> None:
    index = AttachmentIndex(embeddings)
    texts = [Attachment("pump.txt", PUMP), Attachment("valve.txt", VALVE)]
    source, score = best(index, "What lets off steam if it gets too tight?", texts)
    cosine = np.dot(embeddings.embed_query("What lets off steam if it gets too tight?"), embeddings.embed_query(VALVE))
    assert source == "valve.txt"
    assert score == pytest.approx(float(cosine), abs=0.002)
