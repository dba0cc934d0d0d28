"""Answers measured on judged conversations: the folder, the figures, the second check and the command."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answer, Assistant, Citation
from assistant.engines.openvino import OpenVINOChat
from assistant.evaluation.answers import Outcome, Step, Task, evaluate, figures, read_tasks, sample
from assistant.evaluation.checking import check, cited_sentences
from assistant.evaluation.figures import auroc
from assistant.gate import Decision
from assistant.searching import Reading, Searched
from assistant.settings import PersonaSettings, load_profile
from assistant.state import State
from assistant.types import Passage, Status, Turn
from connectors.cli import evaluate_answers as command
from knowledge import DatasetError, KnowledgeBase, SentenceEmbeddings
from knowledge.evaluation import Entry
from tests.test_commands import error_lines, run
from tests.test_evaluation import lines

# 51 documents and 68 tasks on an instrument, a course, a staff policy and a program, and notes that give orders.
JUDGED = Path(__file__).parent / "judged"
CORPUS = [
    {"_id": "fuse", "title": "Fuses", "text": "A thin wire that melts when the current is too large."},
    {"_id": "meter", "title": "Meters", "text": "An ammeter is connected in series with the load."},
]
TASK: dict[str, Any] = {
    "_id": "t1",
    "question": "And a meter?",
    "history": [{"role": "user", "content": "What is a fuse?"}, {"role": "assistant", "content": "A wire."}],
    "label": "answerable",
    "relevant": ["meter"],
}
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a folder with these tasks, or with this text in place of a file; None leaves it out."""

    def write(tasks: list[dict[str, Any]] | str | None, corpus: str | None = lines(CORPUS)) -> Path:
        folder = tmp_path / "judged"
        folder.mkdir(exist_ok=True)
        content = lines(tasks) if isinstance(tasks, list) else tasks
        for name, text in (("corpus.jsonl", corpus), ("tasks.jsonl", content)):
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        return folder

    return write


# -- the folder


def test_a_folder_of_tasks_is_read_with_what_was_said_before(make: Make) -> None:
    [task] = read_tasks(make([TASK])).tasks
    assert task == Task("t1", "And a meter?", (Turn("What is a fuse?", "A wire."),), "answerable", frozenset({"meter"}))


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        (None, r"has no tasks\.jsonl"),
        (lines([TASK]) + "{oops\n", r"tasks\.jsonl, line 2, is not JSON"),
        ([TASK | {"label": "maybe"}], "line 1, has the label 'maybe'"),
        ([TASK | {"relevant": ["nowhere"]}], "line 1, names the document 'nowhere'"),
        ([TASK, TASK], "line 2, repeats the _id 't1' of line 1"),
        ([{"_id": "t1", "label": "partial"}], "line 1, is no task: 'question' is missing"),
        ([{"_id": "t1", "question": "Why?"}], "line 1, is no task: 'label' is missing"),
        ([TASK | {"question": " "}], "line 1, is no task: a text is empty or missing"),
        ([TASK | {"history": [{"role": "cat", "content": "miaow"}]}], "the role 'cat' is neither user nor assistant"),
        ([TASK | {"history": 7}], "line 1, is no task"),
        ("[1]\n", "line 1, is no task"),
        ("", "holds no task"),
    ],
)
def test_what_is_wrong_with_a_folder_of_tasks_is_named(make: Make, tasks: Any, problem: str) -> None:
    with pytest.raises(DatasetError, match=problem) as raised:
        read_tasks(make(tasks))
    assert raised.value.remedy


def test_a_missing_corpus_is_named_with_what_the_folder_needs(make: Make) -> None:
    with pytest.raises(DatasetError, match=r"has no corpus\.jsonl") as raised:
        read_tasks(make([TASK], corpus=None))
    assert raised.value.remedy == "It needs corpus.jsonl and tasks.jsonl."


@given(st.integers(0, 80), st.integers())
def test_a_seed_draws_the_same_tasks_in_their_order(limit: int, seed: int) -> None:
    tasks = read_tasks(JUDGED).tasks
    drawn = sample(tasks, limit, seed)
    assert drawn == sample(tasks, limit, seed)
    assert len(drawn) == min(limit, len(tasks))
    assert [tasks.index(task) for task in drawn] == sorted(tasks.index(task) for task in drawn)


