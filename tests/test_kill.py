"""Ingestion that is killed, or started twice at once: nothing is lost and nothing is left over."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, SentenceEmbeddings
from tests.conftest import ingest
from tests.test_commands import ASSISTANT

pytestmark = pytest.mark.slow

FILES = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(FILES):
        text = "\n\n".join(f"Paragraph {n} of file {number} tells of current and voltage. " * 8 for n in range(25))
        (folder / f"{number:02}.md").write_text(f"# File {number}\n\n{text}\n")
    return folder


def start(data: Path, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [ASSISTANT, "--data-dir", str(data), "ingest", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def check_whole(data: Path, embeddings: SentenceEmbeddings) -> None:
    """Every file is in once, and the vectors are those of the passages."""
    knowledge = KnowledgeBase(data, embeddings)
    sources = knowledge.documents()
    assert [source.state for source in sources] == ["ready"] * FILES
    assert knowledge.vectors.count("default") == sum(source.passages for source in sources)
    assert not knowledge.catalog.loose_vectors()
    matching = knowledge.catalog.matching(["voltage"], ["default"], 10_000)
    assert len(matching) == sum("voltage" in p.text for source in sources for p in knowledge.passages(source))
    assert len(knowledge.search("file 7 tells of voltage", 5)) == 5
    knowledge.close()


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
def test_a_killed_ingestion_leaves_what_the_next_one_repairs(
    tmp_path: Path, folder: Path, embeddings: SentenceEmbeddings, rounds: int
) -> None:
    chance = random.Random(rounds)
    data = tmp_path / "data"
    for round_number in range(rounds):
        (folder / f"{chance.randrange(FILES):02}.md").write_text(f"# New\n\nRound {round_number} tells of voltage.\n")
        process = start(data, folder)
        time.sleep(chance.uniform(2.5, 7.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    knowledge = KnowledgeBase(data, embeddings)
    assert ingest(knowledge, folder).failed == ()
    knowledge.close()
    check_whole(data, embeddings)


def test_two_ingestions_at_once_make_one_whole(tmp_path: Path, folder: Path, embeddings: SentenceEmbeddings) -> None:
    processes = [start(tmp_path / "data", folder) for _ in range(2)]
    outcomes = [process.communicate()[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(f"Added {FILES}" in outcome for outcome in outcomes) == 1
    assert sum(f"unchanged {FILES}" in outcome for outcome in outcomes) == 1
    check_whole(tmp_path / "data", embeddings)


def test_a_search_in_another_process_never_fails_while_one_ingests(
    tmp_path: Path, folder: Path, embeddings: SentenceEmbeddings
) -> None:
    knowledge = KnowledgeBase(tmp_path / "data", embeddings)
    ingest(knowledge, folder)
    for file in folder.iterdir():
        file.write_text(file.read_text().replace("tells", "speaks"))
    process = start(tmp_path / "data", folder)
    while process.poll() is None:
        for document in knowledge.search("file 7 and its voltage", 5):
            assert ("tells" in document.page_content) != ("speaks" in document.page_content)
    assert process.returncode == 0
    assert all("speaks" in document.page_content for document in knowledge.search("file 7 and its voltage", 5))
    knowledge.close()
    check_whole(tmp_path / "data", embeddings)
