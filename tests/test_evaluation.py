"""Retrieval measured on a folder in BEIR's layout: the folder, the figures and the command."""

import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from connectors.cli import evaluate as command
from knowledge import DatasetError, Figures, KnowledgeBase, Step, evaluate, read_dataset
from knowledge.evaluation import HALVES, measure, ranked
from tests.test_commands import error_lines, run

Make = Callable[..., Path]

CORPUS = [
    {"_id": "fuse", "title": "Fuses", "text": "A thin wire that melts when the current is too large."},
    {"_id": "meter", "title": "Meters", "text": "An ammeter is connected in series with the load."},
    {"_id": "cell", "text": "A cell turns chemical energy into electrical energy."},
    {"_id": "empty", "title": "Nothing but a title", "text": ""},
    {
        "_id": "7",
        "title": "Long",
        "text": "Copper and aluminium are used for cables. " * 120 + "Zebras live in Africa.",
    },
]
QUERIES = [
    {"_id": "q1", "text": "How is an ammeter connected?"},
    {"_id": "q2", "text": "What melts when too much current flows?"},
    {"_id": "q3", "text": "Where do zebras live?"},
    {"_id": "unjudged", "text": "What is a cell?"},
]
JUDGEMENTS = "query-id\tcorpus-id\tscore\nq1\tmeter\t1\nq2\tfuse\t2\nq3\t7\t1\n"


def lines(values: list[dict[str, str]]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a folder in BEIR's layout, with other files in place of some; None leaves one out."""

    def write(files: dict[str, str | bytes | None] | None = None) -> Path:
        usual = {"corpus.jsonl": lines(CORPUS), "queries.jsonl": lines(QUERIES), "qrels/test.tsv": JUDGEMENTS}
        for name, content in (usual | (files or {})).items():
            path = tmp_path / "beir" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "beir"

    return write


def test_a_folder_is_read_and_queries_that_nobody_judged_are_passed_over(make: Make) -> None:
    dataset = read_dataset(make())
    assert [entry.id for entry in dataset.corpus] == ["fuse", "meter", "cell", "empty", "7"]
    assert dataset.corpus[2].title == ""
    assert dataset.queries.keys() == {"q1", "q2", "q3"}
    assert dataset.judgements["q2"] == {"fuse": 2}


@pytest.mark.parametrize("name", ["qrels/dev.tsv", "qrels/anything.tsv"])
def test_judgements_by_another_name_serve(make: Make, name: str) -> None:
    assert len(read_dataset(make({"qrels/test.tsv": None, name: JUDGEMENTS})).queries) == 3


def test_of_two_unknown_files_with_judgements_none_is_guessed(make: Make) -> None:
    folder = make({"qrels/test.tsv": None, "qrels/a.tsv": JUDGEMENTS, "qrels/b.tsv": JUDGEMENTS})
    with pytest.raises(DatasetError, match=r"has no qrels/test\.tsv"):
        read_dataset(folder)


def test_compressed_files_are_read(make: Make) -> None:
    packed = {"corpus.jsonl": None, "corpus.jsonl.gz": gzip.compress(lines(CORPUS).encode())}
    packed |= {"qrels/test.tsv": None, "qrels/test.tsv.gz": gzip.compress(JUDGEMENTS.encode())}
    assert len(read_dataset(make(packed)).corpus) == len(CORPUS)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("corpus.jsonl", None, r"has no corpus\.jsonl"),
        ("queries.jsonl", None, r"has no queries\.jsonl"),
        ("qrels/test.tsv", None, r"has no qrels/test\.tsv"),
        ("corpus.jsonl", lines(CORPUS[:1]) + "\n{oops\n", r"corpus\.jsonl, line 3, is not JSON"),
        ("corpus.jsonl", "[1, 2]\n", "line 1, lacks an _id or a text"),
        ("queries.jsonl", '{"_id": "q1"}\n', "line 1, lacks an _id or a text"),
        ("corpus.jsonl", lines(CORPUS[:1] * 2), "line 2, repeats the _id 'fuse' of line 1"),
        ("corpus.jsonl", b"\xff\xfe\x00", r"corpus\.jsonl cannot be read"),
        ("qrels/test.tsv", JUDGEMENTS + "q9\tfuse\t1\n", "line 5, judges the query 'q9'"),
        ("qrels/test.tsv", JUDGEMENTS + "q1\tnowhere\t1\n", "line 5, names the document 'nowhere'"),
        ("qrels/test.tsv", JUDGEMENTS + "q1\tfuse\tyes\n", "line 5, has the score 'yes'"),
        ("qrels/test.tsv", JUDGEMENTS + "q1\tfuse\n", "line 5, has 2 columns"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "judges nothing"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(make: Make, name: str, content: str | bytes | None, problem: str) -> None:
    with pytest.raises(DatasetError, match=problem) as raised:
        read_dataset(make({name: content}))
    assert raised.value.remedy


def test_a_document_is_worth_what_its_best_passage_is_worth() -> None:
    found = [Document("", metadata={"source": source}) for source in ("b", "a", "b", "q", "c", "a")]
    assert ranked(found, "q") == {"b": 3.0, "a": 2.0, "c": 1.0}


def test_figures_are_what_their_definitions_say() -> None:
    judgements = {"q1": {"a": 1, "b": 1}, "q2": {"c": 1}, "q3": {"d": 1}}
    run_ = {"q1": {"x": 3.0, "a": 2.0}, "q2": {"c": 9.0}, "q3": {}}
    gain = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert measure(judgements, run_) == {
        "ndcg@10": round((gain + 1 + 0) / 3, 4),
        "recall@5": 0.5,
        "recall@10": 0.5,
    }


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30))
def test_ties_between_ids_never_reorder_what_was_found(sources: list[str]) -> None:
    found = [Document("", metadata={"source": source}) for source in sources]
    first = sources[0]
    assert measure({"q": {first: 1}}, {"q": ranked(found, "q")})["ndcg@10"] == 1.0


