"""Questions in the middle of a conversation: what they are about, and what is searched for them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant, Attachment, Caller, Citation, Question, Retrieved
from assistant.elaboration import asks_about_answer
from assistant.followups import LONGEST_BEFORE, last_exchange, meaning, standalone
from assistant.remembering import restored
from assistant.rewriting import believable, clean
from assistant.searching import Scope, Searched, search
from assistant.settings import Settings, load_profile
from assistant.types import Turn
from knowledge import Access, KnowledgeBase, SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

COURSE = """# Fuses

A fuse is a thin wire that melts when the current is too large and so opens the circuit.
A fuse has to be replaced afterwards, because a molten wire cannot carry a current again.

# Ice

Ice melts at zero degrees Celsius. Salt lowers the temperature at which ice melts.

# Leave

Full-time staff have 27 days of annual leave. Up to five days may be carried over until March.

# Meters

An ammeter is connected in series, so that the current to be measured flows through it.
"""
FUSE = "A fuse is a thin wire that melts when the current is too large and so opens the circuit."
ASKED = Turn("What is a fuse?", FUSE)


# -- what a question means


def test_a_chain_of_follow_ups_keeps_its_subject() -> None:
    turns = [ASKED, Turn("When does it melt?", "When the current is too large.")]
    assert standalone("And why?", turns) == "What is a fuse? When does it melt? And why?"


@pytest.mark.parametrize("question", ["After which current?", "Why not 100 percent?", "without a fuse?"])
def test_a_fragment_is_read_with_what_was_said(question: str) -> None:
    assert standalone(question, [ASKED]) == f"What is a fuse? {question}"


@pytest.mark.parametrize("question", ["In which year was the ammeter invented?", "Why do household sockets wear out?"])
def test_a_whole_question_is_read_alone(question: str) -> None:
    assert standalone(question, [ASKED]) == question


def test_a_question_as_it_was_understood_goes_before_what_was_said() -> None:
    turns = [Turn("And it?", "It melts.", query="When does a fuse melt?")]
    assert standalone("And why?", turns) == "When does a fuse melt? And why?"


def test_an_answer_to_a_clarifying_question_belongs_to_what_was_asked() -> None:
    turns = [Turn("How do I reset my password?", "In which program?", status="clarify")]
    assert standalone("Ledgerleaf on Windows computers", turns).startswith("How do I reset my password?")


def test_a_request_about_an_answer_does_not_change_the_subject() -> None:
    assert meaning([ASKED, Turn("simpler, please", "A wire.")]) == "What is a fuse?"


def test_what_the_documents_did_not_say_is_no_subject() -> None:
    turns = [Turn("What is a diode?", "The documents do not say.", status="abstained")]
    assert last_exchange(turns) == "What is a diode?"


@given(st.lists(st.text(max_size=200), min_size=1, max_size=12), st.text(max_size=200))
def test_no_chain_of_questions_grows_without_end(questions: list[str], last: str) -> None:
    turns: list[Turn] = []
    for question in questions:
        turns.append(Turn(question, "", query=standalone(question, turns)))
    found = standalone(last, turns)
    assert found.endswith(last)
    assert len(found) <= LONGEST_BEFORE + 1 + len(last)


# -- requests about the answer


@pytest.mark.parametrize(
    "text",
    [
        "simpler, please",
        "In Korean",
        "why?",
        "ok but why",
        "Give an example",
        "Can you give me another example?",
        "shorter",
        "Explain it like I'm five",
        "I don't understand.",
        "What do you mean?",
        "Are you sure?",
        "in one sentence, briefly",
        "Can you put it in a table?",
        "Translate that to French",
        "auf Deutsch bitte",
        "Kannst du mir ein Beispiel geben?",
        "warum?",
        "plus simple s'il vous plaît",
        "en français",
        "más corto por favor",
        "¿por qué?",
        "em português",
        "perché?",
        "더 쉽게",
        "왜요?",
        "예를 들어줘",
        "한국어로 설명해 주세요",
        "좀 더 자세히 알려주세요",
        "もっと簡単に",
        "日本語でお願いします",
        "为什么？",
        "请用中文",
    ],
)
def test_a_request_about_the_answer_is_told_in_several_languages(text: str) -> None:
    assert asks_about_answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "Why does it melt?",
        "Give an example of a fuse",
        "Is there a Korean version of the manual?",
        "How do I translate a page?",
        "Which one is shorter, the copper or the iron wire?",
        "Are those the only steps?",
        "Are you available in Spanish?",
        "How do I make a table?",
        "I want to learn English",
        "How much is it?",
        "What about the other one?",
        "yes",
        "thanks",
        "",
        "?!",
        "퓨즈는 왜 녹나요?",
        "요약 보고서는 어디에 저장되나요?",
    ],
)
def test_a_question_about_a_subject_is_no_request_about_the_answer(text: str) -> None:
    assert not asks_about_answer(text)


@given(st.text(max_size=300))
def test_any_text_can_be_judged(text: str) -> None:
    assert asks_about_answer(text) in (True, False)


# -- what a model makes of a question


@pytest.mark.parametrize(
    "written",
    [
        "",
        "A fuse is a thin wire that melts.",
        "When does a fuse melt? " * 20,
        "Who was the first president to visit Antarctica by submarine?",
        "What is a fuse?",
    ],
)
def test_what_a_model_writes_is_not_believed_when_it_answers_raves_or_loses_the_question(written: str) -> None:
    assert not believable(written, "When does it melt?", [ASKED])


def test_a_question_put_well_is_believed_without_its_label() -> None:
    written = clean('Standalone question: "When does the wire of a fuse melt?"\nIt melts when')
    assert written == "When does the wire of a fuse melt?"
    assert believable(written, "When does it melt?", [ASKED])


# -- the search


@pytest.fixture
def course(knowledge: KnowledgeBase, write: Callable[[str, str], Path]) -> KnowledgeBase:
    ingest(knowledge, write("course.md", COURSE))
    return knowledge


def ask(course: KnowledgeBase, question: str, *turns: Turn, rewritten: str = "") -> Searched:
    return search(course, question, turns, Scope((), Caller(), (), 4), rewritten)


@pytest.mark.slow
def test_a_follow_up_finds_what_the_conversation_is_about(course: KnowledgeBase) -> None:
    assert "Ice" in ask(course, "When does it melt?").passages[0].section
    found = ask(course, "When does it melt?", ASKED)
    assert "Fuses" in found.passages[0].section
    assert "Ice" in found.alone.passages[0].section
    assert found.in_context is not None
    assert "Fuses" in found.in_context.passages[0].section
    assert found.standalone == "What is a fuse? When does it melt?"


@pytest.mark.slow
def test_a_new_subject_is_not_dragged_back_to_the_old_one(course: KnowledgeBase) -> None:
    found = ask(course, "How many days of annual leave do staff have?", ASKED)
    assert "Leave" in found.passages[0].section
    assert found.in_context is None
    assert found.standalone == found.question


@pytest.mark.slow
def test_a_bad_rewriting_does_not_hurt(course: KnowledgeBase) -> None:
    found = ask(course, "When does it melt?", ASKED, rewritten="How many days of annual leave melt?")
    assert "Fuses" in found.passages[0].section


@pytest.mark.slow
def test_scores_are_cosines_also_where_several_queries_are_fused(course: KnowledgeBase) -> None:
    found = ask(course, "When does it melt?", ASKED)
    assert found.in_context is not None
    best = {p.text: p.score for p in found.alone.passages}
    other = {p.text: p.score for p in found.in_context.passages}
    assert all(p.score == max(best[p.text], other[p.text]) for p in found.passages)
    assert all(-1.0 <= p.score <= 1.0 for p in found.passages)


@pytest.mark.slow
def test_a_request_about_the_answer_finds_what_it_cited_first(course: KnowledgeBase) -> None:
    passage = ask(course, "How is an ammeter connected?").passages[0]
    citation = Citation(1, passage.source, None, "Meters", "", "An ammeter is connected in series", passage.collection)
    found = ask(course, "왜요?", Turn("What is a fuse?", FUSE, (citation,)))
    assert found.about_answer
    assert "Meters" in found.passages[0].section
    assert found.standalone == "What is a fuse?"


@pytest.mark.slow
def test_a_follow_up_finds_its_subject_in_what_came_with_it(course: KnowledgeBase) -> None:
    note = Attachment("note.txt", "The breaker of the pump trips at 12 amperes.\n\nThe gate is painted green.")
    turns = [Turn("What protects the pump?", "A breaker protects the pump.")]
    found = search(course, "When does it trip?", turns, Scope(None, Caller(), (note,), 3))
    assert [passage.source for passage in found.passages] == ["note.txt"]
    both = search(course, "When does it trip?", turns, Scope((), Caller(), (note,), 3))
    assert both.passages[0].source == "note.txt"
    assert len(both.passages) == 3


@pytest.mark.slow
def test_there_is_nothing_to_put_more_simply_where_nothing_was_answered(course: KnowledgeBase) -> None:
    assert not ask(course, "simpler, please").about_answer
    assert not ask(course, "simpler, please", Turn("Who won?", "No idea.", status="abstained")).about_answer


@pytest.mark.slow
def test_telling_words_are_the_rarest_that_the_caller_may_read(
    tmp_path: Path, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> None:
    base = KnowledgeBase(tmp_path / "data", embeddings, access=Access.of({"staff": ("user:alice",)}))
    ingest(base, write("course.md", COURSE))
    ingest(base, write("staff.md", "The zebra is fed at noon."), collection="staff")
    words = ["melts", "zebra", "unicorn", "ammeter"]
    assert base.rarest(words, 5, Caller("bob")) == ["melts", "ammeter"]
    assert base.rarest(words, 5, Caller("alice")) == ["melts", "zebra", "ammeter"]
    assert base.rarest(words, 1, Caller("bob")) == ["ammeter"]
    base.close()


# -- over a restart


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_profile("docs", tmp_path / "talk")


@pytest.fixture
async def opened(
    settings: Settings, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> AsyncIterator[Callable[[str], Assistant]]:
    made: list[Assistant] = []

    def open_(says: str) -> Assistant:
        made.append(Assistant(settings, ScriptedEngine(says), embeddings))
        return made[-1]

    first = open_("")
    ingest(first.knowledge, write("course.md", COURSE))
    yield open_
    for assistant in made:
        await assistant.aclose()


async def first_section(assistant: Assistant, question: Question) -> str:
    [found] = [event async for event in assistant.stream(question) if isinstance(event, Retrieved)]
    return found.passages[0].section


@pytest.mark.slow
async def test_a_follow_up_still_resolves_after_a_restart(opened: Callable[[str], Assistant]) -> None:
    before = opened(FUSE)
    assert (await before.ask(Question("What is a fuse?", "talk"))).status == "answered"
    await before.aclose()
    after = opened(FUSE)
    assert "Fuses" in await first_section(after, Question("When does it melt?", "talk"))
    assert "Fuses" in await first_section(after, Question("And why?", "talk"))
    assert [turn.query for turn in await after.history("talk")][1] == "What is a fuse? When does it melt?"


@pytest.mark.slow
async def test_a_request_about_the_answer_is_answered_after_a_restart(opened: Callable[[str], Assistant]) -> None:
    before = opened(FUSE)
    await before.ask(Question("What is a fuse?", "talk"))
    await before.aclose()
    answer = await opened(FUSE).ask(Question("simpler, please", "talk"))
    assert answer.status == "answered"
    assert answer.citations[0].quote == FUSE


@pytest.mark.slow
async def test_a_conversation_had_elsewhere_is_gone_on_with(opened: Callable[[str], Assistant]) -> None:
    assistant = opened(FUSE)
    await assistant.begin("talk", [ASKED])
    assert await assistant.history("talk") == [ASKED]
    assert "Fuses" in await first_section(assistant, Question("When does it melt?", "talk"))


@pytest.mark.slow
async def test_what_a_follow_up_was_understood_as_is_closed_with_what_was_said_before(
    settings: Settings, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> None:
    closed = settings.knowledge.model_copy(update={"readers": {"staff": ("user:alice",)}})
    shared = Assistant(settings.model_copy(update={"knowledge": closed}), ScriptedEngine(), embeddings)
    ingest(shared.knowledge, write("staff.md", "The zebra is fed at noon."), collection="staff")
    ingest(shared.knowledge, write("course.md", COURSE))
    await shared.begin("talk", [Turn("What does the zebra eat?", "Hay.")])
    await shared.ask(Question("Who voted for it in Rome?", "talk", Caller("alice"), collections=("default",)))
    assert (await shared.history("talk", Caller("alice")))[-1].query.startswith("What does the zebra eat?")
    [turn] = await shared.history("talk", Caller("bob"))
    assert (turn.question, turn.query) == ("Who voted for it in Rome?", "")
    await shared.aclose()


@pytest.mark.slow
async def test_an_able_model_puts_the_question(settings: Settings, opened: Callable[[str], Assistant]) -> None:
    answers = settings.answers.model_copy(update={"rewrite": "model"})
    engine = ScriptedEngine("When does the wire of a fuse melt?")
    asking = Assistant(settings.model_copy(update={"answers": answers}), engine, opened("").knowledge.embeddings)
    await asking.begin("talk", [ASKED])
    await asking.ask(Question("When does it melt?", "talk"))
    assert (await asking.history("talk"))[-1].query == "When does the wire of a fuse melt?"
    assert "Last question: When does it melt?" in engine.prompts[0]
    await asking.aclose()


def test_turns_that_were_stored_without_a_query_are_read() -> None:
    stored = {"question": "What is a fuse?", "answer": "The documents do not say.", "citations": [], "id": "1"}
    assert restored(stored) == Turn("What is a fuse?", "The documents do not say.", (), "1", "", "abstained")


@pytest.mark.slow
async def test_a_request_that_cannot_be_met_is_answered_with_what_was_quoted_before(
    opened: Callable[[str], Assistant],
) -> None:
    assistant = opened("Das ist ein dünner Draht.")
    await assistant.begin("talk", [replace(ASKED, query="zebra", citations=(await cited(assistant),))])
    answer = await assistant.ask(Question("auf Deutsch, bitte", "talk"))
    assert (answer.status, [citation.quote for citation in answer.citations]) == ("answered", [FUSE])


async def cited(assistant: Assistant) -> Citation:
    return (await assistant.ask(Question("What is a fuse?"))).citations[0]