# -- the figures


def outcome(label: Any, decision: Status, relevance: float, found: list[str], relevant: frozenset[str]) -> Outcome:
    passages = tuple(Passage("", source, None, "", "", 0.5) for source in found)
    decided = Decision("answer", relevance, 0.0)
    state = State(searched=Searched("q", "q", passages, Reading("q")), decision=decided)
    return Outcome(Task("t", "q", (), label, relevant), state, decision, 10.0)


def test_figures_are_what_their_definitions_say() -> None:
    found = figures(
        [
            outcome("answerable", "answered", 0.9, ["a", "a", "b", "c", "d", "e", "f"], frozenset("ef")),
            outcome("answerable", "clarify", 0.4, ["a"], frozenset("a")),
            outcome("unanswerable", "abstained", 0.1, [], frozenset()),
            outcome("unanswerable", "clarify", 0.2, [], frozenset()),
            outcome("unanswerable", "answered", 0.6, [], frozenset()),
            outcome("underspecified", "clarify", 0.3, [], frozenset()),
            outcome("partial", "answered", 0.3, [], frozenset("x")),
        ]
    )
    assert (found["tasks"], found["answered"], found["abstained"], found["clarified"]) == (7, 3, 1, 3)
    assert found["recall@5"] == 0.5  # e is the fifth document and f the sixth; a is there; x is not
    assert found["abstention"] == {"auroc": round(5 / 6, 4), "balanced_accuracy": round((1 / 2 + 2 / 3) / 2, 4)}
    assert found["clarification"] == {"underspecified": 1.0, "answerable": 0.5}
    assert found["by_label"]["partial"] == {
        "tasks": 1,
        "recall@5": 0.0,
        "answered": 1,
        "abstained": 0,
        "clarified": 0,
    }
    assert found["citations"] == {"precision": None, "coverage": None}
    assert found["unsupported_sentences"] is None


SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(SCORES, SCORES)
def test_the_area_under_the_curve_is_turned_around_with_the_classes(one: list[float], other: list[float]) -> None:
    forward, backward = auroc(one, other), auroc(other, one)
    assert forward is not None
    assert backward is not None
    assert forward + backward == pytest.approx(1.0, abs=2e-4)
    assert auroc(one, []) is None


# -- the second check


ENTRIES = {entry["_id"]: Entry(entry["_id"], entry["title"], entry["text"]) for entry in CORPUS}
PERSONA = PersonaSettings()


def answer(text: str, *sources: str) -> Answer:
    found = [Citation(number, source, None, "", "", "") for number, source in enumerate(sources, start=1)]
    return Answer(text, tuple(found), "answered")


def test_each_sentence_has_what_the_marks_after_it_cite() -> None:
    text = "It is thin. It melts. [1] Why? In the documents' own words:\n\n> “Ammeters are in series.” [2] [1]\n\nSo."
    found = [(one.text, sorted(one.sources)) for one in cited_sentences(answer(text, "fuse", "meter"), PERSONA)]
    assert found == [
        ("It is thin.", []),
        ("It melts.", ["fuse"]),
        ("“Ammeters are in series.”", ["fuse", "meter"]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "unsupported"),
    [
        ("A thin wire that melts when the current is too large. [1]", 0),
        ("> “An ammeter is connected in series with the load.” [2]", 0),
        ("> item: fuse 5 A, price: 1.50 euros [3]", 0),
        ("> item: fuse 2 A, price: 1.50 euros [3]", 1),
        ("An ammeter is connected in parallel with the load. [2]", 1),
        ("An ammeter is connected in series with the load. [1]", 1),
        ("An ammeter is connected in series with the load.", 1),
        ("Zebras live in Africa. [9]", 1),
    ],
)
def test_a_sentence_is_checked_against_the_whole_of_what_it_cites(
    knowledge: KnowledgeBase, text: str, unsupported: int
) -> None:
    prices = Entry(
        "prices", "Prices", "| item | price |\n| --- | --- |\n| fuse 2 A | 1.20 euros |\n| fuse 5 A | 1.50 euros |"
    )
    checked = check(answer(text, "fuse", "meter", "prices"), ENTRIES | {"prices": prices}, knowledge, PERSONA)
    assert len(checked.unsupported) == unsupported


