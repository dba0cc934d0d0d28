"""To answer, to ask back or to abstain, decided on small texts of our own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant import gate
from assistant.covering import covered
from assistant.gate import Decision, Evidence, decide, weigh
from assistant.searching import Reading, Scope, Searched, search
from assistant.settings import AnswerSettings
from assistant.types import Passage, Turn
from knowledge import Caller, KnowledgeBase, Report, SentenceEmbeddings
from tests.korean import ELSEWHERE, PARAGRAPHS, QUESTIONS

POLICY = AnswerSettings()

# A handbook that two clinics share, and a course.
DOCUMENTS = {
    "harbour": "# Harbour Clinic\n\nThe Harbour Clinic treats eyes and ears. Appointments are made by phone "
    "between eight and noon. A first visit to the Harbour Clinic takes forty minutes.",
    "hill": "# Hill Clinic\n\nThe Hill Clinic treats bones and joints. It has two X-ray rooms and a gymnasium. The "
    "Hill Clinic is open at weekends.",
    "fees": "# Fees\n\nA consultation costs forty euros. Children under twelve pay nothing. Bills are sent by post "
    "and are due within thirty days.",
    "parking": "# Parking\n\nVisitors may park behind the main building for two hours without charge. The barrier "
    "opens with the ticket.",
    "loops": "# Loops\n\nA for loop repeats its body once for every item of a sequence. A while loop repeats as "
    "long as its condition is true. The break statement leaves a loop early.",
    "functions": "# Functions\n\nA function is defined with def and called by its name. Its parameters receive "
    "the arguments. A return statement gives a value back to the caller.",
}
ANSWERED = [
    "What does a consultation cost?",
    "How long may visitors park behind the main building?",
    "Does the Hill Clinic have X-ray rooms?",
    "When are bills due?",
    "What does the break statement do?",
    "How is a function defined and called?",
    "What is the difference between a for loop and a while loop?",
]
FOREIGN = [
    "Which vitamins prevent scurvy in sailors?",
    "How do I file my tax return online?",
    "Who won the football championship in 1990?",
    "What is the boiling point of nitrogen?",
    "How can I renew my passport?",
    "What is the refund policy?",
    "0-dimensional biomaterials lack inductive properties.",
]
UNDERSPECIFIED = [
    "What services does the clinic provide?",
    "How do I reset it?",
    "Is it covered?",
    "What is it?",
    "Is this clinic open at weekends?",
]

# Near to what the Korean paragraphs speak of, and not in them.
UNSAID = [
    "환불 수수료는 얼마인가요?",
    "배터리 무게는 몇 그램인가요?",
    "도서관 회원 가입은 어떻게 하나요?",
    "필터 가격을 알려주세요",
    "주차장 정기권은 어디서 사나요?",
    "기말고사 날짜는 언제인가요?",
    "배송 중인 상품의 주소를 바꿀 수 있나요?",
    "보증서를 잃어버리면 어떻게 하나요?",
    "구내식당 메뉴가 궁금합니다",
    "와이파이 이름은 무엇인가요?",
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embeddings: SentenceEmbeddings) -> Iterator[KnowledgeBase]:
    yield from _ingested(tmp_path_factory.mktemp("library"), DOCUMENTS, embeddings)


@pytest.fixture(scope="module")
def korean(tmp_path_factory: pytest.TempPathFactory, embeddings: SentenceEmbeddings) -> Iterator[KnowledgeBase]:
    yield from _ingested(tmp_path_factory.mktemp("korean"), PARAGRAPHS, embeddings)


def _ingested(folder: Path, texts: dict[str, str], embeddings: SentenceEmbeddings) -> Iterator[KnowledgeBase]:
    (folder / "files").mkdir()
    for name, text in texts.items():
        (folder / "files" / f"{name}.md").write_text(text, encoding="utf-8")
    base = KnowledgeBase(folder / "data", embeddings)
    *_, report = base.ingest([folder / "files"])
    assert isinstance(report, Report)
    yield base
    base.close()


def asked(base: KnowledgeBase, question: str, *turns: Turn, may_ask: bool = True) -> Decision:
    searched = search(base, question, turns, Scope((), Caller(), count=5))
    return decide(weigh(searched, turns, base.rarity_for(), base.embeddings), POLICY, may_ask=may_ask)


@pytest.mark.parametrize("question", ANSWERED)
def test_what_the_documents_say_is_answered(library: KnowledgeBase, question: str) -> None:
    assert asked(library, question).kind == "answer"


@pytest.mark.parametrize("question", FOREIGN)
def test_what_is_foreign_to_the_documents_is_not_answered(library: KnowledgeBase, question: str) -> None:
    assert asked(library, question).kind == "abstain"


@pytest.mark.parametrize("question", UNDERSPECIFIED)
def test_a_question_that_names_nothing_is_clarified(library: KnowledgeBase, question: str) -> None:
    assert asked(library, question).kind == "clarify"


def test_what_the_conversation_names_is_not_asked_back(library: KnowledgeBase) -> None:
    turn = Turn("What does the Hill Clinic treat?", "The Hill Clinic treats bones and joints.")
    assert asked(library, "Is the clinic open at weekends?", turn).kind == "answer"
    assert asked(library, "Does it have X-ray rooms?", turn).kind == "answer"


@pytest.mark.parametrize("question", ["Where can I buy one?", "How loud is it?", "Which metal is it made of?"])
def test_what_nothing_says_of_the_last_subject_is_not_answered(library: KnowledgeBase, question: str) -> None:
    turn = Turn("Does the Hill Clinic have X-ray rooms?", "It has two X-ray rooms and a gymnasium.")
    assert asked(library, question, turn).kind != "answer"


def test_nobody_is_asked_back_about_an_exercise_that_they_paste(library: KnowledgeBase) -> None:
    exercise = (
        "A student writes a program that reads the numbers of a file, adds the even ones and prints the sum. The loop "
        "runs once for every item of the sequence. What has the function to give back to the caller?"
    )
    assert asked(library, exercise).kind != "clarify"


def test_nobody_is_asked_back_twice_in_a_row(library: KnowledgeBase) -> None:
    question = "What services does the clinic provide?"
    assert asked(library, question, may_ask=False).kind != "clarify"
    clarified = Turn(question, "Which clinic do you mean: Harbour, Hill?", status="clarify")
    assert asked(library, "the Hill one", clarified, may_ask=False).kind == "answer"


def test_korean_questions_are_told_apart_though_the_model_cannot_read_them(korean: KnowledgeBase) -> None:
    kinds = [asked(korean, question).kind for question in QUESTIONS]
    assert kinds.count("answer") >= 10, kinds
    kinds = [asked(korean, question).kind for question in UNSAID]
    assert kinds.count("abstain") >= 8, kinds
    assert [asked(korean, question).kind for question in ELSEWHERE] == ["abstain"] * len(ELSEWHERE)
    assert asked(korean, "그것은 얼마인가요?").kind == "clarify"


def test_the_thresholds_of_the_profile_decide() -> None:
    clear = Evidence(directness=0.9, asks=True)
    vague = Evidence(directness=0.6, ambiguity=1.0, asks=True)
    assert decide(clear, POLICY).kind == "answer"
    assert decide(clear, AnswerSettings(min_relevance=1.0)).kind == "abstain"
    assert decide(vague, POLICY).kind == "clarify"
    assert decide(vague, AnswerSettings(clarify_above=1.0)).kind != "clarify"
    assert decide(vague, POLICY, may_ask=False).kind != "clarify"


def test_a_better_match_is_worth_more() -> None:
    usual = Evidence(directness=0.6, ambiguity=0.5)
    better = replace(usual, directness=0.7)
    assert decide(better, POLICY).confidence > decide(usual, POLICY).confidence
    assert decide(better, POLICY).unclear < decide(usual, POLICY).unclear


def test_rare_words_count_for_more() -> None:
    assert covered("fuses melt slowly", ["A fuse melts."], lambda word: 2.0 if word == "slowly" else 1.0) == [0.5]
    assert covered("", ["A fuse melts."], lambda word: 1.0) == [0.0]
    assert covered("환불은 언제", ["환불을 받을 수 있습니다"], lambda word: 1.0)[0] > 0.4


TEXTS = st.text(max_size=120)
SCORES = st.floats(-1.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, TEXTS, SCORES, SCORES)
def test_a_decision_is_made_on_any_text(
    embeddings: SentenceEmbeddings, question: str, before: str, text: str, score: float, kinship: float
) -> None:
    passage = Passage(text, "a.md", None, before, "", score)
    reading = Reading(question, (passage,))
    searched = Searched(question, question, (passage,), reading, reading, kinship)
    for turns in ((), (Turn(before, text),)):
        decision = decide(weigh(searched, turns, lambda word: 1.0, embeddings), POLICY)
        assert 0.0 <= decision.confidence <= 1.0
        assert 0.0 <= decision.unclear <= 1.0
        assert decision.kind in ("answer", "clarify", "abstain")


@pytest.mark.parametrize(
    ("question", "before", "pointed"),
    [
        ("Is this county large?", "", ["county"]),
        ("How wealthy is this county?", "We spoke of Sierra County.", ["county"]),
        ("Does the police department have a boat?", "", ["police department"]),
        ("What is the difference between a list and a tuple?", "", []),
        ("What is the best way to learn?", "", []),
        ("Is it possible to pay later?", "", []),
        ("What happened this year?", "", []),
        ("How long does it take?", "", [""]),
        ("Can I change that?", "", [""]),
        ("What is HAART therapy and how does it work?", "", []),
        ("그 제품은 환불되나요?", "", ["제품"]),
        ("환불은 어떻게 받나요?", "", []),
    ],
)
def test_what_a_question_points_to(question: str, before: str, pointed: list[str]) -> None:
    turns = [Turn(before, "")] if before else []
    found = gate.pointed_to(question, turns)
    assert [" ".join(reference.words) for reference in found] == pointed
    assert all(reference.known == bool(before) for reference in found)