@pytest.mark.slow
def test_each_half_is_measured_on_its_own(make: Make, knowledge: KnowledgeBase) -> None:
    *steps, figures = evaluate(knowledge, read_dataset(make()))
    assert isinstance(figures, Figures)
    assert figures.queries == 3
    assert all(figures.halves[half]["recall@10"] == 1.0 for half in HALVES), figures
    assert 0 < figures.p50_ms <= figures.p95_ms
    assert steps[-1] == Step("queries", 3, 3)
    assert Step("documents", 5, 5) in steps


@pytest.mark.slow
def test_the_halves_are_kept_apart(make: Make, knowledge: KnowledgeBase) -> None:
    cars = {"_id": "cars", "text": "Fixing cars and their engines."}
    queries = lines([{"_id": "q", "text": "automobile repair"}])
    folder = make({"corpus.jsonl": lines([*CORPUS, cars]), "queries.jsonl": queries, "qrels/test.tsv": "q\tcars\t1\n"})
    *_, figures = evaluate(knowledge, read_dataset(folder))
    assert isinstance(figures, Figures)
    found = {half: figures.halves[half]["ndcg@10"] for half in HALVES}
    assert found == {"dense": 1.0, "lexical": 0.0, "hybrid": 1.0}


@pytest.mark.slow
def test_the_command_prints_one_json_value_and_leaves_the_documents_alone(make: Make, tmp_path: Path) -> None:
    done = run(tmp_path / "data", "eval", "retrieval", make(), "--json", "--min", "ndcg@10=0.2")
    assert (done.returncode, done.stderr) == (0, "")
    value: dict[str, Any] = json.loads(done.stdout)
    assert list(value) == ["queries", "dense", "lexical", "hybrid", "p50_ms", "p95_ms"]
    assert all(list(value[half]) == ["ndcg@10", "recall@5", "recall@10"] for half in HALVES)
    assert json.loads(run(tmp_path / "data", "documents", "list", "--json").stdout) == []


@pytest.mark.slow
def test_what_is_wrong_is_told_in_two_lines(make: Make, tmp_path: Path) -> None:
    done = run(tmp_path / "data", "eval", "retrieval", make({"queries.jsonl": None}))
    assert done.returncode == 1
    problem, remedy = error_lines(done)
    assert problem.endswith("has no queries.jsonl.")
    assert "BEIR" in remedy


@pytest.mark.parametrize("text", ["ndcg@10", "map=0.5", "ndcg@10=1.5", "ndcg@10=-1", "recall@7=0.5"])
def test_a_limit_that_means_nothing_is_wrong_use(text: str) -> None:
    from assistant.errors import UsageError

    with pytest.raises(UsageError, match="is not a measure and a number"):
        command.limit_of(text)


def test_below_the_least_that_is_wanted_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    measured = {half: {"ndcg@10": 0.6912, "recall@5": 0.8, "recall@10": 0.9} for half in HALVES}
    figures = Figures(300, dict(measured), 12.0, 20.0)
    assert command._judge(figures, {"ndcg@10": 0.69, "recall@5": 0.8}) == 0
    assert command._judge(figures, {"ndcg@10": 0.7, "recall@10": 0.5}) == 1
    assert capsys.readouterr().err == "Hybrid ndcg@10 is 0.6912, below 0.7.\n"


def test_a_terminal_gets_a_table_with_the_time_below() -> None:
    from rich.console import Console

    measured = {half: {"ndcg@10": 0.7, "recall@5": 0.8, "recall@10": 0.9} for half in HALVES}
    console = Console(width=80, record=True, file=io.StringIO())
    command.print_figures(console, Figures(1300, measured, 12.34, 20.0))
    head, *body = [line.split() for line in console.export_text().splitlines()]
    assert head == ["nDCG@10", "recall@5", "recall@10"]
    assert body[:3] == [[half, "0.7000", "0.8000", "0.9000"] for half in HALVES]
    assert " ".join(body[3]).startswith("1,300 queries; a hybrid search took 12.3 ms")