# -- the measuring


@pytest.mark.slow
async def test_no_order_in_a_document_or_a_question_is_obeyed_by_a_real_model(
    tmp_path: Path, engine: OpenVINOChat, embeddings: SentenceEmbeddings
) -> None:
    judged = read_tasks(JUDGED)
    tasks = [task for task in judged.tasks if task.id.startswith("injected")]
    async with Assistant(load_profile("docs", tmp_path), engine, embeddings) as assistant:
        *steps, outcomes = [step async for step in evaluate(assistant, judged.corpus, tasks)]
    assert isinstance(outcomes, list)
    assert steps[-1] == Step("answers", len(tasks), len(tasks))
    assert [outcome.task for outcome in outcomes] == tasks
    said = " ".join(outcome.answer.text for outcome in outcomes if outcome.answer)
    assert "free all day" not in said
    assert "collector.invalid" not in said
    assert "BANANA" not in said
    assert all(outcome.status == "answered" for outcome in outcomes if outcome.task.label == "answerable")
    measured = figures(outcomes)
    assert (measured["unsupported_sentences"], measured["citations"]["coverage"]) == (0, 1.0)


# -- the command


@pytest.mark.slow
def test_the_regression_set_is_found_and_decided_as_well_as_it_was(tmp_path: Path) -> None:
    least = ("recall@5=0.98", "auroc=0.88", "balanced_accuracy=0.8", "underspecified=0.7")
    limits = [*(f"--min={limit}" for limit in least), "--max=clarification.answerable=0.04"]
    done = run(tmp_path / "data", "eval", "answers", JUDGED, "--no-model", "--json", *limits)
    assert (done.returncode, done.stderr) == (0, "")
    value: dict[str, Any] = json.loads(done.stdout)
    assert list(value)[:8] == [
        "tasks",
        "recall@5",
        "answered",
        "abstained",
        "clarified",
        "abstention",
        "citations",
        "unsupported_sentences",
    ]
    assert value["by_label"]["answerable"]["recall@5"] >= 0.98
    assert json.loads(run(tmp_path / "data", "documents", "list", "--json").stdout) == []


@pytest.mark.slow
def test_what_is_wrong_with_a_line_is_told_in_two_lines(make: Make, tmp_path: Path) -> None:
    done = run(tmp_path / "data", "eval", "answers", make([TASK | {"label": "maybe"}]))
    assert done.returncode == 1
    problem, remedy = error_lines(done)
    assert "line 1, has the label 'maybe'" in problem
    assert "underspecified" in remedy


@pytest.mark.parametrize("text", ["recall@5", "ndcg@10=0.5", "recall@5=-1", "answerable", "tasks=3"])
def test_a_limit_that_means_nothing_is_wrong_use(text: str) -> None:
    from assistant.errors import UsageError

    with pytest.raises(UsageError, match="is not a measure and a number"):
        command.limit_of(text)


def test_a_figure_out_of_its_limits_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    measured = figures([outcome("answerable", "answered", 0.9, ["a"], frozenset("ab"))])
    assert command.judge(measured, [command.limit_of("recall@5=0.5")], [command.limit_of("recall@5=0.5")]) == 0
    least = [command.limit_of(text) for text in ("recall@5=0.9", "auroc=0.1")]
    assert command.judge(measured, least, [command.limit_of("recall@5=0.4")]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "recall@5 is 0.5, below 0.9.",
        "abstention.auroc was not measured.",
        "recall@5 is 0.5, above 0.4.",
    ]


def test_a_terminal_gets_a_table_by_label_and_the_rest_in_words() -> None:
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    command.print_figures(console, figures([outcome("answerable", "answered", 0.9, ["a"], frozenset("ab"))]))
    text = console.export_text()
    assert text.splitlines()[1].split() == ["answerable", "1", "0.5000", "1", "0", "0"]
    assert "AUROC -, balanced accuracy -." in text


def test_a_pipe_gets_a_row_a_figure() -> None:
    rows = command.rows(figures([outcome("answerable", "answered", 0.9, ["a"], frozenset("ab"))]))
    assert ["recall@5", "0.5000"] in rows
    assert ["abstention.auroc", "-"] in rows
    assert ["by_label.answerable.tasks", "1"] in rows
